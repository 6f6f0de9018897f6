"""When points expire: by their lot's last day, and by leaving the account alone."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from loyalty.earning.periods import NEVER, month_end
from loyalty.earning.problems import Problem


def _(text: str) -> str:
    """Mark a text for translation; the reader's language is known only when it is shown."""
    return text


REMEDY = _(
    'write {"months": 12} (to the end of that month), {"days": 90} or {"years": 1} (to 31 December), and beside it '
    '"inactive_months" if points end when nothing is bought for so long; or null for points that never expire.'
)
UNITS = ("days", "months", "years")
MONTHS_MAX = 1200


class Expiry(NamedTuple):
    """`count` of `unit`: days count from the purchase, months and years run to their end. No unit: for ever.

    `inactive_months` without any activity end everything, whatever the lots say.
    """

    unit: str = ""
    count: int = 0  # type: ignore[assignment]  # a tuple has a method of this name, which nobody needs here
    inactive_months: int | None = None

    def last_day(self, day: date) -> date:
        """The last day on which points of this day may be spent."""
        if self.unit == "days":
            return day + timedelta(days=self.count)
        if self.unit == "years":
            return date(day.year + self.count, 12, 31)
        return month_end(day, self.count) if self.unit == "months" else NEVER

    def active_from(self, at: datetime) -> datetime | None:
        """Who was last active before this has lost their points at `at`; None when inactivity costs nothing.

        A day later than the rule says, so that the last day is always a whole one.
        """
        if self.inactive_months is None:
            return None
        return months_before(at, self.inactive_months) - timedelta(days=1)


def months_before(at: datetime, months: int) -> datetime:
    """The same day and time so many months before; of a shorter month the last day, as PostgreSQL counts."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def of_definition(said: Any, problems: list[Problem]) -> Expiry:
    """The expiry a rule set says: {"months": 12}, {"days": 90}, {"years": 1}, with or without "inactive_months"; null."""
    if said is None:
        return Expiry()
    remedy = Problem("expiry", REMEDY)
    if not isinstance(said, dict):
        problems.append(remedy)
        return Expiry()
    inactive = said.get("inactive_months")
    units = [unit for unit in UNITS if unit in said]
    is_right = (
        not said.keys() - {*UNITS, "inactive_months"}
        and len(units) <= 1
        and (units or inactive is not None)
        and all(_is_count(said[unit], 0 if unit == "years" else 1) for unit in units)
        and (inactive is None or _is_count(inactive, 1))
    )
    if not is_right:
        problems.append(remedy)
        return Expiry()
    return Expiry(units[0] if units else "", said[units[0]] if units else 0, inactive)


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MONTHS_MAX * 31
