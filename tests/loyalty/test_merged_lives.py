"""What random lives found in merges, gifts and points that waited: each as a short story, so that it stays found."""

from datetime import timedelta

import pytest

from loyalty import operations, queries
from loyalty.models import Wallet
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import LONG_AGO, WAITING, WITH_VISITS, definition
from tests.loyalty.verdict import assert_sound


def has(member):
    wallet = Wallet.objects.get(member=member)
    return wallet.available, wallet.debt


def publish(rules):
    operations.publish_rule_set(definition=definition(rules), live_from=LONG_AGO, name="Test")


def test_a_member_without_a_wallet_is_merged_all_the_same_and_later_points_find_the_survivor(shop):
    anna, double = shop.member(), shop.member()
    shop.merge(anna, double)
    shop.buy(double, 10_000)
    assert has(anna) == (100, 0)
    assert_sound()


def test_two_records_of_one_person_give_each_other_nothing(shop):
    anna, double, ben = shop.member(), shop.member(), shop.member()
    shop.buy(anna, 10_000)
    made = shop.merge(anna, double)
    for pair in ((anna, double), (double, anna)):
        with pytest.raises(operations.CannotGive, match="your own"):
            shop.give(*pair, 10)
    shop.give(double, ben, 30)
    assert (has(anna), has(ben)) == ((70, 0), (30, 0))
    shop.unmerge(made)
    assert (has(anna), has(double)) == ((70, 0), (0, 0))
    assert_sound()


def test_a_gift_of_points_that_a_hold_has_let_go_by_now_is_possible(shop):
    anna, ben = shop.member(), shop.member()
    shop.buy(anna, 10_000)
    shop.hold(anna, 80, until=MARCH + timedelta(minutes=5))
    shop.give(anna, ben, 100, at=MARCH + timedelta(minutes=6))
    assert (has(anna), has(ben)) == ((0, 0), (100, 0))
    assert_sound()


def test_a_bonus_taken_back_after_a_merge_is_paid_by_the_survivor(shop):
    publish(WITH_VISITS)
    anna, double = shop.member(), shop.member()
    shop.buy(double, 1_000)
    second = shop.buy(double, 1_000)
    assert has(double) == (10 + 10 + 60, 0)
    shop.merge(anna, double)
    shop.refund(second, (1, 1_000))
    assert (has(anna), has(double)) == ((10 + 30, 0), (0, 0))
    assert_sound()


def test_refunding_points_that_waited_and_expired_unspent_takes_nothing_twice(shop):
    publish(WAITING)
    member = shop.member()
    sale = shop.buy(member, 10_000)
    operations.mature_points(at=MARCH + timedelta(days=20))
    late = MARCH + timedelta(days=400)
    operations.expire_points(at=late)
    shop.refund(sale, (1, 10_000), at=late)
    assert has(member) == (0, 0)
    assert_sound()


def test_refunding_points_that_still_wait_after_a_merge_leaves_the_survivor_no_debt(shop):
    publish(WAITING)
    anna, double = shop.member(), shop.member()
    sale = shop.buy(double, 10_000)
    shop.merge(anna, double)
    shop.refund(sale, (1, 10_000))
    assert (has(anna), has(double)) == ((0, 0), (0, 0))
    assert queries.balance(double.pk, at=MARCH).pending == 0
    assert_sound()


def test_a_hold_let_go_in_a_chain_of_merges_comes_back_to_whom_it_was_taken_from(shop):
    anna, ben, carl = shop.member(), shop.member(), shop.member()
    shop.buy(anna, 10_000)
    held = shop.hold(anna, 60, until=MARCH + timedelta(days=1)).hold
    first = shop.merge(ben, anna)
    second = shop.merge(carl, ben)
    shop.void(held.public_id)
    assert has(carl) == (100, 0)
    shop.unmerge(second)
    assert (has(carl), has(ben)) == ((0, 0), (100, 0))
    shop.unmerge(first)
    assert (has(ben), has(anna)) == ((0, 0), (100, 0))
    assert_sound()
