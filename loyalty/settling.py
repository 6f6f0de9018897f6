"""What partners and we owe each other, read from the ledger: per month, to the unit.

Points a partner issued are transfers out of PARTNER under its source; points it accepted are transfers into REDEEMED under its
source; what it funds of rewards stands in `Funding`. Money is points times the terms of the day, rounded once per line.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TextIO

from django.db import connection
from django.utils.translation import gettext as _

from loyalty.models import Partner
from loyalty.operations.purchases import _programme_zone


@dataclass(frozen=True)
class Line:
    """One partner, one kind of act, one set of terms: points, and money in minor units. Positive: the partner owes us."""

    partner: Partner
    kind: str
    terms_from: date
    currency: str
    acts: int
    points: int
    owed_minor: int

    @property
    def kind_words(self) -> str:
        return {
            "issued": _("Points given"),
            "returned": _("Points given, taken back"),
            "accepted": _("Points accepted"),
            "funded": _("Rewards funded"),
            "unfunded": _("Rewards funded, taken back"),
        }[self.kind]


SETTLEMENT = """
WITH acts AS (
    SELECT p.id AS partner_id, 'issued' AS kind, t.occurred_at, t.points
      FROM loyalty_partner p JOIN loyalty_transfer t ON t.source_id = p.source_id AND t.debit_account = 8
     WHERE t.occurred_at >= %(begins)s AND t.occurred_at < %(ends)s
     UNION ALL
    SELECT p.id, 'returned', t.occurred_at, t.points
      FROM loyalty_partner p JOIN loyalty_transfer t ON t.source_id = p.source_id AND t.credit_account = 8
     WHERE t.occurred_at >= %(begins)s AND t.occurred_at < %(ends)s
     UNION ALL
    SELECT p.id, 'accepted', t.occurred_at, t.points
      FROM loyalty_partner p JOIN loyalty_transfer t ON t.source_id = p.source_id AND t.credit_account = 2
     WHERE t.occurred_at >= %(begins)s AND t.occurred_at < %(ends)s
     UNION ALL
    SELECT f.partner_id, CASE WHEN f.kind = 'returned' THEN 'unfunded' ELSE 'funded' END, f.occurred_at, f.points
      FROM loyalty_funding f WHERE f.occurred_at >= %(begins)s AND f.occurred_at < %(ends)s)
SELECT a.partner_id, a.kind, m.valid_from, m.currency, m.issue_minor_per_1000, m.accept_minor_per_1000, count(*), sum(a.points)
  FROM acts a
  JOIN LATERAL (SELECT * FROM loyalty_partnerterms m WHERE m.partner_id = a.partner_id
                 ORDER BY m.valid_from <= (a.occurred_at AT TIME ZONE %(zone)s)::date DESC,
                          abs(m.valid_from - (a.occurred_at AT TIME ZONE %(zone)s)::date) LIMIT 1) m ON true
 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3
"""


ALL_OF_IT = {"begins": "-infinity", "ends": "infinity"}
"""The bounds of a settlement over all time, for who checks it."""


def settlement(*, month: date) -> list[Line]:
    """Everything partners and we owe each other for the acts of a month of the programme's calendar."""
    first = month.replace(day=1)
    ends = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    zone = _programme_zone()
    bounds = {
        "begins": datetime.combine(first, time(), tzinfo=zone), "ends": datetime.combine(ends, time(), tzinfo=zone),
        "zone": str(zone),
    }  # fmt: skip
    partners = Partner.objects.in_bulk()
    with connection.cursor() as cursor:
        cursor.execute(SETTLEMENT, bounds)
        rows = cursor.fetchall()
    return [
        Line(partners[partner], kind, since, currency, acts, int(points), _owed(kind, int(points), issue, accept))
        for partner, kind, since, currency, issue, accept, acts, points in rows
    ]


def _owed(kind: str, points: int, issue: int, accept: int) -> int:
    """Minor units that the partner owes us; below zero, that we owe it. Funded rewards cost what an accepted point is worth."""
    price = {"issued": issue, "returned": -issue, "accepted": -accept, "funded": accept, "unfunded": -accept}[kind]
    return int((Decimal(points * price) / 1000).quantize(Decimal(1), ROUND_HALF_EVEN))


def write_csv(lines: Iterable[Line], file: TextIO) -> None:
    """The settlement as a file for the books: one row a line, money in minor units."""
    writer = csv.writer(file)
    writer.writerow(["partner", "name", "kind", "terms_from", "currency", "acts", "points", "owed_minor"])
    for line in lines:
        writer.writerow(
            [line.partner.code, line.partner.name, line.kind, line.terms_from.isoformat(), line.currency, line.acts, line.points,
             line.owed_minor]
        )  # fmt: skip
