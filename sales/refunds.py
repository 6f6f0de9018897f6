"""Which lines of a purchase a refund takes back, when it names products and not line numbers. Plain Python."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal


class CannotMatch(ValueError):
    """More is given back than was sold of a product, or it was not sold at all."""

    def __init__(self, product_code: str, *, is_sold: bool):
        self.product_code, self.is_sold = product_code, is_sold
        super().__init__(product_code)


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of the purchase with what earlier refunds left of it: quantity, and total in minor units."""

    line_no: int
    product_code: str
    quantity: Decimal
    total_minor: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a refund says: a product, how much of it, and the money given back in minor units; all positive."""

    product_code: str
    quantity: Decimal
    total_minor: int


def match(sold: Iterable[Sold], given_back: Iterable[GivenBack]) -> list[tuple[int, Decimal, int]]:
    """The lines taken back, as (line_no, quantity, total_minor), each line once and in the purchase's order.

    A line that equals what is given back is preferred; otherwise the product's lines are used up from the first on.
    Raises CannotMatch when a product's lines do not suffice, in quantity or in money.
    """
    left = {line.line_no: line for line in sold}
    taken: dict[int, tuple[Decimal, int]] = {}
    for wanted in given_back:
        for line_no, quantity, minor in _take(left, wanted):
            before_quantity, before_minor = taken.get(line_no, (Decimal(0), 0))
            taken[line_no] = (before_quantity + quantity, before_minor + minor)
            line = left[line_no]
            left[line_no] = replace(line, quantity=line.quantity - quantity, total_minor=line.total_minor - minor)
    return [(line_no, *taken[line_no]) for line_no in sorted(taken)]


def _take(left: dict[int, Sold], wanted: GivenBack) -> list[tuple[int, Decimal, int]]:
    lines = [line for line in left.values() if line.product_code == wanted.product_code]
    for line in lines:
        if (line.quantity, line.total_minor) == (wanted.quantity, wanted.total_minor):
            return [(line.line_no, wanted.quantity, wanted.total_minor)]
    quantity, minor, taken = wanted.quantity, wanted.total_minor, []
    for line in lines:
        part = min(quantity, line.quantity), min(minor, line.total_minor)
        if any(part):
            taken.append((line.line_no, *part))
            quantity, minor = quantity - part[0], minor - part[1]
    if quantity > 0 or minor > 0:
        raise CannotMatch(wanted.product_code, is_sold=bool(lines))
    return taken
