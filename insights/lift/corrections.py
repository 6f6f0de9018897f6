"""Many comparisons at once: arms × metrics × segments. Adjusted p-values, each to be held against α as it stands."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted by Holm's step-down rule (Scandinavian Journal of Statistics 6, 1979): α bounds the chance of *any* false win.

    For the few comparisons a verdict rests on.
    """
    order = np.argsort(p_values, kind="stable")
    sorted_p = np.asarray(p_values, dtype=float)[order]
    raised = np.maximum.accumulate(sorted_p * np.arange(len(sorted_p), 0, -1))
    return _in_place(order, raised)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted by Benjamini and Hochberg's step-up rule (JRSS B 57, 1995): α bounds the expected *share* of false wins.

    For long lists that are searched for something worth a second look.
    """
    order = np.argsort(p_values, kind="stable")
    sorted_p = np.asarray(p_values, dtype=float)[order]
    n = len(sorted_p)
    raised = np.minimum.accumulate((sorted_p * n / np.arange(1, n + 1))[::-1])[::-1]
    return _in_place(order, raised)


def _in_place(order: np.ndarray, adjusted: np.ndarray) -> list[float]:
    found = np.empty(len(adjusted))
    found[order] = np.minimum(adjusted, 1.0)
    return found.tolist()
