"""Members give points to each other: within limits, never more than there is, and every lot keeps its last day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries
from loyalty.models import Transfer, Wallet
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.verdict import assert_sound


def give(shop, giver, taker, points, *, key=None, at=MARCH, note=""):
    return operations.give_points(
        from_member_id=giver.pk, to_member_id=taker.pk, points=points, source="portal", client_key=key or shop.key(), at=at,
        note=note,
    )  # fmt: skip


def lots(member):
    wallet = Wallet.objects.get(member=member)
    return dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


def test_a_gift_keeps_the_last_day_of_its_points(shop):
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 5_000, at=MARCH - timedelta(days=40))
    shop.buy(anna, 3_000)
    before = lots(anna)
    given = give(shop, anna, ben, 60, note="For your birthday")
    assert given.available == 20
    first, second = sorted(before)
    assert lots(ben) == {first: 50, second: 10}
    assert queries.entries(ben.pk)[0].sentence == "60 points: a gift – For your birthday"
    assert queries.entries(anna.pk)[0].sentence == "−60 points: given away – For your birthday"
    assert_sound()


def test_the_same_gift_again_is_one_gift_and_another_body_is_refused(shop):
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 10_000)
    first = give(shop, anna, ben, 40, key="once")
    again = give(shop, anna, ben, 40, key="once")
    assert again.is_replay
    assert (again.version, again.available) == (first.version, first.available)
    with pytest.raises(operations.KeyReused):
        give(shop, anna, ben, 41, key="once")
    assert Wallet.objects.get(member=ben).available == 40


def test_gifts_stay_within_the_limits_of_the_day_and_the_month(shop):
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 100_000)
    operations.set_gift_policy(is_open=True, points_min=10, points_per_day_max=100, points_per_month_max=150)
    give(shop, anna, ben, 70)
    with pytest.raises(operations.CannotGive, match="30 are left today") as refused:
        give(shop, anna, ben, 40)
    assert refused.value.allowed == 30
    give(shop, anna, ben, 30)
    tomorrow = MARCH + timedelta(days=1)
    with pytest.raises(operations.CannotGive, match="50 are left this month"):
        give(shop, anna, ben, 51, at=tomorrow)
    give(shop, anna, ben, 50, at=tomorrow)
    give(shop, anna, ben, 100, at=MARCH + timedelta(days=30))
    with pytest.raises(operations.CannotGive, match="at least 10"):
        give(shop, anna, ben, 9, at=MARCH + timedelta(days=40))
    assert Wallet.objects.get(member=ben).available == 250
    assert_sound()


def test_who_may_give_is_the_programmes_to_say(shop):
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 50_000)
    limits = {"points_min": 10, "points_per_day_max": 1000, "points_per_month_max": 1000}
    operations.set_gift_policy(is_open=True, from_tier_code="silver", **limits)
    with pytest.raises(operations.CannotGive, match="begins with the tier Silver"):
        give(shop, anna, ben, 20)
    operations.set_gift_policy(is_open=False, **limits)
    with pytest.raises(operations.CannotGive, match="cannot be given away"):
        give(shop, anna, ben, 20)
    with pytest.raises(operations.CannotGive, match="your own"):
        give(shop, anna, anna, 20)
    assert Transfer.objects.filter(reason="gift").count() == 0


def test_twenty_gifts_of_a_hundred_at_once_out_of_a_hundred_are_one(committed_shop):
    shop = committed_shop
    anna = shop.member()
    friends = [shop.member() for _ in range(20)]
    shop.adjust(anna, 100)

    def once(friend):
        try:
            return give(shop, anna, friend, 100, key=f"gift-{friend.pk}")
        except operations.NotEnoughPoints:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(once, friends))
    assert sum(answer is not None for answer in answers) == 1
    assert Wallet.objects.get(member=anna).available == 0
    assert sum(Wallet.objects.filter(member__in=friends).values_list("available", flat=True)) == 100
    assert_sound()


def test_gifts_in_both_directions_at_once_all_arrive(committed_shop):
    shop = committed_shop
    anna, ben = shop.member(), shop.member()
    for member in (anna, ben):
        shop.adjust(member, 1_000)

    def once(number):
        pair = (anna, ben) if number % 2 else (ben, anna)
        try:
            return give(shop, *pair, 10 + number, key=f"gift-{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(once, range(24)))) == 24
    assert Wallet.objects.get(member=anna).available == 1_000 - 12
    assert_sound()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 400), st.integers(0, 500)),
        min_size=1,
        max_size=8,
    )
)
def test_gifts_make_and_lose_no_points(db, gifts):
    shop = open_shop()
    members = [shop.member() for _ in range(3)]
    operations.set_gift_policy(is_open=True, points_min=1, points_per_day_max=10_000, points_per_month_max=10_000)
    for number, member in enumerate(members):
        shop.buy(member, 40_000, at=MARCH - timedelta(days=31 * number))
    expected = dict(zip(members, [400, 400, 400], strict=True))
    for giver, taker, points, _later in gifts:
        try:
            give(shop, members[giver], members[taker], points)
        except operations.LedgerRefusal:
            assert giver == taker or expected[members[giver]] < points
            continue
        expected[members[giver]] -= points
        expected[members[taker]] += points
    assert {m: Wallet.objects.get(member=m).available for m in members} == expected
    assert_sound(*Wallet.objects.filter(member__in=members).values_list("pk", flat=True))
