"""What a basket earns under a rule set, and why: plain Python, no state of any member.

A rule set is a JSON object:

    {
      "earn":    [{"currency": "USD", "points": 1, "per_minor": 100}],
      "expiry":  {"months": 12},
      "tiers":   {"silver": 125, "gold": 150},
      "exclude": [{"code": "tobacco", "name": "Tobacco", "when": {"categories": ["CIGARETTES", "TOBACCO OTHER"]}}],
      "rules":   [{"code": "fresh_tuesday", "name": "Double points on produce", "multiply_percent": 200, "priority": 10,
                   "stacks": true, "when": {"categories": ["PRODUCE"], "weekdays": [2]}},
                  {"code": "big_basket", "name": "Big basket", "bonus_points": 50, "when": {"basket_minor_from": 10000}}]
    }

`earn`     one entry per currency: so many points per so many minor units of money. Other currencies are refused.
`expiry`   points may be spent until the end of the month this many months after the purchase; null: for ever.
`tiers`    percent by tier code; a tier that is not named multiplies by 100. The posting function picks the member's.
`exclude`  lines that match `when` earn nothing. Service products (deposits, fees) never earn.
`rules`    by ascending `priority`, then in the order written. `multiply_percent` multiplies the lines that match. Rules with
           `"stacks": true` multiply each other; of the others only the largest counts on a line. `bonus_points` adds a
           fixed bonus once per basket, spread over the matching lines that earn.
`when`     all conditions must hold; an absent one always does. Of the line: `categories` (the name of a department, category
           or type, or a whole path “A > B”), `brands`, `products` (ids). Of the basket: `basket_minor_from`, `weekdays`
           (1 Monday … 7 Sunday), `hours` ["16:00", "18:30"] (the programme's time, end not included), `from` and `until` (days).

Micropoints are millionths of a point: whole numbers, so that no remainder is ever rounded away before the wallet's carry.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence  # noqa: TC003 (NamedTuple fields are read by tools at run time)
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple

MICRO = 1_000_000
NEVER = date(9999, 12, 31)
LINE_CONDITIONS = {"categories", "brands", "products"}
BASKET_CONDITIONS = {"basket_minor_from", "weekdays", "hours", "from", "until"}


class InvalidRuleSet(ValueError):
    """A rule set that cannot be published. `problems` says for each fault where it is and what to write instead."""

    def __init__(self, problems: Sequence[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class UnknownCurrency(ValueError):
    """No earning rate was published for this currency."""


class Product(NamedTuple):
    """What the rules may ask of a line's product. `path` is “Department > Category > Type”, in the source's own names."""

    id: int
    type_id: int | None = None
    path: str = ""
    brand: str = ""
    is_service: bool = False


class Basket(NamedTuple):
    """A purchase as the rules see it. `at` is local to the programme; `total_minor` and lines' totals are minor units."""

    currency: str
    at: datetime
    products: Sequence[Product]
    totals_minor: Sequence[int]


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule, ready to ask."""

    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    products: frozenset[int] = frozenset()
    basket_minor_from: int = 0
    weekdays: frozenset[int] = frozenset()
    hours: tuple[time, time] | None = None
    first_day: date | None = None
    last_day: date | None = None

    def holds_for(self, product: Product, names: frozenset[str]) -> bool:
        """Whether the conditions on the line hold; `names` are those of the product's category and all above it."""
        return (
            (not self.categories or not self.categories.isdisjoint(names))
            and (not self.brands or product.brand.casefold() in self.brands)
            and (not self.products or product.id in self.products)
        )

    def why_not(self, at: datetime, total_minor: int) -> str:
        """The condition on the basket that does not hold, or an empty string."""
        if total_minor < self.basket_minor_from:
            return "basket_too_small"
        if (self.first_day and at.date() < self.first_day) or (self.last_day and at.date() > self.last_day):
            return "outside_its_days"
        if self.weekdays and at.isoweekday() not in self.weekdays:
            return "other_weekday"
        if self.hours and not self.hours[0] <= at.time() < self.hours[1]:
            return "outside_its_hours"
        return ""

    @property
    def asks_the_basket(self) -> bool:
        return bool(self.basket_minor_from or self.weekdays or self.hours or self.first_day or self.last_day)


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    name: str
    when: When
    multiply_percent: int = 100
    bonus_points: int = 0
    stacks: bool = False


class Profile(NamedTuple):
    """What one kind of line earns: numerator / denominator micropoints per minor unit, and how that came about."""

    numerator: int
    denominator: int
    applied: tuple[int, ...]
    beaten: tuple[int, ...]
    bonuses: tuple[int, ...]
    excluded_by: str


