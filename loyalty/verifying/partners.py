"""Partners: whose points came and went, and who pays for what: the settlement follows from the ledger to the unit."""

from loyalty.settling import ALL_OF_IT, SETTLEMENT
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

# A partner bears its part of a reward until the reward is taken back, and then nothing of it.
_BORNE = """
SELECT p.code AS partner, d.id AS redemption, sum(f.points) FILTER (WHERE f.kind = 'redeemed') AS bore,
       coalesce(sum(f.points) FILTER (WHERE f.kind = 'returned'), 0) AS back
  FROM loyalty_redemption d
  JOIN loyalty_funding f ON f.source_id = d.source_id AND f.client_key = d.client_key
  JOIN loyalty_partner p ON p.id = f.partner_id
 GROUP BY p.code, d.id, d.state
HAVING coalesce(sum(f.points) FILTER (WHERE f.kind = 'returned'), 0)
    <> CASE WHEN d.state = 'reversed' THEN coalesce(sum(f.points) FILTER (WHERE f.kind = 'redeemed'), 0) ELSE 0 END
"""

# What the settlements of all months come to, beside the ledger's own sums for the partner's source and the parts it funded.
_SETTLED = f"""
WITH settled AS (
    SELECT s.partner_id, sum(s.points) FILTER (WHERE s.kind = 'issued') AS issued, sum(s.points) FILTER (WHERE s.kind = 'returned') AS returned,
           sum(s.points) FILTER (WHERE s.kind = 'accepted') AS accepted, sum(s.points) FILTER (WHERE s.kind IN ('funded', 'unfunded')) AS funded
      FROM ({SETTLEMENT}) AS s (partner_id, kind, valid_from, currency, issue_price, accept_price, acts, points) GROUP BY 1
), moved AS (
    SELECT p.id AS partner_id, sum(t.points) FILTER (WHERE t.debit_account = 8) AS issued, sum(t.points) FILTER (WHERE t.credit_account = 8) AS returned,
           sum(t.points) FILTER (WHERE t.credit_account = 2) AS accepted
      FROM loyalty_partner p JOIN loyalty_transfer t ON t.source_id = p.source_id GROUP BY 1
), funded AS (SELECT f.partner_id, sum(f.points) AS funded FROM loyalty_funding f GROUP BY 1)
SELECT p.code AS partner, k.kind, coalesce(k.settled, 0) AS settled, coalesce(k.moved, 0) AS moved
  FROM loyalty_partner p LEFT JOIN settled s ON s.partner_id = p.id LEFT JOIN moved m ON m.partner_id = p.id
  LEFT JOIN funded f ON f.partner_id = p.id
 CROSS JOIN LATERAL (VALUES ('given', s.issued, m.issued), ('given and taken back', s.returned, m.returned),
                            ('accepted', s.accepted, m.accepted), ('funded', s.funded, f.funded)) AS k (kind, settled, moved)
 WHERE coalesce(k.settled, 0) <> coalesce(k.moved, 0)
"""  # noqa: S608 - both statements are constants

PROMISES = [
    Promise("I5", "Partners' points are a partner's, with terms", rows(_STRANGERS, "wallet {wallet}, version {version}: source {source} is no partner with terms")),
    Promise("I5", "Partners pay no more of an act than it moved", rows(_FUNDED, "act {key} ({kind}): {funded} funded, {moved} moved"), of_sample=False),
    Promise("I5", "A partner bears nothing of a reward that was taken back", rows(_BORNE, "partner {partner}, redemption {redemption}: bore {bore}, {back} came back"), of_sample=False),
    Promise("I5", "Partners' settlements are what the ledger says they moved", rows(_SETTLED, "partner {partner}: {settled} points {kind} in its settlements, {moved} in the ledger", **ALL_OF_IT), of_sample=False),
]  # fmt: skip
