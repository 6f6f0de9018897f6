"""The first of two stages: what is worth ranking for a member, and which source named it.

Everything a member bought before is a candidate, up to a number; the rest is named by sources that look at other members.
Sources work on the *shelf*, the types with most buyers, so that memory and time do not grow with the tail of a catalogue.
"""

import time
from dataclasses import dataclass
from typing import Self

import numpy as np

from recommender.interactions import Interactions, distinct
from recommender.nearby import Nearby, recently
from recommender.rankers.base import NOTHING, Fitted, Ranker
from recommender.rankers.following import Following
from recommender.rankers.linear import Ease
from recommender.rankers.neighbours import RecentNeighbours, TemporalFrequency
from recommender.rankers.similar import ItemToItem, MatrixFactorisation
from recommender.ranking import best
from recommender.reasons import TOGETHER

SHELF = 10_000  # types with most buyers
OWN = 400  # types a member bought, the latest kept
OWN_SOURCE = "own"
TAKEN = {
    "ease": 40,
    "upcf": 30,
    "tifuknn": 20,
    "item_to_item": 20,
    "implicit_als": 20,
    "following": 20,
    "popular": 40,
    "fresh": 10,
    "store": 20,
    "cell": 20,
    "category": 20,
    "beginners": 20,
}
SOURCES = (OWN_SOURCE, *TAKEN)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs worth ranking, sorted by (row, item).

    Attributes
    ----------
    row, item : int arrays, shape (C,)
        The member's place in the chunk asked for, and the type.
    scores : float32 array, shape (C, S)
        What each of `SOURCES` thinks of the pair; NaN where it has nothing to say.
    named : bool array, shape (C, S)
        Which sources named it.

    """

    row: np.ndarray
    item: np.ndarray
    scores: np.ndarray
    named: np.ndarray
    placed: np.ndarray | None = None

    @property
    def places(self) -> np.ndarray:
        """The place of each candidate in each source's own order, among all candidates of its member: shape (C, S)."""
        return places(self) if self.placed is None else self.placed

    def these(self, kept: np.ndarray) -> "Candidates":
        """Some of them; their places stay those among all."""
        return Candidates(self.row[kept], self.item[kept], self.scores[kept], self.named[kept], self.places[kept])


