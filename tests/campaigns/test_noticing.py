"""What members hear of their account by themselves: receipts, tiers, points about to expire; once each, before any offer."""

import email
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email import policy

import pytest
from django.conf import settings

from campaigns import checks, flows, noticing
from campaigns.tasks import tell_members
from delivery import contents, queries
from delivery import operations as delivery
from delivery.models import Message
from loyalty import operations as loyalty
from members import modules
from members import operations as members
from members.queries import consent_now
from push.models import PushSubscription
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores
from tests.delivery.conftest import hop  # noqa: F401 (a fixture)

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)  # noon in New York
SOON = AT + timedelta(minutes=1)


def somebody(number=1, *, topics=("receipts", "points"), channels=("email",), **facts):
    consents = [(channel, topic, True) for channel in channels for topic in topics]
    return members.enrol(
        at=AT - timedelta(days=400),
        source="test",
        email=f"n{number}@example.com",
        given_name="Ada",
        consents=consents,
        **facts,
    )


def buys(member, minor, *, key="r", at=AT):
    ensure_stores([("292", "Main Street")])
    ensure_products(
        [("milk", "Milk", "GROCERY > MILK > WHOLE MILK"), ("figs", "Figs & <dates>", "PRODUCE > FRUIT > FIGS")]
    )
    half = minor // 2
    lines = [Line("milk", Decimal(2), minor - half), Line("figs", Decimal("0.42"), half, unit="kg")]
    return loyalty.record_purchase(
        source="test",
        client_key=key,
        store_code="292",
        purchased_at=at,
        currency="USD",
        member_id=member.pk,
        lines=lines,
    )


def letters(hop, at=SOON):  # noqa: F811
    delivery.deliver_chunk(worker="w", at=at)
    return [email.message_from_bytes(one.content, policy=policy.default) for one in hop.taken]


def text_of(letter) -> str:
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")


def test_a_receipt_goes_once_to_who_asked_for_receipts(hop):  # noqa: F811
    member, silent = somebody(), somebody(2, topics=("marketing", "points"))
    for one in (member, silent):
        buys(one, 2_460, key=f"r{one.pk}")
    assert [noticing.tell(at=SOON)["receipts"] for _ in range(2)] == [1, 0]
    (letter,) = letters(hop)
    assert (letter["To"], letter["Subject"]) == ("n1@example.com", "Your receipt from Main Street: $24.60")
    said = text_of(letter)
    assert "What you bought at Main Street, March 10, 2026, noon:" in said
    assert "Milk × 2: $12.30\nFigs & <dates>, 0.42 kg: $12.30\nTotal: $24.60" in said
    assert "24 points: $24.60 at 1 point per $1, 0.60 carried to next time.\n" in said
    assert "You have 24 points after this." in said
    page = letter.get_body(("html",)).get_content()
    assert "Figs &amp; &lt;dates&gt;, 0.42 kg" in page
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_two_receipts_of_one_day_are_two_letters_and_a_refund_is_one_too(hop):  # noqa: F811
    member = somebody(language="zh-hans")
    first = buys(member, 1_000, key="a")
    buys(member, 2_000, key="b")
    loyalty.refund(
        source="test", client_key="c", purchase_id=first.purchase_id, lines=[(1, Decimal(2), 500)], refunded_at=AT
    )
    assert noticing.tell(at=SOON)["receipts"] == 3
    subjects = sorted(letter["Subject"] for letter in letters(hop))
    assert subjects == ["Main Street 的小票：US$10.00", "Main Street 的小票：US$20.00", "Main Street 的退款：US$5.00"]


