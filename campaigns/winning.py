"""Which variant won, by a rule that may be asked every minute without growing wrong; and when a campaign does harm.

Asking “is A ahead?” again and again with an ordinary test finds a winner between equals in one of four cases. Here the leader wins
when the always-valid interval (insights.lift.sequences) of its difference to every other variant leaves out zero, the α of 5 %
shared among the comparisons (Bonferroni). So at most one in twenty campaigns of equal variants ever names a certain winner,
however often it is looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from insights.lift import ArmStats, CannotCompare, confidence_sequence, difference
from insights.lift.sequences import reach

ALPHA = 0.05
MEMBERS_MIN = 50
"""Below this the normal approximation of the interval means nothing."""


@dataclass(frozen=True)
class Reached:
    """What one variant reached so far: members, Σ and Σ of squares of the goal."""

    variant_id: int
    name: str
    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    def stats(self) -> ArmStats:
        return ArmStats(self.name, self.n, self.total, self.squares)


@dataclass(frozen=True)
class InPart:
    """What one variant reached in one part: members, Σ and Σ² of the goal, and the chance its members had of this variant."""

    variant_id: int
    part: int
    n: int
    total: float
    squares: float
    propensity: float


def within_parts(rows: Sequence[InPart]) -> dict[int, tuple[int, float, float]]:
    """Variant → members, Σ and Σ², each part moved to the level of all: differences between variants are those within parts.

    Where shares move, whoever had more of an early part had more time, and would look better for it. A part's level is the mean that
    its members would have had under equal shares: each counts by the inverse of their chance (Horvitz and Thompson, *JASA* 47, 1952).
    With one part nothing moves. A part in which a single variant went out compares nothing and stays out, unless there is no other.
    """
    parts: dict[int, list[InPart]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    compared = [held for held in parts.values() if len(held) > 1] or list(parts.values())
    whole = _level([row for held in compared for row in held])
    found: dict[int, tuple[int, float, float]] = {}
    for held in compared:
        by = whole - _level(held)
        for row in held:
            n, total, squares = found.get(row.variant_id, (0, 0.0, 0.0))
            moved = row.squares + 2 * by * row.total + row.n * by * by
            found[row.variant_id] = n + row.n, total + row.total + row.n * by, squares + moved
    return found


def _level(rows: Sequence[InPart]) -> float:
    weights = sum(row.n / row.propensity for row in rows)
    return sum(row.total / row.propensity for row in rows) / weights if weights else 0.0


@dataclass(frozen=True)
class Against:
    """The leader compared with another: the difference per member with its always-valid interval; None while it cannot be said."""

    variant_id: int
    difference: float | None
    low: float | None
    high: float | None

    @property
    def is_certain(self) -> bool:
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class Standing:
    """Who leads, whether that is certain, and how it compares with each of the others."""

    leader: Reached
    is_certain: bool
    against: tuple[Against, ...]


def standing(reached: Sequence[Reached], *, share_of_plan: float) -> Standing | None:
    """How the variants stand; `share_of_plan` is what of the time until the decision has passed. None without two variants."""
    if len(reached) < 2:
        return None
    leader = max(reached, key=lambda one: (one.mean, -one.variant_id))
    others = [one for one in reached if one is not leader]
    against = tuple(_against(leader, one, share_of_plan, ALPHA / len(others)) for one in others)
    is_enough = all(one.n >= MEMBERS_MIN for one in reached)
    return Standing(leader, is_enough and all(one.is_certain for one in against), against)


def _against(leader: Reached, other: Reached, share: float, alpha: float) -> Against:
    try:
        found = difference(other.stats(), leader.stats())
    except CannotCompare:
        return Against(other.variant_id, None, None, None)
    interval = confidence_sequence(found, share_of_plan=share, alpha=alpha)
    return Against(other.variant_id, found.absolute, interval.low, interval.high)


def is_harmful(harmed: int, sent: int, *, percent_max: float, share_of_plan: float) -> bool:
    """Whether more than `percent_max` per cent are surely harmed: the excess is beyond what the always-valid bound allows."""
    if sent < MEMBERS_MIN or not 0 < percent_max < 100:
        return False
    allowed = percent_max / 100
    error = math.sqrt(allowed * (1 - allowed) / sent)
    return harmed / sent - allowed > reach(max(share_of_plan, 0.01), alpha=2 * ALPHA) * error
