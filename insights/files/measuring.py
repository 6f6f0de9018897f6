"""A file of units measured: sums per arm, differences with their doubt, the split, and what many comparisons cost."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from insights import lift
from insights.files.asking import Question
from insights.files.reading import Units
from insights.lift.arms import Aggregates, aggregates_of


@dataclass(frozen=True)
class ArmOf:
    """One arm on one metric: members, the mean (or the ratio) and the sum of the numerator, in the file's units."""

    variant: str
    metric: str
    n: int
    mean: float
    total: float


@dataclass(frozen=True)
class Comparison:
    """One variant against the control on one metric. `p_adjusted` is corrected over all comparisons of the file.

    `plain` is the same without the covariate, None where there is none; `cannot` says why there is nothing to compare.
    """

    variant: str
    metric: str
    found: lift.Lift | None
    plain: lift.Lift | None
    p_adjusted: float | None
    cannot: str = ""


@dataclass(frozen=True)
class Measured:
    """Everything a page or a terminal shows. With a red split `comparisons` is empty: no verdict may be read from it."""

    rows: int
    units: int
    excluded: int
    excluded_examples: list[str]
    control: str
    correction: str
    split: lift.SampleRatio
    arms: list[ArmOf]
    comparisons: list[Comparison]

    @property
    def is_hidden(self) -> bool:
        return self.split.verdict == "red"

    def as_dict(self) -> dict:
        return asdict(self)


def measure(units: Units, question: Question) -> Measured:
    """Compare every variant with the control on every metric."""
    variants = [question.control, *sorted(set(units.variants.tolist()) - {question.control})]
    capped = {name: lift.capped(held, question.caps.get(name)) for name, held in units.columns.items()}
    arms = {name: _aggregates(name, units.variants == name, capped) for name in variants}
    counts = {name: arm.n for name, arm in arms.items()}
    split = lift.sample_ratio(counts, question.shares or dict.fromkeys(variants, 1.0))
    told = [_arm(arms[name], metric) for metric in question.metrics for name in variants]
    comparisons = [] if split.verdict == "red" else _comparisons(arms, variants, question)
    return Measured(
        units.rows, len(units.variants), units.excluded, units.excluded_examples, question.control, question.correction,
        split, told, comparisons,
    )  # fmt: skip


def _aggregates(name: str, rows: np.ndarray, columns) -> Aggregates:
    return aggregates_of(name, {column: held[rows] for column, held in columns.items()})


def _arm(arm: Aggregates, metric: lift.Metric) -> ArmOf:
    below = arm.sums[metric.denominator] if metric.denominator else arm.n
    total = arm.sums[metric.numerator]
    return ArmOf(arm.name, metric.name, arm.n, total / below if below else 0.0, total)


def _comparisons(arms, variants, question) -> list[Comparison]:
    found = [_compared(arms[variants[0]], arms[name], metric) for metric in question.metrics for name in variants[1:]]
    p_values = {place: one.found.p_value for place, one in enumerate(found) if one.found}
    adjusted = dict(zip(p_values, _adjust(list(p_values.values()), question.correction), strict=True))
    return [replace(one, p_adjusted=adjusted.get(place)) for place, one in enumerate(found)]


def _adjust(p_values: list[float], correction: str) -> list[float]:
    if correction == "holm":
        return lift.holm(p_values)
    return lift.benjamini_hochberg(p_values) if correction == "bh" else p_values


def _compared(control, treated, metric) -> Comparison:
    try:
        found = lift.compare(control, treated, metric)
        plain = lift.compare(control, treated, metric.plain()) if metric.covariate else None
    except lift.CannotCompare as reason:
        return Comparison(treated.name, metric.name, None, None, None, str(reason))
    return Comparison(treated.name, metric.name, found, plain, None)
