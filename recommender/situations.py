"""What a member takes on days like the one asked about: the same weekday, a weekend, after as long a pause, at the same time of the month.

The Saturday trip is another than the one on Tuesday, and so is the one after pay-day. Each shopping day counts by how much it is like
the day of the question, and the less the longer ago.
"""

import numpy as np

from recommender.interactions import Interactions
from recommender.rhythms import total

LIKENESSES = ("weekday", "weekend", "pause", "month")
FADING = 0.95  # a shopping day
USUAL = 2.0  # days that the member's usual share counts as, beside those that are alike
MONTH_DAYS = 30.44
WEEKEND = (2, 3)  # days since 1970, a Thursday, modulo seven
NAMES = (*(f"{what}_on_like_{name}" for name in LIKENESSES for what in ("share", "lift")), "share_fading")


def pairs(theirs: Interactions, now: np.ndarray) -> dict[str, np.ndarray]:
    """Columns in the order of NAMES for each (member, type) bought before, shape (P,).

    A share is of the member's shopping days, each by its likeness; a lift is that share over the usual one. `now` (M,) is the day each
    member is asked about.
    """
    keys, of = theirs._trip_keys  # noqa: SLF001 - the same file of trips
    member = (keys >> 20).astype(np.int64)
    first = int(theirs.day.min()) if len(theirs.day) else 0
    day = (keys & ((1 << 20) - 1)) + first
    worth = FADING ** _age(member, theirs.shape[0])
    mine = theirs.pairs.member

    def share(like: np.ndarray, usual: np.ndarray | float, strength: float) -> np.ndarray:
        days = np.bincount(member, like, theirs.shape[0])[mine]
        return (total(theirs, like[of]) + strength * usual) / (days + strength)

    usual = share(worth, 0.0, 0.0)
    shares = [share(like * worth, usual, USUAL) for like in _likenesses(member, day, now, theirs.last_days)]
    found = [column for one in shares for column in (one, one / usual)]
    return dict(zip(NAMES, (*found, usual), strict=True))


def day_of_month(now: np.ndarray) -> np.ndarray:
    date = now.astype("datetime64[D]")
    return (date - date.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float64)


def _likenesses(member: np.ndarray, day: np.ndarray, now: np.ndarray, last_days: np.ndarray) -> list[np.ndarray]:
    """Of each shopping day, between 0 and 1, in the order of LIKENESSES; the first of a member had no pause before it."""
    asked = now[member]
    pause = np.maximum(np.diff(day, prepend=day[:1]), 1)
    present = np.maximum(now - last_days, 1)[member]
    is_first = np.diff(member, prepend=-1) != 0
    apart = np.log(pause) - np.log(present) if len(day) else np.zeros(0)
    in_month = np.abs(asked - day) % MONTH_DAYS
    in_month = np.minimum(in_month, MONTH_DAYS - in_month)
    return [
        (day % 7 == asked % 7).astype(np.float64),
        (np.isin(day % 7, WEEKEND) == np.isin(asked % 7, WEEKEND)).astype(np.float64),
        np.where(is_first, 0.0, np.exp(-0.5 * (apart / 0.5) ** 2)),
        np.exp(-0.5 * (in_month / 3) ** 2),
    ]


def _age(member: np.ndarray, members: int) -> np.ndarray:
    """Of each shopping day, how many later ones its member has; `member` ascends."""
    return np.bincount(member, minlength=members).cumsum()[member] - 1 - np.arange(len(member))
