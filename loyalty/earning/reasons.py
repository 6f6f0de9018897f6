"""Why each rule of a set applied to a basket or did not: as a dictionary, and as the JSON that doors send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from loyalty.earning.plans import Plan, Profile, Rule

USUAL_MAX = 2_000
REFUSED = "not_applied"


class Said(dict[str, Any]):
    """What is said of one rule. Dozens stand in every answer, so each is made, and written as JSON, once a process."""

    __slots__ = ("written",)

    def __init__(self, said: dict[str, Any]):
        super().__init__(said)
        self.written = json.dumps(said)


class Reasons:
    """What a rule set says of its rules. `chooses`: of rules that do not stack, the largest or the first counts."""

    def __init__(self, rules: Sequence[Rule], chooses: str):
        self._rules = rules
        self._beaten_by = "a_larger_one_applied" if chooses == "largest" else "an_earlier_one_applied"
        self._asking = frozenset(n for n, rule in enumerate(rules) if rule.when.asks_the_basket)
        self._refusals: dict[tuple[int, str], Said] = {}
        self._usual: dict[tuple[int, int, datetime, str], list[Said]] = {}

    def of(self, plan: Plan, force: int, too_small_for: int) -> dict[str, Any]:
        """Which rules applied, in what order and to which lines (1 …), and why each other did not.

        `force` has the bits of the rules whose conditions on the basket hold, `too_small_for` of those that ask for a larger one.
        """
        lines_of = _lines_of(plan.profiles)
        limited = {n for profile in plan.profiles for n in profile.limited}
        refused = list(self._usually(plan, force, too_small_for))
        for profile in plan.profiles:
            for n in profile.beaten:
                refused[n] = self._said(n, self._beaten_by)
        for profile in plan.profiles:
            for n in profile.stopped:
                refused[n] = self._said(n, "stopped_by_an_earlier_one")
        return {
            "applied": [self._applied(n, lines_of[n]) for n in sorted(lines_of)],
            REFUSED: [said for n, said in enumerate(refused) if n not in lines_of and n not in limited],
            "excluded": _excluded(plan.profiles),
        }

    def _usually(self, plan: Plan, force: int, too_small_for: int) -> list[Said]:
        """What is said of every rule that no line meets; the same for all baskets of a minute and store."""
        at, store = plan.basket.at.replace(second=0, microsecond=0), plan.basket.store  # conditions are no finer
        known = self._usual.get((force, too_small_for, at, store))
        if known is None:
            if len(self._usual) > USUAL_MAX:
                self._usual.clear()
            known = [self._said(n, self._why_not(n, force, too_small_for, at, store)) for n in range(len(self._rules))]
            self._usual[force, too_small_for, at, store] = known
        return known

    def _why_not(self, n: int, force: int, too_small_for: int, at: datetime, store: str) -> str:
        if too_small_for >> n & 1:
            return "basket_too_small"
        if n in self._asking and not force >> n & 1:
            return self._rules[n].when.why_not_then(at, store)
        return "no_line_of_its_kind"

    def _applied(self, n: int, lines: list[int]) -> dict[str, Any]:
        rule = self._rules[n]
        effect = {"bonus_points": rule.bonus_points} if rule.bonus_points else {"percent": rule.multiply_percent}
        return self._said(n, "") | {"lines": lines} | effect

    def _said(self, n: int, reason: str) -> Said:
        """What is said of a rule (by its place) that did not apply for a reason; without a reason, how it is called."""
        said = self._refusals.get((n, reason))
        if said is None:
            rule = self._rules[n]
            named = {"code": rule.code, "name": rule.name} | ({"name_zh": rule.name_zh} if rule.name_zh else {})
            said = self._refusals[n, reason] = Said(named | ({"reason": reason} if reason else {}))
        return said


def as_json(explained: dict[str, Any]) -> str:
    """An explanation as JSON, from parts that are written already where there are such."""
    if REFUSED not in explained:
        return json.dumps(explained)
    rest = json.dumps({name: said for name, said in explained.items() if name != REFUSED})
    refused = ", ".join([said.written for said in explained[REFUSED]])
    return f'{rest[:-1]}, "{REFUSED}": [{refused}]}}'


def _lines_of(profiles: Sequence[Profile]) -> dict[int, list[int]]:
    """The lines (1 …) that each rule which applied stands on."""
    lines_of: dict[int, list[int]] = {}
    for i, profile in enumerate(profiles, 1):
        for n in profile.applied + profile.bonuses:
            lines_of.setdefault(n, []).append(i)
    return lines_of


def _excluded(profiles: Sequence[Profile]) -> dict[str, list[int]]:
    excluded: dict[str, list[int]] = {}
    for i, profile in enumerate(profiles, 1):
        if profile.excluded_by:
            excluded.setdefault(profile.excluded_by, []).append(i)
    return excluded
