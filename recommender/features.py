"""What is counted of each candidate before it is ranked: habits of the pair, of the type, of the member and of its group.

All of it is known at the moment of the question: a feature never looks at a purchase that lies after the one it foretells.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommender import categories, hazards, rhythms, situations, tides
from recommender.candidates import SOURCES, Candidates
from recommender.categories import Categories
from recommender.hazards import Hazards
from recommender.interactions import Interactions, distinct
from recommender.rankers.base import Fitted
from recommender.rankers.due import typical_gaps
from recommender.tides import Tides

PAIR = (
    "times", "share_of_trips", "trips_since_last", "trips_since_first", "decayed_09", "decayed_06", "days_14", "days_45",
    "days_120", "days_since_last", "gap_days", "lateness", "rate_since_first",
)  # fmt: skip
ITEM = ("popularity", "recent_popularity", "rebuy_share", "typical_gap_days", "times_per_buyer", "trend")
MEMBER = ("trips", "basket_size", "repeat_share", "trip_gap_days", "types_bought")
ORDER = ("order_by_chance", "order_by_baskets", "order_by_days")  # a type's place among the member's own
GROUP = ("group_share_of_trips", "group_trips_since_last", "share_of_group", "popularity_in_group", "group_rest")
NAMES = (
    *PAIR, *rhythms.PAIR_NAMES, *hazards.NAMES, *ORDER, *ITEM, "basket_share", *tides.NAMES, *MEMBER, *rhythms.BASKET_NAMES, *GROUP,
    *rhythms.GROUP_NAMES, *categories.NAMES, *situations.NAMES, "day_of_month", *(f"source_{name}" for name in SOURCES[1:]), *(f"place_{name}" for name in SOURCES),
)  # fmt: skip
PARTS = {"tides": Tides, "hazards": Hazards, "categories": Categories}


@dataclass
class Habits(Fitted):
    """What the features need to know of types, over all members. `groups` (I,) is optional: a category number or −1."""

    def fit(self, seen: Interactions, groups: np.ndarray | None = None) -> Self:
        size = seen.shape[1]
        times = np.bincount(seen.pairs.item, seen.pairs.times, size)
        self.popularity_ = seen.buyers / (seen.shape[0] + 1)
        self.rebuy_ = (times - seen.buyers + 1) / (times + 8)
        self.gap_days_ = typical_gaps(seen)
        self.times_per_buyer_ = (times + 1) / (seen.buyers + 1)
        last = np.bincount(seen.item[seen.trip_age == 0], minlength=size)
        self.recent_ = last / (seen.shape[0] + 1)
        late = seen.day >= (seen.until - max((seen.until - int(seen.day.min())) // 6, 1) if len(seen.day) else 0)
        self.trend_ = (np.bincount(seen.item[late], minlength=size) + 1) / (times / 6 + 1)
        self.groups_ = np.full(size, -1) if groups is None else np.asarray(groups)
        in_group = np.bincount(self.groups_ + 1, self.popularity_, minlength=self.groups_.max(initial=-1) + 2)
        self.popularity_in_group_ = self.popularity_ / np.maximum(in_group[self.groups_ + 1], 1e-9)
        self.basket_share_ = rhythms.basket_share(seen)
        self.tides, self.hazards = Tides().fit(seen, self.groups_), Hazards().fit(seen)
        self.categories = Categories().fit(seen, self.groups_)
        return self

    def state(self) -> dict[str, np.ndarray]:
        inner = {f"{part}.{key}": value for part in PARTS for key, value in getattr(self, part).state().items()}
        return super().state() | inner

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        for part, kind in PARTS.items():
            own = {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
            setattr(self, part, kind().restore(own))
        return super().restore({key: value for key, value in state.items() if "." not in key})

    def of(self, found: Candidates, theirs: Interactions, now: np.ndarray) -> np.ndarray:
        """Features of candidates, shape (C, len(NAMES)), float32; NaN is “nothing to say”.

        `theirs` holds the members of the chunk in its order; `now` (m,) is the day each is asked about: what everybody buys is looked
        at before it.
        """
        row = found.row
        known, at = _where(row, found.item, theirs)
        columns = [*self._pair(found, theirs, now)]
        habits = rhythms.pairs(theirs, now[theirs.pairs.member]) | self.hazards.of(theirs)
        habits |= _orders(theirs, habits["return_chance"], now)
        habits |= self.categories.of_pairs(theirs, habits["return_chance"]) | situations.pairs(theirs, now)
        of = {name: _spread(values, at, known) for name, values in habits.items()}
        of |= self.categories.of_candidates(row, found.item, theirs)
        of["group_chance_shared"] = of["group_return_chance"] * of["share_of_group_lately"]
        for n in rhythms.RECENT:
            of[f"in_last_{n}_trips"] = np.nan_to_num(of[f"in_last_{n}_trips"])
        columns += [of[name] for name in (*rhythms.PAIR_NAMES, *hazards.NAMES, *ORDER)]
        columns += [*self._item(found.item), self.basket_share_[found.item]]
        columns += self.tides.of(found.item, now[row])
        columns += [*of_members(row, theirs), *(column[row] for column in rhythms.baskets(theirs, now))]
        columns += self._group(found, theirs)
        columns += self._group_rhythm(found, theirs, now, of["in_last_20_trips"])
        columns += [of[name] for name in (*categories.NAMES, *situations.NAMES)] + [situations.day_of_month(now)[row]]
        columns += [*found.scores[:, 1:].T, *found.places.T]
        return np.column_stack([column.astype(np.float32) for column in columns])

    def _group_rhythm(self, found: Candidates, theirs: Interactions, now: np.ndarray, lately: np.ndarray):
        """When the member last bought of the category, and how much of it this type is."""
        nothing = [np.full(len(found.row), np.nan) for _ in rhythms.GROUP_NAMES]
        keys, values = rhythms.groups(theirs, self.groups_, now)
        if not len(keys):
            return nothing
        group = self.groups_[found.item]
        wanted = found.row.astype(np.int64) * (int(self.groups_.max(initial=-1)) + 1) + group
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        known = (group >= 0) & (keys[at] == wanted)
        columns = [_spread(values[name], at, known) for name in rhythms.GROUP_NAMES[:-1]]
        return [*columns, lately / np.maximum(columns[-1], 0.1)]

    def _pair(self, found: Candidates, theirs: Interactions, now: np.ndarray) -> list[np.ndarray]:
        pairs, trips = theirs.pairs, theirs.trips
        known, at = _where(found.row, found.item, theirs)
        ages = theirs.trip_age
        sums = {
            "times": pairs.times, "last_age": ages[pairs.start[1:] - 1] if len(ages) else ages,
            "first_age": ages[pairs.start[:-1]] if len(ages) else ages,
            "decayed_09": _sum(theirs, 0.9**ages), "decayed_06": _sum(theirs, 0.6**ages),
            **{f"days_{h}": _sum(theirs, np.exp2((theirs.day - now[theirs.member]) / h)) for h in (14, 45, 120)},
            "first_day": pairs.first_day, "last_day": pairs.last_day,
        }  # fmt: skip
        of = {name: _spread(values, at, known) for name, values in sums.items()}
        times, mine = np.nan_to_num(of["times"]), np.maximum(trips[found.row], 1)
        gap = (of["last_day"] - of["first_day"] + 2 * self.gap_days_[found.item]) / (times + 1)
        since = now[found.row] - of["last_day"]
        return [
            times, times / mine, of["last_age"], of["first_age"], np.nan_to_num(of["decayed_09"]),
            np.nan_to_num(of["decayed_06"]), *(np.nan_to_num(of[f"days_{h}"]) for h in (14, 45, 120)), since, gap,
            since / gap, times / (of["first_age"] + 1),
        ]  # fmt: skip

    def _item(self, item: np.ndarray) -> list[np.ndarray]:
        return [
            np.log(self.popularity_[item] + 1e-5), np.log(self.recent_[item] + 1e-5), self.rebuy_[item],
            np.log(self.gap_days_[item]), self.times_per_buyer_[item], np.log(self.trend_[item]),
        ]  # fmt: skip

    def _group(self, found: Candidates, theirs: Interactions) -> list[np.ndarray]:
        """How the member treats the category of a type; NaN throughout where types have none."""
        group = self.groups_[found.item]
        if not (self.groups_ >= 0).any() or not len(theirs.member):
            return [np.full(len(found.row), np.nan) for _ in GROUP]
        size = int(self.groups_.max()) + 1
        own = self.groups_[theirs.item]
        kept = own >= 0
        trip = (theirs.member[kept].astype(np.int64) * size + own[kept]) * (1 << 12) + np.minimum(
            theirs.trip_age[kept], (1 << 12) - 1
        )
        visits = distinct(trip)
        pair, first, count = np.unique(visits >> 12, return_index=True, return_counts=True)
        key = found.row * size + group
        at = np.minimum(np.searchsorted(pair, key), max(len(pair) - 1, 0))
        known = (group >= 0) & (pair[at] == key) if len(pair) else np.zeros(len(key), bool)
        visited = np.where(known, count[at], 0)
        trips = np.maximum(theirs.trips[found.row], 1)
        own_times = np.asarray(found.scores[:, 0])
        return [
            np.where(group >= 0, visited / trips, np.nan),
            np.where(known, (visits[first[at]] & ((1 << 12) - 1)) + 0.0, np.nan),
            np.where(known, own_times / np.maximum(visited, 1), np.nan),
            np.where(group >= 0, self.popularity_in_group_[found.item], np.nan),
            np.where(known, visited - own_times, np.nan),
        ]


def now_of(theirs: Interactions, *, next_trip: bool) -> np.ndarray:
    """The day each member is asked about: the one that is told, or today, or when they are likely to come, by their own mean gap."""
    if theirs.asked is not None:
        return theirs.asked.astype(np.int64)
    if not next_trip:
        return np.full(theirs.shape[0], theirs.until, np.int64)
    return theirs.last_days + np.round(trip_gaps(theirs)).astype(np.int64)


def trip_gaps(theirs: Interactions) -> np.ndarray:
    """Mean days between a member's shopping days, shrunk to a fortnight: shape (M,), at least 1."""
    first = np.full(theirs.shape[0], theirs.until, np.int64)
    np.minimum.at(first, theirs.member, theirs.day)
    trips = theirs.trips
    span = np.where(trips > 0, theirs.last_days - first, 0)
    return np.maximum((span + 14.0) / np.maximum(trips, 1), 1.0)


