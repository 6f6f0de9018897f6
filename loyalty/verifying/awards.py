"""What was earned: every award recomputes, refunds take back in proportion."""

from collections.abc import Iterator

from django.db import connection

from loyalty import explaining, rules
from loyalty.earning import MICRO
from loyalty.verifying.promises import Breach, Promise, rows

_AWARDS = """
SELECT a.purchase_id AS purchase, a.wallet_id AS wallet, a.points AS said, coalesce(t.points, 0) AS moved
  FROM loyalty_award a
  LEFT JOIN (SELECT purchase_id, sum(points) AS points FROM loyalty_transfer
              WHERE wallet_id {chosen} AND reason = 'purchase' GROUP BY purchase_id) t USING (purchase_id)
 WHERE a.wallet_id {chosen} AND a.points <> coalesce(t.points, 0)
 UNION ALL
SELECT t.purchase_id, t.wallet_id, 0, sum(t.points) FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND t.reason = 'purchase'
   AND NOT EXISTS (SELECT FROM loyalty_award a WHERE a.purchase_id = t.purchase_id)
 GROUP BY 1, 2
"""

_TAKEN_BACK = """
refunds AS (
    SELECT a.purchase_id, (loyalty_taken_back(a, l.totals, l.refunded)).*
      FROM loyalty_award a
      JOIN (SELECT DISTINCT refunds_id FROM sales_purchase WHERE refunds_id IS NOT NULL) r ON r.refunds_id = a.purchase_id
      CROSS JOIN LATERAL (
          SELECT array_agg(s.total_minor ORDER BY s.line_no) AS totals,
                 array_agg(coalesce(b.refunded, 0)::bigint ORDER BY s.line_no) AS refunded
            FROM sales_purchaseline s
            LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor) AS refunded
                         FROM sales_purchase p JOIN sales_purchaseline x ON x.purchase_id = p.id
                        WHERE p.refunds_id = a.purchase_id GROUP BY 1) b ON b.refunds_line_no = s.line_no
           WHERE s.purchase_id = a.purchase_id) l
     WHERE a.wallet_id {chosen})
"""

_EARNED = f"""
WITH {_TAKEN_BACK},
earned AS (
    SELECT a.wallet_id, sum(a.points * 1000000 + a.carry_after - a.carry_before) AS micropoints
      FROM loyalty_award a WHERE a.wallet_id {{chosen}} GROUP BY 1),
taken AS (
    SELECT wallet_id, sum(greatest(whole, cancelled)) AS micropoints
      FROM (SELECT a.wallet_id, r.whole, 0 AS cancelled FROM refunds r JOIN loyalty_award a USING (purchase_id)
             WHERE NOT EXISTS (SELECT FROM loyalty_review v WHERE v.purchase_id = a.purchase_id AND v.state = 'cancelled')
             UNION ALL
            SELECT v.wallet_id, coalesce(r.whole, 0), loyalty_lines_held(v) * 1000000
              FROM loyalty_review v LEFT JOIN refunds r USING (purchase_id)
             WHERE v.wallet_id {{chosen}} AND v.state = 'cancelled' AND v.purchase_id IS NOT NULL) x GROUP BY 1),
moved AS (
    SELECT wallet_id, sum(CASE WHEN reason = 'purchase' THEN points WHEN reason = 'refund' THEN -points
                               WHEN reason = 'review' AND debit_account = 11 AND credit_account = 4 AND purchase_id IS NOT NULL
                               THEN -points ELSE 0 END) AS points
      FROM loyalty_transfer WHERE wallet_id {{chosen}} GROUP BY 1)
SELECT w.id AS wallet, coalesce(m.points, 0) * 1000000 + w.carry_micropoints AS has,
       coalesce(e.micropoints, 0) - coalesce(t.micropoints, 0) AS earned
  FROM loyalty_wallet w
  LEFT JOIN earned e ON e.wallet_id = w.id
  LEFT JOIN taken t ON t.wallet_id = w.id
  LEFT JOIN moved m ON m.wallet_id = w.id
 WHERE w.id {{chosen}}
   AND coalesce(m.points, 0) * 1000000 + w.carry_micropoints <> coalesce(e.micropoints, 0) - coalesce(t.micropoints, 0)
"""  # noqa: S608 (its parts are constants of this file)

