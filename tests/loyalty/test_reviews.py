"""Acts under review: their points wait, come back or go, and every promise of the ledger holds meanwhile."""

from datetime import timedelta

import pytest
from django.db import transaction

from loyalty import operations, queries, verifying
from loyalty.models import Review, Transfer
from tests.loyalty.conftest import MARCH

FACTS = {"purchases": 9}


def hold(wallet, version=1):
    return operations.hold_for_review(wallet_id=wallet.pk, version=version, pattern="velocity", facts=FACTS, at=MARCH)


def decide(held, *, release, reason="Looked at it", by=None):
    return operations.decide_review(review_id=held.review_id, release=release, reason=reason, by_user_id=by, at=MARCH)


def state(member):
    wallet = queries.wallet_of(member.pk)
    return wallet.available, wallet.pending, wallet.debt


def broken():
    return [(f.promise.words, f.breaches) for f in verifying.verify() if f.breaches]


@pytest.fixture
def member(shop):
    return shop.member()


def test_points_under_review_wait_and_come_back_to_their_lot(shop, member):
    shop.buy(member, 10_000)
    before = queries.wallet_of(member.pk)
    held = hold(before)
    assert (held.held, held.is_new, state(member)) == (100, True, (0, 100, 0))
    assert hold(before) == operations.HeldForReview(held.review_id, 100, is_new=False)
    with pytest.raises(operations.NotEnoughPoints):
        shop.redeem(member, 1)
    assert decide(held, release=True) == operations.Decided(0, 100, 0, is_replay=False)
    after = queries.wallet_of(member.pk)
    assert (after.lot_expires_on, after.lot_points) == (before.lot_expires_on, before.lot_points)
    assert decide(held, release=True).is_replay
    assert broken() == []


def test_a_cancelled_award_is_gone_and_a_refund_takes_back_no_more(shop, member):
    sale = shop.buy(member, 10_000)
    held = hold(queries.wallet_of(member.pk))
    assert decide(held, release=False).cancelled == 100
    assert state(member) == (0, 0, 0)
    assert shop.refund(sale, (1, 10_000)).points == 0
    assert state(member) == (0, 0, 0)
    assert broken() == []


