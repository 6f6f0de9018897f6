"""Rules that a member's own history decides: visits, stamps, streaks, challenges, occasions, events, referrals.

Whatever its kind, such a rule compiles to terms of one form:

    units due = ⌊measure / every⌋, at most `times` (0: without limit), within `period`
    every unit gives `gives`

`measure` is a function of what the member's purchases (or events) of the period contribute, less what was refunded of them:

    spend      money spent on lines that match, in minor units
    items      thousandths of items of lines that match
    visits     purchases with at least `minimum` minor units of lines that match
    days       days with such a purchase
    categories, products, brands    different ones among the lines that match
    streaks    ⌊run / length⌋ over every run of consecutive steps (days, weeks, months) with such a purchase
    events     events of the name

So what is due depends only on what stands: any split and any order of purchases and refunds ends at the same, and a refund
takes back the difference. The posting function (loyalty/sql/state_rules.sql) keeps the contributions, does this arithmetic
under the wallet's lock and writes a grant with every input; here the lines of a purchase become its call.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date  # noqa: TC003 (dataclass fields are read by tools at run time)
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from loyalty.earning.conditions import When  # noqa: TC001 (dataclass fields are read by tools at run time)
from loyalty.earning.periods import days_near, period_of, step_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loyalty.earning.conditions import Basket, Product
    from loyalty.earning.plans import Rule

MILLI = 1000
DISTINCT = {"categories", "products", "brands"}


@dataclass(frozen=True, slots=True)
class Budget:
    """What a rule may give at most; 0: without limit. Points over all members, their cost in minor units of the rule set's
    `point_cost`, and points per member within a period.
    """

    points: int = 0
    money_minor: int = 0
    member_points: int = 0
    member_period: str = "ever"

    def __bool__(self) -> bool:
        return bool(self.points or self.money_minor or self.member_points)


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule that a share of the members is held out of, told by `experiments.buckets.bucket(salt, member)`."""

    salt: str
    holdout_percent: int


@dataclass(frozen=True, slots=True)
class Term:
    """A state rule ready for the posting function. `gives` is by currency code; below zero it takes (a full card's stamps).

    `trigger`: purchase, event, referral, or by_itself (an occasion that needs no purchase). `begins` names the yearly day for an occasion (birthday, joining), whose period the
    posting function finds. `is_first`: only for who has bought nothing before.
    """

    code: str
    rule: str
    name: str
    name_zh: str
    kind: str
    when: When
    trigger: str
    measure: str
    every: int
    times: int
    period: str
    gives: dict[str, int]
    minimum: int = 1
    badge: str = ""
    badge_zh: str = ""
    event: str = ""
    unit: str = ""
    begins: str = ""
    days_before: int = 0
    days_after: int = 0
    is_first: bool = False
    gives_referrer: dict[str, int] = field(default_factory=dict)
    referrer_times: int = 0
    budget: Budget = field(default_factory=Budget)
    trial: Trial | None = None

    def as_stored(self) -> dict[str, Any]:
        """What the posting function is told and the grant keeps: everything that decides an amount."""
        said: dict[str, Any] = {
            "code": self.code, "rule": self.rule, "kind": self.kind, "measure": self.measure, "every": self.every,
            "times": self.times, "minimum": self.minimum, "gives": self.gives,
        }  # fmt: skip
        optional = {
            "badge": self.badge, "badge_zh": self.badge_zh, "event": self.event, "begins": self.begins,
            "before": self.days_before, "after": self.days_after, "is_first": self.is_first,
            "gives_referrer": self.gives_referrer, "referrer_times": self.referrer_times, "unit": self.unit,
        }  # fmt: skip
        given = {key: value for key, value in optional.items() if value}
        return said | given | limits(self.budget, self.trial, self.when.tiers)


