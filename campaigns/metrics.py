"""What is measured, in which unit, and with which part in the verdict. Plain Python; the columns are those of outcomes.py."""

from dataclasses import dataclass

from insights.lift import Metric

PRIMARY, SECONDARY, GUARDRAIL = "primary", "secondary", "guardrail"
MONEY, COUNT, SHARE, POINTS = "money", "orders", "share", "points"
MARGIN, OFFERS = "a stated margin", "offers"


@dataclass(frozen=True)
class Measure:
    """One figure of a report. `unit` is money (minor units), orders (a count per member), share (of members) or points.

    `needs`: what an experiment must have for it to say something: a stated margin (else it would be spend once more), or offers.
    """

    metric: Metric
    unit: str
    role: str = SECONDARY
    needs: str = ""

    @property
    def name(self) -> str:
        return self.metric.name


#: The figures in the order in which they are told. The first is primary, fixed before any start; CUPED reads the same metric before
#: assignment. Offers were decided for the held-out members too.
EVERY = (
    Measure(Metric("spend", "spend", covariate="spend_before"), MONEY, PRIMARY),
    Measure(Metric("margin", "margin", covariate="spend_before"), MONEY, needs=MARGIN),
    Measure(Metric("net", "net", covariate="spend_before"), MONEY),
    Measure(Metric("orders", "orders", covariate="orders_before"), COUNT),
    Measure(Metric("visits", "visits", covariate="visits_before"), COUNT),
    Measure(Metric("buyers", "buyers", covariate="buyers_before"), SHARE),
    Measure(Metric("basket", "spend", "orders", "spend_before", "orders_before"), MONEY),
    Measure(Metric("points_earned", "points_earned"), POINTS),
    Measure(Metric("points_spent", "points_spent"), POINTS),
    Measure(Metric("withdrew", "withdrew"), SHARE, GUARDRAIL),
    Measure(Metric("complained", "complained"), SHARE, GUARDRAIL),
    Measure(Metric("redeemers", "redeemers"), SHARE, needs=OFFERS),
    Measure(Metric("units", "units"), COUNT, needs=OFFERS),
)
BY_NAME = {measure.name: measure for measure in EVERY}


def told(*has: str) -> tuple[Measure, ...]:
    """The measures of an experiment that has these: MARGIN, OFFERS, or nothing but its members."""
    return tuple(one for one in EVERY if not one.needs or one.needs in has)


def columns(measures) -> list[str]:
    """The columns that these measures add up, each once."""
    named = [
        column
        for one in measures
        for column in (
            one.metric.numerator,
            one.metric.denominator,
            one.metric.covariate,
            one.metric.covariate_denominator,
        )
        if column
    ]
    return list(dict.fromkeys(named))


def products(measures) -> list[tuple[str, str]]:
    """The pairs of columns whose products these measures need, each once, in a fixed order."""
    return sorted({pair for one in measures for pair in one.metric.products()})
