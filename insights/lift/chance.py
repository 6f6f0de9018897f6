"""What chance alone makes of the same members: assignment drawn anew, many times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from insights.lift.comparing import ALPHA


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
