"""How well a ranker foretold the weeks after it was trained, with repeat and explore purchases apart.

The truth of a member is the set of types they bought in the window; *repeat* is the part bought before it, *explore* the
rest (Li et al., A Next Basket Recommendation Reality Check, 2023); *new* is the part that was first sold to anybody in the last
weeks before the window. Members without any truth are left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions
from recommender.rankers.base import Ranker
from recommender.ranking import in_chunks

PARTS = {
    "all": None,
    "repeat": "buy_again",
    "explore": "new_for_you",
    "new": "new_products",
}  # part of the truth → slot whose lists are judged


@dataclass(frozen=True)
class Quality:
    """One ranker on one part of the truth, at k.

    recall, ndcg and phr are means over `members` members, between 0 and 1: the share of the truth that is listed (Σ hits /
    |truth|), the same with early places counting more, and the share of members with any hit. `coverage` is the share of
    the types that may be shown that are on anybody's list. `hits` are recalls per member, for paired comparisons.
    """

    ranker: str
    part: str
    k: int
    members: int
    recall: float
    ndcg: float
    phr: float
    coverage: float
    ndcgs: np.ndarray
    recalls: np.ndarray

    def as_json(self) -> dict:
        return {
            "members": self.members, "k": self.k,
            "recall": round(self.recall, 5), "ndcg": round(self.ndcg, 5),
            "phr": round(self.phr, 5), "coverage": round(self.coverage, 5),
        }  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """Mean of a − b over members, with a 95 % interval from a paired bootstrap."""

    mean: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        return self.low > 0

    def as_json(self) -> dict:
        return {"mean": round(self.mean, 5), "low": round(self.low, 5), "high": round(self.high, 5)}


def judge(ranker: Ranker, seen: Interactions, after: Interactions, *, part: str, k: int, among: np.ndarray) -> Quality:
    """Lists made of `seen`, against the purchases of `after` (the same members and types, later days)."""
    wanted = truth(seen, after, part=part, among=among)
    members = np.flatnonzero(np.diff(wanted.indptr))
    discounts = 1 / np.log2(np.arange(2, k + 2))
    recalls, ndcgs, shown = [], [], np.zeros(seen.shape[1], bool)
    for chunk, items, _ in in_chunks(ranker, seen, members, k, slot=PARTS[part], among=among):
        sizes = np.diff(wanted.indptr)[chunk]
        hits = _hits(wanted[chunk], items)
        shown[items[items >= 0]] = True
        recalls.append(hits.sum(axis=1) / sizes)
        ndcgs.append(hits @ discounts / np.cumsum(discounts)[np.minimum(sizes, k) - 1])
    recall = np.concatenate(recalls) if recalls else np.zeros(0)
    ndcg = np.concatenate(ndcgs) if ndcgs else np.zeros(0)
    return Quality(
        ranker=ranker.name, part=part, k=k, members=len(members),
        recall=_mean(recall), ndcg=_mean(ndcg), phr=_mean(recall > 0),
        coverage=float(shown.sum() / max(among.sum(), 1)), recalls=recall, ndcgs=ndcg,
    )  # fmt: skip


def truth(seen: Interactions, after: Interactions, *, part: str, among: np.ndarray) -> csr_matrix:
    """What each member bought in the window, of the types that may be shown: boolean, shape (M, I)."""
    bought = after.counts > 0
    before = seen.counts > 0
    if part == "repeat":
        bought = bought.multiply(before)
    elif part == "explore":
        bought = bought - bought.multiply(before)
    elif part == "new":
        bought = bought.multiply(seen.is_new[None, :])
    kept = csr_matrix(bought).multiply(among[None, :]).tocsr()
    kept.eliminate_zeros()
    return kept


def compare(values: np.ndarray, rival: np.ndarray, *, seed: int, rounds: int = 2000) -> Difference:
    """Paired bootstrap over members of the mean difference (Efron & Tibshirani 1993, percentile interval)."""
    assert values.shape == rival.shape, "both rankers are judged on the same members"
    if not len(values):
        return Difference(0.0, 0.0, 0.0)
    gains = values - rival
    chance = np.random.default_rng(seed)
    # multinomial weights are the same as drawing members with replacement, without the copies
    means = chance.multinomial(len(gains), np.full(len(gains), 1 / len(gains)), size=rounds) @ gains / len(gains)
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(float(gains.mean()), float(low), float(high))


def _hits(wanted: csr_matrix, items: np.ndarray) -> np.ndarray:
    """Is each listed item wanted? Boolean, the shape of `items`; −1 is never wanted."""
    dense = np.c_[wanted.toarray().astype(bool), np.zeros(len(items), bool)]
    return np.take_along_axis(dense, items, axis=1)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else 0.0
