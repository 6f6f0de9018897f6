"""What users of other systems complain about in public, each as a test of the name the complaint goes by.

| complaint, and where it was made | test |
|---|---|
| buy, refund, keep the points (odoo #257854, #238806; erpnext #32951) | refund_keeps_points |
| a refund takes redeemed points again (odoo #212922, #221928) | refund_deducts_twice |
| the reward's line earns (odoo #150833, #114004) | reward_line_earns |
| a reversal by today's rule (nopCommerce #5757) | reversal_uses_todays_rule |
| cancelled and refunded: wrong balance (nopCommerce #5595) | cancel_plus_refund |
| points paid back as cash (mollie/magento2 #951) | points_part_not_cash |
| ten refunds of one take back nothing (Square forum 22747) | split_refund_ten_by_one |
| the reward is lost on return (Square community 392376) | reward_reinstated_on_return |
| checked against all, taken from some (erpnext #59050) | spend_same_points_again |
| old debits eat new points at expiry (FloCafe #78) | balance_collapse_at_expiry |
| expiry by a label (ecommerce-laravel #1056) | mislabelled_lot_lives_on |
| twenty gifts out of one balance (fuint #71) | parallel_gifts |
| one card or voucher used twice (medusa #16347; saleor #544, #15855; django-oscar #2101, #4612; shopware #11245; Azuriom #285) | gift_card_race |
| a retry after offline doubles (OCA/pos #185; odoo #270532, #244412) | offline_retry_doubles |
| tills must work offline (erpnext #14885, #12631; POS-Awesome #3059) | offline_wanted; in a browser: tests/pos/test_offline_in_the_browser.py |
| the till says how many points (odoo) | client_supplies_award |
| two cards for one person (odoo #145782; nopCommerce #7728) | two_cards_one_person |
| opening balances (erpnext #40732, #12790; open-loyalty #92) | opening_balance_import |
| slow or broken at 100,000 members (open-loyalty #129) | breaks_at_100k_members; three million: bench/awards.py |
| the new tier's rate too early (erpnext #22167, #24672, #33550) | tier_rate_too_early |
| events out of order with a stale balance (Square forum 23794) | webhook_stale_balance |
| no partial redemption (odoo #264931) | no_partial_redemption |
| a phone number is enough to spend (odoo #207624) | knowing_a_number_spends_nothing; the limit: tests/pos |
| rewards stale after a card is scanned (odoo #198920) | rewards_after_the_card_is_known |
"""

import inspect
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty import events, operations, queries, rewards, verifying
from loyalty.models import Reward, RuleSet, Transfer, Wallet
from loyalty.operations import CannotRedeem, KeyReused, NotEnoughPoints, PurchaseIn, Spend
from members.cards import new_card_number
from members.models import Member
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
    """Twenty gifts of a hundred at once out of a hundred: one arrives, and nobody has more than before."""
    shop, giver = committed_shop, committed_shop.member()
    friends = [shop.member() for _ in range(20)]
    shop.buy(giver, 10_000)
    answers = at_once([lambda friend=friend: shop.give(giver, friend, 100) for friend in friends])
    assert sum(isinstance(answer, NotEnoughPoints) for answer in answers) == 19
    assert available(giver) == 0
    assert sorted(available(friend) for friend in friends) == [0] * 19 + [100]
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


BIG = (
    "members_member",
    "loyalty_wallet",
    "loyalty_transfer",
    "loyalty_award",
    "sales_purchase",
    "sales_purchaseline",
    "loyalty_hold",
)


def read_by(act) -> dict[str, int]:
    """Rows that an act reads without an index, by table."""

    def seen():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = ANY (%s)", [list(BIG)]
            )
            return dict(cursor.fetchall())

    before = seen()
    act()
    return {table: rows - before.get(table, 0) for table, rows in seen().items() if rows > before.get(table, 0)}


