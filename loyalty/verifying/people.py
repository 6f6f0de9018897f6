"""Tiers follow from what was counted; what goes into transit comes out; merged wallets are empty."""

from loyalty.verifying.awards import _TAKEN_BACK
from loyalty.verifying.promises import Promise, rows

# A wallet's tier counts its own awards and those of the wallets merged into it. What a table holds is added up, not joined: a join
# planned for a table that is taken to be small reads it once for each row of another. Only who was absorbed is looked up.
_ABSORBED = """
absorbed (low, high) AS (
    SELECT m.absorbed_id, m.survivor_id FROM loyalty_walletmerge m WHERE m.survivor_id {chosen} AND m.undone_at IS NULL
     UNION
    SELECT m.absorbed_id, k.high FROM absorbed k JOIN loyalty_walletmerge m ON m.survivor_id = k.low AND m.undone_at IS NULL)
"""

_COUNTS = f"""
WITH RECURSIVE {_ABSORBED},
{_TAKEN_BACK.replace("a.wallet_id {chosen}", "(a.wallet_id {chosen} OR a.wallet_id IN (SELECT low FROM absorbed))")},
own AS MATERIALIZED (
    SELECT wallet_id, month, sum(micropoints) AS micropoints
      FROM (SELECT a.wallet_id, date_trunc('month', a.earned_on)::date AS month,
                   (SELECT sum(x) FROM unnest(a.line_micropoints) x) AS micropoints
              FROM loyalty_award a WHERE a.wallet_id {{chosen}} OR a.wallet_id IN (SELECT low FROM absorbed)
             UNION ALL
            SELECT a.wallet_id, date_trunc('month', a.earned_on)::date, -r.base
              FROM refunds r JOIN loyalty_award a USING (purchase_id)) x GROUP BY 1, 2),
theirs AS MATERIALIZED (SELECT * FROM own o WHERE (o.wallet_id IN (SELECT low FROM absorbed)) IS TRUE),
months AS (
    SELECT * FROM own
     UNION ALL
    SELECT k.high, o.month, o.micropoints FROM absorbed k JOIN theirs o ON o.wallet_id = k.low),
windows AS (
    SELECT wallet, sum(micropoints) AS micropoints, sum(stored) AS stored
      FROM (SELECT w.id AS wallet, 0 AS micropoints, (SELECT coalesce(sum(q), 0) FROM unnest(w.qualifying_micropoints) q) AS stored
              FROM loyalty_wallet w WHERE w.id {{chosen}}
             UNION ALL
            SELECT w.id, m.micropoints, 0
              FROM months m JOIN loyalty_wallet w ON w.id = m.wallet_id AND m.month > w.qualifying_month - interval '12 months'
             WHERE w.id {{chosen}}) x GROUP BY 1)
SELECT wallet, (stored / 1000000)::bigint AS stored, (micropoints / 1000000)::bigint AS recomputed
  FROM windows WHERE micropoints <> stored
"""  # noqa: S608 (its parts are constants of this file)

_MORE = """
SELECT w.id AS wallet, w.lifetime_qualifying AS stored, c.counted
  FROM loyalty_wallet w
 CROSS JOIN LATERAL (
       SELECT ARRAY[coalesce(sum(m.micropoints), 0), coalesce(sum(m.spend_minor), 0), coalesce(sum(m.visits), 0)]::bigint[] AS counted,
              coalesce(sum(m.spend_minor) FILTER (WHERE m.month > w.qualifying_month - interval '12 months'), 0) AS spend_minor,
              coalesce(sum(m.visits) FILTER (WHERE m.month > w.qualifying_month - interval '12 months'), 0) AS visits
         FROM loyalty_counted(loyalty_kin(w.id)) m) c
 WHERE w.id {chosen} AND w.lifetime_qualifying IS NOT NULL
   AND (w.lifetime_qualifying <> c.counted
        OR c.spend_minor <> (SELECT coalesce(sum(q), 0) FROM unnest(w.qualifying_spend_minor) q)
        OR c.visits <> (SELECT coalesce(sum(q), 0) FROM unnest(w.qualifying_visits) q))
"""

# On a plain ladder the tier is asked for without a function: a million wallets take seconds.
_TIERS = """
WITH plain AS (
    SELECT bool_and(how = 'earned' AND counted_over = 'rolling' AND window_months = 12 AND spend_minor_from = 0 AND visits_from = 0
                    AND credits_from = 0) AS is_plain
      FROM loyalty_tier),
held AS (
    SELECT w.id AS wallet, w.tier_id, w.tier_keeps_until, w.tier_granted_id,
           CASE WHEN p.is_plain
                THEN (SELECT t.id FROM loyalty_tier t
                       WHERE t.points_from <= (SELECT coalesce(sum(q), 0) / 1000000 FROM unnest(w.qualifying_micropoints) q)
                       ORDER BY t.rank DESC LIMIT 1)
                ELSE (loyalty_reached_tier(w)).id END AS reached_id
      FROM loyalty_wallet w CROSS JOIN plain p
     WHERE w.id {chosen} AND w.merged_into_id IS NULL AND w.qualifying_month IS NOT NULL AND w.member_id IS NOT NULL)
SELECT h.wallet, h.tier_id AS tier, r.code AS reached
  FROM held h
  JOIN loyalty_tier t ON t.id = h.tier_id
  JOIN loyalty_tier r ON r.id = h.reached_id
  LEFT JOIN loyalty_tier g ON g.id = h.tier_granted_id
 WHERE t.rank <> greatest(r.rank, g.rank) AND NOT (h.tier_keeps_until IS NOT NULL AND t.rank > greatest(r.rank, g.rank))
"""

