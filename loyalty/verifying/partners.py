"""Partners: whose points came and went, and who pays for what: the settlement follows from the ledger to the unit."""

from loyalty.verifying.promises import Promise, rows

_STRANGERS = """
SELECT t.wallet_id AS wallet, t.version, t.source_id AS source
  FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND 8 IN (t.debit_account, t.credit_account)
   AND NOT EXISTS (SELECT FROM loyalty_partner p JOIN loyalty_partnerterms m ON m.partner_id = p.id WHERE p.source_id = t.source_id)
"""

_FUNDED = """
SELECT f.client_key AS key, f.kind, f.funded, coalesce(t.moved, 0) AS moved
  FROM (SELECT source_id, client_key, kind, sum(points) AS funded FROM loyalty_funding GROUP BY 1, 2, 3) f
  LEFT JOIN LATERAL (
       SELECT sum(x.points) AS moved FROM loyalty_transfer x
        WHERE x.source_id = f.source_id AND x.client_key = f.client_key
          AND CASE WHEN f.kind IN ('redeemed', 'returned') THEN x.credit_account = 2 ELSE x.debit_account IN (1, 7, 8) END) t ON true
 WHERE f.funded > coalesce(t.moved, 0)
"""

PROMISES = [
    Promise("I5", "Partners' points are a partner's, with terms", rows(_STRANGERS, "wallet {wallet}, version {version}: source {source} is no partner with terms")),
    Promise("I5", "Partners pay no more of an act than it moved", rows(_FUNDED, "act {key} ({kind}): {funded} funded, {moved} moved"), of_sample=False),
]  # fmt: skip