def limits(budget: Budget, trial: Trial | None, tiers: frozenset[str]) -> dict[str, Any]:
    """A budget, a trial and the tiers a rule is for, as the posting function is told them."""
    said = {
        "points_max": budget.points, "money_max": budget.money_minor, "member_max": budget.member_points,
        "salt": trial.salt if trial else "", "holdout": trial.holdout_percent if trial else 0, "tiers": sorted(tiers),
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def terms_of(rule: Rule) -> tuple[Term, ...]:
    """The terms of a state rule: one, or two for a punch card (its stamps, and the full card)."""
    said = rule.settings
    common: dict[str, Any] = {
        "code": rule.code, "rule": rule.code, "name": rule.name, "name_zh": rule.name_zh, "kind": rule.kind,
        "when": rule.when, "trigger": "purchase", "measure": "visits", "every": said.get("every", 1),
        "times": said.get("times", 0), "period": said.get("period", "ever"), "gives": said.get("gives") or {},
        "minimum": max(1, said.get("minimum_minor", 0)), "badge": said.get("badge", ""),
        "badge_zh": said.get("badge_zh", ""), "event": said.get("event", ""), "budget": rule.budget,
        "trial": rule.trial,
    }  # fmt: skip
    made = [Term(**(common | changed)) for changed in _MAKERS[rule.kind](said)]
    return tuple(replace(term, code=f"{rule.code}.card") if n else term for n, term in enumerate(made))


def _of_stamps(said: dict[str, Any]) -> list[dict[str, Any]]:
    """⌊⌊x / every⌋ / size⌋ = ⌊x / (every × size)⌋: a full card is due by the measure of its stamps, and takes them."""
    scale = MILLI if said["by"] == "items" else 1
    stamps = {"measure": said["by"], "every": said["every"] * scale, "gives": {"stamps": said["stamps"]}}
    units = said["card_size"] // said["stamps"]  # compiling lets only whole cards through
    if not units:
        return [stamps]
    card = {"stamps": -said["card_size"]} | (said["card_gives"] or {})
    return [stamps, stamps | {"every": stamps["every"] * units, "gives": card}]


def _of_challenge(said: dict[str, Any]) -> list[dict[str, Any]]:
    scale = MILLI if said["measure"] == "items" else 1
    trigger = "event" if said["measure"] == "events" else "purchase"
    return [{"measure": said["measure"], "every": said["target"] * scale, "times": 1, "trigger": trigger}]


BY_ITSELF = "by_itself"


def _occasion(begins: str):
    """With a purchase, or told of by the ledger itself as an event that no client can name."""

    def made(said: dict[str, Any]) -> list[dict[str, Any]]:
        itself = {"trigger": BY_ITSELF, "measure": "events"} if said["by_itself"] else {}
        return [
            {
                "begins": begins, "days_before": said["days_before"], "days_after": said["days_after"], "every": 1, "times": 1,
                "period": "year",
            }
            | itself
        ]  # fmt: skip

    return made


_MAKERS: dict[str, Any] = {
    "spend": lambda said: [{"measure": "spend", "every": said["every_minor"]}],
    "stamps": _of_stamps,
    "visits": lambda said: [{"measure": "days" if said["once_a_day"] else "visits"}],
    "streak": lambda said: [{"measure": "streaks", "every": said["length"], "unit": said["unit"]}],
    "challenge": _of_challenge,
    "first_purchase": lambda _said: [{"is_first": True, "every": 1, "times": 1}],
    "birthday": _occasion("birthday"),
    "anniversary": _occasion("joining"),
    "event": lambda _said: [{"measure": "events", "trigger": "event"}],
    "referral": lambda said: [
        {"trigger": "referral", "every": 1, "times": 1, "gives_referrer": said["gives_referrer"], "referrer_times": said["times"]}
    ],
}  # fmt: skip


def call(term: Term, lines: Sequence[int], basket: Basket, earning: Sequence[int]) -> dict[str, Any]:
    """What a purchase tells a term: which of its lines (1 …) count, with how much, and in which period.

    `amounts` are minor units, or thousandths of items; the posting function lessens each with what is refunded of its line.
    `near` are the yearly days that an occasion may be about: most members' is none of them, which the posting function sees quickly.
    """
    day = basket.at.date()
    amounts = [earning[n - 1] for n in lines]
    if term.measure == "items":
        quantities = basket.quantities or [MILLI] * len(basket.products)
        amounts = [quantities[n - 1] for n in lines]
    made: dict[str, Any] = {"code": term.code, "lines": lines, "amounts": amounts} | _period(term, day)
    if term.begins and (near := days_near(day, term.days_before, term.days_after)):
        made["near"] = near
    if term.measure in DISTINCT:
        made["keys"] = [_key(term, basket.products[n - 1]) for n in lines]
    if term.measure == "streaks":
        made["step"] = step_of(day, term.unit)
    return made


def event_call(term: Term, day: date) -> dict[str, Any]:
    """What an event tells a term."""
    return {"code": term.code, "lines": [], "amounts": []} | _period(term, day)


def _period(term: Term, day: date) -> dict[str, str]:
    """Occasions find their period from the member's own day; a friend is referred once for ever."""
    of_member = term.budget.member_period if term.budget.member_points else ""
    return _periods(day, term.period, of_member, term.trigger == "referral")


@lru_cache(4096)
def _periods(day: date, period: str, of_member: str, is_referral: bool) -> dict[str, str]:
    first, last = period_of(day, "ever" if is_referral else period)
    said = {"period": first.isoformat(), "ends": last.isoformat()}
    if is_referral:
        said["referrer_period"] = period_of(day, period)[0].isoformat()
    if of_member:
        said["member_period"] = period_of(day, of_member)[0].isoformat()
    return said


def _key(term: Term, product: Product) -> str:
    """What makes a line's product a different one. A category is the highest level that the rule names, else the type."""
    if term.measure == "products":
        return str(product.id)
    if term.measure == "brands":
        return product.brand.casefold()
    return _category_key(product.path, term.when.categories)


@lru_cache(65_536)
def _category_key(path: str, categories: frozenset[str]) -> str:
    levels = [part.strip().casefold() for part in path.split(">")]
    paths = [" > ".join(levels[: n + 1]) for n in range(len(levels))]
    named = [p for n, p in enumerate(paths) if p in categories or levels[n] in categories]
    return (named or paths)[-1 if not named else 0]


def due_units(term: Term, measure: int) -> int:
    """Units due at a measure: what the posting function computes, said once more for explanations and tests."""
    units = measure // (1 if term.measure == "streaks" else term.every)
    return min(units, term.times) if term.times else units


def runs(steps: Iterable[int], length: int) -> int:
    """Completed streaks: ⌊run / length⌋ over every run of consecutive steps."""
    done, run, last = 0, 0, None
    for step in sorted(set(steps)):
        run = run + 1 if last is not None and step == last + 1 else 1
        done += run % length == 0
        last = step
    return done
