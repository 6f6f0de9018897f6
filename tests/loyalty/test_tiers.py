"""Tiers: several criteria, four windows, grace and steps; what plain Python says and what the database does are one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import climbing, operations, queries, rules, tiers
from loyalty.models import Tier, TierChange, TierPolicy, Wallet
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.verdict import assert_sound

CODES = ("member", "silver", "gold")


def month(at, months):
    """The tenth of the month so many months later, noon."""
    place = at.year * 12 + at.month - 1 + months
    return datetime(place // 12, place % 12 + 1, 10, 15, 0, tzinfo=UTC)


def tier_of(member):
    return Wallet.objects.get(member=member, currency__code="points").tier.code


def ladder(**of_tiers):
    for code, facts in of_tiers.items():
        operations.change_tier(code=code, **facts)


def test_visits_or_spend_reach_a_tier_and_a_refund_takes_it_back(shop):
    ladder(silver={"points_from": 0, "visits_from": 3, "spend_minor_from": 50_000})
    often, much = shop.member(), shop.member()
    for _ in range(2):
        last = shop.buy(often, 500)
    assert tier_of(often) == "member"
    last = shop.buy(often, 500)
    assert (last.tier_code, last.tier_after_code) == ("member", "silver")
    shop.buy(much, 49_999)
    bought = shop.buy(much, [1, 900], product="milk")
    assert tier_of(much) == "silver"
    shop.refund(bought, (1, 1), (2, 900))
    assert tier_of(much) == "member"
    shop.refund(last, (1, 400))
    assert tier_of(often) == "silver"
    shop.refund(last, (1, 100))
    assert tier_of(often) == "member"
    assert_sound()


def test_excluded_goods_are_no_spend_and_other_currencies_none(shop):
    ladder(silver={"points_from": 0, "spend_minor_from": 10_000})
    member = shop.member()
    shop.buy(member, 50_000, product="cigarettes")
    assert tier_of(member) == "member"
    operations.set_tier_policy(currency="CNY", falls_one_step=False)
    shop.buy(member, 20_000)
    assert Wallet.objects.get(member=member).lifetime_qualifying[1] == 0
    assert_sound()


def test_all_criteria_may_be_asked_at_once(shop):
    ladder(silver={"points_from": 100, "visits_from": 2, "must_meet_all": True})
    member = shop.member()
    shop.buy(member, 20_000)
    way = queries.tier_progress(member.pk, at=MARCH).way
    assert (tier_of(member), way.amounts, way.words) == ("member", {"visits": 1}, "1 visit")
    shop.buy(member, 100)
    assert tier_of(member) == "silver"
    assert_sound()


def test_a_calendar_year_ends_in_december_and_grace_carries_through_the_next(shop):
    ladder(silver={"counted_over": "calendar", "grace_months": 12})
    member = shop.member()
    shop.buy(member, 100_000)
    progress = queries.tier_progress(member.pk, at=MARCH)
    assert progress.projected == (Tier.objects.get(code="member"), date(2028, 1, 1))
    operations.evaluate_tiers(at=month(MARCH, 10))  # January 2027
    kept = queries.tier_progress(member.pk, at=month(MARCH, 10))
    assert (kept.tier.code, kept.keeps_until, kept.to_keep.words) == ("silver", date(2027, 12, 31), "1,000 points")
    assert kept.to_keep.by == date(2027, 12, 31)
    assert tier_of(member) == "silver"
    operations.evaluate_tiers(at=month(MARCH, 22))
    assert tier_of(member) == "member"
    assert_sound()


def test_a_members_own_year_begins_with_the_month_they_joined(shop):
    ladder(silver={"counted_over": "anniversary"})
    member = shop.member()
    type(member).objects.filter(pk=member.pk).update(joined_at=datetime(2024, 6, 15, tzinfo=UTC))
    shop.buy(member, 100_000)
    progress = queries.tier_progress(member.pk, at=MARCH)
    assert progress.way.by == progress.window_ends == date(2026, 5, 31) or progress.next_tier.code == "gold"
    assert progress.projected == (Tier.objects.get(code="member"), date(2026, 6, 1))
    operations.evaluate_tiers(at=month(MARCH, 2))
    assert tier_of(member) == "silver"
    operations.evaluate_tiers(at=month(MARCH, 3))
    assert tier_of(member) == "member"
    assert_sound()


def test_a_lifetime_tier_is_never_lost_but_by_a_refund(shop):
    member = shop.member()
    bought = shop.buy(member, 250_000)
    shop.buy(member, 60_000, at=month(MARCH, 20))
    ladder(gold={"points_from": 3_000, "counted_over": "lifetime"})
    assert operations.evaluate_tiers(at=month(MARCH, 20)).changes == 1
    assert tier_of(member) == "gold"
    operations.evaluate_tiers(at=month(MARCH, 60))
    assert tier_of(member) == "gold"
    shop.refund(bought, (1, 250_000), at=month(MARCH, 61))
    assert tier_of(member) == "member"
    assert_sound()


def test_one_falls_one_step_at_a_time(shop):
    operations.set_tier_policy(currency="USD", falls_one_step=True)
    member = shop.member()
    shop.buy(member, 300_000)
    operations.evaluate_tiers(at=month(MARCH, 12))
    assert tier_of(member) == "silver"
    operations.evaluate_tiers(at=month(MARCH, 13))
    assert tier_of(member) == "member"
    assert [c.to_tier.code for c in TierChange.objects.order_by("pk")] == ["gold", "silver", "member"]
    assert_sound()


def test_a_window_may_hold_two_years(shop):
    ladder(silver={"points_from": 0, "visits_from": 4, "window_months": 24})
    member = shop.member()
    for months in (0, 8, 15):
        shop.buy(member, 500, at=month(MARCH, months))
    assert shop.buy(member, 500, at=month(MARCH, 23)).tier_after_code == "silver"
    wallet = Wallet.objects.get(member=member)
    found = climbing.counts_of(wallet, month(MARCH, 23).date())
    assert (sum(found.visits), found.over(24)["visits"], found.over(12)["visits"]) == (4, 4, 2)
    operations.evaluate_tiers(at=month(MARCH, 24))
    assert tier_of(member) == "member"
    assert_sound()


def test_tier_credits_reach_a_tier_and_a_refund_takes_it_back(shop):
    ladder(silver={"points_from": 0, "credits_from": 10})
    rule = {
        "code": "credit",
        "kind": "spend",
        "every_minor": 1_000,
        "gives": {"tier_credits": 1},
        "when": {"categories": ["GROCERY"]},
    }
    shop.publish([rule])
    member = shop.member()
    assert shop.buy(member, 50_000, product="apples").tier_after_code == "member"
    bought = shop.buy(member, 9_500)
    way = queries.tier_progress(member.pk, at=MARCH).way
    assert (way.amounts, way.words) == ({"credits": 1}, "1 tier credit")
    assert shop.buy(member, 500).tier_after_code == "silver"
    assert_sound()
    shop.refund(bought, (1, 1_000))
    assert tier_of(member) == "member"
    assert_sound()


def test_the_way_is_told_in_sentences(shop):
    member = shop.member()
    shop.buy(member, 76_000, at=month(MARCH, 0))
    told = queries.tier_progress(member.pk, at=MARCH)
    assert told.sentences == ["You need 240 points more by March 31, 2026 for Silver"]
    ladder(silver={"grace_months": 2})
    shop.buy(member, 30_000)
    operations.evaluate_tiers(at=month(MARCH, 12))
    told = queries.tier_progress(member.pk, at=month(MARCH, 12))
    assert told.sentences[1:] == [
        "Silver is yours until April 30, 2027. 1,000 points more keep it.",
        "If you buy nothing more, you are Member from May 1, 2027.",
    ]


def test_it_does_not_matter_when_somebody_looks(shop):
    ladder(gold={"grace_months": 2}, silver={"grace_months": 3})
    operations.set_tier_policy(currency="USD", falls_one_step=True)
    seen, unseen = shop.member(), shop.member()
    for member in (seen, unseen):
        shop.buy(member, 300_000)
    for months in range(20):
        at = month(MARCH, months)
        told = [queries.tier_progress(member.pk, at=at).tier.code for member in (seen, unseen)]
        assert told[0] == told[1]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT loyalty_save_wallet(loyalty_age_tier(w, %s, %s)) FROM loyalty_wallet w WHERE member_id = %s",
                [at.date(), at, seen.pk],
            )
        assert tier_of(seen) == told[0]
    operations.evaluate_tiers(at=month(MARCH, 19))
    assert tier_of(unseen) == tier_of(seen) == "member"


def test_a_tier_by_invitation_is_held_until_it_ends(shop):
    ladder(circle={"name_en": "Circle", "name_zh": "臻享会", "how": "invited", "rank": 9})
    member = shop.member()
    shop.buy(member, 100_000)
    ends = MARCH + timedelta(days=100)
    given = operations.give_tier(
        member_id=member.pk,
        tier_code="circle",
        kind="invitation",
        cause="invitation:7",
        until=ends,
        by_user_id=None,
        at=MARCH,
    )
    progress = queries.tier_progress(member.pk, at=MARCH)
    assert (given, progress.is_given, progress.given_until) == ("circle", True, ends)
    assert shop.buy(member, 100).tier_code == "circle"
    operations.evaluate_tiers(at=ends + timedelta(days=1))
    assert tier_of(member) == "silver"
    with pytest.raises(operations.CannotChangeTiers, match="not given by invitation"):
        operations.give_tier(
            member_id=member.pk, tier_code="gold", kind="invitation", cause="x", until=None, by_user_id=None, at=MARCH
        )
    assert_sound()


def test_a_ladder_that_cannot_stand_is_refused(shop):
    with pytest.raises(operations.CannotChangeTiers, match="everybody"):
        operations.change_tier(code="member", points_from=10)
    with pytest.raises(operations.CannotChangeTiers, match="asks for nothing"):
        operations.change_tier(code="gold", points_from=0)
    assert Tier.objects.get(code="gold").points_from == 3000


def test_the_higher_rate_starts_with_the_next_purchase(shop):
    member = shop.member()
    assert [shop.buy(member, minor).points for minor in (100_000, 10_000)] == [1_000, 125]


criteria = st.fixed_dictionaries(
    {
        "points_from": st.sampled_from([0, 20, 60]), "spend_minor_from": st.sampled_from([0, 3_000]),
        "visits_from": st.sampled_from([1, 3]), "must_meet_all": st.booleans(),
        "counted_over": st.sampled_from(["rolling", "calendar", "anniversary", "lifetime"]),
        "window_months": st.integers(1, 18), "grace_months": st.integers(0, 3),
    }
)  # fmt: skip
story = st.lists(
    st.tuples(st.sampled_from(["buy", "refund", "look"]), st.integers(0, 5), st.integers(100, 6_000)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.tuples(criteria, criteria), falls=st.booleans(), joined=st.integers(1, 12), acts=story)
def test_the_database_and_plain_python_agree_on_any_ladder_and_story(db, steps, falls, joined, acts):
    rules.forget()
    shop = open_shop()
    Tier.objects.filter(code="silver").update(**steps[0])
    Tier.objects.filter(code="gold").update(**steps[1])
    TierPolicy.objects.update(falls_one_step=falls)
    rules.forget()
    member = shop.member()
    type(member).objects.filter(pk=member.pk).update(joined_at=datetime(2024, joined, 15, tzinfo=UTC))
    at, bought, model = MARCH, [], None
    for act, months, minor in acts:
        at = month(at, months)
        wallet = Wallet.objects.filter(member=member).first()
        before = climbing.standing_of(wallet), climbing.counts_of(wallet, at.date())
        ladder_now = climbing.ladder_of(wallet)
        if act == "buy" or (act == "refund" and not bought):
            shop_at = shop.buy(member, minor, at=at)
            bought.append((shop_at, minor))
            after = _counts(member)
            if wallet is None or wallet.qualifying_month is None:
                before = before[0], tiers.Counts(tiers.first_of_month(at.date()), (0,), (0,), (0,))
            standing, _ = tiers.aged(*before, climbing.ladder_of(Wallet.objects.get(member=member)), today=at.date())
            model = tiers.settled(standing, after, climbing.ladder_of(Wallet.objects.get(member=member)))
        elif act == "refund":
            sale, total = bought.pop()
            shop.refund(sale, (1, total), at=at)
            after = _counts(member)
            standing, _ = tiers.aged(*before, ladder_now, today=at.date())
            model = tiers.settled(standing, after, ladder_now, is_refund=True)
        elif wallet is not None:
            operations.evaluate_tiers(at=at)
            model, _ = tiers.aged(*before, ladder_now, today=at.date())
        if model is not None:
            found = Wallet.objects.get(member=member)
            assert (found.tier.code, found.tier_keeps_until) == (model.tier, model.keeps_until)
    for wallet in Wallet.objects.filter(member=member):  # earlier stories had other ladders
        assert_sound(wallet.pk)


def _counts(member):
    wallet = Wallet.objects.get(member=member)
    return climbing.counts_of(wallet, wallet.qualifying_month)
