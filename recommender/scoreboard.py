"""Many rankers on one question: recall, NDCG, PHR, coverage and novelty, repeat and explore apart, each with its doubt.

Two protocols. *last-basket*: each member's last shopping day is foretold from all earlier ones, as the literature does.
*time-split*: everybody's purchases of the last weeks are foretold from all before them, as a shop would live it.
"""

from dataclasses import dataclass, field

import numpy as np

from recommender.evaluation import PARTS, Difference, compare, truth
from recommender.interactions import Interactions
from recommender.rankers.base import Ranker
from recommender.ranking import best_by_slot, chunks

LAST_BASKET, TIME_SPLIT = "last-basket", "time-split"
MEASURES = ("recall", "ndcg", "phr")
ROUNDS = 1000


@dataclass(frozen=True, eq=False)
class Question:
    """What was seen, what came after it, and who is asked about: indices of members with a past and a future."""

    protocol: str
    seen: Interactions
    after: Interactions
    members: np.ndarray
    horizon_days: int  # 0: the next shopping day

    @property
    def among(self) -> np.ndarray:
        """Every type counts, bought before the split or not."""
        return np.ones(self.seen.shape[1], bool)


def ask(everything: Interactions, *, protocol: str, weeks: int = 4) -> Question:
    """Split purchases. Raises ValueError when nobody has both a past and a future."""
    if protocol == LAST_BASKET:
        seen, after, horizon = everything.without_last(1), everything.nth_last(0), 0
    else:
        cutoff = everything.until - 7 * weeks
        seen, after, horizon = everything.before(cutoff), everything.since(cutoff), 7 * weeks
    has_future = np.bincount(after.member, minlength=after.shape[0]) > 0
    members = np.flatnonzero((seen.trips > 0) & has_future)
    if not len(members):
        raise ValueError(
            "No member has purchases both before and after the split. For time-split choose fewer --weeks; for last-basket "
            "members need two shopping days."
        )
    return Question(protocol, seen, after, members, horizon)


@dataclass(frozen=True, eq=False)
class Judged:
    """One ranker on one part of the truth at one k. `values` maps each measure to one number a member."""

    ranker: str
    part: str
    k: int
    values: dict[str, np.ndarray] = field(repr=False)
    coverage: float  # share of the types ever bought that are on anybody's list
    novelty: float  # mean of −log2 of the share of members who bought what is listed: bits

    def mean(self, measure: str) -> float:
        values = self.values[measure]
        return float(values.mean()) if len(values) else 0.0

    def interval(self, measure: str, *, seed: int) -> tuple[float, float]:
        """95 % interval of the mean over members, from a bootstrap."""
        values = self.values[measure]
        found = compare(values, np.zeros_like(values), seed=seed, rounds=ROUNDS)
        return found.low, found.high

    def as_json(self, *, seed: int) -> dict:
        told = {
            measure: {"mean": round(self.mean(measure), 5), "low": round(low, 5), "high": round(high, 5)}
            for measure in MEASURES
            for low, high in [self.interval(measure, seed=seed)]
        }
        size = len(self.values["recall"])
        return {
            "ranker": self.ranker, "part": self.part, "k": self.k, "members": size, **told,
            "coverage": round(self.coverage, 5), "novelty": round(self.novelty, 4),
        }  # fmt: skip


def judge(ranker: Ranker, question: Question, *, ks: tuple[int, ...], label: str = "") -> list[Judged]:
    """A fitted ranker on every part and k. Each chunk of members is scored once."""
    seen, most = question.seen, max(ks)
    wanted = {part: truth(seen, question.after, part=part, among=question.among) for part in PARTS}
    hits: dict[str, list] = {part: [] for part in PARTS}
    shown = {part: np.zeros((len(ks), seen.shape[1])) for part in PARTS}
    for chunk in chunks(question.members, seen.shape[1]):
        whole = ranker.scores(seen, chunk)
        assert not np.isnan(whole).any(), f"{ranker.name} gave a score that is not a number"
        lists = best_by_slot(whole, seen, chunk, most)
        for part, slot in PARTS.items():
            items = lists[slot]
            hits[part].append(_hit(wanted[part][chunk], items))
            for place, k in enumerate(ks):
                listed = items[:, :k]
                shown[part][place] += np.bincount(listed[listed >= 0], minlength=seen.shape[1])
    found = []
    for part in PARTS:
        sizes = np.diff(wanted[part].indptr)[question.members]
        table = np.concatenate(hits[part])[sizes > 0]
        for place, k in enumerate(ks):
            values = _measures(table[:, :k], sizes[sizes > 0], k)
            found.append(Judged(label or ranker.name, part, k, values, *_spread(shown[part][place], seen)))
    return found


def best_rival(judged: list[Judged], rivals: tuple[str, ...], *, part: str, k: int, measure: str) -> Judged:
    """The rival with the greatest mean of a measure."""
    fitting = [one for one in judged if one.ranker in rivals and one.part == part and one.k == k]
    return max(fitting, key=lambda one: one.mean(measure))


def gain(ours: Judged, rival: Judged, measure: str, *, seed: int) -> tuple[float, Difference]:
    """How many times the rival's mean ours is, and the paired difference of the means."""
    difference = compare(ours.values[measure], rival.values[measure], seed=seed, rounds=ROUNDS)
    return ours.mean(measure) / max(rival.mean(measure), 1e-12), difference


def _hit(wanted, items: np.ndarray) -> np.ndarray:
    """Is each listed type wanted? Boolean, the shape of `items`; −1 is never wanted."""
    keys = np.repeat(np.arange(wanted.shape[0]), np.diff(wanted.indptr)) * np.int64(wanted.shape[1]) + wanted.indices
    asked = np.arange(len(items))[:, None] * np.int64(wanted.shape[1]) + items
    return np.isin(asked, keys) & (items >= 0)


def _measures(hits: np.ndarray, sizes: np.ndarray, k: int) -> dict[str, np.ndarray]:
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(sizes, k) - 1]
    return {
        "recall": hits.sum(axis=1) / np.maximum(sizes, 1),
        "ndcg": hits @ discounts / ideal,
        "phr": hits.any(axis=1).astype(float),
    }


def _spread(shown: np.ndarray, seen: Interactions) -> tuple[float, float]:
    """Coverage of the types ever bought, and mean novelty of what is listed."""
    ever = seen.buyers > 0
    total = shown.sum()
    if not total:
        return 0.0, 0.0
    bits = -np.log2((seen.buyers + 0.5) / (seen.shape[0] + 1))
    return float((shown[ever] > 0).sum() / max(ever.sum(), 1)), float((shown * bits).sum() / total)
