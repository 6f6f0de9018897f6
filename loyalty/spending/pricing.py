"""What benefits take off a basket, line by line: plain Python, money in minor units, the same at the till and when posted.

Benefits apply one after the other, free products first, then percentages, then amounts, each to what is left of a line; so
nothing is ever below zero, and the order in which they are named does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence  # noqa: TC003 (NamedTuple fields are read by tools at run time)
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

ORDER = {"product": 0, "percent": 1, "amount": 2, "shipping": 3}


class Item(NamedTuple):
    """A line of the basket. `category_ids` are the product's type and all above it."""

    product_id: int
    category_ids: tuple[int, ...]
    quantity: Decimal
    total_minor: int


class Benefit(NamedTuple):
    """What an entitlement gives. `amount`: percent, minor units, or pieces; `left_minor` what is left of an amount."""

    id: int
    kind: str
    amount: int
    category_id: int | None = None
    product_id: int | None = None
    currency: str = ""
    max_minor: int | None = None
    basket_minor_from: int = 0
    left_minor: int | None = None
    store_ids: tuple[int, ...] | None = None


class Used(NamedTuple):
    """What one benefit takes off: in all, and of each line."""

    benefit: Benefit
    minor: int
    line_minor: list[int]


@dataclass(frozen=True)
class Priced:
    """A basket after its benefits. `refused` says for each benefit that does not apply why not."""

    line_minor: list[int]
    used: list[Used]
    refused: list[tuple[Benefit, str]]
    ships_free: bool

    @property
    def total_minor(self) -> int:
        return sum(self.line_minor)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount over weights in proportion, to the last unit; the first places get what rounding left over."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    left = amount - sum(shares)
    for place, weight in enumerate(weights):
        if left and weight:
            shares[place] += 1
            left -= 1
    return shares


def price(items: Sequence[Item], benefits: Iterable[Benefit], *, currency: str, store_id: int | None) -> Priced:
    """Take the benefits off the basket."""
    left = [item.total_minor for item in items]
    basket_minor = sum(left)
    used, refused, ships_free = [], [], False
    for benefit in sorted(benefits, key=lambda one: (ORDER[one.kind], -one.amount, one.id)):
        why = _why_not(benefit, basket_minor, currency, store_id)
        off = [0] * len(items) if why or benefit.kind == "shipping" else _off(benefit, items, left)
        if not why and benefit.kind != "shipping" and not any(off):
            why = "no_line_of_its_kind"
        if why:
            refused.append((benefit, why))
            continue
        ships_free = ships_free or benefit.kind == "shipping"
        left = [rest - part for rest, part in zip(left, off, strict=True)]
        used.append(Used(benefit, sum(off), off))
    return Priced(left, used, refused, ships_free)


def _why_not(benefit: Benefit, basket_minor: int, currency: str, store_id: int | None) -> str:
    if benefit.currency and benefit.currency != currency and benefit.kind == "amount":
        return "other_currency"
    if benefit.store_ids is not None and store_id is not None and store_id not in benefit.store_ids:
        return "other_store"
    return "basket_too_small" if basket_minor < benefit.basket_minor_from else ""


def _off(benefit: Benefit, items: Sequence[Item], left: list[int]) -> list[int]:
    """What the benefit takes off each line, at most what is left of it."""
    if benefit.kind == "product":
        return _free_pieces(benefit, items, left)
    base = [
        rest if benefit.category_id in {None, *item.category_ids} else 0 for item, rest in zip(items, left, strict=True)
    ]
    if benefit.kind == "percent":
        off = [rest * benefit.amount // 100 for rest in base]
        most = benefit.max_minor
        return off if most is None or sum(off) <= most else spread(most, off)
    worth = benefit.amount if benefit.left_minor is None else benefit.left_minor
    return spread(min(worth, sum(base)), base)


def _free_pieces(benefit: Benefit, items: Sequence[Item], left: list[int]) -> list[int]:
    pieces, off = Decimal(benefit.amount), []
    for item, rest in zip(items, left, strict=True):
        free = min(pieces, item.quantity or pieces) if item.product_id == benefit.product_id else Decimal(0)
        pieces -= free
        off.append(int(rest * free / (item.quantity or free)) if free else 0)
    return off
