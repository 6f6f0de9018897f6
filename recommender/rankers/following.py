"""What follows upon the last basket: the types that members took on the shopping day after."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix, diags

from recommender.interactions import Interactions, as_csr
from recommender.rankers.base import NOTHING, Fitted
from recommender.rankers.similar import greatest_part

SHRINK = 20.0  # shopping days that a type is thought to have been bought on, without anything following


@dataclass
class Following(Fitted):
    """A first-order Markov chain over baskets, as in Rendle et al. (WWW 2010), counted and not factorised.

    The score of a type is Σ over the types of the last basket of the share of days upon which it followed.
    """

    most: int = 200  # followers kept of each type
    name: ClassVar[str] = "following"

    def fit(self, seen: Interactions) -> Self:
        keys, of = seen._trip_keys  # noqa: SLF001 - the same file of trips
        baskets = csr_matrix(
            (np.ones(len(of), np.float32), (of, seen.item)), shape=(len(keys), seen.shape[1]), dtype=np.float32
        )
        member = keys >> 20
        same = np.flatnonzero(member[1:] == member[:-1]) if len(keys) else np.zeros(0, int)
        before = baskets[same]
        counts = csr_matrix(before.T @ baskets[same + 1])
        days = np.asarray(before.sum(axis=0)).ravel()
        share = _kept(csr_matrix(diags(1 / (days + SHRINK)) @ counts), self.most)
        self.data_, self.indices_, self.indptr_ = share.data.astype(np.float32), share.indices, share.indptr
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        found = (_last_baskets(seen.only(members)) @ self._share(seen.shape[1])).toarray().astype(np.float32)
        found[found <= 0] = NOTHING
        return found

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The type of the last basket upon which it follows most."""
        followed = csr_matrix(self._share(seen.shape[1]).T)[item]
        return np.full(len(item), self.name, object), greatest_part(_last_baskets(seen)[member], followed)

    def _share(self, size: int) -> csr_matrix:
        return csr_matrix((self.data_, self.indices_, self.indptr_), shape=(size, size))


def _last_baskets(theirs: Interactions) -> csr_matrix:
    """What each member bought on their last shopping day: shape (M, I)."""
    last = theirs.trip_age == 0
    return as_csr(np.ones(int(last.sum())), theirs.member[last], theirs.item[last], theirs.shape)


def _kept(matrix: csr_matrix, most: int) -> csr_matrix:
    """The greatest `most` of each row, ties by column."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(len(row)) - matrix.indptr[row]
    kept = order[place < most]
    return as_csr(matrix.data[kept], row[kept], matrix.indices[kept], matrix.shape)
