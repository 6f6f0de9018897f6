"""What the programme owes: by month of earning, in money, equal to the ledger to the point."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty import breakage, liability, operations, queries
from loyalty.breakage import Flow
from loyalty.models import Currency, Reward, Transfer, Wallet
from tests.loyalty.conftest import MARCH


def points():
    return Currency.objects.get(code="points")


def owed(at=MARCH):
    return liability.liability(currency=points(), at=at)


def held_in_wallets():
    return sum(sum(row) for row in Wallet.objects.values_list("available", "pending", "held"))


def test_points_are_owed_by_the_month_they_were_earned_in(shop):
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH - timedelta(days=60))
    shop.buy(member, 5_000)
    shop.redeem(member, 30)
    found = owed()
    assert [(c.month, c.points, c.minor) for c in found.cohorts] == [
        (date(2026, 1, 1), 70, 70),
        (date(2026, 3, 1), 50, 50),
    ]
    assert (found.points, found.ledger_points, found.difference, found.minor) == (120, 120, 0, 120)


def test_what_was_earned_first_goes_first(shop):
    member = shop.member()
    april = MARCH + timedelta(days=30)
    shop.buy(member, 10_000)
    shop.adjust(member, 40, at=april)
    wallet = Wallet.objects.get(member=member)
    assert len(wallet.lot_points) == 2
    shop.redeem(member, 110, at=april)
    assert [(c.month.month, c.points) for c in owed(april).cohorts] == [(4, 30)]


def test_points_under_review_are_owed_in_the_month_of_their_purchase(shop):
    member = shop.member()
    shop.buy(member, 10_000)
    wallet = Wallet.objects.get(member=member)
    may = MARCH + timedelta(days=60)
    held = operations.hold_for_review(wallet_id=wallet.pk, version=1, pattern="velocity", facts={}, at=may)
    assert [(c.month.month, c.available, c.pending) for c in owed(may).cohorts] == [(3, 0, 100)]
    operations.decide_review(review_id=held.review_id, release=True, reason="Seen", by_user_id=None, at=may)
    assert [(c.month.month, c.available, c.pending) for c in owed(may).cohorts] == [(3, 100, 0)]


def test_expired_points_are_not_owed_whether_or_not_they_were_posted(shop):
    shop.buy(shop.member(), 10_000)
    late = MARCH + timedelta(days=500)
    before = owed(late)
    assert (before.points, before.ledger_points, before.difference) == (0, 100, 0)
    assert [c.expired_not_posted for c in before.cohorts] == [100]
    operations.expire_points(at=late)
    after = owed(late)
    assert (after.points, after.ledger_points, after.cohorts) == (0, 0, [])


def test_what_members_owe_stands_apart(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000)
    shop.redeem(member, 100)
    shop.refund(sale, (1, 10_000))
    found = owed()
    assert (found.points, found.debt, found.difference) == (0, 100, 0)
    [month] = liability.movements(currency=points(), at=MARCH)
    assert month == liability.Month(date(2026, 3, 1), 0, 100, 100, 0, 100, 100, 0)


@pytest.mark.parametrize("seed", range(3))
def test_random_lives_are_owed_to_the_point(shop, seed):
    dice = random.Random(seed)
    members, sales = [shop.member() for _ in range(4)], []
    at = datetime(2024, 1, 10, 15, tzinfo=UTC)
    for _ in range(60):
        at += timedelta(days=dice.randrange(0, 25))
        member = dice.choice(members)
        try:
            match dice.randrange(6):
                case 0:
                    shop.redeem(member, dice.randrange(1, 300), at=at)
                case 1 if sales:
                    shop.refund(dice.choice(sales), (1, dice.randrange(1, 4_000)), at=at)
                case 2:
                    shop.adjust(member, dice.choice([-20, 15, 40]), at=at)
                case _:
                    sales.append(shop.buy(member, dice.randrange(500, 30_000), at=at))
        except operations.LedgerRefusal:
            continue
    operations.expire_points(at=at)
    found, months = owed(at), liability.movements(currency=points(), at=at)
    assert (found.difference, found.counted_points) == (0, held_in_wallets())
    assert months[-1].closing == held_in_wallets()
    assert found.debt == sum(Wallet.objects.values_list("debt", flat=True)) == sum(m.owed_more for m in months)
    assert all(c.minor == c.breakage_minor + c.net_minor for c in found.cohorts if c.breakage_minor is not None)


def test_the_value_of_a_point_has_a_history(shop):
    shop.buy(shop.member(), 10_000)
    values = {"currency": "points", "money": "USD", "note": "", "by_user_id": None, "at": MARCH}
    operations.set_point_value(minor_per_1000=500, effective_from=date(2026, 3, 20), **values)
    assert (owed().minor, owed(MARCH + timedelta(days=30)).minor) == (100, 50)
    operations.set_point_value(minor_per_1000=700, effective_from=date(2026, 3, 20), **values)
    assert owed(MARCH + timedelta(days=30)).minor == 70
    with pytest.raises(operations.CannotValue, match="the past keeps"):
        operations.set_point_value(minor_per_1000=1, effective_from=date(2026, 3, 19), **values)
    with pytest.raises(operations.CannotValue, match="nothing or more"):
        operations.set_point_value(minor_per_1000=-1, effective_from=date(2026, 4, 19), **values)
    with pytest.raises(operations.CannotValue, match="cashback"):
        operations.set_point_value(minor_per_1000=1, effective_from=date(2026, 4, 1), **values | {"currency": "none"})


def test_cashback_is_money_as_it_is():
    assert liability.value_at(date(2026, 3, 1), "cashback:EUR") == liability.Value("EUR", 1000)


# -- breakage ----------------------------------------------------------------------------------------------------------


def flows(rates, *, cohorts=24, members=10, issued=1_000_000):
    """Lives in which exactly the given share of what is left is spent at each age; groups are alike."""
    for group in range(members):
        for cohort in range(cohorts):
            left = issued
            for age, rate in enumerate(rates):
                spent = round(left * rate)
                yield Flow(group, cohort, age, issued if age == 0 else 0, spent, 0)
                left -= spent


def test_a_known_life_table_is_found_again():
    rates = [0.05, 0.1, 0.15, 0.0, 0.2, 0.1]
    table = breakage.life_table(flows(rates), this_month=30, has_ended=True)
    for age in range(6):
        expected = 1.0
        for rate in rates[age:]:
            expected *= 1 - rate
        found = table.unspent(age, 6)
        assert found.share == pytest.approx(expected, abs=1e-5)
        assert found.low == pytest.approx(found.high, abs=1e-6)


def test_members_who_differ_widen_the_doubt():
    like = list(flows([0.1, 0.1]))
    unlike = [Flow(f.group, f.cohort, f.age, f.came, f.spent * 2 if f.group % 2 else 0, 0) for f in flows([0.1, 0.1])]
    sure, unsure = (breakage.life_table(lives, this_month=30, has_ended=True).unspent(0, 2) for lives in (like, unlike))
    assert sure.high - sure.low < 0.01 < unsure.high - unsure.low
    assert unsure.low <= unsure.share <= unsure.high


def test_a_month_that_is_not_over_says_nothing_and_too_little_history_gives_no_estimate():
    young = [Flow(0, 10, 0, 1000, 500, 0), Flow(0, 10, 1, 0, 400, 0)]
    assert breakage.life_table(young, this_month=11, has_ended=True).unspent(0, 12).why == breakage.TOO_YOUNG
    assert breakage.life_table(young, this_month=12, has_ended=True).unspent(0, 2).share == pytest.approx(0.5 * 0.2)


def test_without_a_redemption_or_a_lot_seen_to_its_end_breakage_is_unknown_and_the_reason_is_named():
    unspent = [Flow(f.group, f.cohort, f.age, f.came, 0, 0) for f in flows([0.1, 0.1, 0.1])]
    table = breakage.life_table(unspent, this_month=30, has_ended=True)
    assert (table.unspent(0, 3).share, table.unspent(0, 3).why) == (None, breakage.NOTHING_SPENT)
    table = breakage.life_table(flows([0.1, 0.1, 0.1]), this_month=30, has_ended=False)
    assert (table.unspent(0, 3).share, table.unspent(0, 3).why) == (None, breakage.NONE_ENDED)
    whole = breakage.pooled([(10, breakage.Estimate(0.5, 0.4, 0.6)), (1, table.unspent(0, 3))])
    assert whole.why == breakage.NONE_ENDED


def test_breakage_is_unknown_until_points_were_spent_and_a_lot_was_seen_to_its_end(shop):
    member = shop.member()
    shop.buy(member, 20_000)
    shop.buy(member, 10_000, at=MARCH + timedelta(days=100))
    summer, after = MARCH + timedelta(days=150), MARCH + timedelta(days=400)
    unspent = owed(summer)
    assert (unspent.breakage.share, unspent.breakage_minor, unspent.net_minor) == (None, None, unspent.minor)
    assert "no points were spent" in unspent.why_unknown
    shop.redeem(member, 50, at=MARCH + timedelta(days=101))
    assert "last day" in owed(summer).why_unknown
    known = owed(after)
    assert known.why_unknown == ""
    assert known.net_minor == known.minor - known.breakage_minor


def test_ages_nobody_has_reached_are_like_the_oldest_seen_and_said_to_be():
    table = breakage.life_table(flows([0.1, 0.1, 0.1], cohorts=3), this_month=30, has_ended=True)
    found = table.unspent(0, 40)
    assert (found.is_extrapolated, found.share) == (True, pytest.approx(0.9**3 * 1.0, abs=1e-3))


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 8), st.integers(0, 6), st.integers(0, 500), st.integers(0, 500)),
        max_size=40,
    )
)
def test_a_share_is_a_share_whatever_happened(lives):
    table = breakage.life_table([Flow(*life, 0) for life in lives], this_month=9, has_ended=True)
    found = table.unspent(0, 12)
    assert (found.share is None and found.why) or 0 <= found.low <= found.share <= found.high <= 1


def test_the_programmes_totals_are_those_of_one_currency_and_equal_its_months(shop):
    """Cashback and gift cards are currencies of their own; what expired and was then taken back by a refund, or reinstated,
    or restored, is not counted twice.
    """
    member = shop.member()
    sale = shop.buy(member, 30_000, at=MARCH - timedelta(days=100))
    for kind, name in (("cashback", "Money back"), ("gift_card", "A card")):
        reward = Reward.objects.create(
            kind=kind, name_en=name, points=40, amount=700, valid_from=MARCH - timedelta(days=101)
        )
        operations.redeem_reward(
            member_id=member.pk, reward_id=reward.pk, source="portal", client_key=kind, at=MARCH - timedelta(days=99)
        )
    end = MARCH + timedelta(days=400)
    operations.expire_points(at=end)
    shop.refund(sale, (1, 25_000), at=end)
    assert Transfer.objects.filter(debit_account=3, credit_account=4).exists()
    for currency in liability.currencies():
        totals, months = (
            queries.programme_totals(at=end, currency_id=currency.pk),
            liability.movements(currency=currency, at=end),
        )
        assert (totals.issued, totals.redeemed, totals.expired, totals.taken_back) == tuple(
            sum(getattr(month, name) for month in months) for name in ("issued", "redeemed", "expired", "cancelled")
        )
        assert totals.issued == totals.redeemed + totals.expired + totals.taken_back + totals.outstanding - totals.debt
    assert [one.code for one in liability.currencies()] == ["points", "cashback:USD", "gift:USD"]
    assert queries.programme_totals(at=end).issued == 300