_CHANGES = """
SELECT c.wallet_id AS wallet, w.tier_id AS held, c.to_tier_id AS said
  FROM (SELECT DISTINCT ON (wallet_id) wallet_id, to_tier_id FROM loyalty_tierchange
         WHERE wallet_id {chosen} ORDER BY wallet_id, id DESC) c
  JOIN loyalty_wallet w ON w.id = c.wallet_id
 WHERE w.tier_id <> c.to_tier_id
"""

_TRANSIT = """
SELECT source_id AS source, client_key AS key,
       sum(points) FILTER (WHERE credit_account = 5) AS went_in, sum(points) FILTER (WHERE debit_account = 5) AS came_out
  FROM loyalty_transfer WHERE 5 IN (debit_account, credit_account)
 GROUP BY 1, 2
HAVING coalesce(sum(points) FILTER (WHERE credit_account = 5), 0) <> coalesce(sum(points) FILTER (WHERE debit_account = 5), 0)
"""

_MERGED = """
SELECT w.id AS wallet, w.available FROM loyalty_wallet w
 WHERE w.id {chosen}
   AND ((w.merged_into_id IS NOT NULL AND (w.available > 0 OR w.debt > 0))
        OR w.merged_into_id IS DISTINCT FROM
           (SELECT m.survivor_id FROM loyalty_walletmerge m WHERE m.absorbed_id = w.id AND m.undone_at IS NULL))
"""

# Wallets are merged as their members are, and by one merge at a time.
_MERGED_MEMBERS = """
SELECT w.id AS wallet, m.merged_into_id AS said, s.member_id AS into
  FROM loyalty_wallet w
  JOIN members_member m ON m.id = w.member_id
  LEFT JOIN loyalty_wallet s ON s.id = w.merged_into_id
 WHERE w.id {chosen} AND s.member_id IS DISTINCT FROM m.merged_into_id
"""

# What goes on from a merged wallet comes to its survivor, lot for lot. What pays a debt arrives in no lot.
_WENT_ON = """
SELECT t.wallet_id AS wallet, t.client_key AS key, t.expires_on AS lot, sum(t.points) AS went
  FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND t.reason = 'merge' AND t.debit_account = 10 AND t.credit_account = 5
   AND t.client_key NOT LIKE 'unmerge:%%'
 GROUP BY t.wallet_id, t.source_id, t.client_key, t.expires_on
HAVING sum(t.points) > (SELECT coalesce(sum(o.points), 0) FROM loyalty_transfer o
                          WHERE o.source_id = t.source_id AND o.client_key = t.client_key AND o.wallet_id <> t.wallet_id
                            AND o.debit_account = 5
                            AND (o.credit_account = 10 AND o.expires_on = t.expires_on OR o.credit_account = 13))
"""

# Where a merge is taken apart, the survivor gives from other lots what it has spent of those that went on, or owes it; it comes
# back in the lots it went on in all the same, and never more in one than went.
_CAME_BACK = """
SELECT t.wallet_id AS wallet, t.client_key AS key, t.expires_on AS lot, sum(t.points) AS came
  FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND t.reason = 'merge' AND t.debit_account = 5 AND t.credit_account = 10
   AND t.client_key LIKE 'unmerge:%%:' || t.wallet_id
 GROUP BY t.wallet_id, t.client_key, t.expires_on
HAVING sum(t.points) > (SELECT coalesce(sum(o.points), 0) FROM loyalty_transfer o
                          WHERE o.wallet_id = t.wallet_id AND o.version < min(t.version) AND o.reason = 'merge'
                            AND o.debit_account = 10 AND o.credit_account = 5 AND o.expires_on = t.expires_on)
"""

PROMISES = [
    Promise("I14", "Wallets are merged as their members are", rows(_MERGED_MEMBERS, "wallet {wallet}: its member was merged into {said}, the wallet into that of {into}")),
    Promise("I14", "What went on after a merge arrived in the same lot", rows(_WENT_ON, "wallet {wallet}, act {key}, lot {lot}: {went} went on and did not arrive in that lot")),
    Promise("I14", "What a merge taken apart gives back comes in the lots it went on in", rows(_CAME_BACK, "wallet {wallet}, act {key}, lot {lot}: {came} came back, more than went on")),
    Promise("I5", "What goes into transit comes out in the same act", rows(_TRANSIT, "act {key} of source {source}: {went_in} went in, {came_out} came out"), of_sample=False),
    Promise("I14", "A merged wallet is empty, and what came into it went on", rows(_MERGED, "wallet {wallet}: {available} available, or merged without a record")),
    Promise("I15", "The months of the window are what awards counted", rows(_COUNTS, "wallet {wallet}: window holds {stored}, recomputed {recomputed}")),
    Promise("I15", "Spend, visits and lifetime are what awards counted", rows(_MORE, "wallet {wallet}: holds {stored}, recomputed {counted}")),
    Promise("I15", "The tier follows from the months of the window", rows(_TIERS, "wallet {wallet}: tier {tier}, the window reaches {reached}")),
    Promise("I15", "The tier is the one of its newest change", rows(_CHANGES, "wallet {wallet}: holds tier {held}, newest change {said}")),
]  # fmt: skip
