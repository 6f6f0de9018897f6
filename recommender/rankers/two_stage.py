"""Candidates from several sources, then the probability that each is bought: the ranker that serves where it wins."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from recommender.candidates import Candidates, Sources
from recommender.features import Habits, now_of
from recommender.interactions import Interactions
from recommender.learners import LEARNERS, Scale, is_lightgbm_here
from recommender.rankers.base import NOTHING, Fitted
from recommender.tides import Tides

CHUNK = 600  # members whose candidates are made at a time
ROWS_MAX = 1_000_000  # training rows; beyond, negatives are thinned and weighed up
MEMBERS_MAX = 25_000  # members whose past is learned from
POSITIONS_MAX = 8  # past baskets of each member that labels are drawn from
TRIPS_EACH = 4  # and at most one for so many baskets of the usual member, or sources would know too little
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
        self.learner_ = np.array(self.learner_that_works)
        features, label, weight, care, question = self._examples(seen)
        kept_back = (question % CALIBRATED_BY == 0) & bool((care != 1).any())
        self.model = LEARNERS[str(self.learner_)](seed=self.seed).fit(
            features[~kept_back], label[~kept_back], (weight * care)[~kept_back]
        )
        self.scale = Scale().fit(self.model.probabilities(features[kept_back]), label[kept_back], weight[kept_back])
        self.sources, self.habits = Sources(self.factors).fit(seen), Habits().fit(seen, self.groups)
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
        asked, row = np.unique(member, return_inverse=True)
        source, partner = np.full(len(item), self.name, object), np.full(len(item), -1, np.int64)
        for start in range(0, len(asked), CHUNK):
            members = asked[start : start + CHUNK]
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
        found, features = self._asked(self.sources, self.habits, seen, members)
        return found, self.scale.probabilities(self.model.probabilities(features))

    def _asked(self, sources: Sources, habits: Habits, seen: Interactions, members: np.ndarray, known_until=None):
        theirs = seen.only(members)
        found = sources.candidates(seen, members)
        now = now_of(theirs, next_trip=not self.horizon_days)
        return found, habits.of(found, theirs, now, known_until=known_until)

    def _examples(self, seen: Interactions):
        """Rows to learn from: features, labels, what each row stands for, how much it is cared for, and its question's number.

        What is judged is the share of a basket that is foretold, so the lines of a large basket matter less each; by the root of its
        size, because the smallest say least. Such care bends probabilities, and `Scale` straightens them on rows kept back.
        """
        positions = self._positions(seen)
        oldest = positions[-1][0]
        sources, habits = Sources(self.factors).fit(oldest), Habits().fit(oldest, self.groups)
        if not self.horizon_days:  # each question has its own day, and what others bought before it may be known
            habits.tides = Tides().fit(seen, habits.groups_)
        chance = np.random.default_rng(self.seed)
        parts, budget, asked = [], ROWS_MAX // len(positions), 0
        for past, after in positions:
            able = np.flatnonzero((past.trips > 0) & (np.bincount(after.member, minlength=after.shape[0]) > 0))
            if self.horizon_days:
                able = np.flatnonzero(past.trips > 0)
            if len(able) > MEMBERS_MAX // len(positions):
                able = np.sort(chance.choice(able, MEMBERS_MAX // len(positions), replace=False))
            share = budget * CHUNK / max(len(able), 1)
            answered = np.full(past.shape[0], past.until)
            answered[after.member] = after.day
            for start in range(0, len(able), CHUNK):
                members = able[start : start + CHUNK]
                found, features = self._asked(
                    sources, habits, past, members, None if self.horizon_days else answered[members]
                )
                label = np.isin(members[found.row].astype(np.int64) * seen.shape[1] + found.item, after.pair_keys)
                size = np.bincount(after.member, minlength=after.shape[0])[members]
                care = np.ones(len(label)) if self.horizon_days else 1 / np.sqrt(np.maximum(size, 1))[found.row]
                kept, weight = thinned(label, chance, int(share))
                parts.append((features[kept], label[kept], weight[kept], care[kept], asked + found.row[kept]))
                asked += len(members)
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))

    def _positions(self, seen: Interactions) -> list[tuple[Interactions, Interactions]]:
        """(past, what was bought after it), the latest first."""
        if self.horizon_days:
            day = seen.until - self.horizon_days
            return [(seen.before(day), seen.since(day))]
        able = int((seen.trips >= 2).sum())
        usual = int(np.median(seen.trips[seen.trips >= 2])) if able else 2
        count = int(np.clip(min(20_000 // max(able, 1), usual // TRIPS_EACH), 1, POSITIONS_MAX))
        return [(seen.without_last(n), seen.nth_last(n - 1)) for n in range(1, count + 1)]

    def state(self) -> dict[str, np.ndarray]:
        parts = {"sources": self.sources, "habits": self.habits, "model": self.model, "scale": self.scale}
        inner = {f"{part}/{key}": value for part, one in parts.items() for key, value in one.state().items()}
        return inner | {"learner_": self.learner_}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        self.learner_ = state["learner_"]
        self.model = LEARNERS[str(self.learner_)](seed=self.seed)
        self.sources, self.habits, self.scale = Sources(), Habits(), Scale()
        parts = {"sources": self.sources, "habits": self.habits, "model": self.model, "scale": self.scale}
        for part, one in parts.items():
            one.restore({k.removeprefix(f"{part}/"): v for k, v in state.items() if k.startswith(f"{part}/")})
        return self


def thinned(label: np.ndarray, chance: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """All positives, and as many negatives as there is room for: which rows stay, and how many each stands for."""
    weight = np.ones(len(label))
    if len(label) <= rows:
        return np.ones(len(label), bool), weight
    share = min(max(rows - label.sum(), 1) / max((~label).sum(), 1), 1.0)
    weight[~label] = 1 / share
    return label | (chance.random(len(label)) < share), weight
