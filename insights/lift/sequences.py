"""An interval that may be read at any time: the asymptotic confidence sequence.

A 95 % interval that is looked at every day misses the truth, at some look, far more often than one time in twenty. This one
holds at all looks at once (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic
confidence sequences", Annals of Statistics 52, 2024, arXiv 2103.06476, theorem 2.2): after t observations with standard error s
it is estimate ± s · √( 2 (tρ² + 1) / (tρ²) · log( √(tρ² + 1) / α ) ), where ρ makes it tightest at a time t* that is fixed
before the start: ρ² t* = −2 log α + log(−2 log α + 1).

So only t / t*, the share of the plan that has passed, matters. Where members arrive one by one it is members ÷ planned members.
Where all are assigned at once and their purchases come in, it is days ÷ planned days: members' habits make later days resemble
earlier ones, which moves the estimate less between looks than fresh members would, so the interval errs on the safe side.
"""

import math
from dataclasses import dataclass

from scipy import special

from insights.lift.comparing import ALPHA, Lift


@dataclass(frozen=True)
class Sequence:
    """The always-valid interval of a difference, in the metric's unit, and how much wider it is than the ordinary one.

    `p_value` is always valid too: the smallest α at which this look's interval leaves out zero.
    """

    low: float
    high: float
    share_of_plan: float
    times_wider: float
    p_value: float

    @property
    def is_detected(self) -> bool:
        return self.low > 0 or self.high < 0


def reach(share_of_plan: float, *, alpha: float = ALPHA) -> float:
    """Standard errors to either side: 3.03 at the planned end for α = .05, where a single look takes 1.96."""
    if share_of_plan <= 0:
        return math.inf
    time = share_of_plan * _tightest(alpha)
    return math.sqrt(2 * (time + 1) / time * math.log(math.sqrt(time + 1) / alpha))


def _tightest(alpha: float) -> float:
    """ρ² t*: what tρ² is at the planned end."""
    return -2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)


def confidence_sequence(found: Lift, *, share_of_plan: float, alpha: float = ALPHA) -> Sequence:
    """The interval that may be read now whatever was read before. `share_of_plan` is what has passed, 1 at the planned end."""
    width = reach(share_of_plan, alpha=alpha)
    ordinary = float(special.ndtri(1 - alpha / 2))
    time, z = share_of_plan * _tightest(alpha), abs(found.absolute) / found.standard_error
    chance = math.sqrt(time + 1) * math.exp(-(z**2) * time / (2 * (time + 1))) if time > 0 else 1.0
    return Sequence(
        low=found.absolute - width * found.standard_error,
        high=found.absolute + width * found.standard_error,
        share_of_plan=share_of_plan,
        times_wider=width / ordinary,
        p_value=min(1.0, chance),
    )
