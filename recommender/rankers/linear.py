"""EASE: every type as a weighted sum of the others, in closed form."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommender.interactions import Interactions
from recommender.rankers.base import NOTHING, Fitted
from recommender.rankers.similar import THREADS


@dataclass
class Ease(Fitted):
    """Embarrassingly shallow autoencoder (Steck, WWW 2019) over the `items_max` types with most buyers.

    B = I − P / diag(P) with P = (XᵀX + λI)⁻¹, X who bought what. The inverse is dense: 4 bytes × items², twice while it is
    made, so the rest of a large catalogue is left to other rankers.
    """

    penalty: float = 500.0
    items_max: int = 3000
    name: ClassVar[str] = "ease"

    def fit(self, seen: Interactions) -> Self:
        chosen = np.argsort(-seen.buyers, kind="stable")[: self.items_max]
        chosen = np.sort(chosen[seen.buyers[chosen] > 0])
        bought = _binary(seen)[:, chosen]
        gram = np.asfortranarray((bought.T @ bought).toarray().astype(np.float32))
        gram[np.diag_indices_from(gram)] += self.penalty
        with threadpool_limits(THREADS, "blas"):
            inverse = _inverse(gram)
        inverse /= -np.diag(inverse)[None, :]
        np.fill_diagonal(inverse, 0)
        self.chosen_, self.weights_ = chosen, inverse
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        found = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        bought = _binary(seen)[members][:, self.chosen_]
        known = np.flatnonzero(np.diff(bought.indptr))
        if len(known):
            found[known[:, None], self.chosen_[None, :]] = bought[known] @ self.weights_
        return found

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bought type with the greatest weight on each; −1 where none speaks for it."""
        partner = np.full(len(item), -1, np.int64)
        at = np.minimum(np.searchsorted(self.chosen_, item), max(len(self.chosen_) - 1, 0))
        known = np.flatnonzero(self.chosen_[at] == item) if len(self.chosen_) else np.zeros(0, int)
        bought = _binary(seen)[:, self.chosen_]
        for start in range(0, len(known), 1000):
            part = known[start : start + 1000]
            weight = np.where(bought[member[part]].toarray() > 0, self.weights_[:, at[part]].T, 0)
            best = weight.argmax(axis=1)
            partner[part] = np.where(weight[np.arange(len(part)), best] > 0, self.chosen_[best], -1)
        return np.full(len(item), self.name, object), partner


def _binary(seen: Interactions) -> csr_matrix:
    counts = seen.counts
    return csr_matrix((np.ones_like(counts.data), counts.indices, counts.indptr), shape=counts.shape)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix, made in its own memory."""
    if not len(matrix):
        return matrix
    factor, failed = lapack.spotrf(matrix, lower=1, overwrite_a=1)
    assert not failed, "the penalty makes the matrix positive definite"
    inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    assert not failed, "a Cholesky factor has an inverse"
    inverse = np.tril(inverse)
    return inverse + np.tril(inverse, -1).T
