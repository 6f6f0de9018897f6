"""Rankers that count: the humble rivals, which in grocery are hard to beat."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from recommender.interactions import Interactions, as_csr
from recommender.rankers.base import NOTHING, Fitted


@dataclass
class Popular(Fitted):
    """Types by the number of members who bought them, the same for everybody."""

    name: ClassVar[str] = "popular"

    def fit(self, seen: Interactions) -> Self:
        self.share_ = share_of_buyers(seen)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        return np.tile(self.share_.astype(np.float32), (len(members), 1))


@dataclass
class PersonalTop(Fitted):
    """Types by how many days this member bought them; nothing about the rest."""

    name: ClassVar[str] = "personal_top"

    def fit(self, seen: Interactions) -> Self:
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        counts = seen.counts[members].toarray()
        counts[counts == 0] = NOTHING
        return counts


@dataclass
class PersonalThenPopular(Fitted):
    """Days bought, ties by popularity, then the popular types never bought. The rival of every buy-again ranker."""

    name: ClassVar[str] = "personal_then_popular"

    def fit(self, seen: Interactions) -> Self:
        self.share_ = share_of_buyers(seen)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        return seen.counts[members].toarray() + self.share_.astype(np.float32)


@dataclass
class Recent(Fitted):
    """Days bought, each worth half after `half_life_days`, ties by popularity; then the popular types never bought."""

    half_life_days: float = 60.0
    name: ClassVar[str] = "recent"

    def fit(self, seen: Interactions) -> Self:
        self.share_ = share_of_buyers(seen)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        theirs = seen.only(members)
        decayed = as_csr(
            decayed_counts(theirs, self.half_life_days), theirs.pairs.member, theirs.pairs.item, theirs.shape
        )
        return decayed.toarray() + 1e-3 * self.share_.astype(np.float32)


def share_of_buyers(seen: Interactions) -> np.ndarray:
    """Members who bought each type, as a share below one of all members: shape (I,)."""
    return seen.buyers / (seen.shape[0] + 1)


def decayed_counts(seen: Interactions, half_life_days: float) -> np.ndarray:
    """Days bought of each pair, each worth 2^(−age / half-life): shape (P,), above zero."""
    worth = np.exp2((seen.day - seen.until) / half_life_days)
    return np.add.reduceat(worth, seen.pairs.start[:-1]) if len(worth) else worth
