"""Who bought which product type on which day: what every ranker is fitted on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

DAY_S = 86_400
FRESH_DAYS = 42


@dataclass(frozen=True, eq=False)
class Interactions:
    """Distinct (member, type, day) triples before a moment, over fixed lists of members and types.

    Attributes
    ----------
    member_ids, item_ids : int64 arrays, shapes (M,) and (I,), ascending
        Database ids. Positions in them are the indices that rankers speak of; an item is a product type.
    member, item, day : int32 arrays, shape (N,), sorted by (member, item, day), without repeats
        Indices, and days since 1970-01-01 (UTC).
    until : int
        The first day that is not seen: “today” for whoever looks at these interactions.
    asked : int32 array, shape (M,), optional
        The day each member is asked about, where it is not today for all: whoever lists for a member knows the date.
    store : int64 array, shape (N,), optional
        Where it was bought, by any number of the store: of a type bought in two on one day, in one of them.

    """

    member_ids: np.ndarray
    item_ids: np.ndarray
    member: np.ndarray
    item: np.ndarray
    day: np.ndarray
    until: int
    asked: np.ndarray | None = None
    store: np.ndarray | None = None

    @classmethod
    def of(cls, members, items, days, *, until: int, item_ids=None, stores=None) -> "Interactions":
        """From parallel arrays of database ids and days (and stores), in any order, repeats allowed.

        Days from `until` on are dropped; so are types outside `item_ids`, when given.
        """
        days = np.asarray(days, dtype=np.int32)
        items = np.asarray(items)
        item_ids = np.unique(items if item_ids is None else np.asarray(item_ids)).astype(np.int64)
        seen = (days < until) & np.isin(items, item_ids)
        members, items, days = np.asarray(members)[seen], items[seen], days[seen]
        member_ids, member = np.unique(members, return_inverse=True)
        item = np.searchsorted(item_ids, items)
        base = int(days.min()) if len(days) else 0
        span = int(days.max()) - base + 1 if len(days) else 1
        key, first = np.unique(
            (member.astype(np.int64) * max(len(item_ids), 1) + item) * span + (days - base), return_index=True
        )
        pair, day = np.divmod(key, span)
        member, item = np.divmod(pair, max(len(item_ids), 1))
        return cls(
            member_ids.astype(np.int64), item_ids,
            member.astype(np.int32), item.astype(np.int32), (day + base).astype(np.int32), until,
            store=None if stores is None else np.asarray(stores)[seen][first].astype(np.int64),
        )  # fmt: skip

    def before(self, day: int) -> "Interactions":
        """The same members and types, as they looked on the morning of `day`."""
        return self._where(self.day < day, day)

    def since(self, day: int) -> "Interactions":
        """Only what happened on `day` or later."""
        return self._where(self.day >= day, self.until)

    def only(self, members: np.ndarray) -> "Interactions":
        """Only these members (indices), renumbered in the given order."""
        start = np.searchsorted(self.member, members)
        length = np.searchsorted(self.member, members, side="right") - start
        rows = np.repeat(start - np.r_[0, np.cumsum(length)[:-1]], length) + np.arange(length.sum())
        member = np.repeat(np.arange(len(members), dtype=np.int32), length)
        return Interactions(
            self.member_ids[members], self.item_ids, member, self.item[rows], self.day[rows], self.until,
            None if self.asked is None else self.asked[members], self._stores(rows),
        )  # fmt: skip

    def of_items(self, items: np.ndarray) -> "Interactions":
        """Only these types (ascending indices), renumbered in that order."""
        place = np.full(self.shape[1], -1, np.int32)
        place[items] = np.arange(len(items), dtype=np.int32)
        found = place[self.item]
        kept = found >= 0
        return Interactions(
            self.member_ids, self.item_ids[items], self.member[kept], found[kept], self.day[kept], self.until, self.asked,
            self._stores(kept),
        )  # fmt: skip

    def renamed(self, item: np.ndarray, kept: np.ndarray, item_ids: np.ndarray) -> "Interactions":
        """The triples of a mask with other types in the place of theirs, indices into `item_ids`; what falls together counts once."""
        first = int(self.day.min()) if len(self.day) else 0
        size, span = max(len(item_ids), 1), (int(self.day.max()) - first + 1) if len(self.day) else 1
        pair, day = np.divmod(
            distinct((self.member[kept].astype(np.int64) * size + item) * span + self.day[kept] - first), span
        )
        member, renamed = np.divmod(pair, size)
        return Interactions(
            self.member_ids, item_ids, member.astype(np.int32), renamed.astype(np.int32), (day + first).astype(np.int32), self.until, self.asked
        )  # fmt: skip

    def _where(self, mask, until, asked=None):
        return Interactions(
            self.member_ids, self.item_ids, self.member[mask], self.item[mask], self.day[mask], until, asked, self._stores(mask)
        )  # fmt: skip

    def _stores(self, chosen) -> np.ndarray | None:
        return None if self.store is None else self.store[chosen]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.member_ids), len(self.item_ids)

    @cached_property
    def pairs(self) -> "Pairs":
        """Per (member, type) sums of the triples."""
        if not len(self.member):
            none = np.zeros(0, np.int32)
            return Pairs(none, none, none, none, none, np.zeros(1, np.int64))
        key = self.member.astype(np.int64) * self.shape[1] + self.item
        start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        end = np.r_[start[1:], len(key)]
        return Pairs(
            self.member[start], self.item[start], (end - start).astype(np.int32), self.day[start], self.day[end - 1],
            np.r_[start, len(key)],
        )  # fmt: skip

    @cached_property
    def pair_keys(self) -> np.ndarray:
        """One ascending number for each pair, shape (P,): member × I + item."""
        return self.pairs.member.astype(np.int64) * self.shape[1] + self.pairs.item

    @cached_property
    def counts(self) -> csr_matrix:
        """Days bought, shape (M, I): float32 with int32 indices, the one form that implicit takes without surprises."""
        pairs = self.pairs
        return as_csr(pairs.times, pairs.member, pairs.item, self.shape)

    @cached_property
    def buyers(self) -> np.ndarray:
        """Members who bought each type at least once, shape (I,)."""
        return np.bincount(self.pairs.item, minlength=self.shape[1]).astype(np.float64)

    @cached_property
    def trips(self) -> np.ndarray:
        """Days with any purchase of each member, shape (M,)."""
        return np.bincount(self._trip_keys[0] >> 20, minlength=self.shape[0]).astype(np.float64)

    @cached_property
    def trip_age(self) -> np.ndarray:
        """Of each triple, how many later shopping days its member has: 0 on their last one. Shape (N,)."""
        keys, of = self._trip_keys
        last = np.searchsorted(keys, (np.arange(self.shape[0], dtype=np.int64) + 1) << 20) - 1
        return (last[self.member] - of).astype(np.int32)

    @cached_property
    def _trip_keys(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct (member, day) as ascending numbers, and which of them each triple belongs to."""
        first = int(self.day.min()) if len(self.day) else 0
        return np.unique(self.member.astype(np.int64) * (1 << 20) + (self.day - first), return_inverse=True)

    @cached_property
    def home(self) -> np.ndarray:
        """The store each member buys most in, −1 where none is known: int64, shape (M,)."""
        found = np.full(self.shape[0], -1, np.int64)
        if self.store is None or not len(self.store):
            return found
        stores, place = np.unique(self.store, return_inverse=True)
        pairs, lines = np.unique(self.member.astype(np.int64) * len(stores) + place, return_counts=True)
        order = np.lexsort((lines, pairs // len(stores)))  # the last of each member is where most was bought
        found[pairs[order] // len(stores)] = stores[pairs[order] % len(stores)]
        return found

    @cached_property
    def last_days(self) -> np.ndarray:
        """The last shopping day of each member, shape (M,); `until` for who has none."""
        last = np.full(self.shape[0], -1, np.int64)
        np.maximum.at(last, self.member, self.day)
        return np.where(last < 0, self.until, last)

    @cached_property
    def is_new(self) -> np.ndarray:
        """Which types were first sold in the last `FRESH_DAYS`, in a shop that had been open for as long before: shape (I,)."""
        first = np.full(self.shape[1], self.until, np.int64)
        np.minimum.at(first, self.item, self.day)
        opened = int(self.day.min()) if len(self.day) else self.until
        return (first >= self.until - FRESH_DAYS) & (first > opened + FRESH_DAYS) & (self.buyers > 0)

    def without_last(self, trips: int = 1) -> "Interactions":
        """Without each member's last `trips` shopping days, and asked about the first of those."""
        first = self.trip_age == trips - 1
        asked = np.full(self.shape[0], self.until, np.int32)
        asked[self.member[first]] = self.day[first]
        return self._where(self.trip_age >= trips, self.until, asked)

    def nth_last(self, age: int) -> "Interactions":
        """Only what each member bought on the shopping day that had `age` later ones."""
        return self._where(self.trip_age == age, self.until)


@dataclass(frozen=True, eq=False)
class Pairs:
    """One row per (member, type) ever bought, sorted by both; `start` bounds its triples."""

    member: np.ndarray
    item: np.ndarray
    times: np.ndarray  # days bought
    first_day: np.ndarray
    last_day: np.ndarray
    start: np.ndarray  # shape (P + 1,)


def as_csr(values, rows, columns, shape) -> csr_matrix:
    """A csr_matrix (not csr_array, which implicit refuses), float32 with int32 indices, sorted."""
    matrix = csr_matrix((np.asarray(values, np.float32), (rows, columns)), shape=shape, dtype=np.float32)
    matrix.indices = matrix.indices.astype(np.int32)
    matrix.indptr = matrix.indptr.astype(np.int32)
    matrix.sort_indices()
    return matrix


def distinct(keys: np.ndarray) -> np.ndarray:
    """The different numbers among these, ascending: by sorting, which for millions is several times as fast as hashing."""
    keys = np.sort(keys)
    return keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