@pytest.mark.parametrize("refunded", [0, 1, 3_350, 6_000, 10_000])
@pytest.mark.parametrize("spent", [0, 30])
@pytest.mark.parametrize("others", [0, 50_000])
def test_a_cancellation_and_refunds_together_take_exactly_what_was_earned(shop, member, refunded, spent, others):
    if others:
        shop.buy(member, others, at=MARCH - timedelta(days=60))
    sale = shop.buy(member, 10_000)
    if spent and not others:
        shop.redeem(member, spent)
    held = hold(queries.wallet_of(member.pk), version=2 if others else 1)
    if refunded:
        shop.refund(sale, (1, refunded))
    decide(held, release=False)
    if refunded < 10_000:
        shop.refund(sale, (1, 10_000 - refunded))
    available, pending, debt = state(member)
    gone = 0 if others else spent
    assert (available - debt, pending) == (others // 100 - gone, 0)
    assert broken() == []


@pytest.mark.parametrize("refunded", [0, 4_000, 10_000])
@pytest.mark.parametrize("spent", [0, 30])
def test_a_cancelled_bonus_is_not_taken_a_second_time_by_a_refund(shop, member, refunded, spent):
    """What was spent of a cancelled bonus stays spent: the decision wrote the bonus off."""
    shop.publish(
        [{"code": "v", "name": "Visits", "kind": "visits", "every": 2, "gives": {"points": 50}, "once_a_day": False}]
    )
    first = shop.buy(member, 1_000)
    sale = shop.buy(member, 10_000)
    if spent:
        shop.redeem(member, 10 + spent)
    held = hold(queries.wallet_of(member.pk), version=2)
    assert held.held == 150 - spent
    if refunded:
        shop.refund(sale, (1, refunded))
    decide(held, release=False)
    if refunded < 10_000:
        shop.refund(sale, (1, 10_000 - refunded))
    available, pending, debt = state(member)
    came_first = refunded == 10_000  # then the refund took all of it, and nothing was left to write off
    assert (available - debt, pending) == ((-spent if came_first else 0) if spent else 10, 0)
    shop.refund(first, (1, 1_000))
    assert broken() == []


def test_a_release_pays_what_the_member_owes_first(shop, member):
    sale = shop.buy(member, 10_000)
    held = hold(queries.wallet_of(member.pk))
    shop.refund(sale, (1, 4_000))
    assert state(member) == (0, 100, 40)
    assert decide(held, release=True) == operations.Decided(0, 60, 40, is_replay=False)
    assert state(member) == (60, 0, 0)
    assert broken() == []


def test_points_spent_already_cannot_be_held_and_the_case_is_opened_all_the_same(shop, member):
    shop.buy(member, 10_000)
    shop.redeem(member, 100)
    held = hold(queries.wallet_of(member.pk))
    review = Review.objects.get()
    assert (held.held, review.points, review.held_points, review.facts) == (0, 100, 0, FACTS)
    assert decide(held, release=False).cancelled == 0
    assert broken() == []


def test_a_lot_that_ended_while_it_waited_can_be_spent_for_thirty_days(shop, member):
    shop.buy(member, 10_000)
    held = hold(queries.wallet_of(member.pk))
    late = MARCH + timedelta(days=500)
    operations.decide_review(review_id=held.review_id, release=True, reason="Family of nine", by_user_id=None, at=late)
    assert queries.balance(member.pk, at=late + timedelta(days=30)).available == 100
    assert queries.balance(member.pk, at=late + timedelta(days=31)).available == 0
    assert broken() == []


def test_goodwill_under_review_is_cancelled_whole(shop, member):
    shop.adjust(member, 50)
    held = hold(queries.wallet_of(member.pk))
    assert decide(held, release=False).cancelled == 50
    assert state(member) == (0, 0, 0)
    assert broken() == []


def test_a_decision_needs_a_reason_and_is_made_once(shop, member):
    shop.buy(member, 10_000)
    held = hold(queries.wallet_of(member.pk))
    with pytest.raises(operations.CannotDecide, match="Say why"):
        decide(held, release=True, reason="  ")
    decide(held, release=True)
    with pytest.raises(operations.CannotDecide, match="other way"):
        decide(held, release=False)
    with pytest.raises(operations.CannotDecide, match="no such review"):
        operations.decide_review(review_id=0, release=True, reason="x", by_user_id=None, at=MARCH)
    assert state(member) == (100, 0, 0)


def test_an_act_that_gave_nothing_is_not_held(shop, member):
    shop.buy(member, 10_000)
    shop.redeem(member, 10)
    assert hold(queries.wallet_of(member.pk), version=2) is None
    assert not Review.objects.exists()


def test_a_blocked_wallet_earns_but_does_not_spend_until_staff_lifts_it(shop, member):
    shop.buy(member, 10_000)
    wallet = queries.wallet_of(member.pk)
    assert operations.block_spending(breaches=[(wallet.pk, "Nothing is below zero", "lots -1")], at=MARCH) == 1
    assert operations.block_spending(breaches=[(wallet.pk, "Nothing is below zero", "lots -1")], at=MARCH) == 0
    with pytest.raises(operations.SpendingBlocked), transaction.atomic():
        shop.redeem(member, 1)
    assert shop.buy(member, 1_000).available == 110
    with pytest.raises(operations.CannotUnblock, match="Say why"):
        operations.allow_spending(wallet_id=wallet.pk, reason=" ", by_user_id=None, at=MARCH)
    operations.allow_spending(wallet_id=wallet.pk, reason="Lot repaired", by_user_id=None, at=MARCH)
    assert shop.redeem(member, 10).available == 100
    with pytest.raises(operations.CannotUnblock, match="not blocked"):
        operations.allow_spending(wallet_id=wallet.pk, reason="Again", by_user_id=None, at=MARCH)
    assert Transfer.objects.filter(reason="redemption").count() == 1


def test_the_member_reads_what_happens_to_points_under_review(shop, member):
    shop.buy(member, 10_000)
    shop.buy(member, 3_000)
    wallet = queries.wallet_of(member.pk)
    first, second = hold(wallet, 1), hold(wallet, 2)
    decide(first, release=True)
    decide(second, release=False)
    assert [(e.points, e.sentence) for e in queries.entries(member.pk)][:4] == [
        (0, "30 points: checked and not granted"),
        (100, "100 points: checked and released"),
        (-30, "−30 points: being checked before they can be spent"),
        (-100, "−100 points: being checked before they can be spent"),
    ]
