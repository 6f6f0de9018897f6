"""What a rule may ask: of a line's product, of the basket, of the day. Plain Python; times are local to the store."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 (the fields' types are read by tools at run time)
from dataclasses import dataclass
from datetime import date, datetime, time  # noqa: TC003
from functools import lru_cache
from typing import NamedTuple

LINE_CONDITIONS = {"categories", "brands", "products", "tags"}
BASKET_CONDITIONS = {"basket_minor_from", "weekdays", "hours", "from", "until", "stores", "tiers"}


class Product(NamedTuple):
    """What the rules may ask of a line's product. `path` is “Department > Category > Type”, in the source's own names."""

    id: int
    type_id: int | None = None
    path: str = ""
    brand: str = ""
    is_service: bool = False
    tags: tuple[str, ...] = ()


class Basket(NamedTuple):
    """A purchase as the rules see it.

    `at` is local to the store; totals are minor units, quantities thousandths of a unit. `earning_minor` is the part of each
    line that may earn: nothing of a line that was a reward, and not what was paid with points. None: the whole of each.
    """

    currency: str
    at: datetime
    products: Sequence[Product]
    totals_minor: Sequence[int]
    store: str = ""
    quantities: Sequence[int] | None = None
    earning_minor: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule, ready to ask. `tiers` (codes) only the posting function can tell: it knows the member's."""

    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    products: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    basket_minor_from: int = 0
    weekdays: frozenset[int] = frozenset()
    hours: tuple[time, time] | None = None
    first_day: date | None = None
    last_day: date | None = None

    def why_not(self, at: datetime, total_minor: int, store: str) -> str:
        """The condition on the basket that does not hold, or an empty string."""
        if total_minor < self.basket_minor_from:
            return "basket_too_small"
        return self.why_not_then(at, store)

    def why_not_then(self, at: datetime, store: str) -> str:
        """The condition on time and place that does not hold, or an empty string."""
        if self.stores and store.casefold() not in self.stores:
            return "other_store"
        if (self.first_day and at.date() < self.first_day) or (self.last_day and at.date() > self.last_day):
            return "outside_its_days"
        if self.weekdays and at.isoweekday() not in self.weekdays:
            return "other_weekday"
        if self.hours and not self._is_within_hours(at.time()):
            return "outside_its_hours"
        return ""

    def _is_within_hours(self, moment: time) -> bool:
        """Hours that end before they start run over midnight."""
        assert self.hours is not None, "asked only of a rule with hours"
        start, end = self.hours
        return start <= moment < end if start < end else moment >= start or moment < end

    @property
    def asks_the_basket(self) -> bool:
        return bool(self.basket_minor_from or self.asks_time_or_place)

    @property
    def asks_time_or_place(self) -> bool:
        return bool(self.weekdays or self.hours or self.first_day or self.last_day or self.stores)


@lru_cache(65536)
def category_names(path: str) -> frozenset[str]:
    """Every name a category condition may use for a product of this path: each level's own, and each path down to it."""
    levels = [part.strip().casefold() for part in path.split(">")] if path else []
    return frozenset(levels) | {" > ".join(levels[: n + 1]) for n in range(len(levels))}


class Index:
    """Which of many conditions hold for a product, one bit for each: a look-up per name instead of a question per rule."""

    def __init__(self, whens: Sequence[When]):
        self._every = every = (1 << len(whens)) - 1
        self._named: tuple[dict[object, int], ...] = ({}, {}, {}, {})
        self._free = [every] * 4
        for n, when in enumerate(whens):
            for of, asked in enumerate((when.categories, when.brands, when.products, when.tags)):
                if asked:
                    self._free[of] &= ~(1 << n)
                for name in asked:
                    self._named[of][name] = self._named[of].get(name, 0) | 1 << n

    def bits(self, product: Product) -> int:
        """Bit n is set if every condition of `whens[n]` on the line holds for the product."""
        names = (
            category_names(product.path),
            (product.brand.casefold(),),
            (product.id,),
            tuple(tag.casefold() for tag in product.tags),
        )
        bits = self._every
        for named, free, asked in zip(self._named, self._free, names, strict=True):
            if named:
                found = free
                for name in asked:
                    found |= named.get(name, 0)
                bits &= found
        return bits
