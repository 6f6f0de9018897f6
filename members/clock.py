"""The business clock: what "now" means for campaigns, expiry and reports.

It is real time, except in the demo, where it can be set back by a whole number of minutes so that a campaign can be sent
"four weeks ago" on real purchases. Sessions, codes, tokens, leases and signatures never ask it: security uses real time.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection


def now() -> datetime:
    """The business time, aware, in UTC."""
    real = datetime.now(UTC)
    return real + _shift() if settings.DEMO or settings.TESTING else real


def _shift() -> timedelta:
    with connection.cursor() as cursor:
        cursor.execute("SELECT shift_minutes FROM members_businessclock")
        row = cursor.fetchone()
    return timedelta(minutes=row[0]) if row else timedelta()


def set_shift(shift: timedelta) -> None:
    """Move the business clock by `shift` (negative: into the past). Raises RuntimeError in production."""
    from members.models import BusinessClock

    if not (settings.DEMO or settings.TESTING):
        raise RuntimeError("The business clock can be set in the demo only (REGULARS_MODE=demo).")
    BusinessClock.objects.update_or_create(pk=1, defaults={"shift_minutes": round(shift.total_seconds() / 60)})
