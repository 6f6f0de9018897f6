"""Balances, lots, versions and causes: what each wallet holds follows from its transfers."""

from loyalty.verifying.promises import Promise, rows

_BALANCES = """
SELECT w.id AS wallet, bucket.name, bucket.stored, bucket.moved
  FROM loyalty_wallet w
  LEFT JOIN (SELECT wallet_id,
                    sum(CASE WHEN credit_account = 10 THEN points WHEN debit_account = 10 THEN -points ELSE 0 END) AS available,
                    sum(CASE WHEN credit_account = 11 THEN points WHEN debit_account = 11 THEN -points ELSE 0 END) AS pending,
                    sum(CASE WHEN credit_account = 12 THEN points WHEN debit_account = 12 THEN -points ELSE 0 END) AS held,
                    sum(CASE WHEN debit_account = 13 THEN points WHEN credit_account = 13 THEN -points ELSE 0 END) AS debt
               FROM loyalty_transfer WHERE wallet_id {chosen} GROUP BY wallet_id) t ON t.wallet_id = w.id
 CROSS JOIN LATERAL (VALUES ('available', w.available, coalesce(t.available, 0)), ('pending', w.pending, coalesce(t.pending, 0)),
                            ('held', w.held, coalesce(t.held, 0)), ('debt', w.debt, coalesce(t.debt, 0)))
                    AS bucket (name, stored, moved)
 WHERE w.id {chosen} AND bucket.stored <> bucket.moved
"""

_LOTS = """
SELECT wallet, lot, sum(stored) AS stored, sum(moved) AS moved
  FROM (SELECT w.id AS wallet, l.expires_on AS lot, l.points AS stored, 0 AS moved
          FROM loyalty_wallet w CROSS JOIN unnest(w.lot_expires_on, w.lot_points) AS l (expires_on, points)
         WHERE w.id {chosen}
         UNION ALL
        SELECT wallet_id, expires_on, 0, CASE WHEN credit_account = 10 THEN points ELSE -points END
          FROM loyalty_transfer WHERE wallet_id {chosen} AND 10 IN (credit_account, debit_account)) both_sides
 GROUP BY wallet, lot HAVING sum(stored) <> sum(moved)
"""

_LOT_SUMS = """
SELECT id AS wallet, available, (SELECT coalesce(sum(p), 0) FROM unnest(lot_points) p) AS lots
  FROM loyalty_wallet
 WHERE id {chosen} AND (available <> (SELECT coalesce(sum(p), 0) FROM unnest(lot_points) p)
    OR cardinality(lot_points) <> cardinality(lot_expires_on))
"""

_NEGATIVES = """
SELECT id AS wallet, available, pending, held, debt, lot_points AS lots FROM loyalty_wallet
 WHERE id {chosen} AND (least(available, pending, held, debt) < 0 OR 0 >= ANY (lot_points))
 UNION ALL
SELECT wallet_id, available_after, 0, 0, 0, NULL FROM loyalty_transfer
 WHERE wallet_id {chosen} AND (available_after < 0 OR points <= 0)
"""

_ORDER = """
SELECT wallet_id AS wallet, version, available_after AS said, previous + step AS expected
  FROM (SELECT wallet_id, version, available_after,
               lag(available_after, 1, 0::bigint) OVER by_version AS previous,
               lag(version, 1, 0::bigint) OVER by_version AS previous_version,
               CASE WHEN credit_account = 10 THEN points WHEN debit_account = 10 THEN -points ELSE 0 END AS step
          FROM loyalty_transfer WHERE wallet_id {chosen}
        WINDOW by_version AS (PARTITION BY wallet_id ORDER BY version)) t
 WHERE version <> previous_version + 1 OR available_after <> previous + step
"""

