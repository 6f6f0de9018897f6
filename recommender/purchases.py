"""Purchases, read from the database in one statement into arrays."""

from datetime import UTC, datetime

import numpy as np
import psycopg
from django.db import connection
from psycopg import sql

from insights.kin import REFUSING, ROOTS
from recommender import shelf
from recommender.interactions import DAY_S, Interactions
from sales.models import Category

# A line counts when something was taken and not wholly brought back. Whoever said no to personal recommendations is not
# read, and neither are types that are never offered: nothing is concluded from them. Each row packs all of a member's
# (type, day) pairs of one store into bytes, because a million small rows cost more to hand over than to find.
INTERACTIONS = """
WITH RECURSIVE {roots},
refusing AS ({refusing}), returned AS (
    SELECT r.refunds_id AS purchase_id, l.refunds_line_no AS line_no, -sum(l.total_minor) AS total_minor
      FROM sales_purchase r JOIN sales_purchaseline l ON l.purchase_id = r.id
     WHERE r.kind = 2 AND r.refunds_id IS NOT NULL AND r.purchased_at < {until} GROUP BY 1, 2
)
SELECT coalesce(k.root, p.member_id), p.store_id,
       string_agg(int8send(t.category_id) || int4send(floor(extract(epoch FROM p.purchased_at) / 86400)::int), ''::bytea)
  FROM sales_purchase p
  JOIN sales_purchaseline l ON l.purchase_id = p.id
  JOIN sales_product t ON t.id = l.product_id
  LEFT JOIN returned ON returned.purchase_id = l.purchase_id AND returned.line_no = l.line_no
  LEFT JOIN roots k ON k.id = p.member_id
 WHERE p.kind = 1 AND p.purchased_at < {until} AND {members}
   AND coalesce(k.root, p.member_id) NOT IN (SELECT member_id FROM refusing)
   AND coalesce(k.root, p.member_id) IN (SELECT id FROM members_member WHERE status = 'active')
   AND t.category_id = ANY ({types})
   AND (l.quantity > 0 OR l.total_minor > 0)
   AND (returned.total_minor IS NULL OR returned.total_minor < l.total_minor)
 GROUP BY 1, 2
"""
PACKED = np.dtype([("item", ">i8"), ("day", ">i4")])


def read(*, until: datetime, types: list[int], member_ids: list[int] | None = None) -> tuple[Interactions, np.ndarray]:
    """Interactions before a moment, over `types`; and the home store of each member (id, shape (M,)): where they come most."""
    query = sql.SQL(INTERACTIONS).format(
        roots=sql.SQL(ROOTS),
        refusing=sql.SQL(REFUSING),
        until=sql.Literal(until),
        types=_bigints(types),
        members=sql.SQL(
            "p.member_id = ANY (ARRAY(SELECT unnest({own}) UNION ALL SELECT id FROM roots WHERE root = ANY ({own})))"
        ).format(own=_bigints(member_ids))
        if member_ids is not None
        else sql.SQL("p.member_id IS NOT NULL"),
    )
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:  # Django's own cursor gives bytes as hexadecimal text
        rows = cursor.execute(query, prepare=False, binary=True).fetchall()
    packed = np.frombuffer(b"".join(row[2] for row in rows), PACKED)
    sizes = [len(row[2]) // PACKED.itemsize for row in rows]
    member, store = (np.repeat(np.array([row[at] for row in rows], np.int64), sizes) for at in (0, 1))
    item, day = packed["item"].astype(np.int64), packed["day"].astype(np.int64)
    seen = Interactions.of(member, item, day, until=day_of(until), item_ids=np.asarray(types, np.int64), stores=store)
    return seen, _home_stores(member, store, seen.member_ids)


def day_of(moment: datetime) -> int:
    """The first day (since 1970, UTC) that a moment does not lie after: purchases before it are on earlier days."""
    return -int(-moment.timestamp() // DAY_S)


def moment_of(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_S, UTC)


def last_purchase_at() -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(purchased_at) FROM sales_purchase WHERE member_id IS NOT NULL")
        return cursor.fetchone()[0]


def types_to_learn_from() -> list[int]:
    """Every product type that is not excluded, offered or not."""
    return sorted(Category.objects.filter(level=3).exclude(pk__in=shelf.read().excluded()).values_list("pk", flat=True))


def groups_of(types: list[int]) -> np.ndarray:
    """The category (level 2) of each type, by its id; −1 where it has none. Shape (I,), in the order of `types`."""
    with connection.cursor() as cursor:  # one array, where a list would be a parameter for every type
        cursor.execute("SELECT id, parent_id FROM sales_category WHERE id = ANY (%s)", [types])
        parents = dict(cursor.fetchall())
    return np.array([parents.get(pk) or -1 for pk in types], np.int64)


def _bigints(values):
    return sql.SQL("{}::bigint[]").format(sql.Literal([int(value) for value in values]))


def _home_stores(member: np.ndarray, store: np.ndarray, member_ids: np.ndarray) -> np.ndarray:
    if not len(member):
        return np.zeros(0, np.int64)
    stores, store_index = np.unique(store, return_inverse=True)
    visits, times = np.unique(np.searchsorted(member_ids, member) * len(stores) + store_index, return_counts=True)
    most = visits[np.lexsort((visits, -times, visits // len(stores)))]
    _, first = np.unique(most // len(stores), return_index=True)
    return stores[most[first] % len(stores)]
