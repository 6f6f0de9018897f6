"""The mathematics of lift: aggregates in, an estimate with its doubt out. No clock, no database, no campaign.

Everybody assigned is counted, held-out members included (intention to treat). The interval of the difference is Welch's;
that of the relative difference follows by the delta method on the logarithm of the ratio (Deng, Knoblich and Lu, KDD 2018),
both through tea-tasting.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
RED_BELOW, AMBER_BELOW = 0.001, 0.01


class CannotCompare(ValueError):
    """Two arms of which nothing can be said: too few members, or nothing that varies."""


@dataclass(frozen=True)
class ArmStats:
    """One arm in three sums, as SQL returns them: members, Σ of the metric, Σ of its squares."""

    name: str
    n: int
    total: float
    total_of_squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The sample variance (n − 1), never below zero by rounding."""
        if self.n < 2:
            return 0.0
        return max(0.0, (self.total_of_squares - self.total * self.mean) / (self.n - 1))

    @property
    def sd(self) -> float:
        return math.sqrt(self.variance)

    def __add__(self, other: "ArmStats") -> "ArmStats":
        """Two arms read as one, as when every variant together is compared with the holdout."""
        squares = self.total_of_squares + other.total_of_squares
        return ArmStats(f"{self.name} + {other.name}", self.n + other.n, self.total + other.total, squares)


