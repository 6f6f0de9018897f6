"""Points spent, given, expired; tiers as months pass; entitlements used."""

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty import operations, queries
from loyalty.models import Entitlement, TierChange, Transfer, Wallet
from sales.models import Category
from tests.loyalty.conftest import MARCH


def lots(member):
    wallet = Wallet.objects.get(member=member)
    return dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


def test_points_are_spent_from_the_earliest_lot(shop):
    member = shop.member()
    shop.buy(member, 1000)
    shop.buy(member, 500, at=MARCH - timedelta(days=31))  # a late receipt: its lot goes before
    assert lots(member) == {date(2027, 2, 28): 5, date(2027, 3, 31): 10}
    answer = shop.redeem(member, 7)
    assert (answer.points, answer.available) == (7, 8)
    assert lots(member) == {date(2027, 3, 31): 8}
    assert list(Transfer.objects.filter(reason="redemption").order_by("version").values_list("points", "expires_on")) == [
        (5, date(2027, 2, 28)), (2, date(2027, 3, 31)),
    ]  # fmt: skip
    assert queries.entries(member.pk)[0].sentence == "−7 points: spent"


def test_more_than_there_is_cannot_be_spent(shop):
    member = shop.member()
    shop.buy(member, 1000)
    with pytest.raises(operations.NotEnoughPoints, match="Only 10 points"):
        shop.redeem(member, 11)
    with pytest.raises(operations.NotEnoughPoints):
        shop.adjust(member, -11)
    with pytest.raises(operations.UnknownMember):
        operations.redeem(member_id=10**9, points=1, source="till", client_key="x", at=MARCH)
    assert (lots(member), Transfer.objects.count()) == ({date(2027, 3, 31): 10}, 1)


def test_a_second_try_spends_nothing_more(shop):
    member = shop.member()
    shop.buy(member, 1000)
    assert not shop.redeem(member, 4, key="r").is_replay
    assert shop.redeem(member, 4, key="r").is_replay
    with pytest.raises(operations.KeyReused):
        shop.redeem(member, 5, key="r")
    assert lots(member) == {date(2027, 3, 31): 6}


def test_expired_points_cannot_be_spent_whether_or_not_the_job_has_run(shop):
    member = shop.member()
    shop.buy(member, 1000)
    last_moment = datetime(2027, 4, 1, 3, 59, tzinfo=UTC)  # 31 March, 23:59 in New York
    assert queries.balance(member.pk, at=last_moment).available == 10
    over = last_moment + timedelta(minutes=2)
    assert queries.balance(member.pk, at=over).available == 0
    assert queries.programme_totals(at=over).expired_not_posted == 10
    with pytest.raises(operations.NotEnoughPoints, match="Only 0"):
        shop.redeem(member, 1, at=over)


def test_balance_does_not_collapse_at_expiry(shop):
    """Debits take from named lots, so points spent from a lot do not count against a later one."""
    member = shop.member()
    shop.buy(member, 10_000)
    shop.redeem(member, 80)
    shop.buy(member, 5_000, at=MARCH + timedelta(days=40))
    assert operations.expire_points(at=MARCH + timedelta(days=388)) == operations.Expired(wallets=1, points=20)
    assert lots(member) == {date(2027, 4, 30): 50}


def test_any_number_of_expiry_runs_do_it_once(shop):
    member = shop.member()
    shop.buy(member, 1000)
    later = MARCH + timedelta(days=400)
    assert [operations.expire_points(at=later).points for _ in range(3)] == [10, 0, 0]
    assert queries.entries(member.pk)[0].sentence == "−10 points: expired after March 31, 2027"
    shop.buy(member, 300)  # a receipt that comes a year late
    assert operations.expire_points(at=later).points == 3


def test_goodwill_is_explained_and_a_correction_takes_it_back(shop):
    member = shop.member()
    assert shop.adjust(member, 50).available == 50
    assert shop.adjust(member, -20, reason="Given twice").available == 30
    assert [e.sentence for e in queries.entries(member.pk)] == [
        "−20 points: correction – Given twice", "50 points: goodwill – Late delivery",
    ]  # fmt: skip
    with pytest.raises(operations.LedgerRefusal, match="Say why"):
        shop.adjust(member, 5, reason=" ")


