"""Finding who is about to leave and what holds whom: sets in PostgreSQL, by the rules of one row.

Purchases of records that were merged count for the member they turned out to be.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from campaigns.retention.models import Driver, RetentionRules
from campaigns.retention.reasons import FEELING, FEWER, RETURNS

# ruff: noqa: S608 - statements are joined from the constants of this module alone; every value is a parameter

YEAR = timedelta(days=365)
HALF_YEAR = timedelta(days=182)
BEFORE = 3
"""The time before is so many times as long as the time looked at."""

_KIN = """
WITH RECURSIVE chain (id, root) AS (
    SELECT m.id, m.merged_into_id FROM members_member m WHERE m.merged_into_id IS NOT NULL
     UNION ALL
    SELECT c.id, m.merged_into_id FROM chain c JOIN members_member m ON m.id = c.root WHERE m.merged_into_id IS NOT NULL
), kin AS (
    SELECT c.id, c.root FROM chain c JOIN members_member m ON m.id = c.root WHERE m.merged_into_id IS NULL
)"""

_HABITS = (
    _KIN
    + """, habit AS (
    SELECT coalesce(k.root, p.member_id) AS member_id,
           count(DISTINCT p.purchased_at::date) FILTER (WHERE p.kind = 1 AND p.purchased_at <= %(recently)s) AS earlier,
           count(DISTINCT p.purchased_at::date) FILTER (WHERE p.kind = 1 AND p.purchased_at > %(recently)s) AS recent,
           count(*) FILTER (WHERE p.kind = 2 AND p.purchased_at > %(recently)s) AS returns
      FROM sales_purchase p LEFT JOIN kin k ON k.id = p.member_id
     WHERE p.member_id IS NOT NULL AND p.purchased_at > %(begin)s AND p.purchased_at <= %(at)s
     GROUP BY 1
), spent AS (
    SELECT coalesce(k.root, p.member_id) AS member_id, sum(p.total_minor) AS minor
      FROM sales_purchase p LEFT JOIN kin k ON k.id = p.member_id
     WHERE p.member_id IS NOT NULL AND p.purchased_at > %(year)s AND p.purchased_at <= %(at)s
     GROUP BY 1
), much AS (
    SELECT percentile_disc(1 - %(much)s / 100.0) WITHIN GROUP (ORDER BY minor) AS minor FROM spent WHERE minor > 0
), said AS (
    SELECT c.member_id, c.feeling FROM care_case c
     WHERE c.member_id IS NOT NULL AND c.feeling IS NOT NULL AND c.opened_at > %(half_year)s AND c.opened_at <= %(at)s
     UNION ALL
    SELECT t.member_id, t.feeling FROM members_touchpoint t
     WHERE t.member_id IS NOT NULL AND t.feeling IS NOT NULL AND t.at > %(half_year)s AND t.at <= %(at)s
), felt AS (
    SELECT coalesce(k.root, s.member_id) AS member_id, avg(s.feeling) AS feeling
      FROM said s LEFT JOIN kin k ON k.id = s.member_id GROUP BY 1
)
SELECT m.id, h.earlier, h.recent, h.returns, coalesce(s.minor, 0), f.feeling,
       h.earlier >= %(least)s AND h.recent <= h.earlier / %(before)s::float8 * (1 - %(drop)s / 100.0),
       h.returns >= %(returns)s AND h.returns * 100 >= %(returns_percent)s * greatest(h.recent, 1),
       coalesce(f.feeling <= %(feeling)s AND s.minor >= (SELECT minor FROM much), false)
  FROM members_member m JOIN habit h ON h.member_id = m.id LEFT JOIN spent s ON s.member_id = m.id LEFT JOIN felt f ON f.member_id = m.id
 WHERE m.status = 'active' AND m.lifecycle_stage <> 'lapsed'
   AND (h.earlier >= %(least)s AND h.recent <= h.earlier / %(before)s::float8 * (1 - %(drop)s / 100.0)
        OR h.returns >= %(returns)s AND h.returns * 100 >= %(returns_percent)s * greatest(h.recent, 1)
        OR f.feeling <= %(feeling)s AND s.minor >= (SELECT minor FROM much))
 ORDER BY m.id
"""
)


@dataclass(frozen=True)
class Found:
    """A member who should be warned of: why, and what they spent in a year (minor units)."""

    member_id: int
    reasons: list[dict]
    spend_minor: int


def at_risk(*, rules: RetentionRules, at) -> list[Found]:
    """Everybody the rules warn of at a moment, in the order of their ids. One statement."""
    days = timedelta(days=rules.recent_days)
    given = {
        "at": at, "recently": at - days, "begin": at - (BEFORE + 1) * days, "year": at - YEAR, "half_year": at - HALF_YEAR,
        "before": BEFORE, "least": rules.purchases_least, "drop": rules.drop_percent, "returns": rules.returns_least,
        "returns_percent": rules.returns_percent, "feeling": rules.feeling_low, "much": rules.spends_much_percent,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HABITS, given)
        return [_found(row, rules.recent_days) for row in cursor.fetchall()]


def _found(row: tuple, days: int) -> Found:
    member_id, earlier, recent, returns, spend, feeling, is_fewer, is_returning, is_displeased = row
    told = [
        (is_fewer, {"code": FEWER, "recent": recent, "usual": round(earlier / BEFORE, 1), "days": days}),
        (is_returning, {"code": RETURNS, "returns": returns, "recent": recent, "days": days}),
        (is_displeased, {"code": FEELING, "feeling": round(feeling or 0)}),
    ]
    return Found(member_id, [reason for holds, reason in told if holds], int(spend))


# -- what a member stays for -------------------------------------------------------------------------------------------

# How far each share lies above its rule; the furthest decides, and of equals service before price before brand.
_DRIVER = """
CASE WHEN lines < %(lines)s THEN 'none'
     WHEN contacts >= %(contacts)s AND contacts::float8 / %(contacts)s >= greatest(price / %(price)s, brand / %(brand)s) THEN 'service'
     WHEN price >= %(price)s AND price / %(price)s >= brand / %(brand)s THEN 'price'
     WHEN brand >= %(brand)s THEN 'brand'
     WHEN price >= %(price)s THEN 'price'
     WHEN contacts >= %(contacts)s THEN 'service'
     ELSE 'none' END