def _orders(theirs: Interactions, chance: np.ndarray, now: np.ndarray) -> dict[str, np.ndarray]:
    """Where each type stands among all the member bought, by three worths: ten places are to be given, whatever the worths are."""
    lately = np.exp2((theirs.day - now[theirs.member]) / 45)
    worths = (chance, rhythms.total(theirs, 0.9**theirs.trip_age), rhythms.total(theirs, lately))
    return dict(zip(ORDER, (rhythms.placed(theirs, worth) for worth in worths), strict=True))


def of_members(row: np.ndarray, theirs: Interactions) -> list[np.ndarray]:
    """Columns in the order of MEMBER for some members."""
    trips = np.maximum(theirs.trips, 1)
    lines = np.bincount(theirs.member, minlength=theirs.shape[0])
    types = np.bincount(theirs.pairs.member, minlength=theirs.shape[0])
    columns = (theirs.trips, lines / trips, (lines - types + 0.5) / (lines + 2), trip_gaps(theirs), types)
    return [column[row] for column in columns]


def _where(row: np.ndarray, item: np.ndarray, theirs: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Which candidates were bought before, and their place among the pairs."""
    keys = theirs.pair_keys
    wanted = row.astype(np.int64) * theirs.shape[1] + item
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    return (keys[at] == wanted if len(keys) else np.zeros(len(wanted), bool)), at


def _spread(values: np.ndarray, at: np.ndarray, known: np.ndarray) -> np.ndarray:
    found = np.full(len(at), np.nan)
    found[known] = values[at[known]]
    return found


def _sum(theirs: Interactions, worth: np.ndarray) -> np.ndarray:
    return np.add.reduceat(worth, theirs.pairs.start[:-1]) if len(worth) else worth
