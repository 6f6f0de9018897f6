"""Questions that are asked by themselves: after a purchase, a closed case, a redeemed reward; few, by e-mail, once."""

import email
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import policy

import pytest
from django.test import Client

import care.operations
from campaigns import operations, surveying
from care.models import Answer, Case, Invitation, Survey
from delivery import contents
from delivery.models import Message
from loyalty.operations import record_purchase
from members import clock, modules
from members import operations as members
from members.models import User
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores
from tests.campaigns.conftest import push_template
from tests.portal.scene import cookie

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def survey():
    Survey.objects.update(is_live=False)
    return Survey.objects.create(
        name="After shopping", kind="csat", question_en="How was it?", question_zh="还满意吗？", occasion="purchase",
        wait_hours=2, rest_days=30,
    )  # fmt: skip


def somebody(number=1, **more):
    return members.enrol(
        at=AT - timedelta(days=400), source="test", email=f"s{number}@example.com",
        consents=[("email", "surveys", more.pop("allows", True))], **more,
    )  # fmt: skip


def buys(member, *, at, key):
    ensure_stores([("292", "Store 292")])
    ensure_products([("milk", "Milk", "GROCERY > MILK > WHOLE MILK")])
    record_purchase(
        source="test", client_key=key, store_code="292", purchased_at=at, currency="USD", member_id=member.pk,
        lines=[Line("milk", Decimal(1), 349)],
    )  # fmt: skip


def letter() -> email.message.EmailMessage:
    message = Message.objects.get()
    handler, asked = contents.resolve(message.content)
    raw = handler.writer(asked)({"given_name": "Ada"}, "s1@example.com", AT, "token-of-the-message")
    return email.message_from_bytes(raw, policy=policy.default)


def test_a_purchase_is_asked_about_when_its_hours_have_passed_and_only_once(survey):
    member, silent = somebody(), somebody(2, allows=False)
    for one in (member, silent):
        buys(one, at=AT, key=f"r{one.pk}")
    assert surveying.ask(at=AT + timedelta(hours=1)) == {"asked": 0, "sent": 0}
    assert surveying.ask(at=AT + timedelta(hours=2)) == {"asked": 1, "sent": 1}
    assert surveying.ask(at=AT + timedelta(hours=3)) == {"asked": 0, "sent": 0}
    message = Message.objects.get()
    assert (message.member_id, message.purpose, message.channel) == (member.pk, "surveys", "email")


def test_who_was_asked_lately_is_left_alone_whatever_the_occasion(survey):
    member = somebody()
    survey2 = Survey.objects.create(
        name="After a case", kind="effort", question_en="How easy?", occasion="case_closed", wait_hours=0
    )
    buys(member, at=AT, key="first")
    assert surveying.ask(at=AT + timedelta(hours=2))["asked"] == 1
    opened = care.operations.open_case(
        topic="other", text="A word", channel="form", at=AT, source="t", client_key="1", member_id=member.pk
    )
    care.operations.close(case=opened.case, outcome="solved", by_user=None, at=AT + timedelta(days=3))
    buys(member, at=AT + timedelta(days=20), key="second")
    assert surveying.ask(at=AT + timedelta(days=20, hours=3))["asked"] == 0
    again = AT + timedelta(days=40)
    care.operations.reopen(case=opened.case, by_user=None, at=again)
    care.operations.close(case=opened.case, outcome="solved", by_user=None, at=again)
    assert surveying.ask(at=again + timedelta(minutes=1))["asked"] == 1
    assert list(Invitation.objects.order_by("pk").values_list("survey", flat=True)) == [survey.pk, survey2.pk]


def test_what_was_invited_and_never_sent_is_sent_later(survey, monkeypatch):
    buys(somebody(), at=AT, key="r")
    monkeypatch.setattr(surveying, "send", lambda **_when: 0)
    surveying.ask(at=AT + timedelta(hours=2))
    monkeypatch.undo()
    assert surveying.ask(at=AT + timedelta(hours=9)) == {"asked": 0, "sent": 1}


def test_the_letter_asks_in_the_members_language_with_a_tap_for_each_score(survey):
    buys(somebody(language="zh-hans"), at=AT, key="r")
    surveying.ask(at=AT + timedelta(hours=2))
    said, token = letter(), Invitation.objects.get().token
    html = said.get_body(("html",)).get_content()
    assert said["Subject"] == "还满意吗？"
    assert [f"/portal/surveys/{token}/?score={score}" in html for score in range(7)] == [False, *[True] * 5, False]
    assert said["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"/portal/surveys/{token}/?score=5" in said.get_body(("plain",)).get_content()


def test_a_question_travels_by_a_message_on_the_members_own_page_and_is_answered_there(survey, town, draft):
    people, *_rest = town(8)
    note = {"name": "Note", "push_template": push_template(url=survey.address), "push_by": ["portal"]}
    operations.launch(campaign=draft(holdout_percent=0, variants=[note]), at=clock.now())
    member, browser = people[0], Client()
    name, session = cookie(member)
    browser.cookies[name] = session
    assert f'{survey.address}"' in browser.get("/portal/").content.decode()
    page = browser.get(survey.address, follow=True)
    assert survey.question in page.content.decode()
    [asked] = Invitation.objects.all()
    assert (asked.member_id, page.redirect_chain[-1][0]) == (member.pk, f"/portal/surveys/{asked.token}/")
    assert browser.get(survey.address, follow=True).redirect_chain == page.redirect_chain, "the same question again"
    assert browser.post(f"/portal/surveys/{asked.token}/", {"score": "5"}).headers["Location"] == "/portal/messages/"
    assert Answer.objects.get().score == 5
    again = browser.get(survey.address, follow=True)
    assert (again.redirect_chain[-1][0], Invitation.objects.count()) == ("/portal/messages/", 1), (
        "asked lately: not again"
    )
    assert Client().get(survey.address).headers["Location"].startswith("/portal/login/")


def test_one_tap_from_the_mail_answers_without_signing_in_and_a_low_score_is_a_case_at_once(survey):
    """The case is written in the transaction of the answer: nobody waits for it, let alone sixty seconds."""
    member = somebody()
    buys(member, at=AT, key="r")
    surveying.ask(at=AT + timedelta(hours=2))
    asked = Invitation.objects.get()
    Invitation.objects.update(expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    address, anybody = f"/portal/surveys/{asked.token}/", Client()
    page = anybody.get(address, {"score": "1"}).content.decode()
    assert 'value="1" required checked' in page
    assert anybody.post(address, {"score": "1", "comment": "Cold"}).headers["Location"] == "/portal/surveys/thanks/"
    case = Case.objects.get()
    assert (case.member_id, case.channel, case.cause) == (member.pk, "survey", f"survey:{asked.pk}")
    assert abs(case.opened_at - Answer.objects.get().answered_at) < timedelta(seconds=60)
    assert anybody.get("/portal/surveys/thanks/").status_code == 200
    other = Client()
    other.force_login(User.objects.create(username="o", member=somebody(3)))
    other.cookies["sessionid_portal"] = other.cookies["sessionid"].value
    assert other.get(address).status_code == 404


def test_a_module_that_is_off_asks_nobody(survey):
    buys(somebody(), at=AT, key="r")
    modules.remember(["surveys"])
    assert surveying.ask(at=AT + timedelta(hours=2)) == {"asked": 0, "sent": 0}
