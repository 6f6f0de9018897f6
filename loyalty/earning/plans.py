"""What planning works with: a rule of a definition, what one kind of line earns, and what a whole basket earns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loyalty.earning.conditions import Basket, When  # noqa: TC001 (dataclass fields are read by tools at run time)
from loyalty.earning.state import Budget, Trial, limits


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a definition. `settings` holds the fields of its kind (loyalty/earning/kinds.py)."""

    code: str
    name: str
    when: When
    name_zh: str = ""
    kind: str = "exclude"
    has_state: bool = False
    multiply_percent: int = 100
    bonus_points: int = 0
    stacks: bool = False
    group: str = ""
    stops: bool = False
    budget: Budget = field(default_factory=Budget)
    trial: Trial | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_limited(self) -> bool:
        """Whether only the posting function can tell if it is granted."""
        return bool(self.budget or self.trial or self.when.tiers or self.kind == "occasion")

    def limits(self) -> dict[str, Any]:
        """What the posting function is told of a rule that only it can grant."""
        said: dict[str, Any] = {"rule": self.code} | limits(self.budget, self.trial, self.when.tiers)
        if self.kind == "occasion":
            asked = self.settings
            said |= {
                "code": self.code, "begins": asked["begins"], "before": asked["days_before"], "after": asked["days_after"],
                "times": asked["purchases"],
            }  # fmt: skip
        return said


class Profile(NamedTuple):
    """What one kind of line earns: numerator / denominator micropoints per minor unit, and how that came about.

    `applied`, `bonuses` and `limited` (rules with a budget, a trial, tiers or an occasion, which only the posting function can grant) are places in
    `RuleSet.rules`; `beaten` had a larger or an earlier one of their group beside them, `stopped` came after one that stops.
    """

    numerator: int
    denominator: int
    applied: tuple[int, ...]
    beaten: tuple[int, ...]
    stopped: tuple[int, ...]
    bonuses: tuple[int, ...]
    limited: tuple[int, ...]
    excluded_by: str


@dataclass(slots=True)
class Plan:
    """What a basket earns before any member's state. Line lists follow the basket's lines.

    `force` has the bits of the rules whose conditions on the basket hold.
    """

    line_micropoints: list[int]
    base_micropoints: int
    line_extra_micropoints: list[int] | None
    extra_micropoints: int
    profiles: list[Profile]
    basket: Basket
    force: int
