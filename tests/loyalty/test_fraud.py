"""Fraud: what looks like it is held for review with its reason; honest members notice nothing."""

from datetime import timedelta

import pytest

from loyalty import fraud
from loyalty.models import CodeAttempt
from tests.loyalty.conftest import MARCH


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