def test_breaks_at_100k_members(shop, member):
    """However many members there are, no act of the ledger reads through a table that grows with them, and none asks more often."""
    crowd = Member.objects.bulk_create([Member(joined_at=MARCH) for _ in range(1_000)])
    Wallet.objects.bulk_create([Wallet(member=one, currency_id=1, tier_id=1) for one in crowd])
    sale = shop.buy(member, 10_000)
    shop.buy(crowd[0], 10_000)
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
    acts = {
        "purchase": lambda: shop.buy(member, 1_000), "refund": lambda: shop.refund(sale, (1, 100)),
        "redemption": lambda: shop.redeem(member, 5), "gift": lambda: shop.give(member, crowd[0], 10),
        "hold": lambda: shop.hold(member, 5, until=MARCH + timedelta(days=1)), "balance": lambda: available(member),
    }  # fmt: skip
    assert {
        name: read
        for name, act in acts.items()
        if (read := read_by(act)).get("loyalty_wallet") or read.get("members_member")
    } == {}
    for one in (member, crowd[0], crowd[-1]):
        with CaptureQueriesContext(connection) as asked:
            shop.buy(one, 1_000)
        assert len(asked) == 1


def test_two_cards_one_person(shop):
    """Two cards of one person become one balance, both work, and the two can be parted again to the point."""
    first, second = shop.member("2990000000016"), shop.member("2990000000023")
    shop.buy(first, 10_000)
    shop.buy(second, 5_000)
    made = shop.merge(first, second)
    assert (available(first), available(second)) == (150, 0)
    by_card = operations.record_purchase(
        source="till", client_key="by card", store_code="S1", purchased_at=MARCH, currency="USD", lines=[shop.line(1_000)],
        member_reference=("card", "2990000000023"),
    )  # fmt: skip
    assert (by_card.member_id, by_card.available) == (first.pk, 160)
    shop.unmerge(made)
    assert (available(first), available(second)) == (110, 50)
    assert is_sound()


def test_opening_balance_import(shop, tmp_path):
    """Balances of another system come in against control totals: all of them once, or none."""
    cards = [new_card_number(), new_card_number()]
    members = [shop.member(card) for card in cards]
    file = tmp_path / "balances.csv"
    file.write_text(f"card,points,expires_on\n{cards[0]},1200,2099-03-31\n{cards[1]},300,2099-04-30\n")
    with pytest.raises(CommandError, match="control totals"):
        call_command("import_balances", file, control_members=2, control_points=1_499, stdout=StringIO())
    assert Transfer.objects.count() == 0
    for _ in range(2):
        call_command("import_balances", file, control_members=2, control_points=1_500, stdout=StringIO())
    assert [available(one) for one in members] == [1_200, 300]
    assert lots(members[0]) == {date(2099, 3, 31): 1_200}
    assert is_sound()


def test_no_partial_redemption(shop, member):
    """An amount may be used in parts, and points in any number."""
    shop.buy(member, 20_000)
    shop.redeem(member, 3)
    reward = Reward.objects.create(
        kind="amount",
        name_en="Ten off",
        points=100,
        amount=1_000,
        valid_from=MARCH - timedelta(days=1),
        is_partial=True,
    )
    taken = operations.redeem_reward(
        member_id=member.pk, reward_id=reward.pk, source="portal", client_key="tap", at=MARCH
    ).redemption.entitlement
    assert pay(shop, member, 600, benefits=(taken.public_id,)).to_pay_minor == 0
    taken.refresh_from_db()
    assert (taken.left_minor, taken.uses_left) == (400, 1)
    assert available(member) == 97
    assert is_sound()


def test_knowing_a_number_spends_nothing(shop):
    """A reference that finds a member earns for them; whatever spends asks for the member who was identified."""
    assert "member_reference" in inspect.signature(operations.record_purchase).parameters
    for spending in (operations.redeem, operations.hold, operations.redeem_reward, operations.give_points):
        asked = inspect.signature(spending).parameters
        assert "member_reference" not in asked
        assert {"member_id", "from_member_id"} & asked.keys()


def test_rewards_after_the_card_is_known(shop, member):
    """What a member may have follows the balance of this moment, not that of the last look."""
    reward = Reward.objects.create(
        kind="amount", name_en="A mug", points=50, amount=500, valid_from=MARCH - timedelta(days=1)
    )

    def offered():
        return [offer.reward.pk for offer in rewards.on_offer(member_id=member.pk, at=MARCH) if not offer.why_not]

    assert offered() == []
    shop.buy(member, 6_000)
    assert offered() == [reward.pk]
    shop.redeem(member, 20)
    assert offered() == []


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
