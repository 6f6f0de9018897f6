"""What the second stage learns from: past questions whose answers are known, and everything fitted that later questions need."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommender.candidates import Sources
from recommender.features import Habits, now_of
from recommender.interactions import Interactions
from recommender.tides import Tides

CHUNK = 600  # members whose candidates are made at a time
ROWS_MAX = 900_000  # training rows; beyond, negatives are thinned and weighed up
QUESTIONS_MAX = 40_000  # past questions that are learned from
POSITIONS_MAX = 16  # past baskets of each member that labels are drawn from
TRIPS_EACH = 3  # and at most one for so many baskets of the usual member, or sources would know too little
REFITTED_EVERY = 3  # positions that are asked of the same sources, which lack the oldest of them and what came after it
CARE = 0.6  # a basket counts by its size to the power of one less this: chosen on the last basket but one
LARGE = 10  # types; a larger basket counts as this: ten places are judged, whatever else was bought


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows to learn from, and the first stage fitted on everything.

    Attributes
    ----------
    features : float32 array, shape (n, F)
    label : bool array, shape (n,)
        Whether the candidate was bought.
    weight : float array, shape (n,)
        How many candidates each row stands for: negatives are thinned.
    care : float array, shape (n,)
        How much it counts. What is judged is the share of a basket that is foretold, so the lines of a large basket matter less
        each; not by its whole size, because the smallest say least. Such care bends probabilities: see `learners.Scale`.
    question : int array, shape (n,)
        Which question each row belongs to, ascending.

    """

    features: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    care: np.ndarray
    question: np.ndarray
    sources: Sources
    habits: Habits


@dataclass(frozen=True)
class Course:
    """How lessons are drawn: `horizon_days` above zero asks for purchases of so many days, zero for the next basket."""

    horizon_days: int
    seed: int
    groups: np.ndarray | None = None
    factors: tuple | None = None

    def lesson(self, seen: Interactions) -> Lesson:
        """Sources and habits that labels are learned against are fitted without them; then all is fitted again on everything."""
        rows = tuple(np.concatenate(columns) for columns in zip(*self._parts(seen), strict=True))
        sources, habits = self._fitted(seen)
        return Lesson(*rows, sources, habits)

    def _fitted(self, seen: Interactions) -> tuple[Sources, Habits]:
        return Sources(self.factors).fit(seen, self.groups), Habits().fit(seen, self.groups)

    def _parts(self, seen: Interactions) -> Iterator[tuple]:
        positions = self._positions(seen)
        chance, asked = np.random.default_rng(self.seed), 0
        for nth, (past, after) in enumerate(positions):
            if nth % REFITTED_EVERY == 0:
                sources, habits = self._fitted_before(positions[nth : nth + REFITTED_EVERY], seen)
            able = self._able(past, after, QUESTIONS_MAX // len(positions), chance)
            share = ROWS_MAX // len(positions) * CHUNK // max(len(able), 1)
            size = np.bincount(after.member, minlength=after.shape[0])
            for start in range(0, len(able), CHUNK):
                members = able[start : start + CHUNK]
                theirs = past.only(members)
                found = sources.candidates(past, members)
                label = np.isin(members[found.row].astype(np.int64) * seen.shape[1] + found.item, after.pair_keys)
                kept, weight = thinned(label, chance, share)
                found, label = found.these(kept), label[kept]
                features = habits.of(found, theirs, now_of(theirs, next_trip=not self.horizon_days))
                care = np.clip(size[members], 1.0, LARGE) ** -(0 if self.horizon_days else CARE)
                yield features, label, weight[kept], care[found.row], asked + found.row
                asked += len(members)

    def _fitted_before(self, positions: list[tuple], seen: Interactions) -> tuple[Sources, Habits]:
        """What the questions of some positions are asked of: as fresh as what serves will be, and without any of their answers."""
        sources, habits = self._fitted(positions[-1][0])
        if not self.horizon_days:  # each question has its own day, and what others bought before it may be known
            habits.tides = Tides().fit(seen, habits.groups_)
        return sources, habits

    def _able(self, past: Interactions, after: Interactions, most: int, chance: np.random.Generator) -> np.ndarray:
        """Members who can be asked about: with a past and, where the next basket is asked for, a next one."""
        answers = np.bincount(after.member, minlength=after.shape[0]) > 0
        able = np.flatnonzero((past.trips > 0) & (answers | bool(self.horizon_days)))
        return able if len(able) <= most else np.sort(chance.choice(able, most, replace=False))

    def _positions(self, seen: Interactions) -> list[tuple[Interactions, Interactions]]:
        """(past, what was bought after it), the latest first."""
        if self.horizon_days:
            day = seen.until - self.horizon_days
            return [(seen.before(day), seen.since(day))]
        able = int((seen.trips >= 2).sum())
        usual = int(np.median(seen.trips[seen.trips >= 2])) if able else 2
        count = int(np.clip(min(QUESTIONS_MAX // max(able, 1), usual // TRIPS_EACH), 1, POSITIONS_MAX))
        return [(seen.without_last(n), seen.nth_last(n - 1)) for n in range(1, count + 1)]


def asked(sources: Sources, habits: Habits, seen: Interactions, members: np.ndarray, *, next_trip: bool):
    """Candidates of these members and their features."""
    theirs = seen.only(members)
    found = sources.candidates(seen, members)
    return found, habits.of(found, theirs, now_of(theirs, next_trip=next_trip))


def thinned(label: np.ndarray, chance: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """All positives, and as many negatives as there is room for: which rows stay, and how many each stands for."""
    weight = np.ones(len(label))
    if len(label) <= rows:
        return np.ones(len(label), bool), weight
    share = min(max(rows - label.sum(), 1) / max((~label).sum(), 1), 1.0)
    weight[~label] = 1 / share
    return label | (chance.random(len(label)) < share), weight
