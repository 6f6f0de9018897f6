"""What is popular where a member belongs: in the store they come to, in the categories they buy of, among members at the same point of
their life with the shop. And for who has come only a few times, what members who began alike took later.

Popularity is of late, as `recent_popularity` counts it. A store with few members says nothing of its own.
"""

from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions, as_csr
from recommender.rankers.base import NOTHING, Fitted

RECENT_DAYS = 28
STORE_MEMBERS_MIN, STORES_MAX = 30, 500
TRIPS_OF_CELLS = (2, 5, 13)  # shopping days at which the next kind of member begins
LATE = 1.5  # own mean gaps without a purchase: beyond, another cell
BEGINNING = 3  # shopping days; who has more is no beginner
BEGUN_MAX, ALIKE = 5_000, 100  # members whose beginnings are kept; how many of them are listened to


def recently(seen: Interactions) -> np.ndarray:
    """Which triples are of the member's last shopping day, or of the last weeks: shape (N,)."""
    return (seen.trip_age == 0) | (seen.day >= seen.until - RECENT_DAYS)


def cells(seen: Interactions) -> np.ndarray:
    """The life-cycle cell of each member, by shopping days so far and whether they are late: shape (M,)."""
    trips = seen.trips
    first = np.full(seen.shape[0], seen.until, np.int64)
    np.minimum.at(first, seen.member, seen.day)
    gap = (seen.last_days - first) / np.maximum(trips - 1, 1)
    is_late = (trips > 1) & (seen.until - seen.last_days > LATE * np.maximum(gap, 1))
    return np.searchsorted(TRIPS_OF_CELLS, trips, side="right") * 2 + is_late


