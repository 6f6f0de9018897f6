"""What came of a campaign, counted by PostgreSQL: one row per arm, and one row per member where members are needed.

Everybody assigned and not skipped counts, whatever became of their message. Purchases count from launch to the end of the
window, refunds taken off. An offer counts as redeemed when its product type was bought, by held-out members too: they
were decided an offer that they never saw. Opens decide nothing and are not here.
"""

from django.db import connection

from insights.lift import ArmStats

# ruff: noqa: S608 - statements are joined from the constants of this file alone; every value is a parameter

#: Metric → its unit. The first is primary, fixed before any launch.
METRICS = {"spend": "money", "orders": "orders", "buyers": "share", "redeemers": "share"}

_ELIGIBLE = """
assigned AS MATERIALIZED (
    SELECT a.member_id, a.arm_id FROM experiments_assignment a WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = ''
)"""

_REAL = f"""
WITH {_ELIGIBLE},
spent AS (
    SELECT p.member_id, sum(p.total_minor) AS spend, count(*) FILTER (WHERE p.kind = 1) AS orders
      FROM sales_purchase p JOIN assigned USING (member_id)
     WHERE p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s
     GROUP BY p.member_id
),
redeemed AS (
    SELECT DISTINCT p.member_id
      FROM sales_purchase p
      JOIN assigned USING (member_id)
      JOIN sales_purchaseline l ON l.purchase_id = p.id
      JOIN sales_product r ON r.id = l.product_id
      JOIN recommender_decision d ON d.cause = %(cause)s AND d.member_id = p.member_id AND d.category_id = r.category_id
     WHERE p.kind = 1 AND p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s
),
outcome AS (
    SELECT a.arm_id, a.member_id, COALESCE(s.spend, 0)::float8 AS spend, COALESCE(s.orders, 0)::float8 AS orders,
           (COALESCE(s.orders, 0) > 0)::int::float8 AS buyers, (r.member_id IS NOT NULL)::int::float8 AS redeemers
      FROM assigned a LEFT JOIN spent s USING (member_id) LEFT JOIN redeemed r USING (member_id)
)
"""

_SIMULATED = f"""
WITH {_ELIGIBLE},
outcome AS (
    SELECT a.arm_id, a.member_id, COALESCE(o.spend_minor, 0)::float8 AS spend, COALESCE(o.orders, 0)::float8 AS orders,
           (COALESCE(o.orders, 0) > 0)::int::float8 AS buyers, COALESCE(o.is_redeemed, false)::int::float8 AS redeemers
      FROM assigned a LEFT JOIN campaigns_rehearsaloutcome o ON o.member_id = a.member_id AND o.campaign_id = %(campaign)s
)
"""

_PER_ARM = "SELECT arm_id, count(*), {sums} FROM outcome GROUP BY arm_id".format(
    sums=", ".join(f"sum({metric}), sum({metric} * {metric})" for metric in METRICS)
)
_PER_MEMBER = "SELECT {metric} FROM outcome ORDER BY member_id"


