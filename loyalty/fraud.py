"""What looks like fraud, and what is done about it at once: codes that are guessed, acts that are held for review."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from loyalty.models import CodeAttempt
from loyalty.operations.errors import LedgerRefusal
from members.crypto import keyed_hash

WRONG_CODES_MAX = 5
WRONG_CODES_WINDOW = timedelta(minutes=15)


class TooManyAttempts(LedgerRefusal):
    """So many wrong codes lately that no code is looked at for a while, right or wrong."""


def check_code_attempts(*, actor: str, at: datetime):
    """Refuse who guessed wrong too often in the last quarter of an hour. Raises TooManyAttempts."""
    wrong = CodeAttempt.objects.filter(actor=actor, at__gt=at - WRONG_CODES_WINDOW, at__lte=at, was_right=False)
    if wrong.count() >= WRONG_CODES_MAX:
        raise TooManyAttempts(_("Too many wrong codes. Wait a quarter of an hour, then try again."))


def note_code_attempt(*, actor: str, code: str, was_right: bool, at: datetime):
    """Remember a try of a voucher or gift card code. Call it outside a transaction that a wrong code rolls back."""
    CodeAttempt.objects.create(actor=actor, code_hash=keyed_hash(code, kind="code"), was_right=was_right, at=at)
