"""Sales of the past asked about and posted anew, many at a time: what the posting function needs and nothing else.

The rules are the engine's own (loyalty/earning) and so is the posting function. What is left out is what a till must do and a replay
need not: checking what was checked before, storing receipts that are stored, answering each purchase.
"""

from collections.abc import Sequence
from datetime import UTC
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

import psycopg

from loyalty import rules
from loyalty.earning import Basket, Plan, Product, RuleSet, UnknownCurrency
from loyalty.operations import telling
from loyalty.operations.purchases import POINTS, _programme_zone
from loyalty.simulating.history import Sale
from sales import catalogue
from sales.models import Product as StoredProduct
from sales.models import Store

BATCH, BATCH_WITH_STATE = 1_000, 100
"""Purchases in one statement. With rules that have a memory fewer: the function looks each up in what the statement was told."""

_POST = """
SELECT p.place, p.outcome FROM pg_temp.loyalty_record_purchases(
    %s::smallint, %s::integer, %s::integer, %s::smallint[], %s::bigint[], %s::integer[],
    %s::bigint[], %s::text[], array_fill('\\x00'::bytea, ARRAY[%s::integer]), %s::bigint[],
    array_fill(NULL::text, ARRAY[%s::integer]), array_fill(NULL::bytea, ARRAY[%s::integer]), %s::bigint[], %s::timestamptz[], %s::text[], %s::bigint[],
    '{}', '{}', '{}', '{}', '{}', '{}',
    %s::date[], %s::date[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
    array_fill('{}'::jsonb, ARRAY[%s::integer]), %s::jsonb) p
 WHERE p.outcome <> 0
"""


class Priced(NamedTuple):
    """A sale and what the rules make of it."""

    purchase: Sale
    plan: Plan


class Sold(NamedTuple):
    """Sales under one rule set, ready to post."""

    known: rules.Known
    rule_set: RuleSet
    sales: list[Priced]
    told: str | None


class Seller:
    """Remembers products and stores, so that a sale costs no query."""

    def __init__(self):
        self._zone = _programme_zone()
        self._stores = {
            id_: (code, ZoneInfo(zone)) for id_, code, zone in Store.objects.values_list("id", "code", "time_zone")
        }
        self._products: dict[int, Product] = {}

    def store_code(self, store_id: int) -> str:
        return self._stores[store_id][0]

    def plan(self, sales: Sequence[Sale], known: rules.Known) -> tuple[list[Sold], int]:
        """Ask the rules about every sale. Answers those that earn, and how many no rule speaks of."""
        self._look_up(sales)
        asked, refused = [], 0
        for sale in sales:
            try:
                rule_set = known.live_at(sale.purchased_at)
                asked.append((rule_set, Priced(sale, rule_set.plan(self._basket(sale, rule_set)))))
            except (rules.NoRuleSet, UnknownCurrency):
                refused += 1
        sold = []
        for rule_set, group in groupby(asked, key=lambda one: one[0]):
            priced = [one for _, one in group]
            size = BATCH_WITH_STATE if rule_set.needs_state else BATCH
            for at in range(0, len(priced), size):
                part = priced[at : at + size]
                sold.append(Sold(known, rule_set, part, telling.for_many(rule_set, [item.plan for item in part])))
        return sold, refused

    def post(self, session, sold: list[Sold]) -> int:
        """Post them over the sandbox's own connection. Returns how many were refused."""
        with psycopg.Cursor(session) as cursor:  # numbers cross in binary, which Django's own cursors do not speak
            return sum(
                len(cursor.execute(_POST, [*_head(one), *self._columns(one)], binary=True).fetchall()) for one in sold
            )

    def _columns(self, sold: Sold) -> list:
        sales, n = [one.purchase for one in sold.sales], len(sold.sales)
        plans = [one.plan for one in sold.sales]
        days = [sale.purchased_at.astimezone(self._zone).date() for sale in sales]
        extras = [plan.line_extra_micropoints for plan in plans]
        return [
            [sale.source_id for sale in sales], [sale.client_key for sale in sales], n, [sale.member_id for sale in sales], n, n,
            [sale.store_id for sale in sales], [sale.purchased_at.astimezone(UTC) for sale in sales],
            [sale.currency for sale in sales], [sale.total_minor for sale in sales],
            days, list(map(sold.rule_set.expires_on, days)), [plan.base_micropoints for plan in plans],
            [plan.extra_micropoints for plan in plans], [_types(plan.basket.products) for plan in plans],
            [_literal(plan.line_micropoints) for plan in plans],
            [extra and _literal(extra) for extra in extras] if any(extras) else None, n, sold.told,
        ]  # fmt: skip

    def _basket(self, sale: Sale, rule_set: RuleSet) -> Basket:
        goods = list(map(self._products.__getitem__, sale.product_ids))
        if not rule_set.has_basket_rules:
            return Basket(sale.currency, sale.purchased_at, goods, sale.totals_minor, earning_minor=sale.earning)
        code, zone = self._stores[sale.store_id]
        return Basket(
            sale.currency, sale.purchased_at.astimezone(zone), goods, sale.totals_minor, code, sale.quantities, sale.earning
        )  # fmt: skip

    def _look_up(self, sales: Sequence[Sale]):
        known = self._products
        if new := {id_ for sale in sales for id_ in sale.product_ids if id_ not in known}:
            codes = dict(StoredProduct.objects.filter(pk__in=new).values_list("code", "id"))
            known |= {codes[code]: product for code, product in rules.products_of(catalogue.facts(codes)).items()}


def _head(sold: Sold) -> list:
    """What a statement says of the rules: currency, versions, the ladder, what a tier multiplies by."""
    tiers = sold.known.tiers
    least = [tier.points_from for tier in tiers.values()] if sold.known.has_plain_ladder else None
    percents = [sold.rule_set.tier_percents.get(tier.code, 100) for tier in tiers.values()]
    return [POINTS, sold.known.latest_id, sold.rule_set.id, list(tiers), least, percents]


def _literal(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def _types(products: Sequence[Product]) -> str:
    return "{" + ",".join(["NULL" if one.type_id is None else str(one.type_id) for one in products]) + "}"
