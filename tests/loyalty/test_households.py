"""Households that pool: each award is shared, the pool is spent by who may, and a refund takes from where the points went."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries
from loyalty.models import PoolShare, Wallet
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.verdict import assert_sound


class Family:
    """Anna heads the household and shares everything; Ben shares a part."""

    def __init__(self, shop, percent=40):
        self.shop, self.anna, self.ben = shop, shop.member(), shop.member()
        self.household = operations.found_household(name="Elm Street 5", head_id=self.anna.pk, percent=100, at=MARCH)
        operations.join_household(
            household=self.household, member_id=self.ben.pk, percent=percent, at=MARCH, by_member_id=self.anna.pk, may_spend=False
        )  # fmt: skip

    def draw(self, member, points, key=None):
        return operations.draw_from_pool(
            household=self.household, member_id=member.pk, points=points, source="portal", client_key=key or self.shop.key(),
            at=MARCH,
        )  # fmt: skip

    @property
    def pool(self):
        return Wallet.objects.get(household=self.household)

    def own(self, member):
        return Wallet.objects.get(member=member).available


@pytest.fixture
def family(shop):
    return Family(shop)


def test_an_award_is_shared_by_percent(shop, family):
    assert shop.buy(family.anna, 10_000).available == 0
    assert shop.buy(family.ben, 10_099).available == 60
    assert family.pool.available == 100 + 40
    assert queries.entries(family.ben.pk)[0].sentence == "−40 points: shared with the household"
    assert_sound()


def test_many_receipts_at_once_are_shared_alike(shop, family):
    lines = [shop.line(5_050)]
    batch = [
        operations.PurchaseIn("import", f"r{n}", "S1", MARCH, "USD", lines, member.pk)
        for n, member in enumerate([family.ben, family.anna, family.ben, family.anna, shop.member()])
    ]
    assert [answer.points for answer in operations.record_purchases(batch)] == [50, 50, 51, 51, 50]
    assert family.pool.available == 50 + 51 + 20 + 20
    assert_sound()


def test_who_may_spend_draws_from_the_pool_and_nobody_else(shop, family):
    shop.buy(family.anna, 10_000)
    with pytest.raises(operations.CannotPool, match="not allowed"):
        family.draw(family.ben, 10)
    operations.change_share(
        household=family.household, member_id=family.ben.pk, percent=40, may_spend=True, by_member_id=family.anna.pk, at=MARCH
    )  # fmt: skip
    assert family.draw(family.ben, 30, key="d1").available == 30
    assert family.draw(family.ben, 30, key="d1").is_replay
    shop.redeem(family.ben, 30)
    with pytest.raises(operations.NotEnoughPoints):
        family.draw(family.anna, 71)
    with pytest.raises(operations.CannotPool, match="does not belong"):
        family.draw(shop.member(), 1)
    assert family.pool.available == 70
    assert_sound()


def test_a_refund_takes_the_households_part_from_the_household(shop, family):
    bought = shop.buy(family.ben, 10_000)
    shop.refund(bought, (1, 10_000))
    assert (family.own(family.ben), family.pool.available, family.pool.debt) == (0, 0, 0)
    assert_sound()


def test_what_the_household_has_spent_already_it_owes(shop, family):
    bought = shop.buy(family.ben, 10_000)
    family.draw(family.anna, 40)
    taken = shop.refund(bought, (1, 10_000))
    assert (taken.points, taken.debt_added) == (100, 0)
    assert (family.own(family.ben), family.pool.available, family.pool.debt) == (0, 0, 40)
    assert family.own(family.anna) == 40
    shop.buy(family.anna, 5_000)
    assert (family.pool.available, family.pool.debt) == (10, 0)
    assert_sound()


def test_what_was_shared_stays_and_the_last_one_takes_it_along(shop, family):
    shop.buy(family.ben, 10_000)
    with pytest.raises(operations.CannotPool, match="Hand the household over"):
        operations.leave_household(
            household=family.household, member_id=family.anna.pk, by_member_id=family.anna.pk, at=MARCH
        )
    operations.leave_household(
        household=family.household, member_id=family.ben.pk, by_member_id=family.ben.pk, at=MARCH
    )
    assert shop.buy(family.ben, 10_000).available == 160
    assert family.pool.available == 40
    operations.leave_household(
        household=family.household, member_id=family.anna.pk, by_member_id=family.anna.pk, at=MARCH
    )
    assert (family.own(family.anna), family.pool.available) == (40, 0)
    assert not PoolShare.objects.filter(until=None).exists()
    assert_sound()


def test_the_head_hands_over_and_is_the_only_one_to_take_in(shop, family):
    stranger = shop.member()
    with pytest.raises(operations.CannotPool, match="Only the head"):
        operations.join_household(
            household=family.household, member_id=stranger.pk, percent=10, at=MARCH, by_member_id=family.ben.pk
        )
    with pytest.raises(operations.CannotPool, match="belongs to a household already"):
        operations.found_household(name="Another", head_id=family.ben.pk, percent=10, at=MARCH)
    operations.hand_over_household(household=family.household, to_member_id=family.ben.pk, by_member_id=family.anna.pk)
    operations.leave_household(
        household=family.household, member_id=family.anna.pk, by_member_id=family.ben.pk, at=MARCH
    )
    assert PoolShare.objects.get(until=None).member_id == family.ben.pk


def test_a_merged_member_leaves_the_household_and_comes_back_with_the_merge_undone(shop, family):
    survivor = shop.member()
    bought = shop.buy(family.ben, 10_000)
    made = operations.merge_members(
        survivor_id=survivor.pk, absorbed_id=family.ben.pk, by_user_id=None, reason="", at=MARCH
    )
    shop.buy(survivor, 10_000)
    shop.refund(bought, (1, 5_000))
    assert (family.own(survivor), family.pool.available) == (60 + 100 - 30, 20)
    operations.unmerge_members(merge=made, by_user_id=None, at=MARCH)
    assert (family.own(survivor), family.own(family.ben)) == (100, 30)
    shop.buy(family.ben, 10_000)
    assert family.pool.available == 20 + 40
    assert_sound()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    percent=st.integers(0, 100),
    amounts=st.lists(st.integers(1, 30_000), min_size=1, max_size=3),
    cuts=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30_000)), max_size=5),
    drawn=st.integers(0, 200),
)
def test_any_split_of_refunds_leaves_what_one_refund_would(db, percent, amounts, cuts, drawn):
    shop = open_shop()
    family = Family(shop, percent)
    bought = [shop.buy(family.ben, minor) for minor in amounts]
    try:
        family.draw(family.anna, drawn)
    except operations.LedgerRefusal:
        drawn = 0
    left = list(amounts)
    for number, minor in cuts:
        if number < len(left) and left[number]:
            part = min(minor, left[number])
            shop.refund(bought[number], (1, part))
            left[number] -= part
    for number, minor in enumerate(left):
        if minor:
            shop.refund(bought[number], (1, minor))
    ben = Wallet.objects.get(member=family.ben)
    assert (ben.available, ben.debt, ben.carry_micropoints) == (0, 0, 0)
    assert (family.pool.available, family.pool.debt) == (0, drawn)
    assert_sound(ben.pk, family.pool.pk, Wallet.objects.get(member=family.anna).pk)
