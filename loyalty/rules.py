"""The published rule sets, compiled, and the ladder: remembered by each process.

Nothing here expires by time: the posting function refuses a caller that does not know the newest rule set, and the caller
then forgets and asks again. So a checkout needs no query to know the rules, and none is ever posted under old ones.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from loyalty.earning import Product, RuleSet, compile_rule_set
from loyalty.models import RuleSet as PublishedRuleSet
from loyalty.models import Tier, TierPolicy
from loyalty.tiers import Step
from sales.catalogue import ProductFacts
from sales.models import Category


class NoRuleSet(LookupError):
    """No rule set was live at this time."""


@dataclass(frozen=True)
class Known:
    """All rule sets by the time they go live, and the tiers they may name."""

    live_from: list[datetime]
    rule_sets: list[RuleSet]
    latest_id: int
    tiers: dict[int, Tier]
    steps: tuple[Step, ...]
    falls_one_step: bool
    tier_currency: str

    @cached_property
    def has_plain_ladder(self) -> bool:
        """Every tier is earned by points of twelve rolling months, the higher by more: the posting function settles it in passing."""
        thresholds = [step.points_from for step in self.steps]
        return thresholds == sorted(thresholds) and all(step.is_plain for step in self.steps)

    @cached_property
    def tier_codes(self) -> dict[int, str]:
        return {tier_id: tier.code for tier_id, tier in self.tiers.items()}

    @cached_property
    def ladder(self) -> str:
        """The tiers from the lowest, as PostgreSQL writes an array."""
        return _array(self.tiers)

    @cached_property
    def ladder_from(self) -> str | None:
        """The points each tier of a plain ladder begins at; None where the ladder asks for more."""
        return _array(tier.points_from for tier in self.tiers.values()) if self.has_plain_ladder else None

    def tier_percents(self, rule_set: RuleSet) -> str:
        """What each tier multiplies by under a rule set, in the order of the ladder."""
        if rule_set.id not in self._percents:
            percents = rule_set.tier_percents
            self._percents[rule_set.id] = _array(percents.get(tier.code, 100) for tier in self.tiers.values())
        return self._percents[rule_set.id]

    @cached_property
    def _percents(self) -> dict[int, str]:
        return {}

    def live_at(self, at: datetime) -> RuleSet:
        """The rule set in force at a time. Raises NoRuleSet."""
        place = bisect_right(self.live_from, at)
        if not place:
            raise NoRuleSet(f"No rule set was live on {at:%Y-%m-%d}. Publish one with an earlier live_from.")
        return self.rule_sets[place - 1]

    def by_id(self, rule_set_id: int) -> RuleSet:
        return next(rule_set for rule_set in self.rule_sets if rule_set.id == rule_set_id)


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


class _Memory:
    """What this process knows of one database."""

    def __init__(self):
        self.rules: Known | None = None
        self.paths: dict[int, str] = {}
        self.products: dict[ProductFacts, Product] = {}


_memories: dict[str, _Memory] = {}


def _memory() -> _Memory:
    name = connection.settings_dict["NAME"]  # the connection's: a what-if's sandbox goes by a name of its own
    return _memories.get(name) or _memories.setdefault(name, _Memory())


def forget(database: str | None = None):
    """Forget the rules, of one database or of all, so that the next question reads them anew."""
    _memories.pop(database, None) if database else _memories.clear()


def known() -> Known:
    memory = _memory()
    if memory.rules is None:
        memory.rules = _read()
    return memory.rules


def remember(these: Known):
    """Take these for the rules, whatever the tables say: a what-if plans under rules that nobody published."""
    _memory().rules = these


def _read() -> Known:
    # Of two that go live at the same moment the later version counts.
    published = list(PublishedRuleSet.objects.order_by("live_from", "version"))
    ladder = list(Tier.objects.order_by("rank"))
    policy = TierPolicy.objects.first() or TierPolicy()
    return Known(
        live_from=[row.live_from for row in published],
        rule_sets=[compile_rule_set(row.definition, id=row.pk, version=row.version) for row in published],
        latest_id=max((row.pk for row in published), default=0),
        tiers={tier.pk: tier for tier in ladder},
        steps=tuple(step_of(tier) for tier in ladder),
        falls_one_step=policy.falls_one_step,
        tier_currency=policy.currency,
    )


@cache
def programme_zone() -> ZoneInfo:
    """The time zone whose days and months points expire and tiers are counted by."""
    return ZoneInfo(settings.TIME_ZONE)


def step_of(tier: Tier) -> Step:
    """A tier as the rules see it."""
    return Step(
        tier.code, tier.points_from, tier.spend_minor_from, tier.visits_from, tier.must_meet_all, tier.counted_over,
        tier.window_months, tier.grace_months, tier.how, tier.credits_from,
    )  # fmt: skip


def products_of(facts: Mapping[str, ProductFacts]) -> dict[str, Product]:
    """Products as earning rules see them, by code; category paths never change, so they are read once."""
    known = _memory().products
    return {code: known.get(fact) or _remember(known, fact) for code, fact in facts.items()}


def _remember(known: dict[ProductFacts, Product], facts: ProductFacts) -> Product:
    if len(known) > 250_000:
        known.clear()
    type_id = facts.category_ids[-1] if facts.category_ids else None
    product = Product(facts.id, type_id, path_of(type_id), facts.brand, facts.is_service, facts.tags)
    known[facts] = product
    return product


def path_of(category_id: int | None) -> str:
    if category_id is None:
        return ""
    paths = _memory().paths
    if category_id not in paths:  # one query brings all that are new since the last one
        paths.update(Category.objects.filter(pk__gt=max(paths, default=0)).values_list("pk", "path"))
    if category_id not in paths:
        paths.update(Category.objects.filter(pk=category_id).values_list("pk", "path"))
    return paths[category_id]
