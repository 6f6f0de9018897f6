"""The sums that trends are judged by: two windows of eight weeks, of members who had joined before the first. One statement."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from insights.trends.judging import Sums, Trend, Whole, judge

CATEGORY, STORE, BRAND = "category", "store", "brand"
DAYS = 56
"""Of each window: whole weeks, so that both hold as many Saturdays."""

# Types are counted to the category above them. Money as float8, which is exact below 2⁵³ and costs a third less than numeric.
_SUMS = """
WITH bought AS MATERIALIZED (
    SELECT p.member_id, p.store_id, r.brand, CASE WHEN c.level = 3 THEN c.parent_id ELSE c.id END AS category_id,
           coalesce(sum(l.total_minor) FILTER (WHERE p.purchased_at > %(recently)s), 0)::float8 AS now,
           coalesce(sum(l.total_minor) FILTER (WHERE p.purchased_at <= %(recently)s), 0)::float8 AS before
      FROM sales_purchase p
      JOIN members_member m ON m.id = p.member_id AND m.joined_at <= %(begin)s
      JOIN sales_purchaseline l ON l.purchase_id = p.id
      JOIN sales_product r ON r.id = l.product_id
      LEFT JOIN sales_category c ON c.id = r.category_id
     WHERE p.kind = 1 AND p.purchased_at > %(begin)s AND p.purchased_at <= %(at)s
     GROUP BY 1, 2, 3, 4
), people AS (
    SELECT member_id, sum(now) AS now, sum(before) AS before FROM bought GROUP BY 1
), whole AS (
    SELECT count(*) AS members, sum(before) AS before, sum(now) AS now, sum(now) / nullif(sum(before), 0) AS ratio FROM people
), turned AS (
    SELECT p.member_id, p.now - w.ratio * p.before AS t FROM people p, whole w
), parts AS (
    SELECT 'category' AS kind, category_id::text AS key, member_id, sum(now) AS now, sum(before) AS before
      FROM bought WHERE category_id IS NOT NULL GROUP BY 2, 3
     UNION ALL
    SELECT 'store', store_id::text, member_id, sum(now), sum(before) FROM bought GROUP BY 2, 3
     UNION ALL
    SELECT 'brand', brand, member_id, sum(now), sum(before) FROM bought WHERE brand <> '' GROUP BY 2, 3
)
SELECT p.kind, p.key, count(*), sum(p.before), sum(p.now),
       sum((p.now - w.ratio * p.before) ^ 2), sum((p.now - w.ratio * p.before) * t.t)
  FROM parts p JOIN turned t USING (member_id), whole w WHERE w.ratio IS NOT NULL GROUP BY 1, 2
 UNION ALL
SELECT '', '', w.members, w.before, w.now, (SELECT sum(t ^ 2) FROM turned), 0 FROM whole w WHERE w.ratio IS NOT NULL
 ORDER BY 1, 2
"""


# Sales of each eight weeks, of some categories and, under no key, of everything else.
_BY_WINDOW = """
SELECT coalesce(kept.id::text, '') AS key, floor(extract(epoch FROM %(until)s - p.purchased_at) / %(seconds)s)::int AS ago,
       sum(l.total_minor)::float8
  FROM sales_purchase p
  JOIN sales_purchaseline l ON l.purchase_id = p.id
  JOIN sales_product r ON r.id = l.product_id
  LEFT JOIN sales_category c ON c.id = r.category_id
  LEFT JOIN unnest(%(keys)s::bigint[]) AS kept (id) ON kept.id = CASE WHEN c.level = 3 THEN c.parent_id ELSE c.id END
 WHERE p.kind = 1 AND p.purchased_at > %(begin)s AND p.purchased_at <= %(until)s
 GROUP BY 1, 2
"""
WINDOWS = 6
STEADY_SHARE = 1 / 3


def in_season(categories: Sequence[int], *, at) -> set[int]:
    """Those categories that come and go with the year: what fell was their season, not their custom.

    Looked at are the eight weeks that trends begin with and the five windows before. Who in any of them had under a third of the share
    of the shop's sales that they had in the first is in season. Windows in which the shop sold nothing say nothing.
    """
    if not categories:
        return set()
    until = at - timedelta(days=DAYS)
    given = {
        "keys": list(categories), "until": until, "begin": until - WINDOWS * timedelta(days=DAYS),
        "seconds": timedelta(days=DAYS).total_seconds(),
    }  # fmt: skip
    sold: dict[str, dict[int, float]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_BY_WINDOW, given)
        for key, ago, money in cursor.fetchall():
            sold[key][ago] = money
    shop = {ago: sum(of.get(ago, 0.0) for of in sold.values()) for of in sold.values() for ago in of}
    shares = {
        key: [sold[str(key)].get(ago, 0.0) / shop[ago] for ago in sorted(shop) if shop[ago] > 0] for key in categories
    }
    return {key for key, of in shares.items() if of and min(of) < STEADY_SHARE * of[0]}


def trends(*, at) -> list[Trend]:
    """What categories, stores and brands did in the last eight weeks against the eight before, the surest first."""
    begin, recently = at - timedelta(days=2 * DAYS), at - timedelta(days=DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"begin": begin, "recently": recently, "at": at})
        rows = cursor.fetchall()
    if not rows:
        return []
    (_kind, _key, members, before, now, turned, _none), *groups = rows
    return judge(Whole(members, before, now, turned), [Sums(*row) for row in groups])
