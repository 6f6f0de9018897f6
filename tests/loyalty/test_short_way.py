"""The short way of a checkout; that it ends in the rows of the general way is tested with batches (test_batches.py)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty import operations, queries
from loyalty.models import Award, Transfer, Wallet
from members.models import Household
from sales.models import Purchase
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import is_sound

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"


def _bought_meanwhile(shop, member):
    try:
        return shop.buy(member, 2460)
    finally:
        connection.close()


def _are_waiting(cursor) -> int:
    cursor.execute(WAITING)
    return cursor.fetchone()[0]


def test_a_wallet_that_changes_between_reading_and_writing_is_awarded_by_the_general_way(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    shop.buy(member, 1000)
    with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute("UPDATE loyalty_wallet SET carry_micropoints = 500000 WHERE member_id = %s", [member.pk])
            answer = pool.submit(_bought_meanwhile, shop, member)
            while not (_are_waiting(cursor) or answer.done()):
                time.sleep(0.01)
        assert answer.result().points == 25  # 24.60 and the half point that was not there when it was read
    assert (Purchase.objects.count(), Award.objects.count(), Transfer.objects.count()) == (2, 2, 2)
    wallet = Wallet.objects.get(member=member)
    assert (wallet.available, wallet.version, wallet.carry_micropoints) == (35, 2, 100_000)


def test_tills_that_serve_one_member_at_once_all_award(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _bought_meanwhile(shop, member), range(16)))
    assert sum(answer.points for answer in answers) == queries.wallet_of(member.pk).available == 16 * 2460 // 100
    assert is_sound()


def test_a_key_that_names_another_kind_of_act_is_refused_though_it_is_met_only_at_the_end(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    shop.buy(member, 1000)
    shop.redeem(member, 5, key="said before")
    with pytest.raises(operations.KeyReused):
        shop.buy(member, 2460, key="said before")
    available = Wallet.objects.get(member=member).available
    assert (Purchase.objects.count(), Transfer.objects.count(), available) == (1, 2, 5)
    assert is_sound()


def test_a_ladder_by_calendar_years_is_climbed_from_its_lowest_step(shop):
    operations.change_tier(code="silver", counted_over="calendar")
    member = shop.member()
    shop.buy(member, 60_000)
    climbed = shop.buy(member, 60_000)
    assert (climbed.tier_code, climbed.tier_after_code, climbed.points) == ("member", "silver", 600)


def test_an_award_leaves_the_hash_of_what_was_said_to_its_purchase(shop):
    member = shop.member()
    shop.buy(member, 1000)
    shop.buy(member, 1000, at=MARCH)
    assert [bytes(moved.body_hash) for moved in Transfer.objects.order_by("version")] == [b"", b""]
    assert all(len(bytes(sold.body_hash)) == 16 for sold in Purchase.objects.all())


def test_a_wallet_never_gets_a_second_holder(shop):
    member = shop.member()
    shop.buy(member, 1000)
    household = Household.objects.create()
    with pytest.raises(IntegrityError, match="two holders"), transaction.atomic():
        Wallet.objects.filter(member=member).update(household=household)
    assert Wallet.objects.get(member=member).household_id is None
