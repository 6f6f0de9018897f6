"""When a repeating campaign goes out: dates from a rule, and moments from a date, a time of day and a time zone.

Daylight saving time: a time that is skipped on a day becomes the moment it would have been (02:30 is then 03:30 by the clock), a
time that comes twice is taken the first time. So every date has exactly one moment, and no two dates have the same.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
DAYS_LOOKED_AT = 400
FIRST_ZONE = "Etc/GMT-14"
"""Where a date begins first: 14 hours before Greenwich. The sign of these names is the wrong way round by tradition."""
DAY_AROUND_THE_EARTH = timedelta(hours=26)
"""From the first zone's time of day to the last one's."""


class NoSuchRule(ValueError):
    """The rule names no date at all."""


@dataclass(frozen=True)
class Rule:
    """Which dates. `weekdays` are 0 (Monday) to 6 of a weekly rule; `month_day` 1–31, in a shorter month its last day."""

    repeat: str
    weekdays: tuple[int, ...] = ()
    month_day: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None

    def holds(self, day: date) -> bool:
        if (self.starts_on and day < self.starts_on) or (self.ends_on and day > self.ends_on):
            return False
        if self.repeat == WEEKLY:
            return day.weekday() in self.weekdays
        if self.repeat == MONTHLY:
            return day.day == min(self.month_day or 1, calendar.monthrange(day.year, day.month)[1])
        return self.repeat == DAILY


def dates(rule: Rule, *, first: date, last: date) -> Iterator[date]:
    """The rule's dates from `first` to `last`, both included."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        if rule.holds(day):
            yield day


def next_date(rule: Rule, *, after: date) -> date | None:
    """The rule's first date after this one; None when there is none within some 13 months, or it has ended."""
    first = max(after + timedelta(days=1), rule.starts_on or date.min)
    return next(dates(rule, first=first, last=first + timedelta(days=DAYS_LOOKED_AT)), None)


@lru_cache(maxsize=1000)
def zone(name: str, *, otherwise: str) -> ZoneInfo:
    """The zone of this name; an unknown or empty one is `otherwise`."""
    try:
        return ZoneInfo(name) if name else ZoneInfo(otherwise)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(otherwise)


def moment(day: date, at: time, where: ZoneInfo) -> datetime:
    """The one moment of this date and time of day in a zone, in UTC."""
    return datetime.combine(day, at, tzinfo=where).replace(fold=0).astimezone(UTC)


def drawn_at(day: date, at: time, where: ZoneInfo, *, is_local: bool) -> datetime:
    """When the audience of a date is drawn: at its time, or, if everybody gets it by their own clock, when the first ones do."""
    return moment(day, at, ZoneInfo(FIRST_ZONE) if is_local else where)


def next_at_time(after: datetime, at: time, where: ZoneInfo) -> datetime:
    """The first moment from `after` on at which the clock of a zone shows a time of day."""
    day = after.astimezone(where).date()
    found = moment(day, at, where)
    return found if found >= after else moment(day + timedelta(days=1), at, where)
