"""The digits with which cashiers take turns at one till. Real time, never the business clock.

A PIN is four to six digits, so it is worth little by itself: it works only where somebody has signed in in full, only among
people of one store, and five wrong tries shut it for a quarter of an hour.
"""

import re
from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from members.models import TillPin

TRIES = 5
SHUT_FOR = timedelta(minutes=15)
_GUESSED_FIRST = {"1234", "12345", "123456", "4321", "54321", "654321"}


class WrongPin(Exception):
    """The PIN is wrong, not set, or shut after wrong tries; the text says which of the two the cashier can do something about."""


def set_pin(*, user, pin: str) -> TillPin:
    """Give a cashier their PIN. Raises ValueError saying what to choose instead."""
    if not re.fullmatch(r"[0-9]{4,6}", pin):
        raise ValueError(_("Choose four to six digits."))
    if len(set(pin)) == 1 or pin in _GUESSED_FIRST:
        raise ValueError(_("This one is guessed first. Choose other digits."))
    found, _made = TillPin.objects.update_or_create(
        user=user, defaults={"pin_hash": make_password(pin), "tries": 0, "tried_at": None, "set_at": timezone.now()}
    )
    return found


def check_pin(*, user, pin: str):
    """Pass, or raise WrongPin. The try is counted before it is looked at, so many at once are no more than five."""
    now = timezone.now()
    mine = TillPin.objects.filter(user=user)
    with transaction.atomic():
        mine.filter(tried_at__lt=now - SHUT_FOR).update(tries=0)
        if not mine.filter(Q(tries__lt=TRIES)).update(tries=F("tries") + 1, tried_at=now):
            raise WrongPin(_("Too many wrong tries. Wait 15 minutes, or sign in with your password."))
    if not check_password(pin, mine.get().pin_hash):
        raise WrongPin(_("This is not the right PIN. Try again."))
    mine.update(tries=0)