_TO_RECOMPUTE = """
SELECT a.purchase_id, a.wallet_id, a.rule_set_id, p.currency, p.purchased_at, a.tier_id, a.tier_percent, a.carry_before,
       a.carry_after, a.points, a.line_category_ids, a.line_micropoints, a.line_extra_micropoints, a.inputs, a.entitlements,
       l.products, l.totals
  FROM loyalty_award a
  LEFT JOIN sales_purchase p ON p.id = a.purchase_id
  LEFT JOIN LATERAL (SELECT array_agg(product_id ORDER BY line_no) AS products, array_agg(total_minor ORDER BY line_no) AS totals
                       FROM sales_purchaseline WHERE purchase_id = a.purchase_id) l ON true
 WHERE a.wallet_id {chosen}
"""


def _recompute(wallet_ids: list[int] | None) -> Iterator[Breach]:
    """Ask the rules of then about every basket again, and do the wallet's arithmetic again."""
    import json  # psycopg hands jsonb of raw SQL as text where Django's cursor does

    chosen = "= ANY (%(wallets)s)" if wallet_ids is not None else "IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(_TO_RECOMPUTE.replace("{chosen}", chosen), {"wallets": wallet_ids})
        while rows := cursor.fetchmany(2000):
            for row in rows:
                *head, inputs, used, products, totals = row
                inputs, used = (json.loads(x) if isinstance(x, str) else x for x in (inputs, used))
                if fault := _fault(head, inputs or {}, used, products, totals):
                    yield Breach(f"award of purchase {row[0]}, wallet {row[1]}: {fault}", wallet=row[1])


def _fault(head: list, inputs: dict, used: list | None, products: list | None, totals: list | None) -> str:  # noqa: PLR0911 (the first fault is named)
    (_, _, rule_set_id, currency, at, tier_id, percent, before, after, points, types, micropoints, extra) = head
    if not products:
        return "its purchase has no lines"
    if len(products) != len(micropoints):
        return f"{len(micropoints)} lines were awarded, the purchase has {len(products)}"
    rule_set, plan = explaining.plan_again(
        rule_set_id,
        currency=currency,
        at=at,
        lines=list(zip(products, totals, strict=True)),
        type_ids=types,
        inputs=inputs,
    )
    if plan.line_micropoints != micropoints:
        return f"the lines earn {plan.line_micropoints} micropoints under rule set {rule_set.version}, stored {micropoints}"
    expected = _extra(plan, used)
    if expected != (extra or [0] * len(micropoints)):
        return f"bonuses and offers give {expected} micropoints, stored {extra}"
    tier = rules.known().tiers.get(tier_id)
    if tier is None or percent != rule_set.tier_percents.get(tier.code, 100):
        return f"tier {tier_id} does not multiply by {percent} % under rule set {rule_set.version}"
    whole = before + plan.base_micropoints * percent // 100 + sum(expected)
    if (points, after) != divmod(whole, MICRO):
        return (
            f"{whole} micropoints make {whole // MICRO} points and carry {whole % MICRO}, stored {points} and {after}"
        )
    return ""


def _extra(plan, used: list | None) -> list[int]:
    """What fixed bonuses of the rules and the entitlements used give per line."""
    extra = list(plan.line_extra_micropoints or [0] * len(plan.line_micropoints))
    for benefit in used or ():
        for line in benefit["lines"]:
            base = plan.line_micropoints[line - 1]
            times = benefit["benefit"] == "multiply"
            extra[line - 1] += base * (benefit["amount"] - 100) // 100 if times else benefit["amount"] * MICRO
    return extra


PROMISES = [
    Promise("I6", "An award moved exactly the points it says", rows(_AWARDS, "award of purchase {purchase}, wallet {wallet}: says {said}, moved {moved}")),
    Promise("I8", "Points and remainder are what purchases earned less what refunds took back", rows(_EARNED, "wallet {wallet}: has {has} micropoints, earned and kept {earned}")),
    Promise("I16", "Every award recomputes from its rule set and stored inputs", _recompute),
]  # fmt: skip
