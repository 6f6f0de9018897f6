"""The reward the member saves for: the dearest they can have now, and the nearest they cannot have yet."""

from dataclasses import dataclass
from datetime import datetime

import loyalty.queries
import loyalty.rewards


@dataclass(frozen=True)
class Next:
    """`now`: the best reward within reach, or None; `later`: the nearest beyond it, or None. `percent` of the way to `later`."""

    points: int
    now: loyalty.rewards.Offered | None
    later: loyalty.rewards.Offered | None

    @property
    def percent(self) -> int:
        return min(100, self.points * 100 // self.later.reward.points) if self.later else 100

    @property
    def is_empty(self) -> bool:
        return self.now is None and self.later is None


def of(member, *, at: datetime) -> Next:
    offered = loyalty.rewards.on_offer(member_id=member.pk, at=at)  # the cheapest first
    within = [one for one in offered if one.is_affordable]
    beyond = [one for one in offered if one.why_not == "too_few"]
    points = loyalty.queries.spendable(member.pk, at=at)
    return Next(points, within[-1] if within else None, beyond[0] if beyond else None)
