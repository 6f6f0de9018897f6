"""A refund takes back what the goods earned: exactly, whatever the split, under the rules as they were."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries, rules
from loyalty.models import Transfer, Wallet
from sales.models import Purchase
from sales.operations import ensure_stores
from tests.loyalty.conftest import MARCH


def state(member):
    wallet = Wallet.objects.get(member=member)
    return (
        wallet.available, wallet.debt, wallet.carry_micropoints, wallet.lot_points, sum(wallet.qualifying_micropoints),
    )  # fmt: skip


def test_refund_keeps_points_is_impossible(shop):
    member = shop.member()
    for _ in range(3):
        shop.refund(shop.buy(member, 5000), (1, 5000))
    assert state(member) == (0, 0, 0, [], 0)


def test_split_refund_ten_by_one(shop):
    """Ten refunds of $1 take back what one refund of $10 does."""
    once, split = shop.member(), shop.member()
    for member in (once, split):
        shop.buy(member, 330)  # leaves 0.30 carried
    sale = shop.buy(split, 1000)
    taken = [shop.refund(sale, (1, 100)).points for _ in range(10)]
    assert shop.refund(shop.buy(once, 1000), (1, 1000)).points == sum(taken) == 10
    assert state(once) == state(split)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_and_any_order_take_back_the_same(shop, data):
    totals = data.draw(st.lists(st.integers(1, 5000), min_size=1, max_size=3))
    cuts = [data.draw(st.lists(st.integers(0, total), max_size=3).map(sorted)) for total in totals]
    pieces = [
        (number, after - before)
        for number, (total, places) in enumerate(zip(totals, cuts, strict=True), 1)
        for before, after in zip([0, *places], [*places, total], strict=True)
        if after > before
    ]
    pieces = data.draw(st.permutations(pieces))
    member = shop.member()
    shop.buy(member, data.draw(st.integers(1, 400)))
    before = state(member)
    sale = shop.buy(member, totals)
    ensure_stores([("S2", "Harbour"), ("S3", "Station")])
    places = st.tuples(
        st.sampled_from(["S1", "S2", "S3"]), st.integers(0, 15)
    )  # each piece at a store and on a day of its own
    taken = 0
    for piece in pieces:
        store, days = data.draw(places)
        taken += shop.refund(sale, piece, store=store, at=MARCH + timedelta(days=days)).points
    assert state(member) == before
    assert taken == sale.points


def test_refund_of_the_first_part_of_a_step_leaves_the_second_carried(shop):
    """$0.60 then $0.40 make a point; without the first, 0.40 stays carried."""
    member = shop.member()
    first, second = shop.buy(member, 60), shop.buy(member, 40)
    assert (first.points, second.points) == (0, 1)
    assert shop.refund(first, (1, 60)).points == 1
    assert queries.balance(member.pk, at=MARCH).carry_micropoints == 400_000


def test_what_was_spent_becomes_a_debt_that_next_earnings_pay(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000)
    shop.redeem(member, 100)
    answer = shop.refund(sale, (1, 10_000))
    assert (answer.points, answer.debt_added, answer.available, answer.debt) == (100, 100, 0, 100)
    earned = shop.buy(member, 3_000)
    assert (earned.points, earned.debt_paid, earned.available) == (30, 30, 0)
    assert queries.balance(member.pk, at=MARCH).debt == 70
    words = [entry.sentence for entry in queries.entries(member.pk)]
    assert words[0] == "30 points: $30.00 at 1 point per $1, 30 paid back what was owed"
    assert words[1] == "−100 points: refund of $100.00, 100 of them are owed, because they were spent already"


def test_reversal_uses_the_rules_of_the_sale(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000)
    definition = rules.known().rule_sets[-1]
    operations.publish_rule_set(
        definition={"earn": [{"currency": "USD", "points": 5, "per_minor": 100}]},
        live_from=MARCH + timedelta(days=1),
        name="×5",
    )
    assert definition.version == 1
    assert shop.buy(member, 1_000, at=MARCH + timedelta(days=2)).points == 50
    assert shop.refund(sale, (1, 5_000), at=MARCH + timedelta(days=3)).points == 50


def test_a_refund_returns_qualifying_points_to_the_month_of_the_purchase_and_may_cost_the_tier(shop):
    member = shop.member()
    sale = shop.buy(member, 100_000)
    assert (sale.tier_code, sale.tier_after_code) == ("member", "silver")
    later = MARCH + timedelta(days=40)
    assert shop.buy(member, 400, at=later).points == 5  # ×1.25 for Silver
    answer = shop.refund(sale, (1, 50_000), at=later)
    assert (answer.tier_before_code, answer.tier_code) == ("silver", "member")
    assert Wallet.objects.get(member=member).qualifying_micropoints == [4_000_000, 500_000_000]


def test_a_second_try_of_a_refund_is_answered_the_same(shop):
    member = shop.member()
    sale = shop.buy(member, 1000)
    first = shop.refund(sale, (1, 400), key="back")
    again = shop.refund(sale, (1, 400), key="back")
    assert (again.points, again.available, again.is_replay, again.purchase_id) == (4, 6, True, first.purchase_id)
    with pytest.raises(operations.KeyReused):
        shop.refund(sale, (1, 401), key="back")
    with pytest.raises(operations.KeyReused):
        shop.buy(member, 100, key="back")
    assert state(member)[0] == 6


def test_a_preview_gives_the_same_numbers_and_writes_nothing(shop):
    member = shop.member()
    sale = shop.buy(member, [1000, 2390])
    shop.redeem(member, 30)
    before = (state(member), Purchase.objects.count(), Transfer.objects.count())
    asked = operations.preview_refund(purchase_id=sale.purchase_id, lines=[(2, Decimal(1), 2390)], refunded_at=MARCH)
    assert (state(member), Purchase.objects.count(), Transfer.objects.count()) == before
    done = shop.refund(sale, (2, 2390))
    assert (asked.points, asked.debt_added, asked.available, asked.debt) == (
        done.points, done.debt_added, done.available, done.debt,
    ) == (23, 20, 0, 20)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([(1, 1001)], "Line 1 has only 10.00 left"),
        ([(2, 1)], "no line 2"),
        ([(1, 600), (1, 600)], "Line 1 has only 10.00 left"),
        ([], "at least one line"),
        ([(1, -5)], "above zero"),
    ],
)
def test_an_impossible_refund_moves_nothing_and_says_what_is_left(shop, lines, words):
    member = shop.member()
    sale = shop.buy(member, 1000)
    before = state(member)
    with pytest.raises(operations.CannotRefund, match=words):
        shop.refund(sale, *lines)
    assert (state(member), Purchase.objects.count()) == (before, 1)


def test_a_refund_of_no_purchase_is_refused(shop):
    with pytest.raises(operations.CannotRefund, match="no such purchase"):
        operations.refund(
            source="till", client_key="x", purchase_id=10**9, lines=[(1, Decimal(1), 1)], refunded_at=MARCH
        )


def test_a_purchase_without_a_member_is_refunded_without_points(shop):
    answer = shop.refund(shop.buy(None, 1000), (1, 1000))
    assert (answer.points, answer.available, answer.debt) == (0, None, None)


def test_refund_takes_its_own_lot_first(shop):
    member = shop.member()
    shop.buy(member, 1000, at=MARCH - timedelta(days=60))
    sale = shop.buy(member, 2000)
    shop.refund(sale, (1, 2000))
    assert state(member)[3] == [10]
