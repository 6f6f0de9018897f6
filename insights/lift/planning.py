"""Before the start: how many members an effect needs, and what effect the members at hand can show."""

import math
from dataclasses import dataclass

from scipy import special

from insights.lift.comparing import ALPHA

POWER = 0.8


@dataclass(frozen=True)
class Sample:
    """Members needed in each of two arms of which the control holds `control_share` of all."""

    n_control: int
    n_treated: int

    @property
    def n(self) -> int:
        return self.n_control + self.n_treated


def _quantiles(alpha: float, power: float) -> float:
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))


def members_needed(
    mean: float,
    sd: float,
    relative: float = 0.1,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    correlation: float = 0.0,
) -> int | None:
    """Members per arm that detect a relative difference with the given power, two-sided, arms of equal size.

    n = 2 (z₁₋α⁄₂ + z_power)² sd² (1 − ρ²) / (relative · mean)², ρ the correlation with CUPED's covariate; None where the mean
    gives nothing to be relative to.
    """
    if mean <= 0 or sd <= 0 or relative == 0:
        return None
    return math.ceil(2 * (1 - correlation**2) * (_quantiles(alpha, power) * sd / (relative * mean)) ** 2)


def sample_needed(
    mean: float,
    sd: float,
    relative: float,
    *,
    control_share: float = 0.5,
    power: float = POWER,
    alpha: float = ALPHA,
    correlation: float = 0.0,
) -> Sample | None:
    """Members needed in all when the control holds `control_share`: a small holdout costs power.

    N = (z₁₋α⁄₂ + z_power)² sd² (1 − ρ²) / (δ² · c (1 − c)), δ = relative · mean. None as in `members_needed`.
    """
    if not 0 < control_share < 1:
        raise ValueError("The control's share lies between 0 and 1.")
    if mean <= 0 or sd <= 0 or relative == 0:
        return None
    spread = sd**2 * (1 - correlation**2) / (control_share * (1 - control_share))
    n = (_quantiles(alpha, power) / (relative * mean)) ** 2 * spread
    return Sample(math.ceil(n * control_share), math.ceil(n * (1 - control_share)))


def effect_detectable(
    mean: float,
    sd: float,
    n_control: int,
    n_treated: int,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    correlation: float = 0.0,
) -> float | None:
    """The smallest relative difference that these members show with the given power; None where nothing can be said.

    δ = (z₁₋α⁄₂ + z_power) · sd · √((1 − ρ²)(1/n₀ + 1/n₁)) ÷ mean.
    """
    if mean <= 0 or sd <= 0 or min(n_control, n_treated) < 2:
        return None
    error = sd * math.sqrt((1 - correlation**2) * (1 / n_control + 1 / n_treated))
    return _quantiles(alpha, power) * error / mean
