from dataclasses import fields
from typing import ClassVar, Protocol, Self

import numpy as np

from recommender.interactions import Interactions

NOTHING = np.float32(-np.inf)  # the score of a type a ranker has nothing to say about


class Ranker(Protocol):
    """Scores product types for members.

    `fit` learns what is shared by all members (popularity, rhythms, similarities, factors) from the purchases before a
    moment; `scores` applies it to the purchases it is given, which may be newer and of members never seen. So one trained
    ranker serves until the next training.
    """

    name: ClassVar[str]

    def fit(self, seen: Interactions) -> Self:
        """Learn from these purchases. Deterministic: the same purchases and parameters give the same ranker."""

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        """Score every type for some members.

        Parameters
        ----------
        seen : Interactions
            Purchases to judge by; its types are those of `fit`, its members need not be.
        members : int array, shape (m,)
            Indices into `seen.member_ids`.

        Returns
        -------
        float32 array, shape (m, I)
            Greater is better, comparable within one row only; `NOTHING` where the ranker has nothing to say. Never NaN.

        """

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What speaks most for each of some (member, type) pairs it listed.

        Returns the name of the source (text, shape (n,)), and the type the member bought that it rests on, −1 for none.
        """

    def parameters(self) -> dict:
        """What it was made with: `type(self)(**parameters)` makes its like, unfitted."""

    def state(self) -> dict[str, np.ndarray]:
        """What `fit` learned, as plain arrays."""

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        """Become the ranker whose `state` this was."""


class Fitted:
    """Keeps what was learned in attributes that end in an underscore; parameters are the dataclass fields."""

    name: ClassVar[str] = ""

    def because(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full(len(item), self.name, object), np.full(len(item), -1, np.int64)

    def parameters(self) -> dict:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def state(self) -> dict[str, np.ndarray]:
        return {name: np.asarray(value) for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        for name, value in state.items():
            setattr(self, name, value)
        return self
