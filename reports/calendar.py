"""Months and weeks of the programme's own zone as moments, so that a statement need not work out the date of every purchase."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings


def midnight(day: date) -> datetime:
    """The moment a day of the programme begins."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(settings.TIME_ZONE))


def today(at: datetime) -> date:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def month_before(day: date, months: int) -> date:
    """The first of the month so many months before a day's own."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def month_after(day: date, months: int = 1) -> date:
    """The first of the month so many months after a day's own."""
    return month_before(day, -months)


def months_until(at: datetime, count: int) -> list[date]:
    """The first days of the last months, the running one last."""
    return [month_before(today(at), back) for back in reversed(range(count))]


def weeks_until(at: datetime, count: int) -> list[date]:
    """The Mondays of the last weeks, the running one last."""
    monday = today(at) - timedelta(days=today(at).weekday())
    return [monday - timedelta(weeks=back) for back in reversed(range(count))]
