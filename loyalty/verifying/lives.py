"""The life of points after they were earned: expiry, review, transit, offers. What neighbours add stands here too."""

from loyalty.verifying.promises import Promise, rows

# What a refund after a merge fetches home passes through the lot it was earned in, over or not: nobody spends it.
_SPENT_EXPIRED = """
SELECT t.wallet_id AS wallet, t.version, t.expires_on AS lot, (t.occurred_at AT TIME ZONE %(zone)s)::date AS day
  FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND t.debit_account = 10 AND t.credit_account IN (2, 5, 8, 12)
   AND t.expires_on < (t.occurred_at AT TIME ZONE %(zone)s)::date
   AND NOT (t.credit_account = 5 AND t.reason = 'merge' AND t.client_key LIKE 'merge-refund:%%')
"""

_EXPIRIES = """
SELECT wallet_id AS wallet, version, lot, day, left_over
  FROM (SELECT wallet_id, version, reason, expires_on AS lot, (occurred_at AT TIME ZONE %(zone)s)::date AS day,
               sum(CASE WHEN credit_account = 10 THEN points ELSE -points END)
                   OVER (PARTITION BY wallet_id, expires_on ORDER BY version) AS left_over
          FROM loyalty_transfer WHERE wallet_id {chosen} AND 10 IN (credit_account, debit_account)) t
 WHERE reason = 'expiry' AND (left_over <> 0 OR day <= lot)
"""

_LOT_BELOW_ZERO = """
SELECT wallet_id AS wallet, version, lot, left_over
  FROM (SELECT wallet_id, version, expires_on AS lot,
               sum(CASE WHEN credit_account = 10 THEN points ELSE -points END)
                   OVER (PARTITION BY wallet_id, expires_on ORDER BY version) AS left_over
          FROM loyalty_transfer WHERE wallet_id {chosen} AND 10 IN (credit_account, debit_account)) t
 WHERE left_over < 0
"""

_REVIEWS = """
SELECT r.wallet_id AS wallet, r.id AS review, r.state, r.held_points AS held, coalesce(t.put, 0) AS put, coalesce(t.taken, 0) AS taken
  FROM loyalty_review r
  LEFT JOIN (SELECT wallet_id, split_part(client_key, ':', 3)::bigint AS version,
                    sum(points) FILTER (WHERE credit_account = 11) AS put, sum(points) FILTER (WHERE debit_account = 11) AS taken
               FROM loyalty_transfer WHERE wallet_id {chosen} AND (reason = 'review' OR client_key LIKE 'review:%%:bonus') GROUP BY 1, 2) t
         ON t.wallet_id = r.wallet_id AND t.version = r.version
 WHERE r.wallet_id {chosen}
   AND (coalesce(t.put, 0) <> r.held_points OR coalesce(t.taken, 0) <> CASE r.state WHEN 'open' THEN 0 ELSE r.held_points END
     OR r.held_points <> (SELECT coalesce(sum(p), 0) FROM unnest(r.lot_points) p))
"""

_TRANSIT = """
SELECT w.currency_id AS currency, sum(CASE WHEN t.credit_account = 5 THEN t.points ELSE -t.points END) AS left_over
  FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
 WHERE 5 IN (t.credit_account, t.debit_account)
 GROUP BY 1 HAVING sum(CASE WHEN t.credit_account = 5 THEN t.points ELSE -t.points END) <> 0
"""

PROMISES = [
    Promise("I3", "No lot was ever below zero", rows(_LOT_BELOW_ZERO, "wallet {wallet}, version {version}: lot {lot} stood at {left_over}")),
    Promise("I5", "What leaves one wallet for another arrives there", rows(_TRANSIT, "currency {currency}: {left_over} points are in transit"), of_sample=False),
    Promise("I10", "Nothing was spent from a lot that had expired", rows(_SPENT_EXPIRED, "wallet {wallet}, version {version}: spent on {day} from the lot of {lot}")),
    Promise("I11", "A lot expires after its last day, once and whole", rows(_EXPIRIES, "wallet {wallet}, version {version}: lot {lot} expired on {day} and left {left_over}")),
    Promise("I12", "What is held for review was put there once and leaves once", rows(_REVIEWS, "wallet {wallet}, review {review} ({state}): {held} held, {put} put, {taken} taken")),
]  # fmt: skip
