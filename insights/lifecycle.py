"""Life-cycle stages from the gaps between purchases: each member is held against their own habit. Arrays in, stages out.

A member's habit is their mean gap between days with a purchase, kept between 10 and 45 days, and 30 where one day says
nothing yet. Silent for three gaps they are lapsing, for eight they are lapsed; until the third day with a purchase, and
while the first is at most 60 days old, they are new. Who never bought is new for 60 days from joining, then lapsed.
"""

import numpy as np

NEW, ACTIVE, LAPSING, LAPSED = "new", "active", "lapsing", "lapsed"
GAP_MIN, GAP_MAX, GAP_UNKNOWN = 10.0, 45.0, 30.0
LAPSING_AFTER_GAPS, LAPSED_AFTER_GAPS = 3.0, 8.0
NEW_DAYS_MAX, NEW_VISITS_MAX = 60.0, 2


def habit(days_since_first: np.ndarray, days_since_last: np.ndarray, visits: np.ndarray) -> np.ndarray:
    """The usual gap in days of each member. `visits` counts days with a purchase."""
    gaps = (days_since_first - days_since_last) / np.maximum(visits - 1, 1)
    return np.where(visits < 2, GAP_UNKNOWN, np.clip(gaps, GAP_MIN, GAP_MAX))


def stages(days_since_first, days_since_last, visits) -> np.ndarray:
    """The stage of each member, as text. For who never bought, `visits` is 0 and the days count from joining."""
    first, last, visits = (np.asarray(column, dtype=float) for column in (days_since_first, days_since_last, visits))
    gaps = habit(first, last, visits)
    is_new = (visits <= NEW_VISITS_MAX) & (first <= NEW_DAYS_MAX)
    chosen = [is_new, visits == 0, last > LAPSED_AFTER_GAPS * gaps, last > LAPSING_AFTER_GAPS * gaps]
    return np.select(chosen, [NEW, LAPSED, LAPSED, LAPSING], default=ACTIVE)
