"""Winsorizing: a few huge baskets drown a difference. The cap is fixed before the start, from what was spent before it."""

from collections.abc import Sequence

import numpy as np

CAP_QUANTILE = 0.999
ACTIVE_MIN = 1_000
"""With fewer who did anything, the quantile is the largest of them, and a cap there would cut more than outliers."""


def cap_of(before: Sequence[float] | np.ndarray, *, quantile: float = CAP_QUANTILE) -> float | None:
    """The cap that the time before assignment suggests: the quantile of those who did anything. None where too few did.

    It is stored with the plan and never computed again: a cap chosen after the outcome is a choice of the outcome.
    """
    values = np.asarray(before, dtype=float)
    active = values[values > 0]
    return float(np.quantile(active, quantile, method="higher")) if len(active) >= ACTIVE_MIN else None


def capped(values: Sequence[float] | np.ndarray, cap: float | None) -> np.ndarray:
    """Values above the cap are read as the cap; nobody is dropped, and the other arm is capped alike."""
    held = np.asarray(values, dtype=float)
    return held if cap is None else np.minimum(held, cap)
