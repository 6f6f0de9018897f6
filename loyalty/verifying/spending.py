"""Holds, rewards and tender: what is set aside is somewhere, what was handed out was paid for."""

from loyalty.verifying.promises import Promise, rows

_HELD = """
SELECT w.id AS wallet, w.held AS stored, coalesce(h.held, 0) AS expected
  FROM loyalty_wallet w
  LEFT JOIN (SELECT wallet_id, sum(points - captured - released)::bigint AS held FROM loyalty_hold
              WHERE wallet_id {chosen} AND state = 'open' GROUP BY 1) h ON h.wallet_id = w.id
 WHERE w.id {chosen} AND w.held <> coalesce(h.held, 0)
"""

_HOLDS = """
SELECT wallet, hold, fault FROM (
    SELECT h.wallet_id AS wallet, h.id AS hold,
           CASE WHEN h.points - h.captured - h.released <> (SELECT coalesce(sum(p), 0) FROM unnest(h.lot_points) p)
                THEN 'its lots hold something else than what is left of it'
                WHEN h.points <> t.held THEN 'it set aside something else than its transfers say' END AS fault
      FROM loyalty_hold h
      LEFT JOIN LATERAL (SELECT sum(m.points)::bigint AS held FROM loyalty_transfer m
                          WHERE m.source_id = h.source_id AND m.client_key = h.client_key AND m.credit_account = 12) t ON true
     WHERE h.wallet_id {chosen}) x
 WHERE fault IS NOT NULL
"""

PROMISES = [
    Promise("I12", "What a wallet holds is what its open holds hold", rows(_HELD, "wallet {wallet}: holds {stored}, its holds {expected}")),
    Promise("I12", "A hold gave out no more than it set aside", rows(_HOLDS, "wallet {wallet}, hold {hold}: {fault}")),
]  # fmt: skip
