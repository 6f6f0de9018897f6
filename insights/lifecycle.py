"""Life-cycle stages from the gaps between purchases: each member is held against their own habit. Arrays in, stages out.

A member's habit is their mean gap between days with a purchase, kept between 10 and 45 days, and 30 where one day says
nothing yet. Who never bought is a first contact while new, then lapsed. A few visits in the first days are new; silent for
three gaps a member is at risk, for eight lapsed; who came back from such a silence is won back for a while; who has come
often and long is loyal; everybody else develops. The figures are those of `Rules`.
"""

from dataclasses import dataclass

import numpy as np

CONTACT, NEW, DEVELOPING, LOYAL = "contact", "new", "developing", "loyal"
AT_RISK, LAPSED, WON_BACK = "at_risk", "lapsed", "won_back"
GAP_MIN, GAP_MAX, GAP_UNKNOWN = 10.0, 45.0, 30.0


@dataclass(frozen=True)
class Rules:
    """When a member is at which stage: days, days with a purchase (visits), and multiples of the usual gap."""

    new_days: float = 60
    new_visits: float = 2
    loyal_days: float = 180
    loyal_visits: float = 8
    risk_gaps: float = 3
    lapsed_gaps: float = 8
    won_back_days: float = 60


def habit(days_since_first: np.ndarray, days_since_last: np.ndarray, visits: np.ndarray) -> np.ndarray:
    """The usual gap in days of each member. `visits` counts days with a purchase."""
    gaps = (days_since_first - days_since_last) / np.maximum(visits - 1, 1)
    return np.where(visits < 2, GAP_UNKNOWN, np.clip(gaps, GAP_MIN, GAP_MAX))


def stages(days_since_first, days_since_last, visits, days_since_return=None, *, rules: Rules = Rules()) -> np.ndarray:
    """The stage of each member, as text.

    For who never bought, `visits` is 0 and the days count from joining. `days_since_return`: since the day that ended a
    silence long enough to be lapsed; NaN where there was none.
    """
    first, last, visits = (np.asarray(column, dtype=float) for column in (days_since_first, days_since_last, visits))
    returned = np.full(first.shape, np.nan) if days_since_return is None else np.asarray(days_since_return, dtype=float)
    gaps = habit(first, last, visits)
    never, young = visits == 0, first <= rules.new_days
    chosen = [
        (never & young, CONTACT),
        (never, LAPSED),
        (young & (visits <= rules.new_visits), NEW),
        (last > rules.lapsed_gaps * gaps, LAPSED),
        (last > rules.risk_gaps * gaps, AT_RISK),
        (returned <= rules.won_back_days, WON_BACK),
        ((visits >= rules.loyal_visits) & (first >= rules.loyal_days), LOYAL),
    ]
    return np.select([where for where, _stage in chosen], [stage for _where, stage in chosen], default=DEVELOPING)
