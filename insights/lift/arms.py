"""What is known of an arm: how many members, and the sums of what they did. PostgreSQL counts these; nothing else is needed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ArmStats:
    """One metric of one arm in three sums: members, Σ of the metric, Σ of its squares."""

    name: str
    n: int
    total: float
    total_of_squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The sample variance (n − 1), never below zero by rounding."""
        if self.n < 2:
            return 0.0
        return max(0.0, (self.total_of_squares - self.total * self.mean) / (self.n - 1))

    @property
    def sd(self) -> float:
        return math.sqrt(self.variance)

    def __add__(self, other: "ArmStats") -> "ArmStats":
        """Two arms read as one, as when every variant together is compared with the holdout."""
        squares = self.total_of_squares + other.total_of_squares
        return ArmStats(f"{self.name} + {other.name}", self.n + other.n, self.total + other.total, squares)


def pair(one: str, other: str) -> tuple[str, str]:
    """The key of a product of two columns, whichever is named first."""
    return (one, other) if one <= other else (other, one)


@dataclass(frozen=True)
class Aggregates:
    """Several columns of one arm: Σ of each, and Σ of the products of those pairs that some metric needs.

    `products[pair(a, b)]` is Σ a·b over the members; `products[(a, a)]` the sum of squares. A product that was not counted
    cannot be asked for (KeyError): better than a covariance silently taken for zero.
    """

    name: str
    n: int
    sums: Mapping[str, float]
    products: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def mean(self, column: str) -> float:
        return self.sums[column] / self.n if self.n else 0.0

    def covariance(self, one: str, other: str) -> float:
        """The sample covariance (n − 1) of two columns; of a column with itself its variance, never below zero."""
        if self.n < 2:
            return 0.0
        found = (self.products[pair(one, other)] - self.sums[one] * self.mean(other)) / (self.n - 1)
        return max(0.0, found) if one == other else found

    def stats(self, column: str) -> ArmStats:
        return ArmStats(self.name, self.n, self.sums[column], self.products[column, column])

    def __add__(self, other: "Aggregates") -> "Aggregates":
        """Two arms read as one; both count the same columns."""
        return Aggregates(
            f"{self.name} + {other.name}",
            self.n + other.n,
            {column: value + other.sums[column] for column, value in self.sums.items()},
            {key: value + other.products[key] for key, value in self.products.items()},
        )


def aggregates_of(name: str, columns: Mapping[str, Sequence[float] | np.ndarray]) -> Aggregates:
    """The aggregates of an arm from one value per member and column; every product is counted."""
    values = {column: np.asarray(held, dtype=float) for column, held in columns.items()}
    lengths = {len(held) for held in values.values()}
    if len(lengths) > 1:
        raise ValueError("The columns of an arm must be equally long.")
    sums = {column: float(held.sum()) for column, held in values.items()}
    products = {pair(a, b): float(values[a] @ values[b]) for a in values for b in values if a <= b}
    return Aggregates(name, lengths.pop() if lengths else 0, sums, products)
