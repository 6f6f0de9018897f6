"""What members did with a campaign's offers and messages: what is learned from, and what is shown beside lift, never as lift."""

from django.db import connection

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


_ATTRIBUTED = """
SELECT count(DISTINCT c.member_id), coalesce(sum(p.total_minor), 0)::bigint
  FROM (SELECT m.member_id, min(e.at) AS at FROM delivery_message m JOIN delivery_messageevent e ON e.message_id = m.id
         WHERE m.cause = %(cause)s AND e.kind = 'clicked' AND NOT e.is_machine AND e.at < %(end)s GROUP BY m.member_id) AS c
  JOIN sales_purchase p ON p.member_id = c.member_id AND p.purchased_at >= c.at AND p.purchased_at < %(end)s
"""


def attributed(campaign, *, until) -> dict[str, int]:
    """What members bought after they clicked: members and minor units. It says nothing of what they would have bought anyway."""
    with connection.cursor() as cursor:
        cursor.execute(_ATTRIBUTED, {"cause": campaign.cause, "end": until})
        members, minor = cursor.fetchone()
    return {"members": members, "minor": minor}
