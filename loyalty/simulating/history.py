"""What really happened, in the order it was posted: purchases, refunds, and points that moved for other reasons."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from loyalty.models import Account, Transfer
from loyalty.operations import PurchaseIn
from loyalty.operations.purchases import POINTS
from sales.lines import Line
from sales.models import Purchase

PAGE = 4_000
OF_PURCHASES = [Transfer.Reason.PURCHASE, Transfer.Reason.REFUND, Transfer.Reason.BONUS, Transfer.Reason.BONUS_BACK]
"""Reasons that come about anew when purchases and refunds are replayed; a bonus for an event stays as it was given."""
OF_TIME = [Transfer.Reason.EXPIRY, Transfer.Reason.INACTIVITY, Transfer.Reason.MATURITY, Transfer.Reason.REVIEW]
"""Reasons that come about anew as time goes by."""


class Sale(NamedTuple):
    order: tuple
    member_id: int
    store_code: str
    purchase: PurchaseIn


class TakenBack(NamedTuple):
    """A refund. `of` is the client's name of the purchase it takes back: its source and key."""

    order: tuple
    member_id: int
    store_code: str
    source: str
    client_key: str
    of: tuple[str, str]
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
SELECT p.id, p.kind, p.member_id, s.code, p.client_key, st.code, p.purchased_at, p.recorded_at, p.currency, os.code, o.client_key
  FROM public.sales_purchase p JOIN public.sales_source s ON s.id = p.source_id JOIN public.sales_store st ON st.id = p.store_id
  LEFT JOIN public.sales_purchase o ON o.id = p.refunds_id LEFT JOIN public.sales_source os ON os.id = o.source_id
 WHERE p.id > %s AND p.member_id IS NOT NULL AND p.purchased_at < %s ORDER BY p.id LIMIT %s
"""
_LINES = """
SELECT l.purchase_id, c.code, l.quantity, l.total_minor, l.unit, l.refunds_line_no
  FROM public.sales_purchaseline l JOIN public.sales_product c ON c.id = l.product_id
 WHERE l.purchase_id = ANY (%s) ORDER BY l.purchase_id, l.line_no
"""
_MOVES = """
SELECT w.member_id, sum(CASE WHEN t.credit_account = %(available)s THEN t.points ELSE -t.points END)::bigint,
       max(t.occurred_at), max(t.posted_at), max(s.code) || ':' || t.client_key
  FROM public.loyalty_transfer t JOIN public.loyalty_wallet w ON w.id = t.wallet_id
  JOIN public.sales_source s ON s.id = t.source_id
 WHERE %(available)s IN (t.debit_account, t.credit_account) AND t.reason <> ALL (%(of_time)s)
   AND (t.purchase_id IS NULL OR t.reason <> ALL (%(of_purchases)s)) AND t.occurred_at < %(until)s
   AND w.member_id IS NOT NULL AND w.currency_id = %(points)s
 GROUP BY w.member_id, t.source_id, t.client_key ORDER BY 4, 1, 5
"""


def count(cursor, *, until: datetime) -> int:
    """How many purchases and refunds there are to replay."""
    cursor.execute(
        "SELECT count(*) FROM public.sales_purchase WHERE member_id IS NOT NULL AND purchased_at < %s", [until]
    )
    return cursor.fetchone()[0]


def acts(connection, *, until: datetime) -> Iterator[Sale | TakenBack | MovedOtherwise]:
    """Everything members did up to `until`, as it was posted."""
    return heapq.merge(_purchases(connection, until), _moves(connection, until), key=attrgetter("order"))


def _purchases(connection, until: datetime) -> Iterator[Sale | TakenBack]:
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_PURCHASES, [last, until, PAGE])
            heads = cursor.fetchall()
            cursor.execute(_LINES, [[head[0] for head in heads]])
            rows = cursor.fetchall()
        if not heads:
            return
        lines: dict[int, list] = {}
        for purchase_id, *line in rows:
            lines.setdefault(purchase_id, []).append(line)
        for head in heads:
            yield from _act(head, lines.get(head[0], []))
        last = heads[-1][0]


def _act(head: tuple, lines: list) -> Iterator[Sale | TakenBack]:
    purchase_id, kind, member_id, source, key, store, at, recorded_at, currency, of_source, of_key = head
    order = (recorded_at, 1, purchase_id)
    if kind == Purchase.Kind.SALE:
        said = [Line(code, quantity, total, unit) for code, quantity, total, unit, _ in lines]
        yield Sale(order, member_id, store, PurchaseIn(source, key, store, at, currency, said, member_id))
    elif of_key is not None:
        back = [(number, -quantity, -total) for _code, quantity, total, _unit, number in lines if number]
        yield TakenBack(order, member_id, store, source, key, (of_source, of_key), back, at)


def _moves(connection, until: datetime) -> Iterator[MovedOtherwise]:
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVES,
            {
                "available": Account.AVAILABLE,
                "of_time": OF_TIME,
                "of_purchases": OF_PURCHASES,
                "until": until,
                "points": POINTS,
            },
        )
        rows = cursor.fetchall()
    for n, (member_id, points, at, posted_at, name) in enumerate(rows):
        if points:
            yield MovedOtherwise((posted_at, 2, n), member_id, points, at, name)
