"""How regular a habit is: of a member with a type, of a member with a category, and of a member's baskets.

Everything is counted from the member's own purchases before the day they are asked about.
"""

import numpy as np

from recommender.interactions import Interactions, distinct

RECENT = (1, 3, 5, 10, 20)  # a member's last shopping days
SMALL = 3  # a basket of so few types is an errand
DAYS = 1 << 12  # more than any gap that is told apart
PAIR_NAMES = (
    *(f"in_last_{n}_trips" for n in RECENT), "share_of_baskets_with_it", "gap_spread", "last_gap_days", "trips_between",
    "trips_lateness", "share_of_gaps_passed",
)  # fmt: skip
GROUP_NAMES = ("group_days_since", "group_gap_days", "group_lateness", "group_decayed", "share_of_recent_group")
BASKET_NAMES = ("size_usual", "size_spread", "size_of_last_3", "size_of_last", "share_of_errands", "days_until_asked")


def pairs(theirs: Interactions, now_of_pair: np.ndarray) -> dict[str, np.ndarray]:
    """One number for each (member, type) bought before, shape (P,); NaN where one purchase says nothing."""
    of, ages = theirs.pairs, theirs.trip_age
    opens = np.zeros(len(theirs.day), bool)
    opens[of.start[:-1]] = True
    days = _between(theirs.day, opens)
    trips = _between(-ages.astype(np.float64), opens)
    gaps = np.maximum(of.times - 1, 1)
    again = of.times > 1
    mean, squares = total(theirs, days) / gaps, total(theirs, days**2) / gaps
    spread = np.sqrt(np.maximum(squares - mean**2, 0)) / np.maximum(mean, 1)
    apart = total(theirs, trips) / gaps
    last_age = ages[of.start[1:] - 1]
    values = {f"in_last_{n}_trips": total(theirs, (ages < n).astype(np.float64)) for n in RECENT}
    return values | {
        "share_of_baskets_with_it": total(theirs, 1 / _sizes(theirs)) / of.times,
        "gap_spread": np.where(again, spread, np.nan),
        "last_gap_days": np.where(again, days[of.start[1:] - 1], np.nan),
        "trips_between": np.where(again, apart, np.nan),
        "trips_lateness": np.where(again, (last_age + 1) / np.maximum(apart, 0.5), np.nan),
        "share_of_gaps_passed": _passed(theirs, days, opens, now_of_pair),
    }


def groups(theirs: Interactions, group_of: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Keys member × G + group, ascending, and what is counted of each; G is one more than the greatest group."""
    size = int(group_of.max(initial=-1)) + 1
    own = group_of[theirs.item]
    kept = own >= 0
    first = int(theirs.day.min()) if len(theirs.day) else 0
    key = theirs.member[kept].astype(np.int64) * size + own[kept]
    visits = distinct(key * DAYS + np.minimum(theirs.day[kept] - first, DAYS - 1))
    found, start, times = np.unique(visits // DAYS, return_index=True, return_counts=True)
    if not len(found):
        return found, {}
    day = visits % DAYS + first
    opened, latest = day[start], day[start + times - 1]
    faded = np.exp2((day - now[(visits // DAYS) // size]) / 45)
    gap = (latest - opened + 28.0) / times
    since = now[found // size] - latest
    return found, {
        "group_days_since": since.astype(np.float64), "group_gap_days": gap, "group_lateness": since / gap,
        "group_decayed": np.add.reduceat(faded, start),
    }  # fmt: skip


def baskets(theirs: Interactions, now: np.ndarray) -> list[np.ndarray]:
    """Columns in the order of BASKET_NAMES, one number a member."""
    members = theirs.shape[0]
    keys, of = theirs._trip_keys  # noqa: SLF001 - the same file of trips
    size = np.log(np.maximum(np.bincount(of, minlength=len(keys)), 1))
    member = (keys >> 20).astype(np.int64)
    start, end = (np.searchsorted(member, np.arange(members), side=side) for side in ("left", "right"))
    sums, squares = np.r_[0, np.cumsum(size)], np.r_[0, np.cumsum(size**2)]
    count, third = np.maximum(end - start, 1), np.maximum(end - 3, start)
    mean = (sums[end] - sums[start]) / count
    spread = np.sqrt(np.maximum(np.round((squares[end] - squares[start]) / count - mean**2, 9), 0))
    latest = np.where(end > start, np.r_[size, 0][np.maximum(end - 1, 0)], 0)
    errands = np.bincount(member, size <= np.log(SMALL) + 1e-9, members) / count
    lately = (sums[end] - sums[third]) / np.maximum(end - third, 1)
    # sums over all members carry the rounding of those before: a spread of nothing must be nothing, whoever else is asked about
    return [np.round(column, 5) for column in (mean, spread, lately, latest, errands)] + [now - theirs.last_days]


def placed(theirs: Interactions, worth: np.ndarray) -> np.ndarray:
    """The place of each type in its member's own order by some worth of the pair, 0 the greatest: shape (P,)."""
    return placed_within(theirs.pairs.member, worth)


def placed_within(part: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """The place of each by its worth among those of the same part, 0 the greatest, ties by position: shape (P,)."""
    order = np.lexsort((-worth, part))
    place = np.empty(len(order))
    place[order] = np.arange(len(order)) - np.searchsorted(part[order], part[order])
    return place


def total(theirs: Interactions, worth: np.ndarray) -> np.ndarray:
    """Σ of a worth over the days of each (member, type), shape (P,)."""
    return np.add.reduceat(worth, theirs.pairs.start[:-1]) if len(worth) else worth


def basket_share(seen: Interactions) -> np.ndarray:
    """How much of a basket a type usually is, shrunk to the mean of all: near 1 for what is bought alone. Shape (I,)."""
    if not len(seen.item):
        return np.zeros(seen.shape[1])
    share = 1 / _sizes(seen)
    times = np.bincount(seen.item, minlength=seen.shape[1])
    return (np.bincount(seen.item, share, seen.shape[1]) + 5 * share.mean()) / (times + 5)


def _sizes(seen: Interactions) -> np.ndarray:
    """Of each triple, how many types its basket holds."""
    keys, of = seen._trip_keys  # noqa: SLF001 - the same file of trips
    return np.bincount(of, minlength=len(keys))[of].astype(np.float64)


def _between(moment: np.ndarray, opens: np.ndarray) -> np.ndarray:
    """Since the purchase before it of the same type; 0 for the first."""
    steps = np.r_[0.0, np.diff(moment.astype(np.float64))] if len(moment) else np.zeros(0)
    steps[opens] = 0
    return steps


def _passed(theirs: Interactions, days: np.ndarray, opens: np.ndarray, now_of_pair: np.ndarray) -> np.ndarray:
    """Share of a member's own gaps for a type that were shorter than the present pause: when it is due, by experience."""
    of = theirs.pairs
    which = np.repeat(np.arange(len(of.member), dtype=np.int64), of.times)[~opens]
    gaps = np.sort(which * DAYS + np.minimum(days[~opens], DAYS - 1).astype(np.int64))
    start = np.arange(len(of.member), dtype=np.int64) * DAYS
    pause = np.clip(now_of_pair - of.last_day, 0, DAYS - 1)
    return (np.searchsorted(gaps, start + pause) - np.searchsorted(gaps, start)) / (of.times - 0.5)