@dataclass(slots=True)
class Plan:
    """What a basket earns before any member's state. Line lists follow the basket's lines."""

    line_micropoints: list[int]
    base_micropoints: int
    line_extra_micropoints: list[int] | None
    extra_micropoints: int
    profiles: list[Profile]
    basket: Basket


@dataclass(slots=True)
class RuleSet:
    """A compiled rule set: made once per process, asked for every basket."""

    id: int
    version: int
    rates: dict[str, tuple[int, int]]
    expiry_months: int | None
    tier_percents: dict[str, int]
    exclusions: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    has_basket_rules: bool
    asks_brand: bool
    _memory: dict[tuple[str, tuple[str, ...]], dict[Product, Profile]] = field(default_factory=dict)

    def plan(self, basket: Basket) -> Plan:
        """Micropoints for every line of the basket. Raises UnknownCurrency."""
        totals = basket.totals_minor
        refusals = self._refusals(basket) if self.has_basket_rules else ()
        key = (basket.currency, refusals)
        known = self._memory.get(key)
        if known is None:
            known = self._remember(key)
        profiles = [known.get(product) or self._profile(known, key, product) for product in basket.products]
        lines = [total * p[0] // p[1] for total, p in zip(totals, profiles, strict=True)]
        plan = Plan(lines, sum(lines), None, 0, profiles, basket)
        if self.has_basket_rules or any(rule.bonus_points for rule in self.rules):
            self._add_bonuses(plan)
        return plan

    def _refusals(self, basket: Basket) -> tuple[str, ...]:
        total = sum(basket.totals_minor)
        return tuple(rule.when.why_not(basket.at, total) for rule in self.rules)

    def _remember(self, key: tuple[str, tuple[str, ...]]) -> dict[Product, Profile]:
        if key[0] not in self.rates:
            raise UnknownCurrency(
                f"Rule set {self.version} has no rate for {key[0]!r}. "
                f"Use one of {', '.join(sorted(self.rates))}, or publish a rule set that earns in it."
            )
        if len(self._memory) > 500:  # rule sets with many time windows: keep memory flat
            self._memory.clear()
        return self._memory.setdefault(key, {})

    def _profile(self, known: dict[Product, Profile], key: tuple[str, tuple[str, ...]], product: Product) -> Profile:
        if len(known) > 200_000:
            known.clear()
        known[product] = profile = self._work_out(product, *key)
        return profile

    def _work_out(self, product: Product, currency: str, refusals: tuple[str, ...]) -> Profile:
        names = category_names(product.path)
        excluded_by = "service" if product.is_service else ""
        for rule in self.exclusions:
            if not excluded_by and rule.when.holds_for(product, names):
                excluded_by = rule.code
        if excluded_by:
            return Profile(0, 1, (), (), (), excluded_by)
        matching = [
            n
            for n, rule in enumerate(self.rules)
            if not (refusals and refusals[n]) and rule.when.holds_for(product, names)
        ]
        bonuses = tuple(n for n in matching if self.rules[n].bonus_points)
        multipliers = [n for n in matching if not self.rules[n].bonus_points]
        alone = [n for n in multipliers if not self.rules[n].stacks]
        best = max(alone, key=lambda n: (self.rules[n].multiply_percent, -n), default=None)
        applied = tuple(n for n in multipliers if self.rules[n].stacks or n == best)
        points, per_minor = self.rates[currency]
        numerator, denominator = points * MICRO, per_minor
        for n in applied:
            numerator, denominator = numerator * self.rules[n].multiply_percent, denominator * 100
        return Profile(numerator, denominator, applied, tuple(n for n in alone if n != best), bonuses, "")

    def _add_bonuses(self, plan: Plan) -> None:
        """Spread each fixed bonus over the lines that earn it, in proportion to their totals, to the last micropoint."""
        for n in sorted({n for profile in plan.profiles for n in profile.bonuses}):
            lines = [i for i, p in enumerate(plan.profiles) if n in p.bonuses and plan.line_micropoints[i] > 0]
            total = sum(plan.basket.totals_minor[i] for i in lines)
            if not total:
                continue
            bonus = self.rules[n].bonus_points * MICRO
            extra = plan.line_extra_micropoints = plan.line_extra_micropoints or [0] * len(plan.profiles)
            shares = [bonus * plan.basket.totals_minor[i] // total for i in lines]
            shares[0] += bonus - sum(shares)
            for i, share in zip(lines, shares, strict=True):
                extra[i] += share
            plan.extra_micropoints += bonus

    def explain(self, plan: Plan) -> dict[str, Any]:
        """Which rules applied, in what order and to which lines (1 …), and why each other did not."""
        applied, refused = [], []
        refusals = self._refusals(plan.basket) if self.has_basket_rules else ("",) * len(self.rules)
        for n, rule in enumerate(self.rules):
            lines = [i for i, p in enumerate(plan.profiles, 1) if n in p.applied or n in p.bonuses]
            if lines:
                effect = (
                    {"bonus_points": rule.bonus_points} if rule.bonus_points else {"percent": rule.multiply_percent}
                )
                applied.append({"code": rule.code, "name": rule.name, "lines": lines, **effect})
            else:
                beaten = any(n in p.beaten for p in plan.profiles)
                why = refusals[n] or ("a_larger_one_applied" if beaten else "no_line_of_its_kind")
                refused.append({"code": rule.code, "name": rule.name, "reason": why})
        excluded: dict[str, list[int]] = {}
        for i, profile in enumerate(plan.profiles, 1):
            if profile.excluded_by:
                excluded.setdefault(profile.excluded_by, []).append(i)
        points, per_minor = self.rates[plan.basket.currency]
        return {
            "rule_set": self.version,
            "currency": plan.basket.currency,
            "rate": {"points": points, "per_minor": per_minor},
            "earning_minor": sum(
                t for t, p in zip(plan.basket.totals_minor, plan.profiles, strict=True) if not p.excluded_by
            ),
            "base_micropoints": plan.base_micropoints,
            "applied": applied,
            "not_applied": refused,
            "excluded": excluded,
        }

    def expires_on(self, day: date) -> date:
        """The last day on which points of this day's purchase may be spent."""
        return NEVER if self.expiry_months is None else month_end(day, self.expiry_months)


@lru_cache(4096)
def month_end(day: date, months: int) -> date:
    """The last day of the month that lies `months` after the one of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def category_names(path: str) -> frozenset[str]:
    """Every name a category condition may use for a product of this path: each level's own, and each path down to it."""
    levels = [part.strip().casefold() for part in path.split(">")] if path else []
    return frozenset(levels) | {" > ".join(levels[: n + 1]) for n in range(len(levels))}


# -- compiling ---------------------------------------------------------------------------------------------------------


def compile_rule_set(definition: dict[str, Any], *, id: int = 0, version: int = 0) -> RuleSet:  # noqa: A002
    """Check a definition and make it ready to ask. Raises InvalidRuleSet with every fault found."""
    problems: list[str] = []
    if not isinstance(definition, dict):
        raise InvalidRuleSet(['The rule set must be a JSON object such as {"earn": [...], "rules": [...]}.'])
    problems += [
        f"{key!r} is not a part of a rule set. Use earn, expiry, tiers, exclude, rules."
        for key in definition.keys() - {"earn", "expiry", "tiers", "exclude", "rules"}
    ]
    rates = _rates(definition.get("earn"), problems)
    months = _expiry(definition.get("expiry", {"months": 12}), problems)
    percents = _percents(definition.get("tiers", {}), problems)
    exclusions = _rules(definition.get("exclude", []), "exclude", problems)
    rules = _rules(definition.get("rules", []), "rules", problems)
    codes = [rule.code for rule in (*exclusions, *rules)]
    problems += [
        f"Two rules are called {code!r}. Give each its own code." for code in {c for c in codes if codes.count(c) > 1}
    ]
    if problems:
        raise InvalidRuleSet(problems)
    return RuleSet(
        id=id,
        version=version,
        rates=rates,
        expiry_months=months,
        tier_percents=percents,
        exclusions=exclusions,
        rules=rules,
        has_basket_rules=any(rule.when.asks_the_basket for rule in rules),
        asks_brand=any(rule.when.brands for rule in (*exclusions, *rules)),
    )


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _rates(earn: Any, problems: list[str]) -> dict[str, tuple[int, int]]:
    if not isinstance(earn, list) or not earn:
        problems.append(
            'earn: say what a purchase earns, such as [{"currency": "USD", "points": 1, "per_minor": 100}].'
        )
        return {}
    rates: dict[str, tuple[int, int]] = {}
    for n, entry in enumerate(earn):
        currency = entry.get("currency") if isinstance(entry, dict) else None
        if not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()):
            problems.append(f"earn[{n}].currency: write an ISO 4217 code such as USD.")
        elif not _is_count(entry.get("points"), 0) or not _is_count(entry.get("per_minor")):
            problems.append(f"earn[{n}]: points (0 or more) and per_minor (1 or more) must be whole numbers.")
        elif currency in rates:
            problems.append(f"earn[{n}]: {currency} has a rate already. Keep one.")
        else:
            rates[currency] = (entry["points"], entry["per_minor"])
    return rates


def _expiry(expiry: Any, problems: list[str]) -> int | None:
    if expiry is None:
        return None
    if not isinstance(expiry, dict) or expiry.keys() != {"months"} or not _is_count(expiry["months"]):
        problems.append('expiry: write {"months": 12}, or null for points that never expire.')
        return None
    return expiry["months"]


def _percents(tiers: Any, problems: list[str]) -> dict[str, int]:
    if not isinstance(tiers, dict) or not all(_is_count(p) and p <= 10_000 for p in tiers.values()):
        problems.append('tiers: write percent by tier code, such as {"gold": 150}, from 1 to 10000.')
        return {}
    return dict(tiers)


def _rules(entries: Any, part: str, problems: list[str]) -> tuple[Rule, ...]:
    if not isinstance(entries, list):
        problems.append(f"{part}: write a list of rules, or [].")
        return ()
    made = [
        (entry.get("priority", 100), n, rule)
        for n, entry in enumerate(entries)
        if (rule := _rule(entry, f"{part}[{n}]", problems, excludes=part == "exclude"))
    ]
    return tuple(rule for *_, rule in sorted(made, key=lambda item: item[:2]))


def _rule(entry: Any, place: str, problems: list[str], *, excludes: bool) -> Rule | None:
    allowed = {"code", "name", "when"} | (
        set() if excludes else {"multiply_percent", "bonus_points", "priority", "stacks"}
    )
    if not isinstance(entry, dict) or not isinstance(entry.get("code"), str) or not entry["code"]:
        problems.append(f"{place}: give the rule a code, such as fresh_tuesday.")
        return None
    faults = [f"{place}.{key}: unknown. Use {', '.join(sorted(allowed))}." for key in sorted(entry.keys() - allowed)]
    percent, bonus = entry.get("multiply_percent", 100), entry.get("bonus_points", 0)
    if not excludes and ("multiply_percent" in entry) == ("bonus_points" in entry):
        faults.append(f"{place}: say either multiply_percent (200 is ×2) or bonus_points.")
    if not (_is_count(percent) and percent <= 10_000):
        faults.append(f"{place}.multiply_percent: a whole number from 1 to 10000.")
    if not (_is_count(bonus, 0) and bonus <= 1_000_000):
        faults.append(f"{place}.bonus_points: a whole number up to 1000000.")
    if not _is_count(entry.get("priority", 100), 0):
        faults.append(f"{place}.priority: a whole number; the smallest goes first.")
    when = _when(entry.get("when", {}), f"{place}.when", faults, excludes=excludes)
    problems += faults
    if faults:
        return None
    return Rule(
        entry["code"], str(entry.get("name") or entry["code"]), when, percent, bonus, bool(entry.get("stacks", False))
    )


def _when(when: Any, place: str, faults: list[str], *, excludes: bool) -> When:
    allowed = LINE_CONDITIONS if excludes else LINE_CONDITIONS | BASKET_CONDITIONS
    if not isinstance(when, dict):
        faults.append(f"{place}: write an object of conditions, or {{}} for every line.")
        return When()
    faults += [f"{place}.{key}: unknown. Use {', '.join(sorted(allowed))}." for key in sorted(when.keys() - allowed)]
    if excludes and not when:
        faults.append(
            f"{place}: an exclusion without conditions would exclude every line. Name categories, brands or products."
        )
    for key, kind in (("categories", str), ("brands", str), ("products", int), ("weekdays", int)):
        if not isinstance(when.get(key, []), list) or not all(isinstance(item, kind) for item in when.get(key, [])):
            faults.append(f"{place}.{key}: write a list of {'names' if kind is str else 'whole numbers'}.")
            return When()
    if not set(when.get("weekdays", [])) <= set(range(1, 8)):
        faults.append(f"{place}.weekdays: 1 (Monday) to 7 (Sunday).")
    if not _is_count(when.get("basket_minor_from", 0), 0):
        faults.append(f"{place}.basket_minor_from: a whole number of minor units (10000 is $100).")
        return When()
    return When(
        categories=frozenset(_folded_path(name) for name in when.get("categories", [])),
        brands=frozenset(name.casefold() for name in when.get("brands", [])),
        products=frozenset(when.get("products", [])),
        basket_minor_from=when.get("basket_minor_from", 0),
        weekdays=frozenset(when.get("weekdays", [])),
        hours=_hours(when.get("hours"), place, faults),
        first_day=_day(when.get("from"), f"{place}.from", faults),
        last_day=_day(when.get("until"), f"{place}.until", faults),
    )


def _folded_path(name: str) -> str:
    return " > ".join(part.strip().casefold() for part in name.split(">"))


def _hours(hours: Any, place: str, faults: list[str]) -> tuple[time, time] | None:
    if hours is None:
        return None
    try:
        start, end = (time.fromisoformat(hour) for hour in hours)
    except (TypeError, ValueError):
        faults.append(f'{place}.hours: write start and end, such as ["16:00", "18:30"].')
        return None
    if start >= end:
        faults.append(f"{place}.hours: the end must come after the start, on the same day.")
    return start, end


def _day(text: Any, place: str, faults: list[str]) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        faults.append(f"{place}: write a day such as 2026-03-31.")
        return None
