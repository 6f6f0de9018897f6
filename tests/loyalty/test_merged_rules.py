"""Stamps, visits, streaks, birthdays and referrals of two records of one person: they follow a merge, and go back."""

from datetime import timedelta

import pytest

from loyalty import operations, queries
from loyalty.models import Contribution, Grant, RuleState, Wallet
from members.models import Member
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import LONG_AGO
from tests.loyalty.verdict import assert_sound

THIRD = {"code": "third", "kind": "visits", "every": 3, "gives": {"points": 30}, "once_a_day": False}
CARD = {"code": "card", "kind": "stamps", "by": "visits", "every": 1, "card_size": 4, "card_gives": {"points": 40}}
FIRST = {"code": "first", "kind": "first_purchase", "gives": {"points": 20}}
CAKE = {"code": "cake", "kind": "birthday", "gives": {"points": 50}, "days_before": 3, "days_after": 3}
MINE = {"code": "mine", "multiply_percent": 200, "budget": {"member_points": 25, "member_period": "month"}}
FRIEND = {"code": "friend", "kind": "referral", "gives": {"points": 30}, "gives_referrer": {"points": 50}}


def publish(*rules):
    operations.publish_rule_set(
        definition={"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": list(rules)},
        live_from=LONG_AGO, name="Rules with a memory",
    )  # fmt: skip


def points(member) -> int:
    wallet = Wallet.objects.get(member=member, currency=1)
    return wallet.available - wallet.debt


def stamps(member) -> int:
    found = Wallet.objects.filter(member=member, currency__code="stamps").first()
    return found.available if found else 0


def known_of(*members) -> list:
    """Everything that rules know of some members, and what their grants add up to."""
    return [
        (
            list(RuleState.objects.filter(wallet__member=member).order_by("term", "period").values()),
            list(Contribution.objects.filter(wallet__member=member).order_by("pk").values()),
            sum(Grant.objects.filter(wallet__member=member).values_list("units", flat=True)),
        )
        for member in members
    ]


@pytest.fixture
def pair(shop):
    publish(THIRD, CARD, FIRST, CAKE, MINE)
    anna, double = shop.member(), shop.member()
    Member.objects.filter(pk=double.pk).update(birth_month=MARCH.month, birth_day=MARCH.day)
    for member, visits in ((anna, 1), (double, 2)):
        for _ in range(visits):
            shop.buy(member, 1_000)
    return anna, double


def test_taken_apart_at_once_all_that_rules_know_is_as_before(shop, pair):
    before = known_of(*pair)
    made = shop.merge(*pair)
    assert known_of(pair[1]) == [([], [], 0)]
    assert_sound()
    shop.unmerge(made)
    assert known_of(*pair) == before
    assert_sound()


def test_the_desk_is_told_what_rules_have_counted(pair):
    shown = operations.preview_merge(survivor_id=pair[0].pk, absorbed_id=pair[1].pk, at=MARCH)
    assert "What 4 rules have counted goes over, such as visits and stamps." in shown.moves


def test_what_both_have_reached_is_given_with_the_next_purchase_and_not_by_merging(shop, pair):
    anna, double = pair
    before = points(anna) + points(double)
    shop.merge(anna, double)
    assert (points(anna), stamps(anna)) == (before, 3)
    fourth = shop.buy(anna, 500)
    given = {bonus["term"]: bonus["amount"] for bonus in fourth.bonuses if bonus["currency"] == "points"}
    assert given == {"third": 30, "card.card": 40}  # and no second cake, no second welcome
    assert stamps(anna) == 0
    assert_sound()


def test_what_was_given_for_both_together_goes_back_when_they_part(shop, pair):
    anna, double = pair
    made = shop.merge(anna, double)
    shop.buy(anna, 500)
    shop.unmerge(made)
    assert (points(anna), stamps(anna)) == (10 + 10 + 20 + 5, 2)  # two visits of her own
    assert (points(double), stamps(double)) == (10 + 10 + 20 + 50 + 10 + 10, 2)
    assert_sound()
    third = shop.buy(anna, 500)
    assert [bonus["term"] for bonus in third.bonuses if bonus["currency"] == "points"] == ["third"]
    assert_sound()


def test_a_visit_refunded_while_merged_is_missing_from_the_card_that_goes_back(shop, pair):
    anna, double = pair
    again = shop.buy(double, 1_000)  # the third: 30 points
    mine = known_of(anna)
    made = shop.merge(anna, double)
    assert shop.refund(again, (1, 1_000)).points == 10  # three visits are left of four
    shop.unmerge(made)
    assert known_of(anna) == mine
    state = RuleState.objects.get(wallet__member=double, term="third")
    assert (state.measure, state.units) == (2, 0)
    assert_sound()


def test_a_members_own_limit_is_one_for_both_records(shop, pair):
    anna, double = pair
    assert shop.buy(anna, 1_000).points == 20
    made = shop.merge(anna, double)
    assert shop.buy(anna, 500).points == 5 + 30 + 40  # the month's 25 points have been doubled
    shop.unmerge(made)
    assert_sound()


def test_points_of_a_visit_that_still_wait_are_taken_where_they_wait(shop):
    operations.publish_rule_set(
        definition={
            "earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "pending": {"days": 14}, "rules": [THIRD | {"every": 1}],
        },
        live_from=LONG_AGO, name="Points that wait",
    )  # fmt: skip
    anna, double = shop.member(), shop.member()
    sale = shop.buy(double, 1_000)
    shop.merge(anna, double)
    assert shop.refund(sale, (1, 1_000)).points == 40
    assert (points(anna), queries.balance(double.pk, at=MARCH).pending) == (0, 0)
    assert_sound()


@pytest.mark.parametrize("parts_again", [False, True], ids=["still merged", "taken apart"])
def test_a_referrers_bonus_is_taken_back_wherever_a_merge_has_brought_it(shop, parts_again):
    publish(FRIEND)
    referrer, other, friend = (shop.member() for _ in range(3))
    operations.refer(code=operations.referral_code(member_id=referrer.pk, at=MARCH), friend_id=friend.pk, at=MARCH)
    sale = shop.buy(friend, 1_000)
    assert points(referrer) == 50
    made = shop.merge(other, referrer)
    if parts_again:
        shop.unmerge(made)
    shop.refund(sale, (1, 1_000))
    assert (points(referrer), points(other), points(friend)) == (0, 0, 0)
    assert_sound()


def test_a_referrers_bonus_paid_to_the_survivor_is_taken_back_from_them(shop):
    publish(FRIEND)
    referrer, other, friend = (shop.member() for _ in range(3))
    operations.refer(code=operations.referral_code(member_id=referrer.pk, at=MARCH), friend_id=friend.pk, at=MARCH)
    made = shop.merge(other, referrer)
    sale = shop.buy(friend, 1_000)
    assert points(other) == 50
    shop.unmerge(made)
    shop.refund(sale, (1, 1_000), at=MARCH + timedelta(days=1))
    assert (points(referrer), points(other), points(friend)) == (0, 0, 0)
    assert_sound()
