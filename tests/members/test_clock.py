"""The business clock: real time, but for a demo that moves it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from members import clock
from members.models import BusinessClock

pytestmark = pytest.mark.django_db


def drift() -> timedelta:
    return abs(clock.now() - datetime.now(UTC))


def test_it_shows_real_time_until_it_is_moved_and_after_it_is_moved_back():
    assert drift() < timedelta(seconds=5)
    clock.set_shift(timedelta(weeks=-4))
    assert abs(drift() - timedelta(weeks=4)) < timedelta(seconds=5)
    clock.set_shift(timedelta())
    assert drift() < timedelta(seconds=5)


def test_in_production_it_cannot_be_set_and_a_shift_left_behind_is_not_read(settings):
    clock.set_shift(timedelta(weeks=-4))
    settings.DEMO = settings.TESTING = False
    with pytest.raises(RuntimeError, match="demo only"):
        clock.set_shift(timedelta(hours=1))
    assert drift() < timedelta(seconds=5)
    assert BusinessClock.objects.get().shift_minutes == -4 * 7 * 24 * 60


def test_there_is_one_clock():
    clock.set_shift(timedelta(minutes=1))
    with pytest.raises(IntegrityError, match="there_is_one_business_clock"), transaction.atomic():
        BusinessClock.objects.create(pk=2)
