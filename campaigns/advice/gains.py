"""What an action should bring. Plain numbers: members, money in minor units.

Where the shop has measured campaigns, what they sold more per member is what the next one is expected to, with its interval. Before
that nothing is known, and an assumption is used and said: of a hundred members one comes because of the message, at least none
and at most two, and buys what such members usually do.
"""

from dataclasses import dataclass

from campaigns.series import Pooled

ASSUMED_SHARE, ASSUMED_HIGH = 0.01, 0.02
OFFER_SHARE = 0.10
"""An offer takes off so much of a usual purchase."""


@dataclass(frozen=True)
class Gain:
    """Extra sales to be expected of `sent` members, and the ends of the interval, in minor units. `campaigns`: how many were measured."""

    sent: int
    expected_minor: int
    low_minor: int
    high_minor: int
    campaigns: int

    @property
    def is_measured(self) -> bool:
        return self.campaigns > 0


def expected(*, members: int, holdout_percent: int, basket_minor: float, measured: Pooled | None) -> Gain:
    """What a campaign to so many members should sell more; who is held out brings nothing."""
    sent = members * (100 - holdout_percent) // 100
    if measured is None:
        usual = sent * basket_minor
        return Gain(sent, round(usual * ASSUMED_SHARE), 0, round(usual * ASSUMED_HIGH), 0)
    mean, low, high = (round(sent * one) for one in (measured.absolute, measured.low, measured.high))
    return Gain(sent, mean, low, high, measured.dates)


def offer_cost(basket_minor: float) -> int:
    """What one offer takes off at most, in minor units."""
    return round(basket_minor * OFFER_SHARE)
