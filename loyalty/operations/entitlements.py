"""Benefits given from above: an offer of a campaign, a voucher of the service desk."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import POINTS


class EntitlementIn(NamedTuple):
    """`benefit` multiply: `amount` percent (300 is ×3); bonus: `amount` points. `category_id` None: every line."""

    member_id: int
    category_id: int | None
    benefit: str
    amount: int
    valid_from: datetime
    valid_until: datetime
    cause: str
    uses: int = 1


def entitle(rows: Iterable[EntitlementIn | tuple]) -> int:
    """Give benefits, in one statement. One given for the same cause before stays as it is. Returns how many are new."""
    rows = [EntitlementIn(*row) for row in rows]
    for row in rows:
        if row.benefit not in {"multiply", "bonus"} or row.amount <= 0 or row.uses <= 0:
            raise LedgerRefusal(
                "A benefit is multiply (percent) or bonus (points), with an amount and uses above zero."
            )
        if row.valid_until <= row.valid_from:
            raise LedgerRefusal("A benefit ends after it begins: check valid_from and valid_until.")
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    members, categories, benefits, amounts, starts, ends, causes, uses = columns
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT loyalty_entitle(%s::smallint, %s::bigint[], %s::bigint[], %s::text[], %s::integer[], %s::integer[],
                      %s::timestamptz[], %s::timestamptz[], %s::text[])""",
            [POINTS, members, categories, benefits, amounts, uses, starts, ends, causes],
        )
        return cursor.fetchone()[0]