"""

_FACTS = (
    _KIN
    + """, bought AS (
    SELECT p.id, coalesce(k.root, p.member_id) AS member_id
      FROM sales_purchase p LEFT JOIN kin k ON k.id = p.member_id
     WHERE p.member_id IS NOT NULL AND p.kind = 1 AND p.purchased_at > %(year)s AND p.purchased_at <= %(at)s
), helped AS (
    SELECT DISTINCT t.purchase_id FROM loyalty_tender t WHERE t.kind = 'benefit'
), receipts AS (
    SELECT b.member_id, count(*) AS purchases, count(h.purchase_id) AS helped
      FROM bought b LEFT JOIN helped h ON h.purchase_id = b.id GROUP BY 1
), branded AS (
    SELECT b.member_id, r.brand, r.is_service, count(*) AS lines, sum(l.total_minor) AS minor
      FROM bought b JOIN sales_purchaseline l ON l.purchase_id = b.id JOIN sales_product r ON r.id = l.product_id
     GROUP BY 1, 2, 3
), baskets AS (
    SELECT member_id, sum(lines) AS lines, coalesce(sum(lines) FILTER (WHERE is_service), 0) AS services,
           coalesce(sum(minor) FILTER (WHERE brand <> '' AND minor > 0), 0) AS minor,
           coalesce(max(minor) FILTER (WHERE brand <> '' AND minor > 0), 0) AS most,
           (array_agg(brand ORDER BY minor DESC, brand) FILTER (WHERE brand <> '' AND minor > 0))[1] AS brand
      FROM branded GROUP BY 1
), met AS (
    SELECT member_id, count(*) AS times FROM (
        SELECT coalesce(k.root, c.member_id) AS member_id FROM care_case c LEFT JOIN kin k ON k.id = c.member_id
         WHERE c.member_id IS NOT NULL AND c.channel <> 'survey' AND c.opened_at > %(year)s AND c.opened_at <= %(at)s
         UNION ALL
        SELECT coalesce(k.root, t.member_id) FROM members_touchpoint t LEFT JOIN kin k ON k.id = t.member_id
         WHERE t.member_id IS NOT NULL AND t.kind IN ('call', 'chat', 'visit', 'email') AND t.at > %(year)s AND t.at <= %(at)s
    ) AS every GROUP BY 1
), facts AS (
    SELECT m.id AS member_id, b.lines::int AS lines, 100.0 * r.helped / r.purchases AS price,
           (coalesce(t.times, 0) + b.services)::int AS contacts,
           CASE WHEN b.minor > 0 THEN 100.0 * b.most / b.minor ELSE 0 END AS brand, coalesce(b.brand, '') AS brand_name
      FROM members_member m JOIN baskets b ON b.member_id = m.id JOIN receipts r ON r.member_id = m.id
      LEFT JOIN met t ON t.member_id = m.id
     WHERE m.status = 'active'
)"""
)

_KEEP = f"""
{_FACTS}
INSERT INTO campaigns_memberdriver AS known (member_id, driver, facts, since)
SELECT member_id, {_DRIVER},
       jsonb_build_object('lines', lines, 'price', round(price, 1), 'contacts', contacts, 'brand', round(brand, 1), 'brand_name', brand_name),
       %(at)s
  FROM facts ORDER BY member_id
    ON CONFLICT (member_id) DO UPDATE
   SET driver = excluded.driver, facts = excluded.facts,
       since = CASE WHEN known.driver = excluded.driver THEN known.since ELSE excluded.since END
 WHERE (known.driver, known.facts) IS DISTINCT FROM (excluded.driver, excluded.facts)
"""

_COUNT = f"""
SELECT {_DRIVER} AS driver, count(*)
  FROM (SELECT (facts->>'lines')::int AS lines, (facts->>'price')::numeric AS price, (facts->>'contacts')::int AS contacts,
               (facts->>'brand')::numeric AS brand FROM campaigns_memberdriver) AS facts
 GROUP BY 1
"""


def _limits(rules: RetentionRules) -> dict:
    return {
        "lines": rules.lines_least, "contacts": rules.service_contacts, "price": rules.price_percent,
        "brand": rules.brand_percent,
    }  # fmt: skip


def keep_drivers(*, rules: RetentionRules, at) -> int:
    """Work out what each member stays for and keep it; how many rows changed. Repeatable, one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, _limits(rules) | {"at": at, "year": at - YEAR})
        return cursor.rowcount


def drivers_by(rules: RetentionRules) -> dict[str, int]:
    """How many members each driver would hold under these rules, by the figures as last kept: for who edits them."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _limits(rules))
        return dict.fromkeys(Driver.values, 0) | dict(cursor.fetchall())
