"""What a replay made, beside what really happened: the same questions to the copies and to the ledger itself."""

import json
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from loyalty.models import Tier
from loyalty.operations.purchases import POINTS, _programme_zone
from loyalty.oversight import PointValue
from loyalty.simulating.replaying import Stretch

REAL, REPLAYED = "public", "pg_temp"
TOP = 10

_STORES = " AND p.store_id IN (SELECT id FROM public.sales_store WHERE code = ANY (%(stores)s))"
_FLOWS = """
SELECT to_char(t.occurred_at AT TIME ZONE %(zone)s, 'YYYY-MM'),
       coalesce(sum(t.points) FILTER (WHERE t.debit_account = 1), 0)::bigint,
       coalesce(sum(t.points) FILTER (WHERE t.credit_account = 4), 0)::bigint,
       coalesce(sum(t.points) FILTER (WHERE t.credit_account = 3), 0)::bigint,
       coalesce(sum(t.points) FILTER (WHERE t.credit_account = 2), 0)::bigint
  FROM {schema}.loyalty_transfer t JOIN {schema}.loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(points)s
  LEFT JOIN {schema}.sales_purchase p ON p.id = t.purchase_id
 WHERE t.occurred_at >= %(since)s AND t.occurred_at < %(until)s {stores}
 GROUP BY 1 ORDER BY 1
"""
_OUTSTANDING = """
SELECT coalesce(sum(CASE WHEN t.credit_account BETWEEN 10 AND 12 THEN t.points ELSE 0 END
                  - CASE WHEN t.debit_account BETWEEN 10 AND 12 THEN t.points ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE WHEN t.debit_account = 13 THEN t.points WHEN t.credit_account = 13 THEN -t.points ELSE 0 END), 0)::bigint
  FROM {schema}.loyalty_transfer t JOIN {schema}.loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(points)s
 WHERE t.occurred_at < %(until)s AND (t.expires_on IS NULL OR t.expires_on >= %(last_day)s)
"""
_COMPARED = """
WITH was AS ({was}), would AS ({would}), both_of AS (
    SELECT member_id, coalesce(was.points, 0) AS was, coalesce(would.points, 0) AS would FROM was FULL JOIN would USING (member_id)
), placed AS (
    SELECT *, would - was AS change, row_number() OVER (ORDER BY would - was DESC, member_id) AS best,
           row_number() OVER (ORDER BY would - was, member_id) AS worst FROM both_of
)
SELECT (SELECT count(*) FROM placed WHERE change > 0), (SELECT count(*) FROM placed WHERE change < 0),
       (SELECT count(*) FROM placed WHERE change = 0),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(member_id, was, would) ORDER BY best), '[]') FROM placed WHERE best <= %(top)s AND change > 0),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(member_id, was, would) ORDER BY worst), '[]') FROM placed WHERE worst <= %(top)s AND change < 0)
"""
_EARNED = """
    SELECT w.member_id, sum(CASE WHEN t.debit_account = 1 THEN t.points ELSE -t.points END)::bigint AS points
      FROM {schema}.loyalty_transfer t JOIN {schema}.loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(points)s
      LEFT JOIN {schema}.sales_purchase p ON p.id = t.purchase_id
     WHERE t.occurred_at >= %(since)s AND t.occurred_at < %(until)s AND (t.debit_account = 1 OR t.credit_account = 4)
       AND w.member_id IS NOT NULL {stores}
     GROUP BY 1
"""
_TIERS = """
SELECT w.member_id, coalesce((SELECT c.to_tier_id FROM {schema}.loyalty_tierchange c WHERE c.wallet_id = w.id AND c.at < %(until)s
                               ORDER BY c.at DESC, c.id DESC LIMIT 1), %(lowest)s) AS tier_id
  FROM {schema}.loyalty_wallet w WHERE w.currency_id = %(points)s AND w.member_id IS NOT NULL
"""


