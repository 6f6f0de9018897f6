"""Breakage: the share of points that nobody will ever spend, estimated from what became of earlier ones.

Method: a life table with the point as the unit. For each age in months since earning, the share of the points still there
that was spent in that month, over all cohorts that were seen through the whole of it. A point that is `age` months old and
expires at `ends` is never spent with the product of (1 − share) over the ages in between. Points taken back or cancelled leave
without either. Members differ, so the doubt comes from leaving out one tenth of the members at a time (jackknife), not
from counting points as if each decided for itself.

Ages that no cohort has reached yet are taken to be like the oldest three that were seen, and the estimate says so.

No estimate is better than a wrong one: while nothing was ever spent, or no lot was seen to its last day, what was not spent so
far says nothing about what never will be, and the answer is that breakage is unknown, and why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt

GROUPS = 10
TAIL_AGES = 3
Z_95 = 1.96


@dataclass(frozen=True)
class Flow:
    """What happened to one group's cohort at one age: points that came, were spent, and left otherwise."""

    group: int
    cohort: int
    age: int
    came: int
    spent: int
    left: int


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1 of the outstanding points, with its 95 % interval; None where it is unknown, and `why`."""

    share: float | None
    low: float | None
    high: float | None
    is_extrapolated: bool = False
    why: str = ""


NOTHING_OWED, TOO_YOUNG, NOTHING_SPENT, NONE_ENDED = "nothing_owed", "too_young", "nothing_spent", "none_ended"
UNKNOWN = Estimate(None, None, None, why=NOTHING_OWED)
NEVER_SPENT = Estimate(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class LifeTable:
    """Shares spent per age: of everybody, and of everybody but one group. `seen` ages were observed; `why_not` says why they
    tell nothing of the end, if they do not.
    """

    seen: int
    spent: list[float]
    without: list[list[float]] = field(default_factory=list)
    why_not: str = ""

    def unspent(self, age: int, ends: int) -> Estimate:
        """The share of points now `age` months old that are never spent before they expire at `ends` months."""
        if self.why_not:
            return Estimate(None, None, None, why=self.why_not)
        share = _survival(self.spent, age, ends)
        others = [_survival(spent, age, ends) for spent in self.without]
        half = Z_95 * _jackknife_error(others) if others else 0.0
        return Estimate(share, max(0.0, share - half), min(1.0, share + half), is_extrapolated=ends > self.seen)


def life_table(flows: Iterable[Flow], *, this_month: int, has_ended: bool) -> LifeTable:
    """The table of all flows. Cohorts and `this_month` are months counted from any common start; ages that are not over
    yet (cohort + age ≥ this_month) say nothing. `has_ended`: some lot was seen to its last day.
    """
    flows = list(flows)
    groups = sorted({flow.group for flow in flows})
    tables = {group: _tables([flow for flow in flows if flow.group == group], this_month) for group in groups}
    everybody = _summed(tables.values())
    without = [
        _shares(_summed(table for group, table in tables.items() if group != left_out), like=everybody)
        for left_out in groups
        if len(groups) > 1
    ]
    why_not = _why_not(len(everybody), sum(spent for _at_risk, spent in everybody.values()), has_ended)
    return LifeTable(len(everybody), _shares(everybody, like=everybody), without, why_not)


def _why_not(seen: int, spent: int, has_ended: bool) -> str:
    """Why a history tells nothing of breakage; empty when it does."""
    if seen < 2:
        return TOO_YOUNG
    if spent <= 0:
        return NOTHING_SPENT
    return "" if has_ended else NONE_ENDED


def pooled(parts: Iterable[tuple[int, Estimate]]) -> Estimate:
    """The estimate for several parts together, weighted by points; the doubts are taken to move together."""
    known = [(points, one) for points, one in parts if points]
    unknown = next((one for _points, one in known if one.share is None), None)
    if not known or unknown:
        return unknown or UNKNOWN
    total = sum(points for points, _one in known)

    def mean(name: str) -> float:
        return sum(points * getattr(one, name) for points, one in known) / total

    return Estimate(mean("share"), mean("low"), mean("high"), any(one.is_extrapolated for _points, one in known))


def _tables(flows: list[Flow], this_month: int) -> dict[int, tuple[int, int]]:
    """Per age: points at risk and points spent, over the cohorts that were seen through it."""
    by_cohort: dict[int, dict[int, Flow]] = {}
    for flow in flows:
        by_cohort.setdefault(flow.cohort, {})[flow.age] = flow
    ages: dict[int, tuple[int, int]] = {}
    for cohort, by_age in by_cohort.items():
        there = 0
        for age in range(max(0, this_month - cohort)):
            then = by_age.get(age)
            there += then.came if then else 0
            spent = then.spent if then else 0
            at_risk, spent_before = ages.get(age, (0, 0))
            ages[age] = (at_risk + there, spent_before + spent)
            there -= spent + (then.left if then else 0)
    return ages


def _summed(tables: Iterable[Mapping[int, tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    total: dict[int, tuple[int, int]] = {}
    for table in tables:
        for age, (at_risk, spent) in table.items():
            before = total.get(age, (0, 0))
            total[age] = (before[0] + at_risk, before[1] + spent)
    return total


def _shares(table: Mapping[int, tuple[int, int]], *, like: Mapping[int, object]) -> list[float]:
    """Spent ÷ at risk for each age from 0; where nothing was at risk, nothing was spent."""
    shares = []
    for age in range(len(like)):
        at_risk, spent = table.get(age, (0, 0))
        shares.append(min(1.0, max(0.0, spent / at_risk)) if at_risk > 0 else 0.0)
    return shares


def _survival(spent: list[float], age: int, ends: int) -> float:
    tail = spent[-TAIL_AGES:]
    beyond = sum(tail) / len(tail)
    left = 1.0
    for month in range(age, ends):
        left *= 1 - (spent[month] if month < len(spent) else beyond)
    return left


def _jackknife_error(estimates: list[float]) -> float:
    mean = sum(estimates) / len(estimates)
    return sqrt((len(estimates) - 1) / len(estimates) * sum((one - mean) ** 2 for one in estimates))
