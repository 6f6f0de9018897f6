"""The short way of a checkout; that it ends in the rows of the general way is tested with batches (test_batches.py)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from loyalty import queries
from loyalty.models import Award, Transfer, Wallet
from members.models import Household
from sales.models import Purchase
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


def test_a_wallet_never_gets_a_second_holder(shop):
    member = shop.member()
    shop.buy(member, 1000)
    household = Household.objects.create()
    with pytest.raises(IntegrityError, match="two holders"), transaction.atomic():
        Wallet.objects.filter(member=member).update(household=household)
    assert Wallet.objects.get(member=member).household_id is None
