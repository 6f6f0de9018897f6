"""A series read as one: the final reports of its dates, pooled. Numbers in, one estimate with its doubt out; no database.

Each date drew its members and its chance anew, so the differences of two dates are uncorrelated even where the same members were
in both and a purchase counts in both windows: what a member was assigned on one date says nothing of the next. The pooled
difference is the mean over everybody who was sent something, not over dates: Σ nΔ ⁄ Σ n, with variance Σ n²s² ⁄ (Σ n)². It assumes
nothing about the dates being alike. Because it is read again after every date, its interval is the one that may be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from insights import lift

DATES_PLANNED = 8
"""The always-valid interval is tightest here; a reading after two dates or after fifty is valid as well."""


@dataclass(frozen=True)
class Date:
    """One date's final report: difference per member sent it (minor units), its standard error, members on both sides."""

    absolute: float
    standard_error: float
    n_control: int
    n_treated: int
    mean_control: float


@dataclass(frozen=True)
class Pooled:
    """All dates together: difference per member and date with its 95 % interval, and the same over everybody, in minor units."""

    dates: int
    n_control: int
    n_treated: int
    absolute: float
    low: float
    high: float

    @property
    def total(self) -> float:
        return self.absolute * self.n_treated

    @property
    def total_low(self) -> float:
        return self.low * self.n_treated

    @property
    def total_high(self) -> float:
        return self.high * self.n_treated


def pool(dates: Sequence[Date]) -> Pooled | None:
    """The dates as one; None without any that can be read."""
    read = [one for one in dates if one.n_treated and one.standard_error > 0]
    if not read:
        return None
    treated, control = sum(one.n_treated for one in read), sum(one.n_control for one in read)
    absolute = sum(one.n_treated * one.absolute for one in read) / treated
    error = math.sqrt(sum((one.n_treated * one.standard_error) ** 2 for one in read)) / treated
    mean = sum(one.n_treated * one.mean_control for one in read) / treated
    whole = lift.Lift(
        absolute,
        absolute,
        absolute,
        None,
        None,
        None,
        1.0,
        control,
        treated,
        mean,
        mean + absolute,
        standard_error=error,
    )
    found = lift.confidence_sequence(whole, share_of_plan=len(read) / DATES_PLANNED)
    return Pooled(len(read), control, treated, absolute, found.low, found.high)


def of_reports(reports) -> tuple[Pooled | None, int]:
    """The pooled reading of final reports' figures, and how many dates were left out because their split is broken."""
    dates, broken = [], 0
    for figures in reports:
        first = next((one for one in figures["comparisons"] if one["metric"] == figures["primary"]), None)
        if figures["sample_ratio"]["verdict"] == "red":
            broken += 1
        elif first and not first.get("cannot"):
            dates.append(Date(*(first[name] for name in Date.__dataclass_fields__)))
    return pool(dates), broken
