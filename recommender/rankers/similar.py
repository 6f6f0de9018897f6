"""Rankers that look at other members, made by `implicit`: item-to-item, and factors of the whole matrix.

What is guarded here, because implicit does not: only csr_matrix of float32 with int32 indices goes in; the confidence is
put into the matrix and `alpha` stays 1; members without purchases are never asked about (they would get types 0, 1, 2 …
with score 0); scores come from plain products, so no sentinel (−3.4e38) of a filtered list can leak; the seed is fixed.
"""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import ThreadpoolController, threadpool_limits

from recommender.interactions import Interactions
from recommender.rankers.base import NOTHING, Fitted

THREADS = 2
SEED = 20_171
WARM_ROUNDS = 2
FEW = 200  # members


@dataclass
class ItemToItem(Fitted):
    """Types bought by the members who bought this member's types: cosine or BM25 similarity of columns."""

    neighbours: int = 100
    weighting: str = "cosine"  # or "bm25"
    name: ClassVar[str] = "item_to_item"

    def fit(self, seen: Interactions) -> Self:
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
        from implicit.utils import ParameterWarning

        kind = {"cosine": CosineRecommender, "bm25": BM25Recommender}[self.weighting]
        model = kind(K=min(self.neighbours, max(seen.shape[1], 1)), num_threads=THREADS)
        with (
            warnings.catch_warnings()
        ):  # the library weighs the matrix into another form, and then complains of that form
            warnings.simplefilter("ignore", ParameterWarning)
            model.fit(_confidence(seen), show_progress=False)
        similarity = csr_matrix(model.similarity).astype(np.float32)
        similarity.setdiag(0)
        similarity.eliminate_zeros()
        self.data_, self.indices_, self.indptr_ = similarity.data, similarity.indices, similarity.indptr
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        size = seen.shape[1]
        similarity = csr_matrix((self.data_, self.indices_, self.indptr_), shape=(size, size))
        found = (_confidence(seen)[members] @ similarity).toarray()
        found[found <= 0] = NOTHING
        return found

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bought type that adds most to the score."""
        size = seen.shape[1]
        similarity = csr_matrix((self.data_, self.indices_, self.indptr_), shape=(size, size))
        return np.full(len(item), self.name, object), greatest_part(
            _confidence(seen)[member], csr_matrix(similarity.T)[item]
        )


@dataclass
class MatrixFactorisation(Fitted):
    """Implicit alternating least squares (Hu, Koren & Volinsky 2008): a member's and a type's factors multiplied.

    The regularisation that grocery wants is large, far above the library's default of 0.01.
    """

    factors: int = 32
    regularisation: float = 30.0
    alpha: float = 1.0
    rounds: int = 10
    seed: int = SEED
    name: ClassVar[str] = "implicit_als"
    start: ClassVar[np.ndarray | None] = None

    def fit(self, seen: Interactions) -> Self:
        """From chance, or, after `start_from`, from the factors of the last training: then `WARM_ROUNDS` are enough."""
        model = self._model()
        matrix = self._weighted(seen)
        if self.start is not None:
            model.item_factors, model.iterations = self.start.copy(), WARM_ROUNDS
        with threadpool_limits(1, "blas"):  # its own threads and those of BLAS would fight: up to ten times slower
            known = _has_bought(matrix)
            model.fit(matrix if known.all() else matrix[known], show_progress=False)
        self.item_factors_ = np.array(model.item_factors, np.float32)
        return self

    def start_from(self, factors: np.ndarray, item_ids: np.ndarray, seen: Interactions) -> Self:
        """Take over the factors of the types that were known; new ones start from nothing. Lists stay as they were: 97 % of them."""
        fresh = np.random.default_rng(self.seed).random((seen.shape[1], factors.shape[1]), np.float32) * 0.01
        _, here, there = np.intersect1d(seen.item_ids, item_ids, return_indices=True)
        fresh[here] = factors[there]
        self.start = fresh
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        """Every member is folded in on their present purchases; without any there is nothing to say."""
        matrix = self._weighted(seen)[members]
        known = np.flatnonzero(_has_bought(matrix))
        found = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        if len(known):
            factors = self._folding(len(known)).recalculate_user(np.arange(len(known)), matrix[known])
            found[known] = factors @ self.item_factors_.T
        return found

    def lists(self, seen: Interactions, members: np.ndarray, n: int, *, are_new: bool, among: np.ndarray | None = None):
        """The n best types of each member without a table of all scores, by implicit's own selection: see `ranking.rank`.

        `are_new` leaves out what a member bought. Members are folded in on present purchases, as in `scores`.
        """
        items = np.full((len(members), n), -1, np.int32)
        values = np.full((len(members), n), NOTHING, np.float32)
        matrix = self._weighted(seen)[members]
        known = np.flatnonzero(_has_bought(matrix))
        shown = np.arange(seen.shape[1]) if among is None else np.flatnonzero(among)
        if not len(known) or not len(shown):
            return items, values
        model, most = self._folding(len(known)), min(n, len(shown))
        with _one_blas_thread():
            found, scores = model.recommend(
                np.arange(len(known)), matrix[known], N=most, recalculate_user=True, filter_already_liked_items=are_new,
                items=None if among is None else shown,
            )  # fmt: skip
        is_real = scores > -1e30  # where fewer are left, implicit fills up with the filtered ones
        items[known, :most] = np.where(is_real, found, -1)
        values[known, :most] = np.where(is_real, scores, NOTHING)
        return items, values

    def _folding(self, members: int):
        """The library's model with what was learned, made once: it keeps the square of the factors, which costs most of a member.

        A few members are not worth a second thread: waking and awaiting it takes ten times as long as their factors.
        """
        model = self.__dict__.get("_folds")
        if model is None or model.item_factors is not self.item_factors_:
            self._folds = model = self._model()
            model.item_factors = self.item_factors_
        model.num_threads = THREADS if members > FEW else 1
        return model

    def _model(self):
        from implicit.als import AlternatingLeastSquares

        with threadpool_limits(1, "blas"):
            return AlternatingLeastSquares(
                factors=self.factors, regularization=self.regularisation, alpha=1.0, iterations=self.rounds,
                random_state=self.seed, num_threads=THREADS,
            )  # fmt: skip

    def _weighted(self, seen: Interactions) -> csr_matrix:
        matrix = _confidence(seen)
        return as_csr_like(matrix, 1 + self.alpha * matrix.data)


@dataclass
class PersonalisedRanking(Fitted):
    """Factors trained on which of two types was bought (BPR; Rendle et al., UAI 2009). A rival: it knows no new members."""

    factors: int = 64
    rounds: int = 60
    seed: int = SEED
    name: ClassVar[str] = "bpr"

    def fit(self, seen: Interactions) -> Self:
        from implicit.bpr import BayesianPersonalizedRanking

        with threadpool_limits(1, "blas"):
            model = BayesianPersonalizedRanking(
                factors=self.factors, iterations=self.rounds, random_state=self.seed, num_threads=1
            )  # one thread: several write over one another, and no two runs are alike
            known = _has_bought(seen.counts)
            model.fit(seen.counts[known], show_progress=False)
        self.member_ids_ = seen.member_ids[known]
        self.member_factors_ = np.array(model.user_factors, np.float32)
        self.item_factors_ = np.array(model.item_factors, np.float32)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        found = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        at = np.searchsorted(self.member_ids_, seen.member_ids[members])
        at = np.minimum(at, len(self.member_ids_) - 1)
        known = np.flatnonzero(self.member_ids_[at] == seen.member_ids[members])
        found[known] = self.member_factors_[at[known]] @ self.item_factors_.T
        return found


def greatest_part(bought: csr_matrix, likeness: csr_matrix) -> np.ndarray:
    """Which column adds most to the product of each row with the same row of the other; −1 where all is zero."""
    parts = csr_matrix(bought.multiply(likeness))
    parts.eliminate_zeros()
    if not parts.nnz:
        return np.full(parts.shape[0], -1, np.int64)
    row = np.repeat(np.arange(parts.shape[0]), np.diff(parts.indptr))
    order = np.lexsort((parts.indices, -parts.data, row))
    found = np.full(parts.shape[0], -1, np.int64)
    rows, first = np.unique(row[order], return_index=True)
    found[rows] = parts.indices[order[first]]
    return found


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """The libraries of this process that have threads: finding them takes longer than making a list."""
    return ThreadpoolController()


def _one_blas_thread():
    return _libraries().limit(limits=1, user_api="blas")


def _confidence(seen: Interactions) -> csr_matrix:
    """log(1 + days bought): the tenth purchase says less than the first."""
    return as_csr_like(seen.counts, np.log1p(seen.counts.data))


def as_csr_like(matrix: csr_matrix, data: np.ndarray) -> csr_matrix:
    return csr_matrix((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def _has_bought(matrix: csr_matrix) -> np.ndarray:
    return np.diff(matrix.indptr) > 0