def report(stretch: Stretch, definition: dict | None) -> dict[str, Any]:
    """Compare the replay with the ledger. Asked inside the sandbox, after the replay; pairs are [really, under the draft]."""
    values = {
        "zone": settings.TIME_ZONE, "points": POINTS, "since": stretch.since, "until": stretch.until,
        "stores": sorted(stretch.store_codes), "last_day": _last_day(stretch.until), "top": TOP,
    }  # fmt: skip
    worth = value_of_points(stretch.until, definition)
    flows = {schema: _ask(_FLOWS, schema, values, stretch) for schema in (REAL, REPLAYED)}
    names = ("issued", "taken_back", "expired", "redeemed")
    points = {
        name: [sum(row[n] for row in flows[schema]) for schema in (REAL, REPLAYED)] for n, name in enumerate(names, 1)
    }
    owed = [_ask(_OUTSTANDING, schema, values, stretch)[0] for schema in (REAL, REPLAYED)]
    points["outstanding"], points["debt"] = ([row[n] for row in owed] for n in (0, 1))
    points["earned"] = [i - t for i, t in zip(points["issued"], points["taken_back"], strict=True)]
    return {
        "points": points,
        "worth": worth,
        "money": _in_money(points, worth),
        "months": _months(flows),
        "tiers": _tiers(values, stretch),
        "members": _members(values, stretch),
    }


def value_of_points(until: datetime, definition: dict | None) -> dict | None:
    """What a thousand points are worth: as the books say at the end of the stretch, else as the rules say; None if nobody did."""
    day = _last_day(until)
    row = (
        PointValue.objects.filter(currency_id=POINTS, effective_from__lte=day)
        .order_by("-effective_from", "-pk")
        .first()
    )
    if row:
        return {"currency": row.money, "minor_per_1000": row.minor_per_1000}
    return (definition or {}).get("point_cost")


def _last_day(until: datetime) -> date:
    """The last day of a stretch that ends just before `until`, in the programme's time zone."""
    return (until - timedelta(microseconds=1)).astimezone(_programme_zone()).date()


def _in_money(points: dict, worth: dict | None) -> dict | None:
    if not worth:
        return None
    per_1000 = worth["minor_per_1000"]
    return {
        "cost_minor": [earned * per_1000 // 1000 for earned in points["earned"]],
        "liability_minor": [held * per_1000 // 1000 for held in points["outstanding"]],
    }


def _months(flows: dict) -> list:
    """Points earned by month: [month, really, under the draft]."""
    by = {schema: {row[0]: row[1] - row[2] for row in rows} for schema, rows in flows.items()}
    return [[m, by[REAL].get(m, 0), by[REPLAYED].get(m, 0)] for m in sorted(by[REAL].keys() | by[REPLAYED].keys())]


def _tiers(values: dict, stretch: Stretch) -> dict:
    """Members by the tier they really held at the end (rows) and the one they would hold (columns), from the lowest."""
    ladder = list(Tier.objects.order_by("points_from").values_list("pk", "code"))
    values = values | {"lowest": ladder[0][0]}
    was, would = (_TIERS.format(schema=schema) for schema in (REAL, REPLAYED))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT was.tier_id, would.tier_id, count(*) FROM ({was}) was JOIN ({would}) would USING (member_id) GROUP BY 1, 2",  # noqa: S608
            values,
        )
        counted = {(was_id, would_id): n for was_id, would_id, n in cursor.fetchall()}
    matrix = [[counted.get((row, column), 0) for column, _code in ladder] for row, _code in ladder]
    up = sum(n for r, row in enumerate(matrix) for c, n in enumerate(row) if c > r)
    down = sum(n for r, row in enumerate(matrix) for c, n in enumerate(row) if c < r)
    return {"codes": [code for _pk, code in ladder], "matrix": matrix, "up": up, "down": down}


def _members(values: dict, stretch: Stretch) -> dict:
    stores = _STORES if stretch.store_codes else ""
    was, would = (_EARNED.format(schema=schema, stores=stores) for schema in (REAL, REPLAYED))
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED.format(was=was, would=would), values)
        better, worse, same, best, worst = cursor.fetchone()
    return {"better": better, "worse": worse, "same": same, "best": _listed(best), "worst": _listed(worst)}


def _listed(found) -> list:
    return json.loads(found) if isinstance(found, str) else found


def _ask(sql: str, schema: str, values: dict, stretch: Stretch) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(schema=schema, stores=_STORES if stretch.store_codes else ""), values)
        return cursor.fetchall()
