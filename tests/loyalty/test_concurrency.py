"""Many at once: one key, one balance, one purchase; everything happens once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from django.db import connection

from loyalty import operations, queries, verifying
from loyalty.models import Transfer
from loyalty.operations import KeyReused, NotEnoughPoints, PurchaseIn
from sales.lines import Line
from sales.models import Purchase
from tests.loyalty.conftest import MARCH


def at_once(calls):
    """Run the calls in threads of their own connections; each gives its answer or the refusal it met."""

    def run(call):
        try:
            return call()
        except (KeyReused, NotEnoughPoints, operations.CannotRefund) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def is_sound():
    return [(f.promise.words, f.breaches) for f in verifying.verify() if f.breaches] == []


def test_one_key_fifty_times_at_once_is_one_purchase(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    answers = at_once([lambda: shop.buy(member, 2460, key="once") for _ in range(50)])
    assert sorted(a.is_replay for a in answers) == [False] + [True] * 49
    assert {(a.purchase_id, a.points, a.available) for a in answers} == {(answers[0].purchase_id, 24, 24)}
    assert (Purchase.objects.count(), Transfer.objects.count()) == (1, 1)
    assert is_sound()


def test_one_key_with_fifty_bodies_is_one_purchase_and_the_rest_conflict(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    answers = at_once([lambda minor=1000 + n * 100: shop.buy(member, minor, key="once") for n in range(50)])
    assert sum(isinstance(a, KeyReused) for a in answers) == 49
    [winner] = [a for a in answers if not isinstance(a, KeyReused)]
    assert queries.wallet_of(member.pk).available == winner.points
    assert is_sound()


def test_parallel_redemptions_never_spend_more_than_there_is(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    shop.buy(member, 10_000)
    answers = at_once([lambda: shop.redeem(member, 30) for _ in range(12)])
    assert sum(isinstance(a, NotEnoughPoints) for a in answers) == 9
    assert queries.wallet_of(member.pk).available == 10
    assert is_sound()


def test_parallel_refunds_take_back_each_line_once(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    sale = shop.buy(member, 1000)
    answers = at_once([lambda: shop.refund(sale, (1, 300)) for _ in range(10)])
    assert sum(isinstance(a, operations.CannotRefund) for a in answers) == 7
    assert queries.wallet_of(member.pk).available == 1
    assert is_sound()


def test_batches_and_single_acts_of_the_same_members_do_not_deadlock(committed_shop):
    """Batches that hold the same members in opposite orders, one of them with the same keys, beside refunds and expiry."""
    shop = committed_shop
    members = [shop.member() for _ in range(6)]
    sales = [shop.buy(member, 5000) for member in members]

    def batch(name, people):
        return lambda: operations.record_purchases(
            [
                PurchaseIn("till", f"{name}-{n}", "S1", MARCH, "USD", [Line("milk", Decimal(1), 1000)], member.pk)
                for n, member in enumerate(people)
            ]
        )

    calls = [batch("a", members * 4), batch("b", members[::-1] * 4), batch("a", members * 4)]
    calls += [lambda sale=sale: shop.refund(sale, (1, 500)) for sale in sales]
    calls += [lambda: operations.expire_points(at=MARCH + timedelta(days=1))]
    at_once(calls)
    assert [queries.wallet_of(member.pk).available for member in members] == [50 + 80 - 5] * 6
    assert is_sound()
