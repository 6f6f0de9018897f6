"""Candidates from several sources, then the probability that each is bought: the ranker that serves where it wins."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from recommender.candidates import Candidates, Sources
from recommender.features import Habits, now_of
from recommender.interactions import Interactions
from recommender.learners import LEARNERS, is_lightgbm_here
from recommender.rankers.base import NOTHING, Fitted

CHUNK = 600  # members whose candidates are made at a time
ROWS_MAX = 600_000  # training rows; beyond, negatives are thinned and weighed up
MEMBERS_MAX = 25_000  # members whose past is learned from
POSITIONS_MAX = 3  # past baskets of each member that labels are drawn from
SEED = 20_171


@dataclass
class TwoStage(Fitted):
    """Candidates with their sources, ranked by a calibrated probability of being bought.

    With `horizon_days` above zero the question is “within so many days of today”, and labels are the purchases of the last
    such window before today; with zero it is “on the next shopping day”, and labels are each member's last baskets. Sources
    that the labels are learned against are fitted without them; then everything is fitted again on all purchases.
    """

    horizon_days: int = 0
    learner: str = "lightgbm"
    seed: int = SEED
    groups: np.ndarray | None = field(default=None, repr=False)
    name: ClassVar[str] = "two_stage"

    def parameters(self) -> dict:
        return {"horizon_days": self.horizon_days, "learner": self.learner, "seed": self.seed}

    @property
    def learner_that_works(self) -> str:
        """The learner asked for, or logistic regression where LightGBM cannot be loaded."""
        return self.learner if self.learner != "lightgbm" or is_lightgbm_here() else "logistic"

    def fit(self, seen: Interactions) -> Self:
        self.learner_ = np.array(self.learner_that_works)
        features, label, weight = self._examples(seen)
        self.model = LEARNERS[str(self.learner_)](seed=self.seed).fit(features, label, weight)
        self.sources, self.habits = Sources().fit(seen), Habits().fit(seen, self.groups)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        """The probability of each candidate; `NOTHING` for what is none."""
        table = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        for start in range(0, len(members), CHUNK):
            found, probability = self.probabilities(seen, members[start : start + CHUNK])
            table[start + found.row, found.item] = probability
        return table

    def probabilities(self, seen: Interactions, members: np.ndarray) -> tuple[Candidates, np.ndarray]:
        """Candidates of these members, and the probability of each: shape (C,)."""
        found, features = self._asked(self.sources, self.habits, seen, members)
        return found, self.model.probabilities(features)

    def _asked(self, sources: Sources, habits: Habits, seen: Interactions, members: np.ndarray):
        theirs = seen.only(members)
        found = sources.candidates(seen, members)
        return found, habits.of(found, theirs, now_of(theirs, next_trip=not self.horizon_days))

    def _examples(self, seen: Interactions):
        """Rows to learn from: features, labels and weights."""
        positions = self._positions(seen)
        oldest = positions[-1][0]
        sources, habits = Sources().fit(oldest), Habits().fit(oldest, self.groups)
        chance = np.random.default_rng(self.seed)
        parts, budget = [], ROWS_MAX // len(positions)
        for past, after in positions:
            able = np.flatnonzero((past.trips > 0) & (np.bincount(after.member, minlength=after.shape[0]) > 0))
            if self.horizon_days:
                able = np.flatnonzero(past.trips > 0)
            if len(able) > MEMBERS_MAX // len(positions):
                able = np.sort(chance.choice(able, MEMBERS_MAX // len(positions), replace=False))
            share = budget * CHUNK / max(len(able), 1)
            for start in range(0, len(able), CHUNK):
                members = able[start : start + CHUNK]
                found, features = self._asked(sources, habits, past, members)
                label = np.isin(members[found.row].astype(np.int64) * seen.shape[1] + found.item, after.pair_keys)
                parts.append(_thinned(features, label, chance, int(share)))
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))

    def _positions(self, seen: Interactions) -> list[tuple[Interactions, Interactions]]:
        """(past, what was bought after it), the latest first."""
        if self.horizon_days:
            day = seen.until - self.horizon_days
            return [(seen.before(day), seen.since(day))]
        able = int((seen.trips >= 2).sum())
        count = int(np.clip(20_000 // max(able, 1), 1, POSITIONS_MAX))
        return [(seen.without_last(n), seen.nth_last(n - 1)) for n in range(1, count + 1)]

    def state(self) -> dict[str, np.ndarray]:
        parts = {"sources": self.sources, "habits": self.habits, "model": self.model}
        inner = {f"{part}/{key}": value for part, one in parts.items() for key, value in one.state().items()}
        return inner | {"learner_": self.learner_}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        self.learner_ = state["learner_"]
        self.model = LEARNERS[str(self.learner_)](seed=self.seed)
        self.sources, self.habits = Sources(), Habits()
        for part, one in (("sources", self.sources), ("habits", self.habits), ("model", self.model)):
            one.restore({k.removeprefix(f"{part}/"): v for k, v in state.items() if k.startswith(f"{part}/")})
        return self


def _thinned(features: np.ndarray, label: np.ndarray, chance: np.random.Generator, rows: int):
    """All positives, and as many negatives as there is room for, each standing for those left out."""
    weight = np.ones(len(label))
    if len(label) <= rows:
        return features, label, weight
    share = max(rows - label.sum(), 1) / max((~label).sum(), 1)
    kept = label | (chance.random(len(label)) < share)
    weight[~label] = 1 / min(share, 1.0)
    return features[kept], label[kept], weight[kept]
