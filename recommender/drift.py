"""Has the world moved under a ranker? Arrays in, frozen results out; the thresholds are those of the field.

A warm restart leaves 97 % of a member's list as it was, a cold one 79 %; below 85 % somebody should look before members do.
"""

from dataclasses import dataclass

import numpy as np

PSI_MAX = 0.25  # population stability index: above, the distribution has shifted (Siddiqi 2006)
OVERLAP_MIN = 0.85
BINS = 10


@dataclass(frozen=True)
class Alert:
    """One figure beyond its bound, in words for whoever watches."""

    what: str
    value: float
    bound: float

    def __str__(self):
        side = "below" if self.value < self.bound else "above"
        return f"{self.what} is {self.value:.3f}, {side} {self.bound:g}"


def stability_index(before: np.ndarray, now: np.ndarray, bins: int = BINS) -> float:
    """Population stability index Σ (p − q) ln(p / q) over the deciles of `before`; 0 where either is empty."""
    return departure(profile(before, bins), now)


def profile(values: np.ndarray, bins: int = BINS) -> dict[str, list[float]]:
    """Deciles of some values and the share in each: small enough to be kept with a ranker. Empty lists of nothing."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {"edges": [], "shares": []}
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return {"edges": edges.tolist(), "shares": _shares(values, edges).tolist()}


def departure(known: dict[str, list[float]], now: np.ndarray) -> float:
    """The stability index of values against a profile kept earlier; 0 where either is empty."""
    now, before = now[np.isfinite(now)], np.array(known["shares"])
    if not len(now) or not len(before):
        return 0.0
    shares = _shares(now, np.array(known["edges"]))
    return float(((shares - before) * np.log(shares / before)).sum())


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return (counts + 0.5) / (len(values) + 0.5 * (len(edges) + 1))


def overlap(before: set[tuple], now: set[tuple]) -> float:
    """Share of what was listed that is listed still; 1 where nothing was."""
    return len(before & now) / len(before) if before else 1.0


def alerts(
    *, overlaps: dict[str, float], scores: dict[str, tuple[np.ndarray, np.ndarray]], errors: dict[str, float],
    inputs: dict[str, float],
) -> list[Alert]:  # fmt: skip
    """What is beyond its bound: overlap of lists, scores then and now, calibration errors, each by the name of its slot; and stability
    indices of what rankers know of members, by what it is.
    """
    found = [
        Alert(f"{slot}: overlap with the last lists", v, OVERLAP_MIN) for slot, v in overlaps.items() if v < OVERLAP_MIN
    ]
    for slot, (before, now) in scores.items():
        index = stability_index(before, now)
        if index > PSI_MAX:
            found.append(Alert(f"{slot}: stability index of scores", index, PSI_MAX))
    found += [Alert(f"stability index of {what}", v, PSI_MAX) for what, v in inputs.items() if v > PSI_MAX]
    return found + [Alert(f"{slot}: calibration error", v, 0.02) for slot, v in errors.items() if v > 0.02]
