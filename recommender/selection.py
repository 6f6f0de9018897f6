"""Choosing a ranker for a slot: tuned on the weeks before the cut-off, judged once on the weeks after it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recommender import evaluation
from recommender.evaluation import Difference, Quality
from recommender.interactions import Interactions
from recommender.learners import calibration
from recommender.rankers import (
    Due,
    ItemToItem,
    MatrixFactorisation,
    PersonalThenPopular,
    Popular,
    Ranker,
    Recent,
    TwoStage,
)
from recommender.ranking import BUY_AGAIN, NEW_FOR_YOU, chunks

K = 10
PART = {BUY_AGAIN: "repeat", NEW_FOR_YOU: "explore"}
RIVAL = {BUY_AGAIN: PersonalThenPopular, NEW_FOR_YOU: Popular}
CALIBRATION_ERROR_MAX = 0.02
REGULARISATIONS = (3.0, 10.0, 30.0, 100.0, 300.0)  # a log grid: what fits depends on how many purchases a member has


def candidates(slot: str, *, horizon_days: int) -> list[Ranker]:
    """Fresh rankers that may serve a slot, besides its rival."""
    if slot == BUY_AGAIN:
        return [Recent(45.0), Recent(90.0), Recent(180.0), Due(horizon_days)]
    found: list[Ranker] = [ItemToItem(200, "cosine"), ItemToItem(100, "bm25")]
    return found + [MatrixFactorisation(regularisation=strength) for strength in REGULARISATIONS]


def quiet(text: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True, eq=False)
class Contest:
    """The best candidate of a slot against its humble rival, on weeks that neither saw."""

    slot: str
    best: Ranker
    rival: Ranker
    best_quality: Quality
    rival_quality: Quality
    difference: Difference  # of NDCG@k, best − rival
    tried: list[dict]  # every candidate on the tuning weeks
    calibration_error: float | None = None  # of a ranker that says probabilities, on the judging weeks

    @property
    def is_calibrated(self) -> bool:
        return self.calibration_error is None or self.calibration_error <= CALIBRATION_ERROR_MAX

    @property
    def is_won(self) -> bool:
        return self.difference.is_better and self.is_calibrated

    @property
    def winner(self) -> Ranker:
        return self.best if self.is_won else self.rival


def contest(
    seen: Interactions, *, slot: str, cutoff: int, horizon_days: int, among: np.ndarray, seed: int,
    progress: Callable[[str], None] = quiet, rankers: list[Ranker] | None = None,
) -> Contest:  # fmt: skip
    """Train for one slot. `seen` reaches to the end of the judging weeks; `cutoff` and days are days since 1970."""
    tuning, tuning_after = seen.before(cutoff - horizon_days), seen.before(cutoff).since(cutoff - horizon_days)
    tried = []
    for ranker in rankers or candidates(slot, horizon_days=horizon_days):
        quality = evaluation.judge(ranker.fit(tuning), tuning, tuning_after, part=PART[slot], k=K, among=among)
        tried.append((quality.ndcg, ranker, quality))
        progress(f"{slot}: {_label(ranker)} reaches NDCG@{K} {quality.ndcg:.4f} on the weeks before the cut-off")
    _, best, _ = max(tried, key=lambda entry: entry[0])
    before, after = seen.before(cutoff), seen.since(cutoff)
    rival = RIVAL[slot]().fit(before)
    best.fit(before)
    judged = [evaluation.judge(ranker, before, after, part=PART[slot], k=K, among=among) for ranker in (best, rival)]
    difference = evaluation.compare(judged[0].ndcgs, judged[1].ndcgs, seed=seed)
    return Contest(
        slot=slot, best=best, rival=rival, best_quality=judged[0], rival_quality=judged[1], difference=difference,
        tried=[{"ranker": r.name, "parameters": r.parameters(), **quality.as_json()} for _, r, quality in tried],
        calibration_error=calibration_error(best, before, after, slot=slot) if isinstance(best, TwoStage) else None,
    )  # fmt: skip


def calibration_error(ranker: TwoStage, before: Interactions, after: Interactions, *, slot: str) -> float:
    """How far the probabilities of a slot's candidates were from what was bought in the weeks after."""
    said, seen = [np.zeros(0)], [np.zeros(0, bool)]
    for members in chunks(np.flatnonzero(before.trips > 0), before.shape[1]):
        found, probability = ranker.probabilities(before, members)
        is_own = np.asarray(before.counts[members][found.row, found.item]).ravel() > 0
        kept = is_own == (slot == BUY_AGAIN)
        keys = members[found.row].astype(np.int64) * before.shape[1] + found.item
        said.append(probability[kept])
        seen.append(np.isin(keys[kept], after.pair_keys))
    return calibration(np.concatenate(said), np.concatenate(seen)).error


def _label(ranker: Ranker) -> str:
    return ranker.name + "".join(
        f" {key}={value:g}" for key, value in ranker.parameters().items() if isinstance(value, float)
    )
