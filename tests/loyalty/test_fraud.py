"""Fraud: what looks like it is held for review with its reason; honest members notice nothing."""

from datetime import timedelta

import pytest
from django.db import connection

from drills._fraud import Town
from loyalty import fraud, screening, verifying
from loyalty.models import CodeAttempt, Referral, Review
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import refuses


def test_who_guesses_codes_has_to_wait_and_others_do_not(db):
    for number in range(fraud.WRONG_CODES_MAX):
        fraud.check_code_attempts(actor="member:1", at=MARCH)
        fraud.note_code_attempt(actor="member:1", code=f"GUESS{number}", was_right=False, at=MARCH)
    with pytest.raises(fraud.TooManyAttempts):
        fraud.check_code_attempts(actor="member:1", at=MARCH + timedelta(minutes=14))
    fraud.check_code_attempts(actor="member:1", at=MARCH + timedelta(minutes=15))
    fraud.check_code_attempts(actor="member:2", at=MARCH)


def test_right_codes_do_not_count_and_codes_are_not_kept(db):
    for _ in range(fraud.WRONG_CODES_MAX + 1):
        fraud.note_code_attempt(actor="member:1", code="SPRING-7788", was_right=True, at=MARCH)
    fraud.check_code_attempts(actor="member:1", at=MARCH)
    assert b"SPRING" not in bytes(CodeAttempt.objects.first().code_hash)


def test_crooks_are_held_with_the_reason_and_honest_members_are_not(db):
    town = Town(purchases=1_500, crooks=4, seed=11)
    town.live()
    caught = town.screen()
    assert caught.held == caught.planted
    assert set(caught.planted) == {"velocity", "refund_cycling", "self_award"}
    assert caught.false_share <= 0.005
    assert town.screen().new == 0
    assert refuses(verifying.verify()) == []
    said = {review.pattern: fraud.reason(review) for review in Review.objects.order_by("-pk")}
    assert said["velocity"] == "12 purchases with one card within an hour"
    assert said["refund_cycling"] == "5 of 6 purchases within two weeks were returned"
    assert "Goodwill given" in said["self_award"]
    held = Review.objects.filter(pattern="velocity")
    assert all(review.held_points == review.points == 20 for review in held)


def test_old_receipts_of_an_import_are_history_and_not_suspected(shop):
    member = shop.member()
    for minute in range(12):
        shop.buy(member, 1_000, at=MARCH - timedelta(days=30) + timedelta(minutes=minute))
    assert screening.screen(at=MARCH).held == {}
    for minute in range(12):
        shop.buy(member, 1_000, at=MARCH - timedelta(minutes=minute))
    assert screening.screen(at=MARCH).held == {"velocity": 12}


BONUS = """
DO $$
DECLARE
    w loyalty_wallet := loyalty_lock_wallet(1::smallint, {member});
    act loyalty_transfer := loyalty_own_act('referral:{referral}:0', 'bonus', '{at}');
BEGIN
    act.seq := 0;
    PERFORM loyalty_save_wallet(loyalty_credit(w, act, 50, date '2027-03-31', NULL, '', 'friends'));
END $$
"""


def referred(*pairs):
    """Referrals that were paid, each with its bonus in the referrer's wallet, as the posting function writes it."""
    for referrer, friend in pairs:
        made = Referral.objects.create(referrer=referrer, friend=friend, state="paid", at=MARCH, settled_at=MARCH)
        with connection.cursor() as cursor:
            cursor.execute(BONUS.format(member=referrer.pk, referral=made.pk, at=MARCH.isoformat()))


def test_friends_who_refer_each_other_in_a_ring_are_held_and_a_chain_is_not(shop):
    a, b, c, d, e = (shop.member() for _ in range(5))
    monkey = [(a, b), (b, c), (c, a), (d, e)]
    referred(*monkey)
    assert screening.screen(at=MARCH).held == {"referral_ring": 3}
    assert not Review.objects.filter(wallet__member=d).exists()
    assert {fraud.reason(review) for review in Review.objects.all()} == {"A ring of 3 members who refer each other"}


def test_more_friends_in_a_day_than_anybody_has_are_held(shop):
    star, some = shop.member(), shop.member()
    referred(*((star, shop.member()) for _ in range(fraud.LIMITS.friends_max + 1)))
    referred(*((some, shop.member()) for _ in range(fraud.LIMITS.friends_max)))
    assert screening.screen(at=MARCH).held == {"referral_ring": 9}
    assert {review.wallet.member_id for review in Review.objects.all()} == {star.pk}


def test_who_guesses_codes_is_named_to_staff(db):
    for number in range(7):
        fraud.note_code_attempt(actor="member:1", code=f"G{number}", was_right=False, at=MARCH)
    fraud.note_code_attempt(actor="member:2", code="G", was_right=False, at=MARCH)
    assert fraud.guessers(at=MARCH) == [fraud.Guesser("member:1", 7, MARCH)]
    assert fraud.guessers(at=MARCH + timedelta(days=2)) == []
