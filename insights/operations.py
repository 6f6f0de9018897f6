"""Refreshing what insights say of members."""

from django.db import connection

from insights import lifecycle
from insights.scoring import NothingToScore, refresh_scores, score_look_alikes
from members import operations as members
from members import queries
from members.models import Member
from sales.models import Purchase

__all__ = ["NothingToScore", "refresh_lifecycle", "refresh_scores", "score_look_alikes"]

# Purchases of records that were merged count for the member they turned out to be. One row a member: the first and last day with a purchase, how many such days there were, and the last day that ended a
# silence as long as makes a member lapsed, measured by the habit they had before it.
_FACTS = """
    WITH RECURSIVE kin (id, root) AS (
        SELECT m.id, m.merged_into_id FROM members_member m WHERE m.merged_into_id IS NOT NULL
         UNION ALL
        SELECT k.id, m.merged_into_id FROM kin k JOIN members_member m ON m.id = k.root WHERE m.merged_into_id IS NOT NULL),
    roots AS (SELECT k.id, k.root FROM kin k JOIN members_member m ON m.id = k.root WHERE m.merged_into_id IS NULL),
    days AS (
        SELECT coalesce(r.root, p.member_id) AS member_id, date(purchased_at AT TIME ZONE 'UTC') AS day, max(purchased_at) AS at, min(purchased_at) AS opened
          FROM sales_purchase p LEFT JOIN roots r ON r.id = p.member_id
         WHERE kind = %(sale)s AND p.member_id IS NOT NULL AND purchased_at <= %(at)s
         GROUP BY 1, 2),
    gaps AS (
        SELECT member_id, day, at, opened, lag(day) OVER own AS before, row_number() OVER own AS n,
               first_value(day) OVER own AS first
          FROM days WINDOW own AS (PARTITION BY member_id ORDER BY day)),
    facts AS (
        SELECT member_id, min(opened) AS first, max(at) AS last, count(*) AS visits,
               max(at) FILTER (WHERE day - before > %(lapsed)s * CASE WHEN n > 2
                   THEN greatest(%(least)s, least(%(most)s, (before - first) / (n - 2)::float)) ELSE %(unknown)s END) AS returned
          FROM gaps GROUP BY member_id)
    SELECT m.id, extract(epoch FROM %(at)s - coalesce(f.first, m.joined_at)) / 86400,
           extract(epoch FROM %(at)s - coalesce(f.last, m.joined_at)) / 86400, coalesce(f.visits, 0),
           extract(epoch FROM %(at)s - f.returned) / 86400
      FROM members_member m LEFT JOIN facts f ON f.member_id = m.id
     WHERE m.status = %(active)s AND m.joined_at <= %(at)s
"""


def refresh_lifecycle(*, at) -> dict[str, int]:
    """Give every active member the stage their purchases up to `at` speak of; answer how many are in each.

    One reading and one writing, whatever the number of members; repeating it changes nothing.
    """
    rules = _rules()
    with connection.cursor() as cursor:
        cursor.execute(
            _FACTS,
            {
                "sale": Purchase.Kind.SALE, "at": at, "active": Member.Status.ACTIVE, "lapsed": rules.lapsed_gaps,
                "least": lifecycle.GAP_MIN, "most": lifecycle.GAP_MAX, "unknown": lifecycle.GAP_UNKNOWN,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    if not rows:
        return {}
    ids, first, last, visits, returned = zip(*rows, strict=True)
    found = lifecycle.stages(*(_floats(one) for one in (first, last, visits, returned)), rules=rules)
    members.set_lifecycle_stages({pk: str(stage) for pk, stage in zip(ids, found, strict=True)}, at=at)
    return {stage: int((found == stage).sum()) for stage in Member.LifecycleStage.values}


def _floats(column) -> list[float]:
    return [float("nan") if value is None else float(value) for value in column]


def _rules() -> lifecycle.Rules:
    kept = queries.lifecycle_rules()
    return lifecycle.Rules(**{name: float(getattr(kept, name)) for name in lifecycle.Rules.__dataclass_fields__})
