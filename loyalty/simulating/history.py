"""What really happened, in the order it was posted: purchases, refunds, and points that moved for other reasons."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

import psycopg

from loyalty.models import Account, Transfer
from loyalty.operations.purchases import POINTS
from loyalty.simulating.parts import Part
from sales.models import Purchase

# ruff: noqa: S608 - statements are joined from the constants of this package and from ids

PAGE = 4_000
OF_PURCHASES = [Transfer.Reason.PURCHASE, Transfer.Reason.REFUND, Transfer.Reason.BONUS, Transfer.Reason.BONUS_BACK]
"""Reasons that come about anew when purchases and refunds are replayed; a bonus for an event stays as it was given."""
OF_TIME = [Transfer.Reason.EXPIRY, Transfer.Reason.INACTIVITY, Transfer.Reason.MATURITY, Transfer.Reason.REVIEW]
"""Reasons that come about anew as time goes by."""


class Sale(NamedTuple):
    """A sale as it is stored. `earning` is the part of each line that could earn, where points or a reward paid for some."""

    order: tuple
    member_id: int
    store_id: int
    purchase_id: int
    source_id: int
    client_key: str
    purchased_at: datetime
    currency: str
    total_minor: int
    product_ids: list[int]
    totals_minor: list[int]
    quantities: list[int]
    earning: list[int] | None


class TakenBack(NamedTuple):
    """A refund. `sale_id` is the purchase it takes back."""

    order: tuple
    member_id: int
    store_id: int
    source: str
    client_key: str
    sale_id: int
    lines: list[tuple[int, Decimal, int]]
    at: datetime


class MovedOtherwise(NamedTuple):
    """Points spent, given or moved by people: so many, with a sign."""

    order: tuple
    member_id: int
    points: int
    at: datetime
    name: str


_PURCHASES = """
SELECT p.recorded_at, p.id, p.kind, p.member_id, p.store_id, p.source_id, p.client_key, p.purchased_at, p.currency, p.total_minor,
       p.refunds_id, l.products, l.totals, l.millis, a.inputs -> 'earning'
  FROM (SELECT * FROM public.sales_purchase
         WHERE id > %(last)s AND member_id IS NOT NULL AND purchased_at < %(until)s AND {mine} ORDER BY id LIMIT %(page)s) p
 CROSS JOIN LATERAL (SELECT array_agg(s.product_id ORDER BY s.line_no) AS products, array_agg(s.total_minor ORDER BY s.line_no) AS totals,
                            array_agg(trunc(s.quantity * 1000)::bigint ORDER BY s.line_no) AS millis
                       FROM public.sales_purchaseline s WHERE s.purchase_id = p.id) l
  LEFT JOIN public.loyalty_award a ON a.purchase_id = p.id AND a.inputs ? 'earning'
 ORDER BY p.id
"""
_REFUND = """
SELECT s.code, array_agg(l.refunds_line_no ORDER BY l.line_no), array_agg(-l.quantity ORDER BY l.line_no),
       array_agg(-l.total_minor ORDER BY l.line_no)
  FROM public.sales_purchase p JOIN public.sales_source s ON s.id = p.source_id
  JOIN public.sales_purchaseline l ON l.purchase_id = p.id AND l.refunds_line_no IS NOT NULL
 WHERE p.id = %s GROUP BY s.code
"""
# What a referral brought its referrer comes about anew with the friend's purchase.
_MOVES = """
SELECT w.member_id, sum(CASE WHEN t.credit_account = %(available)s THEN t.points ELSE -t.points END)::bigint,
       max(t.occurred_at), max(t.posted_at), max(s.code) || ':' || t.client_key
  FROM public.loyalty_transfer t JOIN public.loyalty_wallet w ON w.id = t.wallet_id
  JOIN public.sales_source s ON s.id = t.source_id
 WHERE %(available)s IN (t.debit_account, t.credit_account) AND t.reason <> ALL (%(of_time)s)
   AND (t.purchase_id IS NULL OR t.reason <> ALL (%(of_purchases)s)) AND t.occurred_at < %(until)s
   AND NOT (s.code = 'ledger' AND starts_with(t.client_key, 'referral:'))
   AND w.member_id IS NOT NULL AND w.currency_id = %(points)s AND {mine}
 GROUP BY w.member_id, t.source_id, t.client_key ORDER BY 4, 1, 5
"""


def count(connection, part: Part, *, until: datetime) -> int:
    """How many purchases and refunds of this part there are to replay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM public.sales_purchase WHERE member_id IS NOT NULL AND purchased_at < %(until)s"
            f" AND {part.holds('member_id')}",
            {"until": until} | part.given,
        )
        return cursor.fetchone()[0]


def acts(connection, part: Part, *, until: datetime) -> Iterator[Sale | TakenBack | MovedOtherwise]:
    """Everything the part's members did up to `until`, as it was posted."""
    return heapq.merge(_purchases(connection, part, until), _moves(connection, part, until), key=attrgetter("order"))


def _purchases(connection, part: Part, until: datetime) -> Iterator[Sale | TakenBack]:
    """A page at a time, by id: the session that reads also tells of progress, so it keeps no transaction open."""
    asked, given = _PURCHASES.format(mine=part.holds("member_id")), {"until": until, "page": PAGE} | part.given
    last = 0
    while True:
        with psycopg.Cursor(connection.connection) as cursor:  # arrays cross in binary
            rows = cursor.execute(asked, given | {"last": last}, binary=True).fetchall()
        for (
            recorded_at,
            id_,
            kind,
            member,
            store,
            source,
            key,
            at,
            currency,
            total,
            of,
            products,
            totals,
            millis,
            earning,
        ) in rows:
            order = (recorded_at, 1, id_)
            if kind == Purchase.Kind.SALE:
                yield Sale(
                    order,
                    member,
                    store,
                    id_,
                    source,
                    key,
                    at,
                    currency,
                    total,
                    products or [],
                    totals or [],
                    millis or [],
                    earning,
                )
            elif of is not None:
                yield _taken_back(connection, id_, order, (member, store, key, of, at))
        if len(rows) < PAGE:
            return
        last = rows[-1][1]


def _taken_back(connection, id_: int, order: tuple, said: tuple) -> TakenBack:
    member, store, key, of, at = said
    with connection.cursor() as cursor:
        cursor.execute(_REFUND, [id_])
        source, numbers, quantities, totals = cursor.fetchone() or ("ledger", [], [], [])
    return TakenBack(order, member, store, source, key, of, list(zip(numbers, quantities, totals, strict=True)), at)


def _moves(connection, part: Part, until: datetime) -> Iterator[MovedOtherwise]:
    given = {
        "available": Account.AVAILABLE, "of_time": OF_TIME, "of_purchases": OF_PURCHASES, "until": until, "points": POINTS,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_MOVES.format(mine=part.holds("w.member_id")), given | part.given)
        rows = cursor.fetchall()
    for n, (member_id, points, at, posted_at, name) in enumerate(rows):
        if points:
            yield MovedOtherwise((posted_at, 2, n), member_id, points, at, name)
