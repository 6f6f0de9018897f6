"""Two arms compared: Welch's test, the delta method for ratios, and CUPED for less noise.

- Welch's t-test with Welch–Satterthwaite degrees of freedom (Welch, Biometrika 34, 1947).
- A ratio of sums (revenue per visit) has the variance of its linear part: the delta method (Deng, Knoblich and Lu,
  "Applying the Delta Method in Metric Analytics", KDD 2018). The interval of a *relative* difference is taken on the logarithm
  of the ratio of the two means, by the same method.
- CUPED takes off what the same metric before assignment already told (Deng, Xu, Kohavi and Walker, WSDM 2013): the variance
  shrinks by ρ², the squared correlation with the covariate, and the estimate stays unbiased because the covariate was fixed
  before anybody was assigned.

The same numbers as tea-tasting's, which the tests compare with; written out here because a report asks dozens of times and a
simulation a million times, and tea-tasting takes milliseconds for each and seconds to be imported.
"""

import math
from dataclasses import dataclass

from scipy import special

from insights.lift.arms import Aggregates, ArmStats

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE


class CannotCompare(ValueError):
    """Two arms of which nothing can be said: too few members, or nothing that varies."""


@dataclass(frozen=True)
class Metric:
    """What is compared: Σ numerator ÷ members, or ÷ Σ denominator; less what its covariate told before assignment.

    `denominator` and the covariates name columns of the aggregates. `covariate_denominator` belongs to a ratio.
    """

    name: str
    numerator: str
    denominator: str | None = None
    covariate: str | None = None
    covariate_denominator: str | None = None

    def plain(self) -> "Metric":
        """The same metric without its covariate."""
        return Metric(self.name, self.numerator, self.denominator)

    def products(self) -> set[tuple[str, str]]:
        """The pairs of columns whose products this metric needs."""
        columns = [self.numerator, self.denominator, self.covariate, self.covariate_denominator]
        named = sorted({column for column in columns if column})
        return {(a, b) for a in named for b in named if a <= b}


@dataclass(frozen=True)
class Lift:
    """The difference treated − control per assigned member (or of two ratios), in the metric's unit, with its 95 % interval.

    `relative` is the difference divided by the control's mean (0.1 is +10 %), None where one of the two means is not
    positive. `standard_error` is in the metric's unit. `variance_kept` is what CUPED left of the variance (1 without it), and
    `correlation` the metric's with its covariate.
    """

    absolute: float
    low: float
    high: float
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_value: float
    n_control: int
    n_treated: int
    mean_control: float
    mean_treated: float
    standard_error: float = 0.0
    variance_kept: float = 1.0
    correlation: float | None = None

    @property
    def is_detected(self) -> bool:
        return self.low > 0 or self.high < 0


def difference(control: ArmStats, treated: ArmStats) -> Lift:
    """Compare two arms by Welch's t-test. Raises CannotCompare when an arm has under two members or nothing varies."""
    if min(control.n, treated.n) < 2:
        raise CannotCompare("An arm has fewer than two members.")
    return _welch(_Side(control.n, control.mean, control.variance), _Side(treated.n, treated.mean, treated.variance))


def compare(control: Aggregates, treated: Aggregates, metric: Metric) -> Lift:
    """Compare two arms on a metric, with CUPED if it names a covariate. Raises CannotCompare as `difference` does."""
    if min(control.n, treated.n) < 2:
        raise CannotCompare("An arm has fewer than two members.")
    sides = [_Linear(arm, metric.numerator, metric.denominator) for arm in (control, treated)]
    plain = _welch(*(side.side() for side in sides))
    if metric.covariate is None:
        return plain
    return _adjusted(control, treated, metric, plain)


@dataclass(frozen=True)
class _Side:
    """One arm's mean and the variance of one member's part in it."""

    n: int
    mean: float
    variance: float


