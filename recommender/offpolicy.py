"""What another policy would have earned, from what was logged under this one; and whether that is enough to try it.

Estimates: inverse propensity (IPS), self-normalised (SNIPS; Swaminathan & Joachims 2015), doubly robust (DR; Dudík, Langford & Li
2011). Each comes with a 95 % interval (what is bought anyway is learned too, and its doubt is part of it), and with the effective sample size (Σw)² / Σw²: a thousand exposures of which five count
are five.
"""

from dataclasses import dataclass

import numpy as np

Z_95 = 1.959964
EFFECTIVE_MIN = 200.0
FOLDS = 2


@dataclass(frozen=True, eq=False)
class Logged:
    """Exposures, parallel arrays: the arm shown, the probability it had, the reward, and features of the member (n, F)."""

    arms: np.ndarray
    propensities: np.ndarray
    rewards: np.ndarray
    contexts: np.ndarray
    shared: np.ndarray | None = None
    """Draws, shape (n, D), about zero, of what rewards are wrong by together: what is taken off them was learned from few."""

    def doubt(self, weights: np.ndarray) -> float:
        """Variance of the weighted mean reward for what rewards are wrong by together."""
        if self.shared is None or not self.shared.size:
            return 0.0
        return float(np.var(weights @ self.shared / len(weights)))


@dataclass(frozen=True)
class Estimate:
    """Mean reward an exposure, in the reward's unit, with its 95 % interval and effective sample size."""

    method: str
    value: float
    low: float
    high: float
    effective: float


def estimates(logged: Logged, target: np.ndarray) -> dict[str, Estimate]:
    """All three; `target` (n, K) holds the other policy's probability of every arm in every logged situation."""
    rows = np.arange(len(logged.arms))
    weights = target[rows, logged.arms] / logged.propensities
    effective = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-12))
    predicted = _predicted(logged, target.shape[1])
    model = (target * predicted).sum(axis=1)
    robust = model + weights * (logged.rewards - predicted[rows, logged.arms])
    share = weights.mean()
    normal = float((weights * logged.rewards).sum() / max(weights.sum(), 1e-12))
    parts = {
        "ips": weights * logged.rewards,
        "snips": normal + weights * (logged.rewards - normal) / max(share, 1e-12),  # linearised about the ratio
        "dr": robust,
    }
    doubts = {
        "ips": logged.doubt(weights),
        "snips": logged.doubt(weights / max(share, 1e-12)),
        "dr": logged.doubt(weights),
    }
    return {name: _estimate(name, values, effective, doubts[name]) for name, values in parts.items()}


def _estimate(name: str, values: np.ndarray, effective: float, doubt: float) -> Estimate:
    mean, half = float(values.mean()), Z_95 * float(np.sqrt(values.var(ddof=1) / len(values) + doubt))
    return Estimate(name, mean, mean - half, mean + half, effective)


def _predicted(logged: Logged, arms: int) -> np.ndarray:
    """Expected reward of every arm (n, K) by ridge regression, each half predicted by the other half (cross-fitting)."""
    found = np.zeros((len(logged.arms), arms))
    fold = np.arange(len(logged.arms)) % FOLDS
    wide = np.c_[np.ones(len(logged.arms)), logged.contexts]
    for n in range(FOLDS):
        learn, tell = fold != n, fold == n
        overall = logged.rewards[learn].mean() if learn.any() else 0.0
        for arm in range(arms):
            own = learn & (logged.arms == arm)
            gram = wide[own].T @ wide[own] + 3.0 * np.eye(wide.shape[1])
            found[tell, arm] = overall + wide[tell] @ np.linalg.solve(
                gram, wide[own].T @ (logged.rewards[own] - overall)
            )
    return found


@dataclass(frozen=True)
class Gate:
    """May a policy be tried on members? Then an A/B decides; this only keeps hopeless ones away."""

    is_open: bool
    gain: float
    low: float
    effective: float
    reason: str


def gate(logged: Logged, target: np.ndarray, *, effective_min: float = EFFECTIVE_MIN) -> Gate:
    """Open when the doubly robust gain over what was logged is above zero with 95 % confidence, on enough effective exposures."""
    rows = np.arange(len(logged.arms))
    weights = target[rows, logged.arms] / logged.propensities
    effective = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-12))
    predicted = _predicted(logged, target.shape[1])
    robust = (target * predicted).sum(axis=1) + weights * (logged.rewards - predicted[rows, logged.arms])
    found = _estimate("gain", robust - logged.rewards, effective, logged.doubt(weights - 1))
    if effective < effective_min:
        return Gate(False, found.value, found.low, effective, "too_few_effective_exposures")
    if found.low <= 0:
        return Gate(False, found.value, found.low, effective, "not_better_with_confidence")
    return Gate(True, found.value, found.low, effective, "try_it_in_an_ab_test")
