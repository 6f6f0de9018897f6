"""Part of a receipt: which share of a line's total goes back with a share of its quantity."""

from decimal import Decimal
from fractions import Fraction
from math import ceil


def share(left: tuple[int, Decimal, int], quantity: Decimal) -> tuple[int, Decimal, int]:
    """(line_no, quantity, total) for `quantity` of what is left of a line; all of it takes back exactly what is left.

    A part is rounded up to the customer's side, so that three thirds are never less than the whole.
    """
    line_no, quantity_left, total_left = left
    if quantity_left <= 0 or quantity >= quantity_left:
        return left
    return line_no, quantity, ceil(Fraction(quantity) / Fraction(quantity_left) * total_left)


def total_minor(lines) -> int:
    return sum(total for _line_no, _quantity, total in lines)
