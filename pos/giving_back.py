"""How much of a receipt a customer brings back, as the cashier says it. Plain rules; money in minor units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from pos import amounts
from sales.refunds import Sold


class NothingToGive(ValueError):
    """What was typed is more than is left, or nothing; the text says which line."""


@dataclass(frozen=True)
class Row:
    """A line as the page asks for it: in pieces, or in money where a sale was recorded by its amount."""

    sold: Sold
    name: str
    is_money: bool
    typed: str
    minor: int

    @property
    def field(self) -> str:
        return field_of(self.sold, is_money=self.is_money)

    @property
    def pieces(self) -> int:
        return pieces_of(self.sold)


def field_of(sold: Sold, *, is_money: bool) -> str:
    return f"{'money' if is_money else 'pieces'}-{sold.line_no}"


def pieces_of(sold: Sold) -> int:
    """How many pieces are left; what was weighed or has no quantity is one piece."""
    whole = sold.quantity == sold.quantity.to_integral_value()
    return int(sold.quantity) if whole and sold.quantity > 0 else 1


def by_money(sold: Sold, minor: int) -> tuple[Decimal, int]:
    """Quantity and money for a line sold by its amount: the quantity comes back with the last cent."""
    if minor > sold.total_minor:
        raise NothingToGive(_("Line %(line)s has less than that left to give back.") % {"line": sold.line_no})
    return (sold.quantity if minor == sold.total_minor else Decimal(0)), minor


def by_pieces(sold: Sold, pieces: int) -> tuple[Decimal, int]:
    """Quantity and money for so many pieces: each its share, the last one what rounding left over."""
    most = pieces_of(sold)
    if pieces > most:
        raise NothingToGive(_("Line %(line)s has less than that left to give back.") % {"line": sold.line_no})
    if pieces == most:
        return sold.quantity, sold.total_minor
    return Decimal(pieces), sold.total_minor * pieces // most


def chosen(sold: Iterable[Sold], said: Mapping[str, str], *, by_amount: str) -> list[tuple[int, Decimal, int]]:
    """The lines to refund. A line nothing is said of comes back whole when nothing is said at all, else not.

    `by_amount`: the product code of sales recorded by their amount. Raises NothingToGive, ValueError.
    """
    lines = []
    is_silent = not any(name.startswith(("money-", "pieces-")) for name in said)
    for one in sold:
        is_money = one.product_code == by_amount
        typed = said.get(field_of(one, is_money=is_money), "").strip()
        if is_silent:
            quantity, minor = one.quantity, one.total_minor
        elif not typed or not typed.strip("0.,"):
            continue
        elif is_money:
            quantity, minor = by_money(one, amounts.to_minor(typed))
        else:
            quantity, minor = by_pieces(one, _whole(typed))
        lines.append((one.line_no, quantity, minor))
    return lines


def _whole(typed: str) -> int:
    if not typed.isdecimal():
        raise NothingToGive(_("Type how many pieces come back."))
    return int(typed)
