"""What users of other systems complain about in public, each as a test of the name the complaint goes by."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty import events, operations, queries, verifying
from loyalty.models import Reward, RuleSet, Transfer
from loyalty.operations import CannotRedeem, KeyReused, NotEnoughPoints, PurchaseIn, Spend
from sales.lines import Line
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import refuses
from tests.loyalty.test_concurrency import at_once


@pytest.fixture
def member(shop):
    return shop.member()


def available(member, at=MARCH):
    return queries.balance(member.pk, at=at).available


def debt(member):
    return queries.balance(member.pk, at=MARCH).debt


def lots(member):
    wallet = queries.wallet_of(member.pk)
    return dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


def is_sound():
    return refuses(verifying.verify()) == []


def pay(shop, member, minor, *, points=0, benefits=(), at=MARCH):
    return operations.record_paid_purchase(
        source="till", client_key=shop.key(), store_code="S1", purchased_at=at, currency="USD",
        lines=[Line("milk", Decimal(1), minor)], member_id=member.pk, spend=Spend(points=points, benefits=benefits),
    )  # fmt: skip


def test_refund_keeps_points(shop, member):
    """Buy, refund, keep the points, again and again."""
    for _ in range(3):
        shop.refund(shop.buy(member, 10_000), (1, 10_000))
    assert (available(member), debt(member)) == (0, 0)
    sale = shop.buy(member, 10_000)
    shop.redeem(member, 100)
    shop.refund(sale, (1, 10_000))
    assert (available(member), debt(member)) == (0, 100)
    assert is_sound()


def test_refund_deducts_twice(shop, member):
    """The same refund sent twice takes the points once."""
    sale = shop.buy(member, 10_000)
    shop.buy(member, 10_000)
    for _ in range(2):
        shop.refund(sale, (1, 10_000), key="back")
    assert available(member) == 100
    assert is_sound()


def test_reward_line_earns(shop, member):
    """What a reward paid for earns nothing."""
    shop.buy(member, 20_000)
    reward = Reward.objects.create(
        kind="amount", name_en="Ten off", points=100, amount=1_000, valid_from=MARCH - timedelta(days=1)
    )
    done = operations.redeem_reward(
        member_id=member.pk, reward_id=reward.pk, source="portal", client_key="tap", at=MARCH
    )
    paid = pay(shop, member, 3_000, benefits=(done.redemption.entitlement.public_id,))
    assert (paid.to_pay_minor, paid.recorded.points) == (2_000, 20)
    assert is_sound()


def test_reversal_uses_todays_rule(shop, member):
    """A refund takes back what was given, not what the rules of today would give."""
    sale = shop.buy(member, 10_000)
    definition = RuleSet.objects.latest("version").definition
    doubled = definition | {"earn": [rate | {"points": rate["points"] * 2} for rate in definition["earn"]]}
    operations.publish_rule_set(definition=doubled, live_from=MARCH + timedelta(days=1), name="Doubled")
    later = MARCH + timedelta(days=2)
    assert shop.refund(sale, (1, 10_000), at=later).points == 100
    assert shop.buy(member, 10_000, at=later).points == 200
    assert is_sound()


def test_cancel_plus_refund(shop, member):
    """A part refunded, then the rest cancelled: together exactly what was earned."""
    sale = shop.buy(member, [3_333, 6_667])
    shop.refund(sale, (1, 1_111))
    shop.refund(sale, (1, 2_222), (2, 6_667))
    assert (available(member), debt(member)) == (0, 0)
    assert is_sound()


def test_points_part_not_cash(shop, member):
    """What was paid with points comes back as points, into the lot it came from."""
    shop.buy(member, 50_000)
    before = lots(member)
    paid = pay(shop, member, 2_000, points=500)
    assert paid.to_pay_minor < 2_000
    back = shop.refund(paid.recorded, (1, 2_000))
    assert back.points_restored == 500
    assert back.money_minor == paid.to_pay_minor
    assert lots(member) == before
    assert is_sound()


def test_split_refund_ten_by_one(shop, member):
    """Ten refunds of a dollar take back what one of ten dollars does."""
    sale = shop.buy(member, 700)
    for _ in range(10):
        shop.refund(sale, (1, 70))
    assert (available(member), debt(member)) == (0, 0)
    assert is_sound()


def test_reward_reinstated_on_return(shop, member):
    """A reward taken back unused returns its points to their lots."""
    shop.buy(member, 10_000)
    before = lots(member)
    reward = Reward.objects.create(
        kind="amount", name_en="A mug", points=80, amount=500, valid_from=MARCH - timedelta(days=1)
    )
    done = operations.redeem_reward(
        member_id=member.pk, reward_id=reward.pk, source="portal", client_key="tap", at=MARCH
    )
    operations.reverse_redemption(redemption_id=done.redemption.public_id, source="desk", client_key="undo", at=MARCH)
    assert lots(member) == before
    assert is_sound()


def test_spend_same_points_again(shop, member):
    """What is spent is taken from the lots it was checked against."""
    shop.buy(member, 10_000)
    shop.redeem(member, 100)
    with pytest.raises(NotEnoughPoints):
        shop.redeem(member, 1)
    assert lots(member) == {}
    assert is_sound()


def test_balance_collapse_at_expiry(shop, member):
    """An old lot that was spent already takes nothing from the new ones when its day is over."""
    shop.buy(member, 10_000, at=MARCH - timedelta(days=370))
    shop.redeem(member, 100, at=MARCH - timedelta(days=300))
    shop.buy(member, 5_000)
    operations.expire_points(at=MARCH)
    assert available(member) == 50
    assert is_sound()


def test_mislabelled_lot_lives_on(shop, member):
    """Whatever gave the points and however it is called, each lot has a last day."""
    shop.adjust(member, 50, at=MARCH, reason="never expires!")
    assert available(member, MARCH + timedelta(days=500)) == 0
    operations.expire_points(at=MARCH + timedelta(days=500))
    assert lots(member) == {}
    assert is_sound()


def test_parallel_gifts(committed_shop):
    """Twenty spendings of a hundred at once out of a hundred: one."""
    member = committed_shop.member()
    committed_shop.buy(member, 10_000)
    answers = at_once([lambda: committed_shop.redeem(member, 100) for _ in range(20)])
    assert sum(isinstance(answer, NotEnoughPoints) for answer in answers) == 19
    assert available(member) == 0
    assert is_sound()


def test_gift_card_race(committed_shop):
    """One reward left, eight takers at once: one has it, and nobody else paid."""
    shop = committed_shop
    reward = Reward.objects.create(
        kind="amount", name_en="Last mug", points=50, amount=500, stock_left=1, valid_from=MARCH - timedelta(days=1)
    )
    members = [shop.member() for _ in range(8)]
    for one in members:
        shop.buy(one, 10_000)

    def take(one):
        try:
            return operations.redeem_reward(
                member_id=one.pk, reward_id=reward.pk, source="portal", client_key=f"tap-{one.pk}", at=MARCH
            )
        except CannotRedeem as refusal:
            return refusal

    answers = at_once([lambda one=one: take(one) for one in members])
    assert sum(isinstance(answer, CannotRedeem) for answer in answers) == 7
    assert sorted(available(one) for one in members) == [50, *[100] * 7]
    assert is_sound()


def test_offline_retry_doubles(shop, member):
    """A till that was cut off sends its receipts again under the same keys: each counts once."""
    for _ in range(2):
        for number in range(5):
            shop.buy(member, 1_000, at=MARCH + timedelta(minutes=number), key=f"receipt-{number}")
    assert available(member) == 50
    with pytest.raises(KeyReused):
        shop.buy(member, 9_999, key="receipt-0")
    assert is_sound()


def test_offline_wanted(shop, member):
    """Three days of receipts arrive together, shuffled; each is posted under its own day, and a bad one blocks no other."""
    days = [2, 0, 1]
    batch = [
        PurchaseIn(
            "till", f"day-{day}", "S1", MARCH - timedelta(days=day), "USD", [Line("milk", Decimal(1), 1_000)], who
        )
        for day, who in zip([*days, 3], [member.pk, member.pk, member.pk, 10**9], strict=True)
    ]
    answers = operations.record_purchases(batch)
    assert [isinstance(answer, Exception) for answer in answers] == [False, False, False, True]
    assert available(member) == 30
    assert is_sound()


def test_client_supplies_award(shop, member):
    """The till sends lines; nothing it could send says how many points."""
    assert "points" not in PurchaseIn._fields
    assert shop.buy(member, 1_999).points == 19
    assert is_sound()


def test_breaks_at_100k_members(shop, member):
    """A purchase asks the database as often for the first member as for the last, however many there are."""
    asked = []
    for one in (member, *(shop.member() for _ in range(20))):
        shop.buy(one, 1_000)
        with CaptureQueriesContext(connection) as queries_asked:
            shop.buy(one, 1_000)
        asked.append(len(queries_asked))
    assert set(asked[1:]) == {1}  # the first one warms what a process remembers


def test_tier_rate_too_early(shop, member):
    """The purchase that reaches a tier is paid at the rate of the tier before it; the next one at the new rate."""
    first = shop.buy(member, 100_000)
    assert (first.points, first.tier_code, first.tier_after_code) == (1_000, "member", "silver")
    assert shop.buy(member, 10_000).points == 125
    assert is_sound()


def test_webhook_stale_balance(shop, member):
    """Each event carries the balance that held right after it, and the next version."""
    shop.buy(member, 10_000)
    shop.redeem(member, 30)
    shop.buy(member, 1_000)
    found = events.of_wallet(queries.wallet_of(member.pk).pk)
    assert [(event.version, event.available) for event in found] == [(1, 100), (2, 70), (3, 80)]
    assert Transfer.objects.count() == 3
