"""What is asked of a file: which column is the unit, the variant, a metric, its covariate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from insights.lift import Metric

CORRECTIONS = ("holm", "bh", "none")


class BadQuestion(ValueError):
    """The question cannot be put; the text says what to write instead."""


@dataclass(frozen=True)
class Question:
    """The columns to read and what to make of them. `shares` are the planned weights of the variants; empty: equal."""

    variant: str
    control: str
    metrics: tuple[Metric, ...]
    unit: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    caps: Mapping[str, float] = field(default_factory=dict)
    correction: str = "holm"

    @property
    def numbers(self) -> list[str]:
        """The columns that must hold numbers, each once."""
        named = [
            column
            for m in self.metrics
            for column in (m.numerator, m.denominator, m.covariate, m.covariate_denominator)
            if column
        ]
        return list(dict.fromkeys(named))


def asked(
    *,
    unit: str = "",
    variant: str,
    control: str,
    metrics: Sequence[str],
    covariates: Sequence[str] = (),
    shares: Sequence[str] = (),
    caps: Sequence[str] = (),
    correction: str = "holm",
) -> Question:
    """A question from words as typed: metric `revenue` or `revenue/visits`; covariate `before` (for the metric at the same
    place) or `revenue=before`; share `A=0.9`; cap `revenue=500`. Raises BadQuestion.
    """
    if not metrics:
        raise BadQuestion(_("Name at least one metric: a column of numbers, or two as revenue/visits."))
    if correction not in CORRECTIONS:
        raise BadQuestion(_("The correction is one of %(names)s.") % {"names": ", ".join(CORRECTIONS)})
    if not variant or not control:
        raise BadQuestion(_("Name the column of the variant, and which of its values is the control."))
    told = _covariates(metrics, covariates)
    found = tuple(_metric(words, told.get(words, "")) for words in dict.fromkeys(metrics))
    return Question(
        variant=variant, control=control, metrics=found, unit=unit, shares=_numbers(shares, _("A share")),
        caps=_numbers(caps, _("A cap")), correction=correction,
    )  # fmt: skip


def _covariates(metrics, covariates) -> dict[str, str]:
    told = {}
    for place, words in enumerate(covariates):
        metric, has_name, column = words.partition("=")
        if not has_name:
            if place >= len(metrics):
                raise BadQuestion(_("There are more covariates than metrics; write metric=covariate."))
            metric, column = metrics[place], words
        if metric not in metrics:
            raise BadQuestion(
                _("The covariate “%(words)s” belongs to no metric that was asked for.") % {"words": words}
            )
        told[metric] = column
    return told


def _metric(words: str, covariate: str) -> Metric:
    numerator, _slash, denominator = (part.strip() for part in words.partition("/"))
    before, _slash, before_denominator = (part.strip() for part in covariate.partition("/"))
    if not numerator or ("/" in words and not denominator):
        raise BadQuestion(_("“%(words)s” is no metric; write one column, or two as revenue/visits.") % {"words": words})
    return Metric(words, numerator, denominator or None, before or None, before_denominator or None)


def _numbers(pairs, what) -> dict[str, float]:
    found = {}
    for words in pairs:
        name, has_value, value = words.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            has_value = ""
        if not has_value or not found[name] > 0:
            raise BadQuestion(
                _("%(what)s is written name=number, the number above zero; “%(words)s” is not.")
                % {"what": what, "words": words}
            )
    return found
