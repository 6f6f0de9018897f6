"""When a type comes back: life tables of buying again, by shopping days gone by since the last purchase.

Every pause between two purchases of the same (member, type) was lived through day by day: at each shopping day of the member the
type could have come back, and at the last one it did. What is counted so over all pauses is the usual chance at each age, apart
for what was bought once, a few times, often. A type, a member and a pair come back more or less often than the usual chance would
have it: three factors, each shrunk to one by the purchases there should have been (an empirical Bayes of Poisson counts).
"""

from typing import Self

import numpy as np

from recommender.interactions import Interactions
from recommender.rankers.base import Fitted
from recommender.rhythms import total

AGES = 60  # shopping days; later ones count as this
OFTEN = (2, 4)  # the purchases from which a pair has been bought “a few times” and “often”
SPANS = (3, 7, 16)  # ages from which a type's own chance is counted apart
NAMES = ("return_chance", "return_usual", "return_of_type", "return_of_type_now", "return_of_member", "return_of_pair")
STRENGTH = 3.0  # purchases foretold that a factor of one is worth


class Hazards(Fitted):
    """The usual chance of coming back at each age, and how far each type departs from it."""

    def fit(self, seen: Interactions) -> Self:
        nth, length, came_back = pauses(seen)
        shape = len(OFTEN) + 1, AGES + 1
        ended = np.bincount(nth * (AGES + 1) + length, minlength=shape[0] * shape[1]).reshape(shape)
        hits = np.bincount((nth * (AGES + 1) + length)[came_back], minlength=shape[0] * shape[1]).reshape(shape)
        lived = ended[:, ::-1].cumsum(axis=1)[:, ::-1]
        self.chance_ = (hits + 0.2) / (lived + 10.0)
        self.chance_[:, 0] = 0
        self.sums_ = self.chance_.cumsum(axis=1)
        size = seen.shape[1]
        expected = self.sums_[nth, length]
        self.of_type_ = _factor(
            np.bincount(seen.item[came_back], minlength=size), np.bincount(seen.item, expected, size)
        )
        self.of_type_now_ = np.column_stack([
            _factor(
                np.bincount(seen.item[came_back & (_span(length) == span)], minlength=size),
                self.of_type_ * np.bincount(seen.item, self._within(nth, length, span), size),
            ) for span in range(len(SPANS) + 1)
        ])  # fmt: skip
        return self

    def of(self, theirs: Interactions) -> dict[str, np.ndarray]:
        """Columns in the order of NAMES for each pair bought before, shape (P,): chances that it is bought next time, and factors."""
        nth, length, came_back = pauses(theirs)
        pairs, ages = theirs.pairs, theirs.trip_age
        expected = self.sums_[nth, length] * self.of_type_[theirs.item]
        whole = theirs.shape[0]
        of_member = _factor(
            np.bincount(theirs.member[came_back], minlength=whole), np.bincount(theirs.member, expected, whole), 10.0
        )
        foretold = total(theirs, expected) * of_member[pairs.member]
        of_pair = _factor(pairs.times - 1, foretold)
        age = np.minimum(ages[pairs.start[1:] - 1] + 1, AGES) if len(ages) else ages
        usual = self.chance_[_often(pairs.times), age]
        of_type, now = self.of_type_[pairs.item], self.of_type_now_[pairs.item, _span(age)]
        mine = of_member[pairs.member]
        return dict(
            zip(NAMES, (usual * of_type * now * mine * of_pair, usual, of_type, now, mine, of_pair), strict=True)
        )

    def _within(self, nth: np.ndarray, length: np.ndarray, span: int) -> np.ndarray:
        """Purchases foretold while a pause was of an age in the span."""
        edges = (1, *SPANS, AGES + 1)
        start, end = (np.minimum(length, edge - 1) for edge in edges[span : span + 2])
        return self.sums_[nth, end] - self.sums_[nth, start]


def pauses(seen: Interactions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each triple: the class of how often it had been bought, shopping days until it came back or until now, and which it was."""
    pairs, ages = seen.pairs, seen.trip_age.astype(np.int64)
    last = np.zeros(len(ages), bool)
    last[pairs.start[1:] - 1] = True
    later = np.r_[ages[1:], 0] if len(ages) else ages
    length = np.where(last, ages, ages - later)
    nth = np.arange(len(ages)) - np.repeat(pairs.start[:-1], pairs.times) + 1
    return _often(nth), np.minimum(length, AGES), ~last


def _often(times: np.ndarray) -> np.ndarray:
    return np.searchsorted(OFTEN, times, side="right")


def _span(age: np.ndarray) -> np.ndarray:
    return np.searchsorted(SPANS, age, side="right")


def _factor(happened: np.ndarray, foretold: np.ndarray, strength: float = STRENGTH) -> np.ndarray:
    return (happened + strength) / (foretold + strength)
