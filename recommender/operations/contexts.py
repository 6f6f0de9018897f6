"""Writing what is known of members for choosing, and what is usually paid for each type: with the lists, one statement each."""

from datetime import datetime

from django.db import connection
from psycopg import sql

from insights.kin import REFUSING, ROOTS
from recommender.contexts import DAYS
from recommender.models import MemberContext

# Whoever said no to personal recommendations has no row, and who was absorbed is read as the record that lives on.
_WRITE = """
WITH RECURSIVE {roots},
refusing AS ({refusing}), bought AS (
    SELECT DISTINCT coalesce(k.root, p.member_id) AS member_id, floor(extract(epoch FROM p.purchased_at) / 86400)::int AS day, c.parent_id AS group_id
      FROM sales_purchase p
      LEFT JOIN roots k ON k.id = p.member_id
      LEFT JOIN sales_purchaseline l ON l.purchase_id = p.id AND l.quantity >= 0 AND l.total_minor >= 0
      LEFT JOIN sales_product t ON t.id = l.product_id
      LEFT JOIN sales_category c ON c.id = t.category_id
     WHERE p.kind = 1 AND p.purchased_at < {at} AND p.purchased_at >= {at} - make_interval(days => {days}) AND {some}
), trips AS (
    SELECT member_id, count(DISTINCT day) AS days, max(day) AS last, min(day) AS first FROM bought GROUP BY 1
), habits AS (
    SELECT b.member_id, array_agg(b.group_id ORDER BY b.group_id) AS group_ids,
           array_agg(round(b.n::numeric / trips.days, 3)::float8 ORDER BY b.group_id) AS habits
      FROM (SELECT member_id, group_id, count(*) AS n FROM bought WHERE group_id IS NOT NULL GROUP BY 1, 2) b
      JOIN trips ON trips.member_id = b.member_id GROUP BY 1
), wanted AS (
    SELECT s.member_id, max(s.value) FILTER (WHERE r.kind = 'price_driven') - 0.5 AS price,
           max(s.value) FILTER (WHERE r.kind = 'brand_driven') - 0.5 AS brand,
           max(s.value) FILTER (WHERE r.kind = 'service_driven') - 0.5 AS service
      FROM insights_score s JOIN insights_scorerun r ON r.id = s.run_id AND r.status = 'live'
     WHERE r.kind IN ('price_driven', 'brand_driven', 'service_driven') AND {scored} GROUP BY 1
)
INSERT INTO recommender_membercontext (member_id, traits, group_ids, habits, at)
SELECT t.member_id, ARRAY[
           (m.lifecycle_stage IN ('contact', 'new', 'developing'))::int,
           (m.lifecycle_stage IN ('at_risk', 'lapsed'))::int,
           greatest(-1, least(1, log(2, (1 + floor(extract(epoch FROM {at}) / 86400) - t.last)
               / (1 + CASE WHEN t.days > 1 THEN (t.last - t.first)::numeric / (t.days - 1) ELSE {usual_gap} END)) / 3)),
           ln(1 + t.days) / 5 - 0.5, coalesce(w.price, 0), coalesce(w.brand, 0), coalesce(w.service, 0)
       ]::float8[], coalesce(h.group_ids, '{{}}'), coalesce(h.habits, '{{}}'), {at}
  FROM trips t JOIN members_member m ON m.id = t.member_id AND m.status = 'active'
  LEFT JOIN habits h ON h.member_id = t.member_id LEFT JOIN wanted w ON w.member_id = t.member_id
 WHERE t.member_id NOT IN (SELECT member_id FROM refusing)
    ON CONFLICT (member_id) DO UPDATE SET traits = excluded.traits, group_ids = excluded.group_ids, habits = excluded.habits, at = excluded.at
"""
USUAL_GAP_DAYS = 28  # between purchases of who came once
_USUAL = """
WITH paid AS (
    SELECT t.category_id, round(avg(l.total_minor))::int AS usual
      FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product t ON t.id = l.product_id
     WHERE p.kind = 1 AND l.total_minor > 0 AND p.purchased_at < %(at)s AND p.purchased_at >= %(at)s - make_interval(days => %(days)s)
     GROUP BY 1)
UPDATE recommender_offer o SET usual_minor = paid.usual FROM paid
 WHERE paid.category_id = o.category_id AND o.usual_minor IS DISTINCT FROM paid.usual
"""


def write(*, at: datetime, member_ids: list[int] | None = None) -> int:
    """Rewrite what is known of all active members as of `at`, or of some; how many are known. Inside the caller's transaction."""
    old = MemberContext.objects.all() if member_ids is None else MemberContext.objects.filter(pk__in=member_ids)
    old.delete()
    own = sql.SQL("{}::bigint[]").format(sql.Literal(member_ids or []))
    some, scored = sql.SQL("p.member_id IS NOT NULL"), sql.SQL("true")
    if member_ids is not None:
        scored = sql.SQL("s.member_id = ANY ({})").format(own)
        some = sql.SQL(
            "p.member_id = ANY (ARRAY(SELECT unnest({own}) UNION ALL SELECT id FROM roots WHERE root = ANY ({own})))"
        ).format(own=own)
    statement = sql.SQL(_WRITE).format(
        roots=sql.SQL(ROOTS), refusing=sql.SQL(REFUSING), at=sql.Literal(at), days=sql.Literal(DAYS), usual_gap=sql.Literal(USUAL_GAP_DAYS),
        some=some, scored=scored,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        known = cursor.rowcount
        if member_ids is None:
            cursor.execute(_USUAL, {"at": at, "days": DAYS})
    return known
