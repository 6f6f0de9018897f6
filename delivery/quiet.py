"""Quiet hours: the hours of a member's own day in which no marketing message may arrive."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def is_quiet(clock: time, *, quiet_from: time, quiet_until: time) -> bool:
    """Whether a local time lies in [quiet_from, quiet_until), which may span midnight. Equal ends: never."""
    if quiet_from <= quiet_until:
        return quiet_from <= clock < quiet_until
    return clock >= quiet_from or clock < quiet_until


def resume_at(at: datetime, *, zone: ZoneInfo, quiet_from: time, quiet_until: time) -> datetime | None:
    """The moment quiet hours end, if `at` lies in them; None when it does not. Always later than `at`.

    A wall-clock end that the spring change skips falls an hour later; one that the autumn change repeats is met at its
    first occurrence that is still to come.
    """
    local = at.astimezone(zone)
    if not is_quiet(local.time(), quiet_from=quiet_from, quiet_until=quiet_until):
        return None
    for days in (0, 1, 2):
        for fold in (0, 1):
            end = (
                datetime.combine(local.date() + timedelta(days=days), quiet_until, zone)
                .replace(fold=fold)
                .astimezone(at.tzinfo)
            )
            if end > at:
                return end
    raise AssertionError("a day has an end")