def test_a_higher_tiers_rate_starts_with_the_next_purchase(shop):
    member = shop.member()
    first = shop.buy(member, 120_000)
    assert (first.points, first.tier_code, first.tier_after_code) == (1200, "member", "silver")
    second = shop.buy(member, 2_000)
    assert (second.points, second.tier_code) == (25, "silver")
    assert queries.entries(member.pk)[0].sentence == "25 points: $20.00 at 1 point per $1, ×1.25 for Silver"
    progress = queries.tier_progress(member.pk, at=MARCH)
    assert (progress.tier.code, progress.qualifying, progress.next_tier.code, progress.missing) == (
        "silver",
        1220,
        "gold",
        1780,
    )
    assert progress.window_ends == date(2026, 3, 31)


def test_a_tier_ends_when_its_purchases_leave_the_window(shop):
    member = shop.member()
    shop.buy(member, 120_000)
    in_window, after = datetime(2027, 2, 20, tzinfo=UTC), datetime(2027, 3, 2, tzinfo=UTC)
    assert operations.evaluate_tiers(at=in_window) == operations.Evaluated(wallets=1, changes=0)
    assert queries.tier_progress(member.pk, at=after).tier.code == "member"
    answer = shop.buy(member, 1000, at=after)
    assert (answer.tier_code, answer.points) == ("member", 10)
    assert [c.to_tier.code for c in TierChange.objects.order_by("pk")] == ["silver", "member"]
    assert operations.evaluate_tiers(at=after).changes == 0


def test_evaluating_tiers_twice_changes_nothing_more(shop):
    member = shop.member()
    shop.buy(member, 120_000)
    after = datetime(2027, 3, 2, tzinfo=UTC)
    assert [operations.evaluate_tiers(at=after).changes for _ in range(2)] == [1, 0]


def test_an_offer_multiplies_its_category_once(shop):
    member = shop.member()
    milk = Category.objects.get(path="GROCERY > FLUID MILK PRODUCTS > FLUID MILK WHITE ONLY")
    until = MARCH + timedelta(days=14)
    offer = (member.pk, milk.pk, "multiply", 300, MARCH, until, "campaign:1:7")
    assert [operations.entitle([offer]), operations.entitle([offer])] == [1, 0]
    assert queries.active_entitlements(member.pk, at=MARCH).count() == 1
    first = shop.buy(member, 1000, at=MARCH + timedelta(hours=1))
    assert first.points == 30
    assert queries.entries(member.pk)[0].sentence == "30 points: $10.00 at 1 point per $1, ×3 by your offer"
    assert shop.buy(member, 1000, at=MARCH + timedelta(hours=2)).points == 10
    assert Entitlement.objects.get().uses_left == 0
    assert shop.refund(first, (1, 500)).points == 15


def test_an_offer_of_a_department_reaches_its_products_and_not_others(shop):
    member = shop.member()
    produce = Category.objects.get(path="PRODUCE")
    operations.entitle([(member.pk, produce.pk, "bonus", 25, MARCH, MARCH + timedelta(days=9), "voucher:1")])
    assert shop.buy(member, 1000, product="milk").points == 10
    assert shop.buy(member, 1000, product="apples").points == 35


def test_an_offer_on_excluded_goods_gives_nothing_and_is_kept(shop):
    member = shop.member()
    operations.entitle([(member.pk, None, "bonus", 25, MARCH, MARCH + timedelta(days=9), "voucher:1")])
    assert shop.buy(member, 1000, product="cigarettes").points == 0
    assert Entitlement.objects.get().uses_left == 1


def test_the_same_queries_for_one_entry_and_for_many(shop, django_assert_num_queries):
    member = shop.member()
    shop.refund(shop.buy(member, 1000), (1, 500))
    queries.entries(member.pk)
    with django_assert_num_queries(5):
        assert len(queries.entries(member.pk)) == 2
    for minor in (100, 200, 300):
        shop.refund(shop.buy(member, minor), (1, minor))
    with django_assert_num_queries(5):
        assert len(queries.entries(member.pk)) == 8
    page = queries.entries(member.pk, limit=3)
    assert [e.version for e in queries.entries(member.pk, before_version=page[-1].version)] == [5, 4, 3, 2, 1]


def test_the_programmes_totals_balance(shop):
    member, other = shop.member(), shop.member()
    sale = shop.buy(member, 10_000)
    shop.buy(other, 130_000)
    shop.redeem(member, 60)
    shop.refund(sale, (1, 5_000))
    shop.adjust(other, 7)
    totals = queries.programme_totals(at=MARCH)
    assert totals.issued == totals.redeemed + totals.expired + totals.taken_back + totals.outstanding - totals.debt
    assert (totals.issued, totals.redeemed, totals.taken_back, totals.outstanding, totals.debt) == (
        1407,
        60,
        50,
        1307,
        10,
    )
    assert totals.members_by_tier == {"member": 1, "silver": 1, "gold": 0}
