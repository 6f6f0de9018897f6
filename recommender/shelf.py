"""What may be offered at all, which is the same for every member: the house's exclusions and the active offers, read once a question.

Exclusions and offers are read each time. Which types an exclusion names is a walk over the whole tree of products, so that is
remembered, by the words of the exclusions and the newest category and product; a category that is renamed or a product that
changes its brand is heard of within a minute, as in `sales.catalogue`.
"""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from recommender.models import Offer, OfferExclusion, Slot
from sales.models import Category, Product

REMEMBERED_SECONDS = 60

_READ = f"""
SELECT coalesce((SELECT max(id) FROM {Category._meta.db_table}), 0), coalesce((SELECT max(id) FROM {Product._meta.db_table}), 0),
       (SELECT json_agg(json_build_array(kind, value, reason, is_only_new) ORDER BY id)::text
          FROM {OfferExclusion._meta.db_table} WHERE is_active)
"""  # noqa: S608 - names of tables


class Exclusion(NamedTuple):
    kind: str
    value: str
    reason: str
    is_only_new: bool


@dataclass(frozen=True)
class Shelf:
    """The exclusions in force, and the state of the catalogue they were read in."""

    exclusions: tuple[Exclusion, ...]
    mark: tuple[int, int, int]

    def excluded(
        self, slot: str = "", *, reasons: Collection | None = None, kinds: Collection | None = None
    ) -> frozenset[int]:
        """Types and higher nodes never offered in this slot; without a slot: in any. For some reasons or kinds, or for all."""
        every_one = slot in (Slot.NEW_FOR_YOU, Slot.NEW_PRODUCTS)
        named = (
            (one.kind, one.value)
            for one in self.exclusions
            if (every_one or not one.is_only_new)
            and (reasons is None or one.reason in reasons)
            and (kinds is None or one.kind in kinds)
        )
        return _nodes(tuple(named), self.mark)

    @cached_property
    def margins(self) -> dict[int, int]:
        """Types with an active offer, and the margin of it in percent of the price."""
        return dict(Offer.objects.filter(is_active=True).values_list("category_id", "margin_percent"))

    def offerable(self, slot: str) -> list[int]:
        """Types with an active offer that may be shown in this slot, in order of id."""
        return sorted(self.margins.keys() - self.excluded(slot))


def read() -> Shelf:
    """As of now; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        category, product, said = cursor.fetchone()
    exclusions = tuple(Exclusion(*one) for one in json.loads(said or "[]"))
    return Shelf(exclusions, (category, product, int(time.monotonic() // REMEMBERED_SECONDS)))


def forget():
    """What exclusions name is asked anew."""
    _nodes.cache_clear()


@lru_cache(maxsize=64)
def _nodes(named: tuple[tuple[str, str], ...], _mark: tuple) -> frozenset[int]:
    found = Q(pk__in=[])
    for kind, value in named:
        if kind == OfferExclusion.Kind.NAME:
            found |= Q(path__icontains=value)
        elif kind == OfferExclusion.Kind.BRAND:
            others = Product.objects.exclude(brand__iexact=value).filter(category__isnull=False).values("category")
            mine = Product.objects.filter(brand__iexact=value, category__isnull=False).values("category")
            found |= Q(pk__in=mine) & ~Q(pk__in=others)
        else:
            found |= Q(path=value) | Q(path__startswith=f"{value} > ")
    return frozenset(Category.objects.filter(found).values_list("pk", flat=True))
