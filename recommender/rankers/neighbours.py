"""Rankers that borrow from members who buy alike: the published methods for next baskets. A basket is a shopping day."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions, as_csr
from recommender.rankers.base import NOTHING, Fitted

POOL = 20_000  # members whose baskets are kept to borrow from
CELLS = 8_000_000  # similarities held at a time


@dataclass
class _Borrowing(Fitted):
    """What both methods share: vectors of the pool, and the nearest of them to each member."""

    def fit(self, seen: Interactions) -> Self:
        chosen = _pool(seen)
        mine, others = self._vectors(seen.only(chosen))
        self.pool_ids_ = seen.member_ids[chosen]
        self._keep("mine", mine)
        self._keep("others", others)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        own, borrowed = self.parts(seen, members)
        found = (own + borrowed).toarray().astype(np.float32)
        found[found <= 0] = NOTHING
        return found

    def parts(self, seen: Interactions, members: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
        """What a member's own baskets say, and what the neighbours' say; both (m, I) and weighed as they are added."""
        raise NotImplementedError

    def _vectors(self, seen: Interactions) -> tuple[csr_matrix, csr_matrix]:
        raise NotImplementedError

    def _keep(self, name: str, matrix: csr_matrix):
        for part in ("data", "indices", "indptr"):
            setattr(self, f"{name}_{part}_", getattr(matrix, part))

    def _kept(self, name: str, items: int) -> csr_matrix:
        parts = tuple(getattr(self, f"{name}_{part}_") for part in ("data", "indices", "indptr"))
        return csr_matrix(parts, shape=(len(self.pool_ids_), items))

    def _hide_self(self, similarity: np.ndarray, ids: np.ndarray):
        """Nobody is their own neighbour."""
        at = np.minimum(np.searchsorted(self.pool_ids_, ids), len(self.pool_ids_) - 1)
        known = np.flatnonzero(self.pool_ids_[at] == ids)
        similarity[known, at[known]] = NOTHING


def _pool(seen: Interactions) -> np.ndarray:
    """Members to borrow from: those with most shopping days where there are too many, in order."""
    with_any = np.flatnonzero(seen.trips)
    if len(with_any) <= POOL:
        return with_any
    return np.sort(with_any[np.argsort(-seen.trips[with_any], kind="stable")[:POOL]])


def _nearest(similarity: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the n greatest of each row, and their values; not in order."""
    n = min(n, similarity.shape[1])
    at = np.argpartition(similarity, similarity.shape[1] - n, axis=1)[:, similarity.shape[1] - n :]
    return at, np.take_along_axis(similarity, at, axis=1)


def _mix(at: np.ndarray, weights: np.ndarray, vectors: csr_matrix) -> csr_matrix:
    """Σ of the chosen vectors, each by its weight."""
    rows = np.repeat(np.arange(len(at)), at.shape[1])
    chosen = csr_matrix((weights.ravel(), (rows, at.ravel())), shape=(len(at), vectors.shape[0]))
    return csr_matrix(chosen @ vectors)


@dataclass
class TemporalFrequency(_Borrowing):
    """TIFUKNN (Hu et al., SIGIR 2020): a member's decayed frequencies, mixed with those of the nearest members.

    Baskets fall into groups of `group` from the last one back; a purchase fades by `within` a basket inside its group and by
    `between` a group. `own` is the share of the member's own vector in the mixture.
    """

    neighbours: int = 300
    within: float = 0.9
    between: float = 0.7
    own: float = 0.7
    group: int = 7
    name: ClassVar[str] = "tifuknn"

    def parts(self, seen: Interactions, members: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
        mine, _ = self._vectors(seen.only(members))
        pool = self._kept("mine", seen.shape[1])
        if not pool.shape[0]:
            return self.own * mine, csr_matrix(mine.shape)
        squares = np.asarray(pool.multiply(pool).sum(axis=1)).ravel()
        closeness = (2 * (mine @ pool.T)).toarray() - squares  # least Euclidean distance first
        self._hide_self(closeness, seen.member_ids[members])
        at, values = _nearest(closeness, self.neighbours)
        weights = np.where(np.isfinite(values), 1.0, 0.0)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
        return self.own * mine, (1 - self.own) * _mix(at, weights, pool)

    def _vectors(self, seen: Interactions) -> tuple[csr_matrix, csr_matrix]:
        age, trips = seen.trip_age, seen.trips.astype(np.int64)[seen.member]
        group = age // self.group
        groups = -(-trips // self.group)
        size = np.minimum(self.group, trips - group * self.group)
        worth = self.between**group * self.within ** (age % self.group) / (size * groups)
        vectors = _summed(seen, worth)
        return vectors, vectors


@dataclass
class RecentNeighbours(_Borrowing):
    """UP-CF@r (Faggioli, Polato & Aiolli, UMAP 2020): recency-aware popularity of the members with like baskets.

    What is borrowed is the share of each member's last `window` baskets; members are alike by the asymmetric cosine
    |A ∩ B| / (|A|^α |B|^(1−α)), to the power of `sharpness`. The member's own share counts as a neighbour of likeness 1.
    """

    window: int = 10
    asymmetry: float = 0.75
    sharpness: float = 2.0
    neighbours: int = 200
    name: ClassVar[str] = "upcf"

    def parts(self, seen: Interactions, members: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
        bought, shares = self._vectors(seen.only(members))
        pool, lent = self._kept("mine", seen.shape[1]), self._kept("others", seen.shape[1])
        if not pool.shape[0]:
            return shares, csr_matrix(shares.shape)
        mine = np.maximum(np.diff(bought.indptr), 1) ** self.asymmetry
        theirs = np.maximum(np.diff(pool.indptr), 1) ** (1 - self.asymmetry)
        likeness = (bought @ pool.T).toarray() / (mine[:, None] * theirs[None, :])
        self._hide_self(likeness, seen.member_ids[members])
        at, values = _nearest(likeness, self.neighbours)
        weights = np.maximum(np.where(np.isfinite(values), values, 0.0), 0.0) ** self.sharpness
        return shares, _mix(at, weights, lent)

    def _vectors(self, seen: Interactions) -> tuple[csr_matrix, csr_matrix]:
        pairs = seen.pairs
        bought = as_csr(np.ones(len(pairs.member)), pairs.member, pairs.item, seen.shape)
        baskets = np.minimum(seen.trips, self.window)[seen.member]
        shares = _summed(seen, (seen.trip_age < self.window) / np.maximum(baskets, 1))
        shares.eliminate_zeros()
        return bought, shares


def _summed(seen: Interactions, worth: np.ndarray) -> csr_matrix:
    """Σ of a worth over the days of each (member, type)."""
    pairs = seen.pairs
    values = np.add.reduceat(worth, pairs.start[:-1]) if len(worth) else worth
    return as_csr(values, pairs.member, pairs.item, seen.shape)
