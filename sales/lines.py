"""Lines of a receipt, as a client states them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Line(NamedTuple):
    """One line: what, how much, for how much in all.

    `quantity` has up to three decimals and may be zero; `total_minor` is the line's total in minor units, after
    discounts; both are positive in a sale. `name` and `category_path` (“Grocery > Dairy > Milk”) describe a product that
    the catalogue does not know yet. A named tuple rather than a dataclass: an import makes millions of them.
    """

    product_code: str
    quantity: Decimal
    total_minor: int
    unit: str = ""
    refunds_line_no: int | None = None
    name: str = ""
    category_path: str = ""


def body_hash(
    *,
    member: object,
    store_code: str,
    purchased_at: datetime,
    currency: str,
    lines: Iterable[Line],
    refunds: object = None,
) -> bytes:
    """Sixteen bytes that tell two bodies under one client key apart.

    `member` and `refunds` are the references as the client gave them. Names and categories are left out: a product that
    was renamed since makes no other purchase.
    """
    said = [repr((member, refunds, store_code, int(purchased_at.timestamp()), currency))]
    said += [f"{code}\x1f{quantity.normalize():f}\x1f{total}\x1f{back}" for code, quantity, total, _, back, *_ in lines]
    return hashlib.blake2b("\x1e".join(said).encode(), digest_size=16).digest()
