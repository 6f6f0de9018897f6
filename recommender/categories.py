"""When a category comes back, and which of its types: life tables of categories, and how a member divides one among its types.

Whoever changes between two breads buys neither regularly, and yet bread every week: the chance of the category, shared out by habit, knows
what the chances of its types do not. Everything is counted from the member's own purchases.
"""

from typing import Self

import numpy as np

from recommender.hazards import Hazards
from recommender.interactions import Interactions
from recommender.rankers.base import Fitted
from recommender.rhythms import placed_within, total

GROUP_NAMES = ("group_return_chance", "group_return_of_pair")
PAIR_NAMES = (
    "share_of_group_lately", "share_of_group_by_chance", "place_in_group", "is_last_of_group", "types_of_group", "chances_of_group",
)  # fmt: skip
NAMES = (*GROUP_NAMES, *PAIR_NAMES, "group_chance_shared")


class Categories(Fitted):
    """Life tables of categories. `groups` (I,): the category's number of each type, −1 for none."""

    def fit(self, seen: Interactions, groups: np.ndarray) -> Self:
        self.groups_ = groups
        self.hazards = Hazards().fit(self.purchases(seen))
        return self

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | {f"hazards.{name}": value for name, value in self.hazards.state().items()}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        parts = {name.removeprefix("hazards."): value for name, value in state.items() if name.startswith("hazards.")}
        self.hazards = Hazards().restore(parts)
        return super().restore({name: value for name, value in state.items() if "." not in name})

    def purchases(self, seen: Interactions) -> Interactions:
        """The same members' purchases, of categories in the place of types."""
        group = self.groups_[seen.item]
        size = int(self.groups_.max(initial=-1)) + 1
        kept = group >= 0
        return seen.renamed(group[kept], kept, np.arange(size))

    def of_candidates(self, row: np.ndarray, item: np.ndarray, theirs: Interactions) -> dict[str, np.ndarray]:
        """GROUP_NAMES of candidates, shape (C,): NaN where the member never bought of the category, or there is none."""
        bought = self.purchases(theirs)
        group = self.groups_[item]
        wanted = row.astype(np.int64) * bought.shape[1] + group
        at = np.minimum(np.searchsorted(bought.pair_keys, wanted), max(len(bought.pair_keys) - 1, 0))
        known = (group >= 0) & (bought.pair_keys[at] == wanted) if len(bought.pair_keys) else np.zeros(len(item), bool)
        told = self.hazards.of(bought)
        values = (told["return_chance"], told["return_of_pair"])
        return {name: _spread(one, at, known) for name, one in zip(GROUP_NAMES, values, strict=True)}

    def of_pairs(self, theirs: Interactions, chance: np.ndarray) -> dict[str, np.ndarray]:
        """PAIR_NAMES of pairs bought before, shape (P,), by how likely each comes back by itself; NaN where there is no category."""
        pairs = theirs.pairs
        group = self.groups_[pairs.item]
        _, whole = np.unique(pairs.member.astype(np.int64) * (len(self.groups_) + 1) + group, return_inverse=True)
        lately = total(theirs, 0.9**theirs.trip_age)
        latest = np.zeros(whole.max(initial=-1) + 1, np.int64)
        np.maximum.at(latest, whole, pairs.last_day)
        values = (
            lately / np.bincount(whole, lately)[whole], chance / np.bincount(whole, chance)[whole], placed_within(whole, lately),
            pairs.last_day == latest[whole], np.bincount(whole)[whole], np.bincount(whole, chance)[whole],
        )  # fmt: skip
        return {name: np.where(group >= 0, one, np.nan) for name, one in zip(PAIR_NAMES, values, strict=True)}


def _spread(values: np.ndarray, at: np.ndarray, known: np.ndarray) -> np.ndarray:
    found = np.full(len(at), np.nan)
    found[known] = values[at[known]]
    return found
