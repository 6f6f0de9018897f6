"""Purchases as clients tell them, and what the rules make of each: plain Python, no query once the catalogue is warm."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from loyalty import rules
from loyalty.earning import Basket, Plan, RuleSet
from loyalty.earning import UnknownCurrency as NoRate
from loyalty.operations.errors import BadPurchase, CannotRecord
from loyalty.operations.written_purchases import Values, elements_of
from members.crypto import keyed_hash
from sales import catalogue
from sales.lines import Line, body_hash

MINOR_MAX = 10**12


class PurchaseIn(NamedTuple):
    """One receipt as a client tells it. Of member_id and member_reference at most one is given; without, nobody earns.

    `earning_minor` is the part of each line that may earn: not what a reward or points paid for. None: the whole of each.
    """

    source: str
    client_key: str
    store_code: str
    purchased_at: datetime
    currency: str
    lines: Sequence[Line]
    member_id: int | None = None
    member_reference: tuple[str, str] | None = None
    earning_minor: Sequence[int] | None = None

    @property
    def has_member(self) -> bool:
        return self.member_id is not None or self.member_reference is not None


class Item(NamedTuple):
    place: int
    purchase: PurchaseIn
    plan: Plan
    values: Values
    elements: tuple[str, ...] | None  # of array literals; None for a checkout, which is seldom posted as a batch


@dataclass
class Planned:
    """A batch that the rules were asked about, ready to post. `errors` are those that never reach the ledger, by place."""

    size: int
    latest_rule_set: int
    groups: list[tuple[RuleSet, list[Item]]]
    errors: dict[int, Exception]
    batch: Sequence[PurchaseIn]


def plan(batch: Sequence[PurchaseIn]) -> Planned:
    """Ask the rules about every basket. No member's state is needed, so it may run while another batch is posted."""
    known = rules.known()
    planned = Planned(len(batch), known.latest_id, [], {}, batch)
    products = rules.products_of(catalogue.facts_of(line for purchase in batch for line in purchase.lines))
    for place, purchase in enumerate(batch):
        try:
            rule_set, made, values = _plan_one(purchase, known, products)
        except (CannotRecord, catalogue.UnknownStore, rules.NoRuleSet) as reason:
            planned.errors[place] = reason
            continue
        if not planned.groups or planned.groups[-1][0] is not rule_set:
            planned.groups.append((rule_set, []))
        elements = elements_of(values) if len(batch) > 1 else None
        planned.groups[-1][1].append(Item(place, purchase, made, values, elements))
    return planned


def _plan_one(purchase: PurchaseIn, known: rules.Known, products: dict) -> tuple[RuleSet, Plan, Values]:
    _check(purchase)
    lines, at = purchase.lines, purchase.purchased_at
    rule_set = known.live_at(at)
    totals = [line.total_minor for line in lines]
    of_lines = [products[line.product_code] for line in lines]
    try:
        made = rule_set.plan(_basket(purchase, rule_set, of_lines, totals))
    except NoRate as reason:
        raise BadPurchase(str(reason)) from None
    day = at.astimezone(programme_zone()).date()
    values = Values(
        catalogue.source_id(purchase.source),
        purchase.client_key,
        _body_hash(purchase),
        purchase.member_id,
        *_reference(purchase.member_reference),
        catalogue.store_id(purchase.store_code),
        at.astimezone(UTC).isoformat(),
        purchase.currency,
        sum(totals),
        day,
        rule_set.expires_on(day),
        made.base_micropoints,
        made.extra_micropoints,
        [product.type_id for product in of_lines],
        made.line_micropoints,
        made.line_extra_micropoints or None,
        json.dumps(found) if (found := _inputs(rule_set, made)) else None,
    )
    return rule_set, made, values


def _basket(purchase: PurchaseIn, rule_set: RuleSet, products: list, totals: list[int]) -> Basket:
    """The purchase as the rules see it; happy hours and days are those of the store."""
    if not rule_set.has_basket_rules:  # then no rule asks for time, place or quantity
        return Basket(purchase.currency, purchase.purchased_at, products, totals, earning_minor=purchase.earning_minor)
    at = purchase.purchased_at.astimezone(catalogue.store_zone(purchase.store_code))
    quantities = [int(line.quantity * 1000) for line in purchase.lines] if rule_set.terms else None
    return Basket(purchase.currency, at, products, totals, purchase.store_code, quantities, purchase.earning_minor)


@lru_cache
def programme_zone() -> ZoneInfo:
    """The time zone whose days and months points expire and tiers are counted by."""
    return ZoneInfo(settings.TIME_ZONE)


def _check(purchase: PurchaseIn):
    if not purchase.lines:
        raise BadPurchase("A purchase has at least one line. Send the amount as a line if there is no list of goods.")
    if not 0 < len(purchase.client_key) <= 120 or "\0" in purchase.client_key:
        raise BadPurchase("client_key: 1 to 120 characters, made and stored by the client before its first try.")
    if purchase.purchased_at.tzinfo is None:
        raise BadPurchase("purchased_at needs a time zone, such as 2026-03-01T17:05:00-05:00.")
    if purchase.member_id is not None and purchase.member_reference is not None:
        raise BadPurchase("Give member_id or member_reference, not both.")
    if purchase.earning_minor is not None and len(purchase.earning_minor) != len(purchase.lines):
        raise BadPurchase("earning_minor: one amount for each line.")
    for number, line in enumerate(purchase.lines, 1):
        if line.total_minor < 0 or line.quantity < 0:
            raise BadPurchase(
                f"Line {number}: a sale's line is never negative. Take goods back by a refund of their purchase."
            )
        if purchase.earning_minor is not None and not 0 <= purchase.earning_minor[number - 1] <= line.total_minor:
            raise BadPurchase(f"Line {number}: what earns lies between nothing and the line's total.")
        if line.total_minor > MINOR_MAX:
            raise BadPurchase(
                f"Line {number}: a total of {line.total_minor} minor units is beyond {MINOR_MAX}. Check the unit."
            )


def _body_hash(purchase: PurchaseIn) -> bytes:
    return body_hash(
        member=purchase.member_reference or purchase.member_id,
        store_code=purchase.store_code,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        lines=purchase.lines,
    )


def _reference(reference: tuple[str, str] | None) -> tuple[str | None, bytes | None]:
    if reference is None:
        return None, None
    kind, value = reference
    return kind, keyed_hash(value, kind=kind)


def _inputs(rule_set: RuleSet, made: Plan) -> dict:
    """What the rules looked at beyond lines, categories and totals, which are stored as columns."""
    found = {}
    if services := [n for n, product in enumerate(made.basket.products, 1) if product.is_service]:
        found["services"] = services
    if rule_set.asks_brand:
        found["brands"] = [product.brand for product in made.basket.products]
    if made.basket.earning_minor is not None:
        found["earning"] = list(made.basket.earning_minor)
    if rule_set.asks_tags:
        found["tags"] = [product.tags for product in made.basket.products]
    if rule_set.has_basket_rules:
        found["store"] = made.basket.store
        found["at"] = made.basket.at.replace(tzinfo=None).isoformat()
    return found
