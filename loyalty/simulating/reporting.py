"""What a replay made, beside what really happened: the same questions to the copies and to the ledger itself."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from loyalty.models import Tier
from loyalty.operations.purchases import POINTS, _programme_zone
from loyalty.oversight import PointValue
from loyalty.simulating.parts import Part
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
 WHERE t.occurred_at >= %(since)s AND t.occurred_at < %(until)s {stores} AND {mine}
 GROUP BY 1 ORDER BY 1
"""
_OUTSTANDING = """
SELECT coalesce(sum(CASE WHEN t.credit_account BETWEEN 10 AND 12 THEN t.points ELSE 0 END
                  - CASE WHEN t.debit_account BETWEEN 10 AND 12 THEN t.points ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE WHEN t.debit_account = 13 THEN t.points WHEN t.credit_account = 13 THEN -t.points ELSE 0 END), 0)::bigint
  FROM {schema}.loyalty_transfer t JOIN {schema}.loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(points)s
 WHERE t.occurred_at < %(until)s AND (t.expires_on IS NULL OR t.expires_on >= %(last_day)s) AND {mine}
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
       AND w.member_id IS NOT NULL {stores} AND {mine}
     GROUP BY 1
"""
_TIERS = """
SELECT w.member_id, coalesce((SELECT c.to_tier_id FROM {schema}.loyalty_tierchange c WHERE c.wallet_id = w.id AND c.at < %(until)s
                               ORDER BY c.at DESC, c.id DESC LIMIT 1), %(lowest)s) AS tier_id
  FROM {schema}.loyalty_wallet w WHERE w.currency_id = %(points)s AND w.member_id IS NOT NULL AND {mine}
"""


NAMES = ("issued", "taken_back", "expired", "redeemed")


@dataclass
class Counted:
    """What was counted of one part of the members, really and replayed; parts add up.

    `months`: month → [really, replayed], each in the order of NAMES; `owed`: [really, replayed] of (outstanding, debt); `tiers`: how many
    stand in "really>replayed"; `best` and `worst`: (member, really, replayed), those whose points change most.
    """

    months: dict[str, list[list[int]]]
    owed: list[list[int]]
    tiers: dict[str, int]
    better: int
    worse: int
    same: int
    best: list[list[int]]
    worst: list[list[int]]

    @classmethod
    def together(cls, parts: Sequence["Counted"]) -> "Counted":
        def change(row):
            return row[2] - row[1]

        return cls(
            months={
                month: _sum([part.months.get(month, _NOTHING) for part in parts])
                for month in sorted({month for part in parts for month in part.months})
            },
            owed=_sum([part.owed for part in parts]),
            tiers=dict(sum((Counter(part.tiers) for part in parts), Counter())),
            better=sum(part.better for part in parts),
            worse=sum(part.worse for part in parts),
            same=sum(part.same for part in parts),
            best=sorted((row for part in parts for row in part.best), key=lambda row: (-change(row), row[0]))[:TOP],
            worst=sorted((row for part in parts for row in part.worst), key=lambda row: (change(row), row[0]))[:TOP],
        )


_NOTHING = [[0] * len(NAMES)] * 2


def _sum(tables: Sequence[list[list[int]]]) -> list[list[int]]:
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def count(stretch: Stretch, part: Part) -> Counted:
    """Compare a part's replay with the ledger. Asked inside the sandbox, after the replay."""
    values = {
        "zone": settings.TIME_ZONE, "points": POINTS, "since": stretch.since, "until": stretch.until,
        "stores": sorted(stretch.store_codes), "last_day": _last_day(stretch.until), "top": TOP,
    } | part.given  # fmt: skip
    stores = _STORES if stretch.store_codes else ""

    def told(question: str, schema: str) -> str:
        return question.format(schema=schema, stores=stores, mine=part.holds("w.member_id"))

    flows = [{month: row for month, *row in _ask(told(_FLOWS, schema), values)} for schema in (REAL, REPLAYED)]
    lowest = Tier.objects.order_by("points_from").values_list("pk", flat=True)[0]
    tiers = "SELECT was.tier_id, would.tier_id, count(*) FROM ({was}) was JOIN ({would}) would USING (member_id) GROUP BY 1, 2"
    of_both = {"was": told(_TIERS, REAL), "would": told(_TIERS, REPLAYED)}
    [people] = _ask(_COMPARED.format(was=told(_EARNED, REAL), would=told(_EARNED, REPLAYED)), values)
    return Counted(
        {month: [flow.get(month, _NOTHING[0]) for flow in flows] for month in sorted(flows[0] | flows[1])},
        [list(_ask(told(_OUTSTANDING, schema), values)[0]) for schema in (REAL, REPLAYED)],
        {f"{was}>{would}": n for was, would, n in _ask(tiers.format(**of_both), values | {"lowest": lowest})},
        *people[:3],
        *map(_listed, people[3:]),
    )


def report(counted: Counted, stretch: Stretch, definition: dict | None) -> dict[str, Any]:
    """The result as it is kept; pairs are [really, under the draft]."""
    points = {
        name: [sum(month[side][n] for month in counted.months.values()) for side in (0, 1)]
        for n, name in enumerate(NAMES)
    }
    points["outstanding"], points["debt"] = (list(pair) for pair in zip(*counted.owed, strict=True))
    points["earned"] = [i - t for i, t in zip(points["issued"], points["taken_back"], strict=True)]
    worth = value_of_points(stretch.until, definition)
    return {
        "points": points,
        "worth": worth,
        "money": _in_money(points, worth),
        "months": [[month, was[0] - was[1], would[0] - would[1]] for month, (was, would) in counted.months.items()],
        "tiers": _tiers(counted),
        "members": {name: getattr(counted, name) for name in ("better", "worse", "same", "best", "worst")},
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


def _tiers(counted: Counted) -> dict:
    """Members by the tier they really held at the end (rows) and the one they would hold (columns), from the lowest."""
    ladder = list(Tier.objects.order_by("points_from").values_list("pk", "code"))
    matrix = [[counted.tiers.get(f"{row}>{column}", 0) for column, _code in ladder] for row, _code in ladder]
    up = sum(n for r, row in enumerate(matrix) for c, n in enumerate(row) if c > r)
    down = sum(n for r, row in enumerate(matrix) for c, n in enumerate(row) if c < r)
    return {"codes": [code for _pk, code in ladder], "matrix": matrix, "up": up, "down": down}


def _listed(found) -> list:
    return json.loads(found) if isinstance(found, str) else found


def _ask(asked: str, values: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(asked, values)
        return cursor.fetchall()
