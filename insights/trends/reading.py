"""The sums that trends are judged by: two windows of eight weeks, of members who had joined before the first. One statement."""

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