class _Linear:
    """A mean or a ratio of an arm, and the linear part of each member's share in it (the delta method's gradient)."""

    def __init__(self, arm: Aggregates, numerator: str, denominator: str | None):
        self.arm, self.numerator, self.denominator = arm, numerator, denominator
        top = arm.mean(numerator)
        bottom = arm.mean(denominator) if denominator else 1.0
        if bottom == 0:
            raise CannotCompare("The denominator of the ratio is zero in an arm.")
        self.value = top / bottom
        self.gradient = [(numerator, 1 / bottom)]
        if denominator:
            self.gradient.append((denominator, -top / bottom**2))

    def covariance(self, other: "_Linear") -> float:
        found = sum(p * q * self.arm.covariance(a, b) for a, p in self.gradient for b, q in other.gradient)
        return max(0.0, found) if other is self else found

    def side(self) -> _Side:
        return _Side(self.arm.n, self.value, self.covariance(self))


def _adjusted(control: Aggregates, treated: Aggregates, metric: Metric, plain: Lift) -> Lift:
    """The same comparison with θ times the covariate taken off; θ is estimated over both arms together."""
    assert metric.covariate is not None, "only a metric with a covariate is adjusted"
    whole = control + treated
    outcome = _Linear(whole, metric.numerator, metric.denominator)
    before = _Linear(whole, metric.covariate, metric.covariate_denominator)
    spread, spread_before = outcome.covariance(outcome), before.covariance(before)
    if spread_before == 0 or spread == 0:
        return plain
    shared = outcome.covariance(before)
    theta = shared / spread_before
    sides = [_adjusted_side(arm, metric, theta, before.value) for arm in (control, treated)]
    if not any(side.variance for side in sides):
        return plain  # the past tells everything: no noise is left to reckon with, and none may be claimed
    found = _welch(*sides)
    kept = (found.standard_error / plain.standard_error) ** 2 if plain.standard_error else 1.0
    return Lift(**(vars(found) | {"variance_kept": kept, "correlation": shared / math.sqrt(spread * spread_before)}))


def _adjusted_side(arm: Aggregates, metric: Metric, theta: float, overall: float) -> _Side:
    assert metric.covariate is not None, "only a metric with a covariate is adjusted"
    outcome = _Linear(arm, metric.numerator, metric.denominator)
    before = _Linear(arm, metric.covariate, metric.covariate_denominator)
    mean = outcome.value - theta * (before.value - overall)
    spread = outcome.covariance(outcome) + theta**2 * before.covariance(before) - 2 * theta * outcome.covariance(before)
    return _Side(arm.n, mean, max(0.0, spread))


def _freedom(control: _Side, treated: _Side) -> float:
    """Welch–Satterthwaite: the degrees of freedom of a difference of two means with variances of their own."""
    parts = [side.variance / side.n for side in (control, treated)]
    return sum(parts) ** 2 / sum(part**2 / (side.n - 1) for part, side in zip(parts, (control, treated), strict=True))


def _welch(control: _Side, treated: _Side) -> Lift:
    error = math.sqrt(control.variance / control.n + treated.variance / treated.n)
    if error == 0:
        raise CannotCompare("The outcome does not vary in either arm.")
    gap, freedom = treated.mean - control.mean, _freedom(control, treated)
    reach = float(special.stdtrit(freedom, 1 - ALPHA / 2)) * error
    relative = _relative(control, treated)
    return Lift(
        absolute=gap, low=gap - reach, high=gap + reach,
        relative=relative[0], relative_low=relative[1], relative_high=relative[2],
        p_value=float(2 * special.stdtr(freedom, -abs(gap) / error)),
        n_control=control.n, n_treated=treated.n, mean_control=control.mean, mean_treated=treated.mean, standard_error=error,
    )  # fmt: skip


def _relative(control: _Side, treated: _Side) -> tuple[float, float, float] | tuple[None, None, None]:
    """The relative difference and its interval on the logarithm of the ratio, where both means are positive."""
    if min(control.mean, treated.mean) <= 0:
        return None, None, None
    logs = [_Side(side.n, 0.0, side.variance / side.mean**2) for side in (control, treated)]
    error = math.sqrt(sum(side.variance / side.n for side in logs))
    reach = float(special.stdtrit(_freedom(*logs), 1 - ALPHA / 2)) * error
    ratio = treated.mean / control.mean
    return ratio - 1, ratio * math.exp(-reach) - 1, ratio * math.exp(min(reach, 700.0)) - 1