class Sources(Fitted):
    """All sources of candidates, fitted together; `factors` of the last training and the ids of their types are gone on from."""

    def __init__(self, factors: tuple | None = None):
        self.factors = factors

    def fit(self, seen: Interactions, groups: np.ndarray | None = None) -> Self:
        """`groups` (I,) numbers the category of each type, −1 for none."""
        self.shelf_ = shelf(seen)
        shelved = seen.of_items(self.shelf_)
        self.seconds, self.models = {}, sources()
        if self.factors:
            self.models["implicit_als"].start_from(*self.factors, shelved)
        for name, model in self.models.items():
            begun = time.perf_counter()
            model.fit(shelved)
            self.seconds[name] = time.perf_counter() - begun
        self.popular_, self.fresh_ = recent_popularity(shelved), newness(shelved)
        begun = time.perf_counter()
        self.nearby = Nearby().fit(shelved, None if groups is None else np.asarray(groups)[self.shelf_])
        self.seconds["nearby"] = time.perf_counter() - begun
        return self

    def state(self) -> dict[str, np.ndarray]:
        parts = self.models | {"nearby": self.nearby}
        inner = {f"{name}.{key}": value for name, model in parts.items() for key, value in model.state().items()}
        return {"shelf_": self.shelf_, "popular_": self.popular_, "fresh_": self.fresh_} | inner

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        self.models, self.nearby = sources(), Nearby()
        for name, model in (self.models | {"nearby": self.nearby}).items():
            prefix = f"{name}."
            model.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        return super().restore({key: value for key, value in state.items() if "." not in key})

    def candidates(self, seen: Interactions, members: np.ndarray) -> Candidates:
        """What is worth ranking for these members (indices), by `seen`."""
        theirs = seen.only(members)
        shelved = theirs.of_items(self.shelf_)
        everybody = np.arange(len(members))
        keys, size = [own_keys(theirs)], seen.shape[1]
        bought = shelved.counts.toarray() > 0
        tables = {}
        for name, taken in TAKEN.items():
            tables[name] = self._table(name, shelved, everybody)
            listed, _ = best(np.where(bought, NOTHING, tables[name]), taken)
            row, place = np.nonzero(listed >= 0)
            keys.append(row * size + self.shelf_[listed[row, place]])
        union = distinct(np.concatenate(keys))
        row, item = np.divmod(union, size)
        named = np.zeros((len(union), len(SOURCES)), bool)
        for column, key in enumerate(keys):
            named[np.searchsorted(union, key), column] = True
        return Candidates(row, item, self._gather(tables, theirs, row, item), named)

    def because(self, seen: Interactions, found: Candidates, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each candidate the source that puts it furthest ahead among those that named it, and the type bought that it rests on.

        A type the member bought is their own, whatever others think of it.
        """
        place = np.where(found.named, places(found), np.inf)
        source = np.array(SOURCES, object)[place.argmin(axis=1)]
        partner = np.full(len(source), -1, np.int64)
        shelved = seen.only(members).of_items(self.shelf_)
        for name in TOGETHER:
            chosen = np.flatnonzero(source == name)
            if len(chosen):
                at = np.searchsorted(self.shelf_, found.item[chosen])
                _, rests_on = self.models[name].because(shelved, found.row[chosen], at)
                partner[chosen] = np.where(rests_on >= 0, self.shelf_[rests_on], -1)
        return source, partner

    def _table(self, name: str, shelved: Interactions, everybody: np.ndarray) -> np.ndarray:
        if name in ("popular", "fresh"):
            return np.broadcast_to(getattr(self, f"{name}_"), (len(everybody), len(self.shelf_)))
        if name in Nearby.NAMES:
            return self.nearby.table(name, shelved)
        model = self.models[name]
        if isinstance(model, RecentNeighbours):
            table = model.parts(shelved, everybody)[1].toarray().astype(np.float32)
            table[table <= 0] = NOTHING
            return table
        return model.scores(shelved, everybody)

    def _gather(self, tables, theirs: Interactions, row: np.ndarray, item: np.ndarray) -> np.ndarray:
        found = np.full((len(row), len(SOURCES)), np.nan, np.float32)
        at = np.minimum(np.searchsorted(self.shelf_, item), max(len(self.shelf_) - 1, 0))
        known = self.shelf_[at] == item if len(self.shelf_) else np.zeros(len(item), bool)
        for column, name in enumerate(SOURCES[1:], start=1):
            values = tables[name][row[known], at[known]]
            found[known, column] = np.where(values == NOTHING, np.nan, values)
        found[:, 0] = np.asarray(theirs.counts[row, item]).ravel()
        return found


def sources() -> dict[str, Ranker]:
    """Fresh models of the sources that are trained."""
    return {
        "ease": Ease(), "upcf": RecentNeighbours(), "tifuknn": TemporalFrequency(), "item_to_item": ItemToItem(100),
        "implicit_als": MatrixFactorisation(factors=64, regularisation=30.0), "following": Following(),
    }  # fmt: skip


def shelf(seen: Interactions) -> np.ndarray:
    """The types with most buyers, in order of index; those that one member alone bought say nothing of others."""
    chosen = np.argsort(-seen.buyers, kind="stable")[:SHELF]
    return np.sort(chosen[seen.buyers[chosen] > 0])


def own_keys(theirs: Interactions) -> np.ndarray:
    """Row × I + item of each member's own types, those bought last kept where there are very many."""
    pairs = theirs.pairs
    order = np.lexsort((-pairs.times, -pairs.last_day, pairs.member))
    member = pairs.member[order]
    place = np.arange(len(member)) - np.searchsorted(member, member)
    kept = order[place < OWN]
    return np.sort(pairs.member[kept].astype(np.int64) * theirs.shape[1] + pairs.item[kept])


def recent_popularity(seen: Interactions) -> np.ndarray:
    """Share of members who bought each type on their last shopping day or in the last weeks: shape (I,)."""
    recent = recently(seen)
    pairs = np.unique(seen.member[recent].astype(np.int64) * max(seen.shape[1], 1) + seen.item[recent])
    return (np.bincount(pairs % max(seen.shape[1], 1), minlength=seen.shape[1]) / (seen.shape[0] + 1)).astype(
        np.float32
    )


def newness(seen: Interactions) -> np.ndarray:
    """Buyers of each type that was first sold lately, as a share of members; `NOTHING` for all others. Shape (I,)."""
    return np.where(seen.is_new, seen.buyers / (seen.shape[0] + 1), NOTHING).astype(np.float32)


def places(found: Candidates) -> np.ndarray:
    """The place of each candidate in each source's own order, 0 the best, NaN where it says nothing: shape (C, S)."""
    told = np.full(found.scores.shape, np.nan, np.float32)
    first = np.searchsorted(found.row, found.row)
    for column, scores in enumerate(found.scores.T):
        said = ~np.isnan(scores)
        order = np.lexsort((-np.where(said, scores, -np.inf), found.row))
        place = np.empty(len(scores))
        place[order] = np.arange(len(scores)) - first[order]
        told[said, column] = place[said]
    return told