def _ask(campaign, question, *, until):
    statement = (_SIMULATED if campaign.is_rehearsal else _REAL) + question
    given = {
        "experiment": campaign.experiment_id,
        "campaign": campaign.pk,
        "cause": campaign.cause,
        "begin": campaign.launched_at,
        "end": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


def per_arm(campaign, *, until) -> dict[str, dict[str, ArmStats]]:
    """Metric → arm's name → its three sums. One statement; an arm without members is there with zeros."""
    arms = {arm.pk: arm.name for arm in campaign.experiment.arms.all()}
    found = {metric: {name: ArmStats(name, 0, 0.0, 0.0) for name in arms.values()} for metric in METRICS}
    for arm_id, n, *sums in _ask(campaign, _PER_ARM, until=until):
        for i, metric in enumerate(METRICS):
            found[metric][arms[arm_id]] = ArmStats(arms[arm_id], n, float(sums[2 * i]), float(sums[2 * i + 1]))
    return found


def values(campaign, metric: str, *, until) -> list[float]:
    """One value per assigned member, held-out included, for re-randomising."""
    if metric not in METRICS:
        raise ValueError(f"There is no metric {metric!r}; there are {', '.join(METRICS)}.")
    return [row[0] for row in _ask(campaign, _PER_MEMBER.format(metric=metric), until=until)]


_OFFER_OUTCOMES = """
SELECT d.member_id, d.category_id, arm.is_holdout,
       EXISTS (SELECT 1 FROM sales_purchase p
                 JOIN sales_purchaseline l ON l.purchase_id = p.id
                 JOIN sales_product r ON r.id = l.product_id
                WHERE p.member_id = d.member_id AND p.kind = 1 AND r.category_id = d.category_id
                  AND p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s)
  FROM recommender_decision d
  JOIN experiments_assignment a ON a.experiment_id = %(experiment)s AND a.member_id = d.member_id AND a.skipped_reason = ''
  JOIN experiments_arm arm ON arm.id = a.arm_id
 WHERE d.cause = %(cause)s
"""

_SIMULATED_OFFER_OUTCOMES = """
SELECT d.member_id, d.category_id, arm.is_holdout, COALESCE(o.redeemed_categories @> to_jsonb(d.category_id), false)
  FROM recommender_decision d
  JOIN experiments_assignment a ON a.experiment_id = %(experiment)s AND a.member_id = d.member_id AND a.skipped_reason = ''
  JOIN experiments_arm arm ON arm.id = a.arm_id
  LEFT JOIN campaigns_rehearsaloutcome o ON o.campaign_id = %(campaign)s AND o.member_id = d.member_id
 WHERE d.cause = %(cause)s
"""


def of_offers(campaign, *, until) -> list[tuple[int, int, bool, bool]]:
    """Per decided offer: member, product type, whether held out, whether the type was bought in the window."""
    statement = _SIMULATED_OFFER_OUTCOMES if campaign.is_rehearsal else _OFFER_OUTCOMES
    given = {
        "experiment": campaign.experiment_id,
        "campaign": campaign.pk,
        "cause": campaign.cause,
        "begin": campaign.launched_at,
        "end": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


_RESPONSES = """
SELECT arm.name, e.kind, count(DISTINCT m.member_id)
  FROM delivery_message m
  JOIN delivery_messageevent e ON e.message_id = m.id AND NOT e.is_machine
  JOIN experiments_assignment a ON a.experiment_id = %(experiment)s AND a.member_id = m.member_id
  JOIN experiments_arm arm ON arm.id = a.arm_id
 WHERE m.cause = %(cause)s AND e.kind IN ('opened', 'clicked', 'unsubscribed', 'complained')
 GROUP BY arm.name, e.kind
"""

_SIMULATED_RESPONSES = """
SELECT arm.name, kind, count(*)
  FROM campaigns_rehearsaloutcome o
  JOIN experiments_assignment a ON a.experiment_id = %(experiment)s AND a.member_id = o.member_id
  JOIN experiments_arm arm ON arm.id = a.arm_id
 CROSS JOIN LATERAL (VALUES ('opened', o.is_opened), ('clicked', o.is_clicked), ('unsubscribed', o.is_unsubscribed)) AS did (kind, yes)
 WHERE o.campaign_id = %(campaign)s AND did.yes
 GROUP BY arm.name, kind
"""


def responses(campaign) -> dict[str, dict[str, int]]:
    """Arm's name → members who opened, clicked, unsubscribed, complained. Shown beside the result, never part of it."""
    statement = _SIMULATED_RESPONSES if campaign.is_rehearsal else _RESPONSES
    given = {"experiment": campaign.experiment_id, "campaign": campaign.pk, "cause": campaign.cause}
    found: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        for arm, kind, n in cursor.fetchall():
            found.setdefault(arm, {})[kind] = n
    return found
