"""The service desk by request: finding, explaining, and putting right what went wrong."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import loyalty.operations
import loyalty.queries
from delivery.models import Message
from members import operations, queries
from members.models import Access, Consent
from sales.models import Purchase


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def available(member) -> int:
    return loyalty.queries.balance(member.pk, at=timezone.now()).available


def give(desk, help_desk, points, key=None):
    return desk.post(
        f"{help_desk.page}goodwill/", {"points": points, "reason": "complaint", "key": key or uuid.uuid4().hex}
    )


@pytest.mark.parametrize("asked", ["0123", "maria@example.com", "jones maria", "+1 212 555 0123"])
def test_one_match_opens_the_member(desk, help_desk, asked):
    assert desk.get("/desk/", {"q": asked}).url == help_desk.page


def test_the_page_holds_the_whole_history_and_opening_it_is_written_down(desk, help_desk):
    Message.objects.create(
        cause="campaign:1", channel="email", member=help_desk.maria, content="emails.FrozenEmail:1", state="skipped",
        skip_reason="frequency_cap", due_at=timezone.now(), enqueued_at=timezone.now(),
    )  # fmt: skip
    page = text_of(desk.get(help_desk.page))
    card = queries.identifiers(help_desk.maria)["card"].value
    for words in (
        "Maria Jones", "maria@example.com", "+12125550123", card, "24 points: $24.60 at 1 point per $1", "Elm Street", "$24.60",
        "Had enough messages lately", "Never asked", "Member since",
    ):  # fmt: skip
        assert words in page
    assert list(Access.objects.values_list("user", "member", "act", "door")) == [
        (help_desk.agent.pk, help_desk.maria.pk, "viewed", "desk")
    ]
    assert "Opened the page · Sam" in text_of(desk.get(help_desk.page))


def test_the_page_costs_the_same_queries_for_one_purchase_and_for_more(desk, help_desk):
    desk.get(help_desk.page)  # what may be offered at all is remembered for a minute
    counted = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            desk.get(help_desk.page)
        counted.append(len(asked))
        bought = loyalty.operations.record_purchase(
            source="till:S1", client_key=uuid.uuid4().hex, store_code="S1", purchased_at=timezone.now(), currency="USD",
            member_id=help_desk.maria.pk, lines=[_line()],
        )  # fmt: skip
        assert bought.points
    assert counted[0] == counted[1]


def _line():
    from decimal import Decimal

    from sales.lines import Line

    return Line("milk", Decimal(1), 300)


def test_the_ledger_is_read_page_by_page_and_every_entry_says_the_balance_after_it(desk, help_desk):
    for n in range(45):
        loyalty.operations.adjust(
            member_id=help_desk.maria.pk,
            points=1,
            reason="Test",
            source="desk",
            client_key=f"n{n}",
            by_user_id=None,
            at=timezone.now(),
        )
    first = desk.get(f"{help_desk.page}points/")
    older = re.search(r'href="\?before=(\d+)"', first.content.decode())[1]
    second = desk.get(f"{help_desk.page}points/", {"before": older})
    balances = [
        int(number)
        for page in (first, second)
        for number in re.findall(r'class="num strong">(\d+)<', page.content.decode())
    ]
    assert balances == list(range(24 + 45, 23, -1))


def test_goodwill_is_given_once_with_its_reason_and_its_giver(desk, help_desk):
    key = uuid.uuid4().hex
    for _ in range(2):
        assert give(desk, help_desk, 100, key).status_code == 302
    assert available(help_desk.maria) == 124
    entry = loyalty.queries.entries(help_desk.maria.pk)[0]
    assert (entry.by_user_id, entry.note) == (help_desk.agent.pk, "Complaint settled")
    assert list(Access.objects.filter(act="adjusted").values_list("user", "note")) == [(help_desk.agent.pk, "+100")]


def test_points_can_be_taken_but_never_more_than_there_are(desk, help_desk):
    assert give(desk, help_desk, -4).status_code == 302
    refused = give(desk, help_desk, -400)
    assert (refused.status_code, available(help_desk.maria)) == (422, 20)
    assert "Only 20 points" in text_of(refused)


@pytest.mark.parametrize("points", ["501", "-501", "0", "many", ""])
def test_beyond_the_limits_of_one_act_nothing_moves_and_the_words_say_so(desk, help_desk, points):
    answer = give(desk, help_desk, points)
    assert (answer.status_code, available(help_desk.maria)) == (422, 24)
    assert 'class="field__error"' in answer.content.decode()


def test_a_member_gets_a_thousand_in_thirty_days_from_all_agents_together(desk, help_desk):
    loyalty.operations.adjust(
        member_id=help_desk.maria.pk, points=300, reason="Long ago", source="desk", client_key="old", by_user_id=None,
        at=timezone.now() - timedelta(days=31),
    )  # fmt: skip
    assert [give(desk, help_desk, points).status_code for points in (500, 400, 101, 100, 1)] == [
        302,
        302,
        422,
        302,
        422,
    ]
    assert available(help_desk.maria) == 24 + 300 + 1000


def test_nobody_gives_points_to_themselves(desk, help_desk):
    me = operations.enrol(at=timezone.now(), source="test", email="sam@example.com")
    answer = desk.post(f"/desk/members/{me.public_id}/goodwill/", {"points": 5, "reason": "service", "key": "k"})
    assert "your own account" in text_of(answer)
    assert available(me) == 0


def test_part_of_a_line_is_refunded_after_its_effect_was_shown(desk, help_desk):
    key = uuid.uuid4().hex
    shown = desk.post(help_desk.receipt, {"key": key, "line_1": "1"})
    assert "Money back $3.00" in text_of(shown)
    assert "Points taken back 3" in text_of(shown)
    assert (Purchase.objects.count(), available(help_desk.maria)) == (1, 24)
    for _ in range(2):
        assert desk.post(help_desk.receipt, {"key": key, "line_1": "1", "sure": "yes"}).url == help_desk.page
    refund = Purchase.objects.get(kind=Purchase.Kind.REFUND)
    assert (refund.total_minor, refund.store.code, available(help_desk.maria)) == (-300, "S1", 21)
    assert [access.act for access in Access.objects.filter(act="refunded")] == ["refunded"]
    assert "2.000" in re.search(r'name="line_1"[^>]*', desk.get(help_desk.receipt).content.decode())[0]


def test_everything_is_refunded_and_nothing_is_left(desk, help_desk):
    desk.post(help_desk.receipt, {"key": "k1", "line_1": "3", "line_2": "1.5", "sure": "yes"})
    assert available(help_desk.maria) == 0
    page = desk.get(help_desk.receipt).content.decode()
    assert "Show the effect" not in page
    assert "Refund of −$24.60" in page


@pytest.mark.parametrize(
    "asked", [{}, {"line_1": "0"}, {"line_1": "4"}, {"line_1": "-1"}, {"line_1": "x"}, {"line_7": "1"}]
)
def test_a_refund_of_nothing_or_too_much_is_told_and_moves_nothing(desk, help_desk, asked):
    answer = desk.post(help_desk.receipt, {"key": "k", "sure": "yes", **asked})
    assert answer.status_code == 200
    assert (Purchase.objects.count(), available(help_desk.maria)) == (1, 24)


def test_what_was_spent_already_is_owed(desk, help_desk):
    loyalty.operations.redeem(
        member_id=help_desk.maria.pk, points=20, source="till:S1", client_key="spent", at=timezone.now()
    )
    shown = text_of(desk.post(help_desk.receipt, {"key": "k", "line_1": "3", "line_2": "1.5"}))
    assert "Spent already, so owed 20" in shown
    assert "Balance 4 → 0" in shown


def test_a_receipt_of_somebody_else_is_not_found_here(desk, help_desk):
    other = operations.enrol(at=timezone.now(), source="test")
    assert desk.get(f"/desk/members/{other.public_id}/purchases/{help_desk.bought.public_id}/").status_code == 404


def test_consent_is_written_down_on_the_members_word(desk, help_desk):
    desk.post(f"{help_desk.page}consent/", {"channel": "email", "purpose": "marketing", "is_granted": "no"})
    word = Consent.objects.latest("pk")
    assert (word.is_granted, word.source, word.proof.detail) == (
        False,
        "desk",
        f"On the member's word, to user {help_desk.agent.pk}.",
    )
    assert queries.consent_now(help_desk.maria.pk, at=timezone.now())["email", "marketing"] is False
    desk.post(f"{help_desk.page}consent/", {"channel": "pigeon", "purpose": "marketing", "is_granted": "yes"})
    assert Consent.objects.count() == 2
    assert list(Access.objects.filter(act="consent").values_list("note", flat=True)) == ["email marketing no"]


def test_a_corrected_name_is_found_at_once(desk, help_desk):
    desk.post(f"{help_desk.page}profile/", {"given_name": "Mariah", "family_name": "Jones", "language": "zh-hans"})
    assert desk.get("/desk/", {"q": "mariah"}).url == help_desk.page


def test_a_cashier_has_no_business_here(client, help_desk):
    from tests.signing_in import at_door

    cashier = operations.add_staff(email="casey@example.com", roles=["cashier"])
    at_door(client, cashier, "desk")
    assert [client.get(url).status_code for url in ("/desk/", help_desk.page, help_desk.receipt)] == [403, 403, 403]
    assert client.post(f"{help_desk.page}goodwill/", {"points": 1}).status_code == 403
