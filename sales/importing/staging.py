"""Checked lines wait here until the whole file is read: gone with the process and its database session even after kill -9.

Nothing is posted before the last row was read, so a file that breaks off imports nothing. The lines themselves lie in a file
(spill.py); PostgreSQL holds their heads, which is one row for each stretch of lines that say the same receipt, time, store,
member and currency. It brings the receipts into the order of time, in flat memory however long the file is.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from django.db import connection
from django.utils.translation import gettext as _

from members.importing.problems import Problem, shown
from sales.importing.checking import PRODUCT_COLUMNS, Checked
from sales.importing.spill import Spill

# Times are microseconds since 1970: numbers are written, sorted and grouped much faster than timestamps.
TABLES = """
    CREATE TEMPORARY TABLE staged_head (place bigint, lines bigint, row bigint, receipt text, at bigint, member text, store text,
        currency text, is_refund boolean, refunds_receipt text);
    CREATE TEMPORARY TABLE staged_product (product text, name text, category text, brand text, is_service boolean,
        tags text);
    CREATE TEMPORARY TABLE staged_spoiled (receipt text);
    CREATE TEMPORARY TABLE staged_member (ref text PRIMARY KEY, first_row bigint, first_at bigint, member_id bigint, outcome text)
"""

# The lines of a receipt agree on where, when and whose it was: what disagrees with the receipt's first line is told.
DISAGREEING = """
    WITH said AS (
        SELECT receipt, min(row) AS first_row FROM staged_head GROUP BY receipt
        HAVING min(at) <> max(at) OR min(store) <> max(store) OR min(member) <> max(member) OR min(currency) <> max(currency)
            OR min(refunds_receipt) FILTER (WHERE is_refund) <> max(refunds_receipt) FILTER (WHERE is_refund)
    )
    SELECT DISTINCT ON (receipt) l.row, receipt,
           CASE WHEN l.at <> f.at THEN 'time' WHEN l.store <> f.store THEN 'store' WHEN l.member <> f.member THEN 'member'
                WHEN l.currency <> f.currency THEN 'currency' ELSE 'refunds_receipt' END
      FROM said JOIN staged_head l USING (receipt) JOIN staged_head f USING (receipt)
     WHERE f.row = said.first_row
       AND (l.at, l.store, l.member, l.currency) IS DISTINCT FROM (f.at, f.store, f.member, f.currency)
        OR f.row = said.first_row AND l.is_refund AND f.is_refund AND l.refunds_receipt <> f.refunds_receipt
     ORDER BY receipt, l.row
"""

RECEIPTS = """
    SELECT receipt, is_refund, 'epoch'::timestamptz + at * interval '1 microsecond', store, currency, member_id, h.member, refunds_receipt, min(row),
           array_agg(place ORDER BY row), array_agg(lines ORDER BY row)
      FROM staged_head h LEFT JOIN staged_member m ON m.ref = h.member
     WHERE m.outcome IS DISTINCT FROM 'reject'
     GROUP BY at, receipt, is_refund, store, currency, h.member, member_id, refunds_receipt
     ORDER BY at, receipt, is_refund