_NEWEST = """
SELECT w.id AS wallet, w.version, w.available, coalesce(t.version, 0) AS newest, coalesce(t.available_after, 0) AS said
  FROM loyalty_wallet w
  LEFT JOIN (SELECT DISTINCT ON (wallet_id) wallet_id, version, available_after FROM loyalty_transfer
              WHERE wallet_id {chosen} ORDER BY wallet_id, version DESC) t ON t.wallet_id = w.id
 WHERE w.id {chosen} AND (w.version <> coalesce(t.version, 0) OR w.available <> coalesce(t.available_after, 0))
"""

_PROGRAMME = """
SELECT coalesce(issued, 0) AS issued, coalesce(gone, 0) + held AS accounted
  FROM (SELECT sum(points) FILTER (WHERE debit_account < 10) AS issued, sum(points) FILTER (WHERE credit_account < 10) AS gone
          FROM loyalty_transfer) t,
       (SELECT coalesce(sum(available + pending + held - debt), 0) AS held FROM loyalty_wallet) w
 WHERE coalesce(issued, 0) <> coalesce(gone, 0) + held
"""

# What was said of a purchase is hashed with the purchase; its award does not repeat it.
_CAUSES = """
SELECT t.wallet_id AS wallet, t.version,
       CASE WHEN t.wallet_missing THEN 'its wallet does not exist'
            WHEN t.purchase_missing THEN 'the purchase it names does not exist'
            WHEN p.client_key <> t.client_key OR p.source_id <> t.source_id OR t.body_hash NOT IN ('', p.body_hash)
            THEN 'it names another key or body than its purchase'
            ELSE 'its key names a purchase too' END AS fault
  FROM (SELECT t.*, w.id IS NULL AS wallet_missing, t.purchase_id IS NOT NULL AND p.id IS NULL AS purchase_missing
          FROM loyalty_transfer t
          LEFT JOIN loyalty_wallet w ON w.id = t.wallet_id
          LEFT JOIN sales_purchase p ON p.id = t.purchase_id
         WHERE t.wallet_id {chosen}) t
  LEFT JOIN sales_purchase p ON p.id = t.purchase_id OR (t.purchase_id IS NULL AND p.source_id = t.source_id AND p.client_key = t.client_key)
 WHERE t.wallet_missing OR t.purchase_missing
    OR (t.purchase_id IS NOT NULL AND t.reason IN ('purchase', 'refund') AND ((p.client_key, p.source_id) IS DISTINCT FROM (t.client_key, t.source_id) OR t.body_hash NOT IN ('', p.body_hash)))
    OR (t.purchase_id IS NULL AND p.id IS NOT NULL)
"""

PROMISES = [
    Promise("I1", "Every balance is the sum of its transfers", rows(_BALANCES, "wallet {wallet}: {name} is {stored}, transfers make {moved}")),
    Promise("I2", "Lots add up to the available points", rows(_LOT_SUMS, "wallet {wallet}: {available} available, lots hold {lots}")),
    Promise("I2", "Every lot is the sum of the transfers that name it", rows(_LOTS, "wallet {wallet}, lot {lot}: holds {stored}, transfers make {moved}")),
    Promise("I3", "Nothing is below zero", rows(_NEGATIVES, "wallet {wallet}: available {available}, pending {pending}, held {held}, debt {debt}, lots {lots}")),
    Promise("I4", "Versions have no gap and each balance follows from the one before", rows(_ORDER, "wallet {wallet}, version {version}: says {said} after it, expected {expected}")),
    Promise("I5", "What was issued is held, spent, expired or taken back", rows(_PROGRAMME, "programme: {issued} issued, {accounted} accounted for"), of_sample=False),
    Promise("I6", "One act has one effect, under one key and body", rows(_CAUSES, "wallet {wallet}, version {version}: {fault}")),
    Promise("I17", "The newest event carries the wallet's version and balance", rows(_NEWEST, "wallet {wallet}: version {version} with {available}, newest event {newest} with {said}")),
]  # fmt: skip
