"""What rankers of two stages say of some members, reckoned once: candidates and features are made once for all learners."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommender.interactions import Interactions
from recommender.rankers.base import NOTHING, Fitted
from recommender.rankers.lessons import CHUNK, Course
from recommender.rankers.two_stage import TwoStage


@dataclass(eq=False)
class Answers(Fitted):
    """The probability of each candidate of some members (ascending indices), ready to be judged as often as one likes.

    `start` (m + 1,) bounds the candidates of each in `item` and `probability`.
    """

    label: str
    members: np.ndarray
    start: np.ndarray
    item: np.ndarray
    probability: np.ndarray

    def fit(self, seen: Interactions) -> Self:
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        found = np.full((len(members), seen.shape[1]), NOTHING, np.float32)
        for row, at in enumerate(np.searchsorted(self.members, members)):
            theirs = slice(self.start[at], self.start[at + 1])
            found[row, self.item[theirs]] = self.probability[theirs]
        return found

    def came_true(self, after: Interactions) -> np.ndarray:
        """Which of the candidates were bought, parallel to `probability`."""
        member = np.repeat(self.members, np.diff(self.start)).astype(np.int64)
        return np.isin(member * after.shape[1] + self.item, after.pair_keys)


def answers(rankers: dict[str, TwoStage], course: Course, seen: Interactions, members: np.ndarray) -> list[Answers]:
    """Teach these rankers one lesson and ask all of them about these members (ascending)."""
    lesson = course.lesson(seen)
    for ranker in rankers.values():
        ranker.learn(lesson)
    first = next(iter(rankers.values()))
    counts, items, said = [], [], {label: [] for label in rankers}
    for start in range(0, len(members), CHUNK):
        chunk = members[start : start + CHUNK]
        found, features = first.asked(seen, chunk)
        counts.append(np.bincount(found.row, minlength=len(chunk)))
        items.append(found.item)
        for label, ranker in rankers.items():
            said[label].append(ranker.said(features).astype(np.float32))
    bounds = np.r_[0, np.cumsum(np.concatenate(counts))]
    item = np.concatenate(items)
    return [Answers(label, members, bounds, item, np.concatenate(parts)) for label, parts in said.items()]