@dataclass(frozen=True)
class Lift:
    """The difference treated − control per assigned member, in the metric's unit, with its 95 % interval [low, high].

    `relative` is the difference divided by the control's mean (0.1 is +10 %), None where one of the
    two means is not positive.
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

    @property
    def is_detected(self) -> bool:
        return self.low > 0 or self.high < 0


def difference(control: ArmStats, treated: ArmStats) -> Lift:
    """Compare two arms by Welch's t-test. Raises CannotCompare when an arm has under two members or nothing varies."""
    if min(control.n, treated.n) < 2:
        raise CannotCompare("An arm has fewer than two members.")
    if control.variance == 0 and treated.variance == 0:
        raise CannotCompare("The outcome does not vary in either arm.")
    import tea_tasting as tt  # late: it brings Ibis and Narwhals with it, which no web page needs
    from tea_tasting.aggr import Aggregates

    metric = tt.Mean("metric", alternative="two-sided", confidence_level=CONFIDENCE, equal_var=False, use_t=True)

    def sums(arm: ArmStats) -> Aggregates:
        return Aggregates(arm.n, {"metric": arm.mean}, {"metric": arm.variance}, {})

    has_base = min(control.mean, treated.mean) > 0  # the interval is taken on the logarithm of the ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        found = metric.analyze_aggregates(control=sums(control), treatment=sums(treated))
    return Lift(
        absolute=float(found.effect_size),
        low=float(found.effect_size_ci_lower),
        high=float(found.effect_size_ci_upper),
        relative=float(found.rel_effect_size) if has_base else None,
        relative_low=float(found.rel_effect_size_ci_lower) if has_base else None,
        relative_high=float(found.rel_effect_size_ci_upper) if has_base else None,
        p_value=float(found.pvalue),
        n_control=control.n,
        n_treated=treated.n,
        mean_control=control.mean,
        mean_treated=treated.mean,
    )


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms hold the members they should: χ² of the counts against the shares fixed before launch.

    Red (p < .001) means the split is broken and no verdict may be shown; amber (.001–.01) asks for a second look.
    """

    p_value: float
    verdict: Literal["ok", "amber", "red"]
    counts: dict[str, int]
    expected: dict[str, float]


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio:
    """Check the counts per arm against the planned shares; both name the same arms."""
    if set(counts) != set(shares):
        raise ValueError("The counts and the shares name different arms.")
    total, weight = sum(counts.values()), sum(shares.values())
    expected = {arm: total * shares[arm] / weight for arm in counts}
    p_value = 1.0
    if total and len(counts) > 1:
        p_value = float(stats.chisquare([counts[arm] for arm in counts], [expected[arm] for arm in counts]).pvalue)
    verdict: Literal["ok", "amber", "red"] = (
        "red" if p_value < RED_BELOW else "amber" if p_value < AMBER_BELOW else "ok"
    )
    return SampleRatio(p_value, verdict, dict(counts), expected)


def members_needed(
    mean: float, sd: float, relative: float = 0.1, *, power: float = 0.8, alpha: float = ALPHA
) -> int | None:
    """Members per arm that detect a relative difference with the given power, two-sided, arms of equal size.

    n = 2 (z₁₋α⁄₂ + z_power)² sd² / (relative · mean)²; None where the mean gives nothing to be relative to.
    """
    if mean <= 0 or sd <= 0 or relative == 0:
        return None
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    return math.ceil(2 * (z * sd / (relative * mean)) ** 2)


@dataclass(frozen=True)
class Rerandomised:
    """What chance alone makes of these outcomes: the p-values of re-randomisations of the very same members.

    They are spread evenly when the method is sound here, so about 5 % lie under .05 (`share_below_alpha`);
    `p_value` is the share of re-randomisations whose difference is at least as large as the one observed.
    """

    p_values: tuple[float, ...]
    share_below_alpha: float
    p_value: float | None
    seed: int

    def histogram(self, bins: int = 20) -> list[int]:
        return np.histogram(self.p_values, bins=bins, range=(0, 1))[0].tolist()


def rerandomised_p_values(
    values: Sequence[float] | np.ndarray,
    shares: tuple[float, float],
    n: int,
    seed: int,
    *,
    observed: float | None = None,
) -> Rerandomised:
    """Assign the same members `n` times anew, each to control or treated by the given shares, and test each time.

    Members without an outcome differ in nothing, so only their number per arm is drawn (binomial): a million members cost
    what their buyers cost. The seed is fixed before launch.
    """
    outcomes = np.asarray(values, dtype=float)
    share = shares[1] / (shares[0] + shares[1])
    bought = outcomes[outcomes != 0]
    idle = len(outcomes) - len(bought)
    rng = np.random.default_rng(seed)
    differences, p_values = np.empty(n), np.empty(n)
    step = max(1, 4_000_000 // max(1, len(bought)))
    for start in range(0, n, step):
        rows = min(step, n - start)
        is_treated = (rng.random((rows, len(bought))) < share).astype(float)
        treated = _sums(is_treated, bought, rng.binomial(idle, share, rows))
        control = (len(outcomes) - treated[0], bought.sum() - treated[1], (bought**2).sum() - treated[2])
        differences[start : start + rows], p_values[start : start + rows] = _welch(control, treated)
    chance = None
    if observed is not None:
        tolerance = 1e-9 * max(1.0, abs(observed))
        chance = float((np.sum(np.abs(differences) >= abs(observed) - tolerance) + 1) / (n + 1))
    return Rerandomised(tuple(p_values.tolist()), float(np.mean(p_values < ALPHA)), chance, seed)


def _sums(is_treated: np.ndarray, bought: np.ndarray, idle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return is_treated.sum(axis=1) + idle, is_treated @ bought, is_treated @ bought**2


def _welch(control, treated) -> tuple[np.ndarray, np.ndarray]:
    """Differences of means and Welch p-values of many pairs of (n, Σ, Σ²) at once; p is 1 where nothing can be said."""
    with np.errstate(divide="ignore", invalid="ignore"):
        means, errors, terms = [], [], []
        for n, total, squares in (control, treated):
            mean = total / n
            error = np.maximum(0.0, (squares - total * mean) / (n - 1)) / n
            means.append(mean)
            errors.append(error)
            terms.append(error**2 / (n - 1))
        gap = means[1] - means[0]
        error = errors[0] + errors[1]
        freedom = error**2 / (terms[0] + terms[1])
        p = 2 * stats.t.sf(np.abs(gap) / np.sqrt(error), freedom)
    return np.nan_to_num(gap), np.where(np.isfinite(p), p, 1.0)
