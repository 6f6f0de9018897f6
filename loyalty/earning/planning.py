"""A compiled rule set, and what it makes of a basket.

Which rules match a product does not depend on the basket, and which rules are in force does not depend on the products:
each is remembered as one number, a bit for each rule, and a line's profile is found by the two numbers' common bits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loyalty.earning.conditions import Basket, Index, Product, When
from loyalty.earning.expiry import Expiry  # noqa: TC001 (a dataclass field)
from loyalty.earning.periods import days_near, period_of
from loyalty.earning.plans import Plan, Profile, Rule
from loyalty.earning.problems import UnknownCurrency
from loyalty.earning.reasons import Reasons
from loyalty.earning.state import BY_ITSELF, Term, call, event_call

if TYPE_CHECKING:
    from collections.abc import Callable

MICRO = 1_000_000
MEMORY_MAX = 200_000
TERMS_MAX = 2_000
SERVICE = "service"


@dataclass(slots=True)
class RuleSet:
    """A compiled rule set: made once per process, asked for every basket."""

    id: int
    version: int
    rates: dict[str, tuple[int, int]]
    expiry: Expiry
    tier_percents: dict[str, int]
    exclusions: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    terms: tuple[Term, ...] = ()
    chooses: str = "largest"
    percent_max: int = 0
    pending_days: int = 0
    waits_for: str = ""
    point_cost: tuple[str, int] | None = None
    has_basket_rules: bool = field(init=False)
    has_bonuses: bool = field(init=False)
    has_limited: bool = field(init=False)
    asks_brand: bool = field(init=False)
    asks_tags: bool = field(init=False)
    _whens: list[When] = field(init=False)
    _index: Index = field(init=False)
    _timed: list[int] = field(init=False)
    _sized: list[tuple[int, int]] = field(init=False)
    _purchase_terms: list[int] = field(init=False)
    _matches: dict[Product, int] = field(default_factory=dict, init=False)
    _profiles: dict[str, dict[int, Profile]] = field(default_factory=dict, init=False)
    _forces: dict[tuple[datetime, str], int] = field(default_factory=dict, init=False)
    _written: dict[str, str] = field(default_factory=dict, init=False)
    _asked_for: dict[tuple[str, ...], str] = field(default_factory=dict, init=False)
    _texts: dict[str, str] = field(default_factory=dict, init=False)
    _reasons: Reasons = field(init=False)

    def __post_init__(self):
        """Bit n stands for rule n, then for each state term; the exclusions come last, the service flag above them."""
        self._whens = [rule.when for rule in self.rules] + [term.when for term in self.terms]
        every = self._whens + [rule.when for rule in self.exclusions]
        self._index = Index(every)
        self.has_basket_rules = bool(self.terms) or any(when.asks_the_basket for when in self._whens)
        self.has_bonuses = any(rule.bonus_points and not rule.is_limited for rule in self.rules)
        self.has_limited = any(rule.is_limited for rule in self.rules)
        self.asks_brand = any(when.brands for when in every) or any(term.measure == "brands" for term in self.terms)
        self.asks_tags = any(when.tags for when in every)
        self._timed = [n for n, when in enumerate(self._whens) if when.asks_time_or_place]
        self._sized = [(n, when.basket_minor_from) for n, when in enumerate(self._whens) if when.basket_minor_from]
        self._reasons = Reasons(self.rules, self.chooses)
        self._purchase_terms = [n for n, term in enumerate(self.terms) if term.trigger not in {"event", BY_ITSELF}]

    # -- planning ------------------------------------------------------------------------------------------------------

    def plan(self, basket: Basket) -> Plan:
        """Micropoints for every line of the basket. Raises UnknownCurrency."""
        currency = basket.currency
        profiles_by = self._profiles.get(currency)
        if profiles_by is None:
            profiles_by = self._open(currency)
        force = self._in_force(basket)
        matches = self._matches
        profiles = []
        for product in basket.products:
            match = matches.get(product)
            if match is None:
                match = self._remember(product)
            bits = match & force
            profiles.append(profiles_by.get(bits) or self._profile(currency, bits))
        amounts = basket.earning_minor or basket.totals_minor
        lines = [amount * p[0] // p[1] for amount, p in zip(amounts, profiles, strict=True)]
        plan = Plan(lines, sum(lines), None, 0, profiles, basket, force)
        if self.has_bonuses:
            self._add_bonuses(plan)
        return plan

    def _in_force(self, basket: Basket) -> int:
        """The bits of the rules whose conditions on the basket hold. Exclusions always do."""
        if not self.has_basket_rules:
            return -1
        moment = (basket.at.replace(second=0, microsecond=0), basket.store)  # conditions are no finer than minutes
        force = self._forces.get(moment)
        if force is None:
            force = self._remember_force(moment)
        if self._sized:
            total = sum(basket.totals_minor)
            for n, least in self._sized:
                if total < least:
                    force &= ~(1 << n)
        return force

    def _remember_force(self, moment: tuple[datetime, str]) -> int:
        if len(self._forces) > 10_000:
            self._forces.clear()
        force = -1
        for n in self._timed:
            if self._whens[n].why_not_then(*moment):
                force &= ~(1 << n)
        self._forces[moment] = force
        return force

    def _match(self, product: Product) -> int:
        match = self._matches.get(product)
        return self._remember(product) if match is None else match

    def _remember(self, product: Product) -> int:
        if len(self._matches) > MEMORY_MAX:
            self._matches.clear()
        bits = self._matches[product] = self._index.bits(product) | product.is_service << self._service_bit
        return bits

    @property
    def _service_bit(self) -> int:
        return len(self._whens) + len(self.exclusions)

    def _open(self, currency: str) -> dict[int, Profile]:
        if currency not in self.rates:
            raise UnknownCurrency(
                f"Rule set {self.version} has no rate for {currency!r}. "
                f"Use one of {', '.join(sorted(self.rates))}, or publish a rule set that earns in it."
            )
        return self._profiles.setdefault(currency, {})

    def _profile(self, currency: str, bits: int) -> Profile:
        known = self._profiles[currency]
        if len(known) > MEMORY_MAX:
            known.clear()
        known[bits] = profile = self._work_out(currency, bits)
        return profile

    def _work_out(self, currency: str, bits: int) -> Profile:
        if excluded_by := self._excluded_by(bits):
            return Profile(0, 1, (), (), (), (), (), excluded_by)
        matching = [n for n in range(len(self.rules)) if bits >> n & 1]
        limited = tuple(n for n in matching if self.rules[n].is_limited)
        free = [n for n in matching if not self.rules[n].is_limited]
        bonuses = tuple(n for n in free if self.rules[n].bonus_points)
        applied, beaten, stopped = self._stack([n for n in free if not self.rules[n].bonus_points])
        points, per_minor = self.rates[currency]
        numerator, denominator = points * MICRO, per_minor
        percent, hundreds = 1, 1
        for n in applied:
            percent, hundreds = percent * self.rules[n].multiply_percent, hundreds * 100
        if self.percent_max and percent * 100 > self.percent_max * hundreds:
            percent, hundreds = self.percent_max, 100
        return Profile(numerator * percent, denominator * hundreds, applied, beaten, stopped, bonuses, limited, "")

    def _excluded_by(self, bits: int) -> str:
        if bits >> self._service_bit & 1:
            return SERVICE
        first = len(self._whens)
        return next((rule.code for n, rule in enumerate(self.exclusions, first) if bits >> n & 1), "")

    def _stack(self, multipliers: list[int]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Which multipliers apply to a line (in order), which had a better one beside them, which came after a stop."""
        end = next((place for place, n in enumerate(multipliers, 1) if self.rules[n].stops), len(multipliers))
        heard, stopped = multipliers[:end], tuple(multipliers[end:])
        winners: dict[str, int] = {}
        for n in heard:
            rule = self.rules[n]
            held = winners.get(rule.group)
            is_better = held is None or (
                self.chooses == "largest" and rule.multiply_percent > self.rules[held].multiply_percent
            )
            if not rule.stacks and is_better:
                winners[rule.group] = n
        applied = tuple(n for n in heard if self.rules[n].stacks or winners.get(self.rules[n].group) == n)
        return applied, tuple(n for n in heard if n not in applied), stopped

    def _add_bonuses(self, plan: Plan) -> None:
        """Spread each fixed bonus over the lines that earn it, in proportion to what earns, to the last micropoint."""
        amounts = plan.basket.earning_minor or plan.basket.totals_minor
        for n in sorted({n for profile in plan.profiles for n in profile.bonuses}):
            lines = [i for i, p in enumerate(plan.profiles) if n in p.bonuses and plan.line_micropoints[i] > 0]
            total = sum(amounts[i] for i in lines)
            if not total:
                continue
            bonus = self.rules[n].bonus_points * MICRO
            extra = plan.line_extra_micropoints = plan.line_extra_micropoints or [0] * len(plan.profiles)
            shares = [bonus * amounts[i] // total for i in lines]
            shares[0] += bonus - sum(shares)
            for i, share in zip(lines, shares, strict=True):
                extra[i] += share
            plan.extra_micropoints += bonus

    # -- what the posting function decides -----------------------------------------------------------------------------

    def calls(self, plan: Plan) -> list[dict[str, Any]]:
        """What this purchase tells each state rule it matches: empty when no state rule is in force."""
        made = []
        if self._purchase_terms:
            basket = plan.basket
            earning = basket.earning_minor or basket.totals_minor
            bits = [self._match(product) & plan.force for product in basket.products]
            that_earn = [
                (i, found)
                for i, (found, minor, profile) in enumerate(zip(bits, earning, plan.profiles, strict=True), 1)
                if found and minor > 0 and not profile.excluded_by
            ]
            union = 0
            for _, found in that_earn:
                union |= found
            for n in self._purchase_terms:
                place = n + len(self.rules)
                if not union >> place & 1:
                    continue
                lines = [i for i, found in that_earn if found >> place & 1]
                made.append(call(self.terms[n], lines, basket, earning))
        return made

    def limited(self, plan: Plan) -> list[dict[str, Any]]:
        """What rules with a budget, a trial, tiers or an occasion would give: granted whole or not at all by the posting function.

        A multiplier's part is what it adds to the line as the other rules left it; a bonus stands on the line that earns most.
        """
        wanted = []
        for n in sorted({n for profile in plan.profiles for n in profile.limited}):
            lines = [i for i, p in enumerate(plan.profiles) if n in p.limited and plan.line_micropoints[i] > 0]
            if lines:
                wanted.append(self._wanted(n, lines, plan))
        return wanted

    def _wanted(self, n: int, lines: list[int], plan: Plan) -> dict[str, Any]:
        rule, earned = self.rules[n], plan.line_micropoints
        if rule.bonus_points:
            lines = [max(lines, key=lambda i: (earned[i], -i))]
            parts, amount = [rule.bonus_points * MICRO], rule.bonus_points
        else:
            parts, amount = [earned[i] * (rule.multiply_percent - 100) // 100 for i in lines], rule.multiply_percent
        return self._when_limited(rule, plan.basket.at.date()) | {
            "rule": rule.code,
            "benefit": "bonus" if rule.bonus_points else "multiply",
            "amount": amount,
            "lines": [i + 1 for i in lines],
            "micropoints": parts,
        }

    @staticmethod
    def _when_limited(rule: Rule, day: date) -> dict[str, Any]:
        """What the day of a purchase tells the budget or the occasion of a rule."""
        said: dict[str, Any] = {}
        if rule.budget.member_points:
            said["member_period"] = period_of(day, rule.budget.member_period)[0].isoformat()
        if rule.kind == "occasion" and (
            near := days_near(day, rule.settings["days_before"], rule.settings["days_after"])
        ):
            said["near"] = near
        return said

    @property
    def needs_state(self) -> bool:
        """Whether the posting function must be told more than micropoints."""
        return bool(self.terms or self.has_limited or self.holds_points_back)

    @property
    def holds_points_back(self) -> bool:
        """Whether what any purchase earns, or holds already, depends on time: points wait, or end when a wallet is left alone."""
        return bool(self.pending_days or self.waits_for or self.expiry.inactive_months)

    def terms_as_json(self, codes: tuple[str, ...]) -> str:
        """Those of the stored terms as a JSON object; what was asked for before is remembered."""
        known = self._asked_for.get(codes)
        if known is None:
            if not self._written:
                self._written.update({code: json.dumps(term) for code, term in self.stored_terms().items()})
            known = "{" + ",".join(f"{json.dumps(code)}:{self._written[code]}" for code in codes) + "}"
            if len(self._asked_for) > TERMS_MAX:
                self._asked_for.clear()
            self._asked_for[codes] = known
        return known

    def written_of(self, code: str, write: Callable[[Term], str]) -> str:
        """What `write` makes of a term, made once."""
        known = self._texts.get(code)
        if known is None:
            term = self.term(code)
            assert term is not None, f"no term is called {code!r}"
            known = self._texts[code] = write(term)
        return known

    def stored_terms(self) -> dict[str, dict[str, Any]]:
        """Everything that decides what the posting function grants, by code: of state rules and of limited ones."""
        cost = {"cost": self.point_cost[1]} if self.point_cost else {}
        said = {term.code: term.as_stored() for term in self.terms}
        said |= {rule.code: rule.limits() for rule in self.rules if rule.is_limited}
        return {code: terms | (cost if "money_max" in terms else {}) for code, terms in said.items()}

    def event_calls(self, event: str, at: datetime) -> list[dict[str, Any]]:
        """What an event (at a local time) tells each rule that waits for it."""
        return [
            event_call(term, at.date())
            for term in self.terms
            if term.trigger == "event" and term.event == event and not term.when.why_not_then(at, "")
        ]

    def term(self, code: str) -> Term | None:
        return next((term for term in self.terms if term.code == code), None)

    # -- explaining ----------------------------------------------------------------------------------------------------

    def explain(self, plan: Plan) -> dict[str, Any]:
        """Which rules applied, in what order and to which lines (1 …), and why each other did not. Not to be changed by the caller."""
        basket = plan.basket
        total, amounts = sum(basket.totals_minor), basket.earning_minor or basket.totals_minor
        too_small_for = sum(1 << n for n, least in self._sized if total < least)
        points, per_minor = self.rates[basket.currency]
        return {
            "rule_set": self.version,
            "currency": basket.currency,
            "rate": {"points": points, "per_minor": per_minor},
            "earning_minor": sum(a for a, p in zip(amounts, plan.profiles, strict=True) if not p.excluded_by),
            "base_micropoints": plan.base_micropoints,
        } | self._reasons.of(plan, plan.force, too_small_for)

    # -- time ----------------------------------------------------------------------------------------------------------

    def expires_on(self, day: date) -> date:
        """The last day on which points of this day's purchase may be spent."""
        return self.expiry.last_day(day)

    def matures_on(self, day: date) -> date | None:
        """The first day on which points of this day's purchase may be spent, if they wait for time."""
        return day + timedelta(days=self.pending_days) if self.pending_days else None
