"""Candidates from several sources, then the probability that each is bought: the ranker that serves where it wins."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from recommender.candidates import Candidates, Sources
from recommender.features import NAMES, Habits
from recommender.interactions import Interactions
from recommender.learners import LEARNERS, Scale, is_lightgbm_here
from recommender.rankers.base import NOTHING, Fitted
from recommender.rankers.lessons import CHUNK, Course, Lesson, asked

CALIBRATED_BY = 8  # one question in so many is kept back, to learn from it what a score means
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
    factors: ClassVar[tuple | None] = None  # (factors, ids of their types) of the last training, to go on from

    def parameters(self) -> dict:
        return {"horizon_days": self.horizon_days, "learner": self.learner, "seed": self.seed}

    @property
    def learner_that_works(self) -> str:
        """The learner asked for, or logistic regression where LightGBM cannot be loaded."""
        return self.learner if self.learner != "lightgbm" or is_lightgbm_here() else "logistic"

    def fit(self, seen: Interactions) -> Self:
        return self.learn(Course(self.horizon_days, self.seed, self.groups, self.factors).lesson(seen))

    def learn(self, lesson: Lesson) -> Self:
        """From a lesson that several rankers may share."""
        self.learner_ = np.array(self.learner_that_works)
        kept_back = (lesson.question % CALIBRATED_BY == 0) & bool((lesson.care != 1).any())
        self.model = LEARNERS[str(self.learner_)](seed=self.seed).fit(
            lesson.features[~kept_back], lesson.label[~kept_back], (lesson.weight * lesson.care)[~kept_back],
            lesson.question[~kept_back] if kept_back.any() else None,
        )  # fmt: skip
        said = self.model.probabilities(lesson.features[kept_back])
        self.scale = Scale().fit(said, lesson.label[kept_back], lesson.weight[kept_back])
        self.sources, self.habits = lesson.sources, lesson.habits
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        """The probability of each candidate; `NOTHING` for what is none."""
        table = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        for start in range(0, len(members), CHUNK):
            found, probability = self.probabilities(seen, members[start : start + CHUNK])
            table[start + found.row, found.item] = probability
        return table

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The source of the candidate that won, and what it rests on."""
        whom, row = np.unique(member, return_inverse=True)
        source, partner = np.full(len(item), self.name, object), np.full(len(item), -1, np.int64)
        for start in range(0, len(whom), CHUNK):
            members = whom[start : start + CHUNK]
            found = self.sources.candidates(seen, members)
            told = self.sources.because(seen, found, members)
            mine = np.flatnonzero((row >= start) & (row < start + CHUNK))
            keys = found.row.astype(np.int64) * seen.shape[1] + found.item
            wanted = (row[mine] - start).astype(np.int64) * seen.shape[1] + item[mine]
            at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
            known = keys[at] == wanted if len(keys) else np.zeros(len(wanted), bool)
            source[mine[known]], partner[mine[known]] = (part[at[known]] for part in told)
        return source, partner

    def probabilities(self, seen: Interactions, members: np.ndarray) -> tuple[Candidates, np.ndarray]:
        """Candidates of these members, and the probability of each: shape (C,)."""
        found, features = self.asked(seen, members)
        return found, self.said(features)

    def asked(self, seen: Interactions, members: np.ndarray) -> tuple[Candidates, np.ndarray]:
        """Candidates of these members, and their features."""
        return asked(self.sources, self.habits, seen, members, next_trip=not self.horizon_days)

    def said(self, features: np.ndarray) -> np.ndarray:
        return self.scale.probabilities(self.model.probabilities(features))

    def state(self) -> dict[str, np.ndarray]:
        parts = {"sources": self.sources, "habits": self.habits, "model": self.model, "scale": self.scale}
        inner = {f"{part}/{key}": value for part, one in parts.items() for key, value in one.state().items()}
        return inner | {"learner_": self.learner_, "columns_": np.array(NAMES)}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        if state["columns_"].tolist() != list(NAMES):
            raise ValueError("it was taught on other columns")
        self.learner_ = state["learner_"]
        self.model = LEARNERS[str(self.learner_)](seed=self.seed)
        self.sources, self.habits, self.scale = Sources(), Habits(), Scale()
        parts = {"sources": self.sources, "habits": self.habits, "model": self.model, "scale": self.scale}
        for part, one in parts.items():
            one.restore({k.removeprefix(f"{part}/"): v for k, v in state.items() if k.startswith(f"{part}/")})
        return self