def test_no_more_receipts_takes_back_the_yes_to_receipts_and_to_nothing_else(hop):  # noqa: F811
    member = somebody()
    buys(member, 1_000)
    noticing.tell(at=SOON)
    (letter,) = letters(hop)
    token = letter["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    delivery.unsubscribe(token=token, at=SOON)
    assert consent_now(member.pk, at=SOON) == {("email", "receipts"): False, ("email", "points"): True}
    buys(member, 500, key="later", at=SOON)
    assert noticing.tell(at=SOON + timedelta(minutes=1))["receipts"] == 0


@pytest.fixture
def ladder():
    """Silver from twenty points, with what it brings."""
    loyalty.change_tier(
        code="silver", points_from=20, benefits=[("Free delivery", "免费送货"), ("A cake on your birthday", "生日蛋糕")]
    )


@pytest.mark.usefixtures("ladder")
def test_a_new_tier_is_told_with_what_it_brings_and_before_any_offer(hop):  # noqa: F811
    member = somebody(topics=("points",))
    buys(member, 5_000)
    assert noticing.tell(at=SOON) == {"receipts": 0, "tiers": 1, "expiring": 0}
    message = Message.objects.get()
    assert (message.purpose, message.priority) == ("points", 0)
    (letter,) = letters(hop)
    assert letter["Subject"] == "You are Silver now"
    said = text_of(letter)
    assert f"You have reached Silver at {settings.SHOP_NAME}." in said
    assert "What Silver brings you\n- Free delivery\n- A cake on your birthday" in said
    assert "for Gold" in said


@pytest.mark.usefixtures("ladder")
def test_who_said_no_to_news_of_points_hears_of_no_tier_and_nobody_of_an_old_one():
    buys(somebody(topics=("marketing", "receipts")), 5_000)
    buys(somebody(2, topics=("points",)), 5_000, key="old", at=AT - timedelta(days=3))
    assert noticing.tell(at=SOON)["tiers"] == 0


def test_points_about_to_expire_are_told_thirty_and_seven_days_ahead(hop):  # noqa: F811
    member = somebody(topics=("points",), language="zh-hans")
    buys(member, 10_000)  # until 31 March 2027
    sent = []
    for day in (
        datetime(2027, 3, 2, 15, tzinfo=UTC),
        datetime(2027, 3, 3, 15, tzinfo=UTC),
        datetime(2027, 3, 25, 15, tzinfo=UTC),
    ):
        loyalty.notice_expiry(at=day)
        sent.append(noticing.tell(at=day)["expiring"])
        letters(hop, at=day + timedelta(minutes=1))
    assert sent == [1, 0, 1]
    first = email.message_from_bytes(hop.taken[0].content, policy=policy.default)
    assert first["Subject"] == "100 积分请在2027年3月31日前使用"
    assert f"{settings.SITE_URL}/portal/rewards/" in text_of(first)


def test_a_notice_goes_by_push_too_where_the_member_wants_it_so_in_a_few_words():
    member = somebody(topics=("points",), channels=("email", "push"))
    PushSubscription.objects.create(
        member=member, endpoint_hash=b"1", endpoint="https://push.example/1", p256dh="k", auth="a", subscribed_at=AT
    )
    buys(member, 10_000)
    day = datetime(2027, 3, 2, 15, tzinfo=UTC)
    loyalty.notice_expiry(at=day)
    assert noticing.tell(at=day)["expiring"] == 2
    message = Message.objects.get(channel="push")
    handler, told = contents.resolve(message.content)
    assert b'"title":"100 points can be spent until March 31, 2027","body":"See what they buy."' in handler.writer(
        told
    )({}, "", day, "token")
    assert handler.target(told, "0", {}) == f"{settings.SITE_URL}/portal/rewards/"


def test_an_account_letter_that_was_erased_meanwhile_shows_nothing(hop):  # noqa: F811
    member = somebody()
    buys(member, 1_000)
    noticing.tell(at=SOON)
    members.erase(member_id=member.pk, at=SOON, source="test")
    assert letters(hop) == []
    assert queries.counts("account") == {"skipped(not_active)": 1} or queries.counts("account") == {
        "skipped(erased)": 1
    }


def test_a_site_without_notices_sends_none():
    buys(somebody(), 1_000)
    modules.remember(["notices"])
    try:
        assert tell_members() is None
    finally:
        modules.remember([])
    assert not Message.objects.exists()


def test_a_campaign_of_what_a_notice_tells_says_that_members_would_hear_it_twice(town):
    town(1)
    marketer = members.add_staff(email="mara@example.com", roles=["marketer"])
    words = "Members hear of this in a notice too"
    for flow, is_told in (("tier_up", True), ("points_expiring", True), ("after_purchase", False)):
        found = checks.run(flows.make(flow, by=marketer), at=AT)
        assert any(words in one.message for one in found) == is_told, flow
    modules.remember(["notices"])
    assert not any(words in one.message for one in checks.run(flows.make("tier_up", by=marketer), at=AT))
