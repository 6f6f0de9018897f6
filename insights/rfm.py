"""RFM cells: every member's place in fifths of recency, frequency and money. Arrays in, cells out."""

import numpy as np

FIFTHS = 5


def fifths(values: np.ndarray) -> np.ndarray:
    """The fifth of each value, 1 (least) to 5 (most); equal values share a fifth, the middle one of theirs."""
    if not len(values):
        return np.zeros(0, int)
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2  # of the places that equal values take
    return np.minimum((middle[place] * FIFTHS / len(values)).astype(int), FIFTHS - 1) + 1


def cells(days_since_last: np.ndarray, visits: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Three digits each: recency (5 is latest), frequency, money. 555 is best, 111 worst."""
    return 100 * fifths(-np.asarray(days_since_last)) + 10 * fifths(np.asarray(visits)) + fifths(np.asarray(spent))
