"""Stretches of the calendar that rules count in, and days that come once a year."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from functools import lru_cache

NEVER = date(9999, 12, 31)
EVER = date(1, 1, 1)
PERIODS = ("ever", "day", "week", "month", "quarter", "year")


@lru_cache(4096)
def month_end(day: date, months: int) -> date:
    """The last day of the month that lies `months` after the one of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


@lru_cache(4096)
def period_of(day: date, period: str) -> tuple[date, date]:
    """The first and the last day of the period that holds `day`. Weeks begin on Monday."""
    if period == "day":
        return day, day
    if period == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    if period == "month":
        return day.replace(day=1), month_end(day, 0)
    if period == "quarter":
        first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        return first, month_end(first, 2)
    if period == "year":
        return day.replace(month=1, day=1), day.replace(month=12, day=31)
    return EVER, NEVER


def step_of(day: date, unit: str) -> int:
    """A number that grows by one from each day, week or month to the next: consecutive numbers make a streak."""
    if unit == "month":
        return day.year * 12 + day.month - 1
    return (day.toordinal() - 1) // 7 if unit == "week" else day.toordinal()


def celebrated_on(year: int, month: int, day: int) -> date:
    """The day of this year on which a yearly day is kept; 29 February is kept on 28 February in common years."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def occasion(month: int, day: int, *, today: date, days_before: int, days_after: int) -> date | None:
    """The yearly day whose window (so many days before and after it) holds `today`, or None.

    Windows may reach over the turn of the year: a birthday on 2 January, three days before it, is still this one. Of two
    windows that overlap, the nearer day is meant; the earlier one if both are as near.
    """
    near = [
        kept
        for year in (today.year - 1, today.year, today.year + 1)
        if date.min.year < year < date.max.year
        and (kept := celebrated_on(year, month, day)) - timedelta(days=days_before)
        <= today
        <= kept + timedelta(days=days_after)
    ]
    return min(near, key=lambda kept: (abs((kept - today).days), kept), default=None)


@lru_cache(4096)
def days_near(today: date, days_before: int, days_after: int) -> tuple[int, ...]:
    """The yearly days, as month × 100 + day, whose window may hold `today`. Empty: too many to name, ask about every one."""
    if days_before + days_after > 60:
        return ()
    days = [today + timedelta(days=n) for n in range(-days_after, days_before + 1)]
    return tuple({day.month * 100 + day.day for day in days} | {229 for day in days if keeps_leap_day(day)})


def keeps_leap_day(day: date) -> bool:
    """Whether 29 February is kept on this day, the 28th of a common year."""
    return (day.month, day.day) == (2, 28) and not calendar.isleap(day.year)
