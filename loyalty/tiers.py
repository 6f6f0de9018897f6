"""Which tier a member holds: a pure function of what the months of the window earned. No Django, no clock.

The window is this month and the eleven before it, by the programme's calendar. The posting function does the same
arithmetic under the wallet's lock (loyalty/sql/wallets.sql); the rate of a higher tier starts with the next purchase.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WINDOW_MONTHS = 12
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder. `points_from`: qualifying points inside the window that reach it."""

    code: str
    points_from: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a member stands. `missing` is 0 on the highest step; `window_ends` is the last day of this month's window."""

    tier: str
    qualifying: int
    next_tier: str | None
    missing: int
    window_ends: date


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def months_between(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def window(entries: Mapping[date, int], *, today: date) -> int:
    """Qualifying points of the window that `today` ends; `entries` are micropoints by first day of month."""
    micropoints = sum(m for month, m in entries.items() if 0 <= months_between(month, today) < WINDOW_MONTHS)
    return micropoints // MICRO


def moved(micropoints: Sequence[int], newest: date | None, *, today: date) -> list[int]:
    """The window's months, newest first, after time moved it on from `newest` to the month of `today`."""
    if newest is None:
        return [0]
    months = max(0, months_between(newest, today))
    return ([0] * min(months, WINDOW_MONTHS) + list(micropoints))[:WINDOW_MONTHS]


def tier_for(qualifying: int, *, ladder: Sequence[Step]) -> Step:
    """The highest step reached; the ladder starts at zero, so there always is one."""
    return max((step for step in ladder if step.points_from <= qualifying), key=lambda step: step.points_from)


def progress(qualifying: int, *, ladder: Sequence[Step], today: date) -> Progress:
    """The step reached, the next one, and how many points are missing to it."""
    reached = tier_for(qualifying, ladder=ladder)
    above = [step for step in ladder if step.points_from > qualifying]
    following = min(above, key=lambda step: step.points_from, default=None)
    return Progress(
        tier=reached.code,
        qualifying=qualifying,
        next_tier=following.code if following else None,
        missing=following.points_from - qualifying if following else 0,
        window_ends=last_of_month(today),
    )


def last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