class Nearby(Fitted):
    """Four sources: `NAMES`. `fit` and `table` see types of the shelf alone; `groups` (I,) numbers their categories, −1 for none."""

    NAMES = ("store", "cell", "category", "beginners")

    def fit(self, seen: Interactions, groups: np.ndarray | None = None) -> Self:
        mask = recently(seen)
        member, item = np.divmod(
            np.unique(seen.member[mask].astype(np.int64) * max(seen.shape[1], 1) + seen.item[mask]),
            max(seen.shape[1], 1),
        )
        self.groups_ = np.full(seen.shape[1], -1) if groups is None else np.asarray(groups)
        self.popular_ = (np.bincount(item, minlength=seen.shape[1]) / (seen.shape[0] + 1)).astype(np.float32)
        self.stores_, home = _large(seen.home)
        self.in_store_ = _shares(home, member, item, (len(self.stores_), seen.shape[1]))
        self.in_cell_ = _shares(cells(seen), member, item, (2 * len(TRIPS_OF_CELLS) + 2, seen.shape[1]))
        self._begin(seen)
        return self

    def _begin(self, seen: Interactions):
        """Beginnings and what came after them, of members who have both: the first so many by how long they go on."""
        able = np.flatnonzero(seen.trips >= 2 * BEGINNING)
        chosen = np.sort(able[np.argsort(-seen.trips[able], kind="stable")[:BEGUN_MAX]])
        theirs = seen.only(chosen)
        early = theirs.trip_age >= theirs.trips[theirs.member] - BEGINNING
        for name, mask in (("begun", early), ("later", ~early)):
            matrix = as_csr(np.ones(int(mask.sum())), theirs.member[mask], theirs.item[mask], theirs.shape)
            matrix.sum_duplicates()
            matrix.data[:] = 1.0
            for part in ("data", "indices", "indptr"):
                setattr(self, f"{name}_{part}_", getattr(matrix, part))
        self.begun_ids_ = seen.member_ids[chosen]

    def table(self, name: str, seen: Interactions) -> np.ndarray:
        """What one source thinks of every type for every member of `seen`: float32 (m, I), `NOTHING` where it is silent."""
        return getattr(self, f"_{name}")(seen)

    def _store(self, seen: Interactions) -> np.ndarray:
        at = np.minimum(np.searchsorted(self.stores_, seen.home), max(len(self.stores_) - 1, 0))
        known = self.stores_[at] == seen.home if len(self.stores_) else np.zeros(seen.shape[0], bool)
        found = np.full(seen.shape, NOTHING, np.float32)
        found[known] = self.in_store_[at[known]]
        return np.where(found > 0, found, NOTHING)

    def _cell(self, seen: Interactions) -> np.ndarray:
        found = self.in_cell_[cells(seen)]
        return np.where(found > 0, found, NOTHING)

    def _category(self, seen: Interactions) -> np.ndarray:
        """Popular, by how much of what the member buys is of the type's category."""
        size = int(self.groups_.max(initial=-1)) + 1
        group = self.groups_[seen.item]
        key = seen.member[group >= 0].astype(np.int64) * max(size, 1) + group[group >= 0]
        lines = np.bincount(key, minlength=seen.shape[0] * max(size, 1)).reshape(seen.shape[0], max(size, 1))
        share = lines / np.maximum(lines.sum(axis=1, keepdims=True), 1)
        found = np.where(self.groups_ >= 0, share[:, self.groups_], 0) * self.popular_
        return np.where(found > 0, found, NOTHING).astype(np.float32)

    def _beginners(self, seen: Interactions) -> np.ndarray:
        found = np.full(seen.shape, NOTHING, np.float32)
        begun, later = self._kept("begun", seen.shape[1]), self._kept("later", seen.shape[1])
        who = np.flatnonzero((seen.trips > 0) & (seen.trips <= BEGINNING))
        if not len(who) or not begun.shape[0]:
            return found
        mine = seen.counts[who]
        mine.data = np.ones_like(mine.data)
        norms = np.sqrt(np.maximum(np.asarray(begun.sum(axis=1)).ravel(), 1))
        alike = (mine @ begun.T).toarray() / norms / np.sqrt(np.maximum(np.asarray(mine.sum(axis=1)), 1))
        at = np.minimum(np.searchsorted(self.begun_ids_, seen.member_ids[who]), len(self.begun_ids_) - 1)
        alike[np.arange(len(who)), at] *= self.begun_ids_[at] != seen.member_ids[who]  # nobody is like themselves
        least = np.partition(alike, max(alike.shape[1] - ALIKE, 0), axis=1)[:, [max(alike.shape[1] - ALIKE, 0)]]
        weights = np.where(alike >= np.maximum(least, 1e-9), alike, 0)
        share = csr_matrix(weights).dot(later).toarray() / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        found[who] = np.where(share > 0, share, NOTHING)
        return found

    def _kept(self, name: str, items: int) -> csr_matrix:
        parts = tuple(getattr(self, f"{name}_{part}_") for part in ("data", "indices", "indptr"))
        return csr_matrix(parts, shape=(len(self.begun_ids_), items))


def _large(home: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stores with enough members, ascending, and which of them each member comes to, −1 for none."""
    stores, place, members = np.unique(home, return_inverse=True, return_counts=True)
    able = np.flatnonzero((members >= STORE_MEMBERS_MIN) & (stores >= 0))
    able = np.sort(able[np.argsort(-members[able], kind="stable")[:STORES_MAX]])
    number = np.full(len(stores), -1)
    number[able] = np.arange(len(able))
    return stores[able], number[place]


def _shares(of: np.ndarray, member: np.ndarray, item: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Share of the members of each kind who bought each type: float32, (kinds, I). `of` (M,) is the kind, −1 for none."""
    mine = of[member]
    found = np.bincount(mine[mine >= 0] * max(shape[1], 1) + item[mine >= 0], minlength=shape[0] * max(shape[1], 1))
    members = np.bincount(of[of >= 0], minlength=shape[0])
    return (found.reshape(shape[0], max(shape[1], 1))[:, : shape[1]] / (members[:, None] + 1)).astype(np.float32)
