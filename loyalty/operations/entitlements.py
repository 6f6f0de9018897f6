"""Benefits given from above: an offer of a campaign, a voucher of the service desk."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from loyalty.models import Entitlement
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import POINTS


class EntitlementIn(NamedTuple):
    """A benefit for one member. `amount`: multiply and percent in percent (300 is ×3), bonus in points, amount in minor units,
    product in pieces. `category_id` None: every line.

    `is_partial` lets an amount be used up over several purchases; `needs_code` keeps a benefit until the member asks for it.
    What benefits of one `budget` take off together is at most `budget_minor`.
    """

    member_id: int
    category_id: int | None
    benefit: str
    amount: int
    valid_from: datetime
    valid_until: datetime
    cause: str
    uses: int = 1
    product_id: int | None = None
    currency: str = ""
    max_minor: int | None = None
    basket_minor_from: int = 0
    is_partial: bool = False
    needs_code: bool = False
    budget: str = ""
    budget_minor: int | None = None

    def terms(self) -> str:
        """What only some benefits have, as the SQL function reads it."""
        named = {
            "product_id": self.product_id, "currency": self.currency, "max_minor": self.max_minor,
            "basket_minor_from": self.basket_minor_from, "needs_code": self.needs_code, "budget": self.budget,
            "budget_minor": self.budget_minor, "left_minor": self.amount if self.is_partial else None,
        }  # fmt: skip
        return json.dumps({name: value for name, value in named.items() if value})


def entitle(rows: Iterable[EntitlementIn | tuple]) -> int:
    """Give benefits, in one statement. One given for the same cause before stays as it is. Returns how many are new."""
    rows = [EntitlementIn(*row) for row in rows]
    for row in rows:
        _check(row)
    if not rows:
        return 0
    columns = [list(column) for column in zip(*(row[:8] for row in rows), strict=True)]
    members, categories, benefits, amounts, starts, ends, causes, uses = columns
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT loyalty_entitle(%s::smallint, %s::bigint[], %s::bigint[], %s::text[], %s::integer[], %s::integer[],
                      %s::timestamptz[], %s::timestamptz[], %s::text[], %s::jsonb[])""",
            [POINTS, members, categories, benefits, amounts, uses, starts, ends, causes, [row.terms() for row in rows]],
        )
        return cursor.fetchone()[0]


def _check(row: EntitlementIn):
    if row.benefit not in Entitlement.Benefit.values or row.amount <= 0 or row.uses <= 0:
        raise LedgerRefusal(
            f"A benefit is one of {', '.join(Entitlement.Benefit.values)}, with an amount and uses above zero."
        )
    if row.valid_until <= row.valid_from:
        raise LedgerRefusal("A benefit ends after it begins: check valid_from and valid_until.")
    if row.benefit == Entitlement.Benefit.PERCENT and row.amount > 100:
        raise LedgerRefusal("A percentage takes off at most 100 percent.")
    if row.benefit == Entitlement.Benefit.PRODUCT and row.product_id is None:
        raise LedgerRefusal("A free product is named: give product_id.")
    if row.is_partial and row.benefit != Entitlement.Benefit.AMOUNT:
        raise LedgerRefusal("Only an amount may be used in parts.")
    if bool(row.budget) != (row.budget_minor is not None) or len(row.budget) > 50:
        raise LedgerRefusal("A budget has a name of at most 50 letters and a cap: give both, budget and budget_minor.")
