"""What a difference is worth: per member it is a mean, for the books it is money, and for a reader a number of people."""

import math
from dataclasses import dataclass

from insights.lift.comparing import Lift


@dataclass(frozen=True)
class Worth:
    """A difference per member times the members it was tried on, in the metric's own unit (money: minor units).

    The interval is the difference's own, so it tells the doubt of the total.
    """

    total: float
    low: float
    high: float
    n_treated: int


def worth(found: Lift) -> Worth:
    """What the treated members did more, all together, than they would have done untreated."""
    n = found.n_treated
    return Worth(found.absolute * n, found.low * n, found.high * n, n)


@dataclass(frozen=True)
class NumberNeeded:
    """How many members must be treated for one more (or, if `is_harm`, one fewer) to do it (Cook and Sackett, BMJ 1995).

    `low` to `high` is the interval in members. Where the difference may be nothing, `high` is None: it may take any number.
    """

    number: float
    low: float
    high: float | None
    is_harm: bool


def number_needed(found: Lift) -> NumberNeeded | None:
    """The inverse of a difference of shares. None where the shares are equal."""
    if found.absolute == 0:
        return None
    is_harm = found.absolute < 0
    near, far = (-found.high, -found.low) if is_harm else (found.low, found.high)
    high = 1 / near if near > 0 else None
    return NumberNeeded(1 / abs(found.absolute), 1 / far if far > 0 else math.inf, high, is_harm)
