"""Whether a group's sales moved, or only its noise did. Plain numbers in, verdicts out: no clock, no database.

The same members are looked at in two windows of equal length. Their own purchases before are the baseline; what the whole
shop did between the two (a season, a holiday, members who drift away) is taken off every group alike, so that a trend is
what a group did beyond it. Members, not receipts, are what is drawn: the doubt comes from how differently they moved.

With xᵢ, yᵢ what member i spent in the group before and after, Xᵢ, Yᵢ the same in the whole shop, and r = ΣY ⁄ ΣX:
aᵢ = yᵢ − r xᵢ, tᵢ = Yᵢ − r Xᵢ, w = Σx ⁄ ΣX. The excess A = Σa has the linearised part eᵢ = aᵢ − w tᵢ of each member (the ratio
r is estimated too), variance Σe² − A² ⁄ n, and is judged by Student's t with as many degrees of freedom as the group has
members less one. All groups are one family: Holm's p-values, so that pure noise raises any alert in at most one look of twenty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from insights.lift.corrections import holm

ALPHA = 0.05
MEMBERS_LEAST = 30
"""Below, a handful of members would be the trend."""
ROUNDING = 1e-9
"""A variance that is this share of what it is the difference of is none: of a group that is the whole shop only rounding is left."""


@dataclass(frozen=True)
class Whole:
    """The shop: members seen in either window, what they spent in each (minor units), and Σt²."""

    members: int
    before: float
    now: float
    turned_squared: float

    @property
    def ratio(self) -> float:
        return self.now / self.before if self.before else 0.0


@dataclass(frozen=True)
class Sums:
    """One group: its members, what was spent in it in each window (minor units), and Σa², Σat."""

    kind: str
    key: str
    members: int
    before: float
    now: float
    squared: float
    crossed: float


@dataclass(frozen=True)
class Trend:
    """A group's move beyond the shop's, as a share of what it would have sold moving as the shop did, with a 95 % interval.

    `p_value` is Holm's, over the whole family. Of a group that cannot be judged these four are None.
    """

    kind: str
    key: str
    members: int
    before: float
    now: float
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None

    @property
    def is_judged(self) -> bool:
        return self.p_value is not None

    @property
    def is_found(self) -> bool:
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def is_rising(self) -> bool:
        return self.is_found and (self.change or 0) > 0


def judge(whole: Whole, groups: Sequence[Sums]) -> list[Trend]:
    """Every group, the surest first; last those that cannot be judged, of few members or with nothing sold before."""
    doubts = {place: doubt for place, one in enumerate(groups) if (doubt := _doubt(whole, one)) is not None}
    adjusted = holm([p_value for _excess, _half, p_value in doubts.values()])
    p_values = dict(zip(doubts, adjusted, strict=True))
    found = [_trend(whole, one, doubts.get(place), p_values.get(place)) for place, one in enumerate(groups)]
    return sorted(found, key=_surest)


def _surest(one: Trend) -> tuple:
    if one.p_value is None or one.change is None:
        return (True, -one.now, 0.0, one.kind, one.key)
    return (False, one.p_value, -abs(one.change), one.kind, one.key)


def _doubt(whole: Whole, one: Sums) -> tuple[float, float, float] | None:
    """The excess, half of its 95 % interval, and its own p-value; None where there is too little to judge by."""
    if one.members < MEMBERS_LEAST or min(one.before, whole.before, whole.now) <= 0:
        return None
    weight, excess = one.before / whole.before, one.now - whole.ratio * one.before
    spread = one.squared - 2 * weight * one.crossed + weight**2 * whole.turned_squared
    variance = spread - excess**2 / whole.members
    if variance <= ROUNDING * (one.squared + weight**2 * whole.turned_squared):
        return None
    error, freedom = variance**0.5, one.members - 1
    p_value = 2 * float(stats.t.sf(abs(excess) / error, freedom))
    return excess, error * float(stats.t.ppf(1 - ALPHA / 2, freedom)), p_value


def _trend(whole: Whole, one: Sums, doubt: tuple[float, float, float] | None, p_value: float | None) -> Trend:
    if doubt is None:
        return Trend(one.kind, one.key, one.members, one.before, one.now)
    excess, half, _own = doubt
    usual = whole.ratio * one.before
    low, high = (excess - half) / usual, (excess + half) / usual
    return Trend(one.kind, one.key, one.members, one.before, one.now, excess / usual, low, high, p_value)