"""

SAID_ONCE = ("receipt", "at", "member", "store", "currency", "is_refund", "refunds_receipt")
HEAD_COLUMNS = ("place", "lines", "row", *SAID_ONCE)
SPILT_COLUMNS = ("product", "milli", "unit", "minor")
DESCRIBED_MAX = 200_000


class StagedReceipt(NamedTuple):
    """One receipt of the file; its refunded lines are a receipt of their own (`is_refund`), right after it.

    Quantities are thousandths and, like the totals, positive in refunds too. `row` is its first row in the file.
    """

    receipt: str
    is_refund: bool
    at: datetime
    store: str
    currency: str
    member_id: int | None
    member: str
    refunds_receipt: str
    row: int
    products: list[str]
    millis: list[int]
    units: list[str]
    minors: list[int]


class Staging:
    """A database session of its own with the staged lines. Used as a context manager; leaving it drops everything."""

    def __enter__(self):
        self._spill = Spill(SPILT_COLUMNS).__enter__()
        self._db = connection.copy()
        self._db.connect()
        self._cursor = self._db.connection.cursor()  # psycopg's own: a thread may fill while another one reads the file
        self._described: set[tuple] = set()
        self._cursor.execute("SET temp_buffers = '64MB'; SET work_mem = '64MB'; SET synchronous_commit = off")
        self._cursor.execute(TABLES)
        return self

    def __exit__(self, *error):
        self._db.close()
        self._spill.__exit__(*error)

    # -- filling -------------------------------------------------------------------------------------------------------
    def add(self, checked: Checked):
        if len(checked.lines):
            self._copy("staged_head", HEAD_COLUMNS, _heads(checked.lines, self._spill.add(checked.lines)))
        self._add_products(checked.products)
        self.spoil(checked.spoiled_receipts)

    def _add_products(self, products: pa.Table):
        """Stage the products that no earlier batch described alike; what was seen is forgotten before it grows large."""
        rows = list(zip(*(column.to_pylist() for column in products.columns), strict=True))
        is_new = [row not in self._described for row in rows]
        self._copy("staged_product", PRODUCT_COLUMNS, products.filter(pa.array(is_new, pa.bool_())))
        if len(self._described) > DESCRIBED_MAX:
            self._described.clear()
        self._described.update(rows)

    def _copy(self, table: str, columns: tuple[str, ...], rows: pa.Table):
        buffer = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
        pyarrow.csv.write_csv(rows, buffer, options)
        with self._cursor.copy(
            f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv, FORCE_NOT_NULL *)"
        ) as copy:
            copy.write(buffer.getbuffer())

    def spoil(self, receipts: Iterable[str]):
        """Leave these receipts out, with all of their lines."""
        if receipts := list(receipts):
            self._cursor.execute("INSERT INTO staged_spoiled SELECT unnest(%s::text[])", [receipts])

    # -- settling ------------------------------------------------------------------------------------------------------
    def drop_spoiled(self) -> int:
        """Remove the receipts that were spoilt. Returns how many good lines were left out with them."""
        self._cursor.execute("ANALYZE staged_head; ANALYZE staged_spoiled")
        self._cursor.execute(
            """WITH gone AS (DELETE FROM staged_head h USING (SELECT DISTINCT receipt FROM staged_spoiled) s
                              WHERE h.receipt = s.receipt RETURNING h.lines)
               SELECT coalesce(sum(lines), 0)::bigint FROM gone"""
        )
        [dropped] = self._cursor.fetchone()
        self._cursor.execute("TRUNCATE staged_spoiled")
        return dropped

    def disagreements(self) -> Iterator[Problem]:
        """Receipts whose lines disagree on time, store, member or currency; they are marked as spoilt."""
        self._cursor.execute(DISAGREEING)
        found = self._cursor.fetchall()
        self.spoil(receipt for _row, receipt, _name in found)
        for row, receipt, name in found:
            yield Problem(
                row, name, _("Receipt %(receipt)s says otherwise in its first line.") % {"receipt": shown(receipt)},
                _("All lines of a receipt carry the same time, store, member, currency and refunded receipt."),
            )  # fmt: skip

    def products(self, chunk: int = 20_000) -> Iterator[list[tuple]]:
        """The products of the file: (code, name, category path, brand, is service, tags by semicolon), the fullest description of each."""
        self._cursor.execute(
            """CREATE TEMPORARY TABLE staged_catalogue AS
               SELECT DISTINCT ON (product) * FROM staged_product ORDER BY product, name = '', category = '', brand = '', tags = '', name, category"""
        )
        yield from self._chunks("SELECT product, name, category, brand, is_service, tags FROM staged_catalogue", chunk)

    def stores(self) -> list[str]:
        self._cursor.execute("SELECT DISTINCT store FROM staged_head")
        return [row[0] for row in self._cursor]

    def members(self, chunk: int = 10_000) -> Iterator[list[tuple[str, int, datetime]]]:
        """The member references of the file, each with its first row and first time."""
        self._cursor.execute(
            """INSERT INTO staged_member (ref, first_row, first_at)
               SELECT member, min(row), min(at) FROM staged_head WHERE member <> '' GROUP BY member"""
        )
        yield from self._chunks(
            "SELECT ref, first_row, 'epoch'::timestamptz + first_at * interval '1 microsecond' FROM staged_member",
            chunk,
        )

    def know_members(self, found: dict[str, int | None], *, outcome: str = ""):
        """Note whom references mean; None with the outcome 'reject' leaves their receipts out."""
        self._cursor.execute(
            """UPDATE staged_member m SET member_id = k.member_id, outcome = %s
                 FROM unnest(%s::text[], %s::bigint[]) AS k (ref, member_id) WHERE m.ref = k.ref""",
            [outcome, list(found), list(found.values())],
        )

    def count(self) -> int:
        self._cursor.execute(
            "SELECT coalesce(sum(lines), 0)::bigint FROM staged_head h LEFT JOIN staged_member m ON m.ref = h.member"
            " WHERE m.outcome IS DISTINCT FROM 'reject'"
        )
        return self._cursor.fetchone()[0]

    # -- reading back --------------------------------------------------------------------------------------------------
    def receipts(self, chunk: int) -> Iterator[list[StagedReceipt]]:
        """All receipts in the order of time."""
        for heads in self._chunks(RECEIPTS, chunk):
            counts = [count for *_rest, of_head in heads for count in of_head]
            columns = self._spill.take([place for *_rest, of_head, _counts in heads for place in of_head], counts)
            receipts, begin = [], 0
            for *head, _places, of_head in heads:
                end = begin + sum(of_head)
                receipts.append(StagedReceipt(*head, *[column[begin:end] for column in columns]))
                begin = end
            yield receipts

    def _chunks(self, query: str, chunk: int) -> Iterator[list[tuple]]:
        """The rows of a query by and by. The cursor is held over its commit, so that no snapshot is kept from vacuum."""
        with self._db.connection.cursor(name="staged", withhold=True) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(chunk):
                yield rows


def _heads(lines: pa.Table, first_place: int) -> pa.Table:
    """One row for each stretch of neighbouring lines that say the same of everything a receipt says once."""
    lines = lines.combine_chunks()
    differs = np.zeros(len(lines), dtype=bool)
    differs[0] = True
    for name in SAID_ONCE:
        column = lines[name].chunk(0)
        differs[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(differs)
    heads = lines.select(("row", *SAID_ONCE)).take(pa.array(starts))
    counts = np.diff(starts, append=len(lines))
    return heads.add_column(0, "lines", pa.array(counts)).add_column(0, "place", pa.array(starts + first_place))
