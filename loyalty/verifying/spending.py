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

# What waits on hold, lot by lot: released into another lot, or captured twice, it would differ.
_HELD_LOTS = """
SELECT wallet, lot, sum(stored) AS stored, sum(moved) AS moved
  FROM (SELECT h.wallet_id AS wallet, l.lot, l.points AS stored, 0 AS moved
          FROM loyalty_hold h CROSS JOIN unnest(h.lot_expires_on, h.lot_points) AS l (lot, points)
         WHERE h.wallet_id {chosen} AND h.state = 'open'
         UNION ALL
        SELECT wallet_id, expires_on, 0, CASE WHEN credit_account = 12 THEN points ELSE -points END
          FROM loyalty_transfer WHERE wallet_id {chosen} AND 12 IN (credit_account, debit_account)) both_sides
 GROUP BY wallet, lot HAVING sum(stored) <> sum(moved)
"""

_CAPTURES = """
SELECT h.wallet_id AS wallet, h.captured, coalesce(t.captured, 0) AS spent, h.released, coalesce(t.released, 0) AS back
  FROM (SELECT wallet_id, sum(captured)::bigint AS captured, sum(released)::bigint AS released FROM loyalty_hold
         WHERE wallet_id {chosen} GROUP BY 1) h
  LEFT JOIN (SELECT wallet_id, sum(points) FILTER (WHERE credit_account = 2) AS captured,
                    sum(points) FILTER (WHERE credit_account = 10) AS released
               FROM loyalty_transfer WHERE wallet_id {chosen} AND debit_account = 12 GROUP BY 1) t USING (wallet_id)
 WHERE h.captured <> coalesce(t.captured, 0) OR h.released <> coalesce(t.released, 0)
"""

# Of each purchase paid with a wallet: what was taken from its lots, and what of it came back to them.
_TENDER = """
WITH paid AS (
    SELECT d.wallet_id AS wallet, d.purchase_id AS purchase, d.client_key, l.lot, sum(l.units) AS units
      FROM loyalty_tender d CROSS JOIN unnest(d.lot_expires_on, d.lot_units) AS l (lot, units)
     WHERE d.wallet_id {chosen} GROUP BY 1, 2, 3, 4),
taken AS (
    SELECT t.wallet_id AS wallet, t.client_key, t.expires_on AS lot, sum(t.points) AS units FROM loyalty_transfer t
     WHERE t.wallet_id {chosen}
       AND (t.reason = 'payment' AND t.debit_account = 10
            OR t.debit_account = 12 AND t.credit_account = 2  -- a hold paid
               AND EXISTS (SELECT FROM loyalty_tender d WHERE d.wallet_id = t.wallet_id AND d.client_key = t.client_key))
     GROUP BY 1, 2, 3),
back AS (
    SELECT t.wallet_id AS wallet, p.refunds_id AS purchase, t.expires_on AS lot, sum(t.points) AS units
      FROM loyalty_transfer t JOIN sales_purchase p ON p.id = t.purchase_id
     WHERE t.wallet_id {chosen} AND t.reason = 'restored' AND t.debit_account = 2 AND t.credit_account = 10 GROUP BY 1, 2, 3)
SELECT wallet, purchase, lot, said, moved, 'were taken to pay' AS what
  FROM (SELECT coalesce(p.wallet, t.wallet) AS wallet, p.purchase, coalesce(p.lot, t.lot) AS lot, coalesce(p.units, 0) AS said,
               coalesce(t.units, 0) AS moved
          FROM paid p FULL JOIN taken t ON t.wallet = p.wallet AND t.client_key = p.client_key AND t.lot = p.lot) x
 WHERE said <> moved
 UNION ALL
SELECT b.wallet, b.purchase, b.lot, coalesce(p.units, 0), b.units, 'came back'
  FROM back b LEFT JOIN (SELECT wallet, purchase, lot, sum(units) AS units FROM paid GROUP BY 1, 2, 3) p USING (wallet, purchase, lot)
 WHERE b.units > coalesce(p.units, 0)
"""

_REVERSED = """
SELECT wallet, lot, sum(taken) AS taken, sum(back) AS back
  FROM (SELECT r.wallet_id AS wallet, t.expires_on AS lot, t.points AS taken, 0 AS back
          FROM loyalty_redemption r
          JOIN loyalty_transfer t ON t.source_id = r.source_id AND t.client_key = r.client_key AND t.wallet_id = r.wallet_id
                                 AND t.debit_account = 10 AND t.credit_account = 2
         WHERE r.wallet_id {chosen} AND r.state = 'reversed'
         UNION ALL
        SELECT wallet_id, expires_on, 0, points FROM loyalty_transfer
         WHERE wallet_id {chosen} AND reason = 'restored' AND purchase_id IS NULL AND debit_account = 2 AND credit_account = 10) x
 GROUP BY 1, 2 HAVING sum(taken) <> sum(back)
"""

_REDEMPTIONS = """
SELECT r.wallet_id AS wallet, r.id AS redemption, r.points AS said, coalesce(sum(t.points), 0) AS moved
  FROM loyalty_redemption r
  LEFT JOIN loyalty_transfer t ON t.source_id = r.source_id AND t.client_key = r.client_key AND t.wallet_id = r.wallet_id
                              AND t.debit_account = 10 AND t.credit_account = 2
 WHERE r.wallet_id {chosen} GROUP BY r.id HAVING r.points <> coalesce(sum(t.points), 0)
"""

_HANDED_OUT = """
SELECT r.wallet_id AS wallet, r.id AS redemption,
       CASE WHEN r.state = 'reversed' AND (e.uses_left > 0 OR e.left_minor > 0) THEN 'its benefit can still be used'
            WHEN r.state = 'reversed' AND v.is_void = false THEN 'its code still works'
            WHEN r.state = 'reversed' AND g.is_blocked = false THEN 'its gift card still works'
            ELSE 'its code belongs to another benefit' END AS fault
  FROM loyalty_redemption r
  LEFT JOIN loyalty_entitlement e ON e.id = r.entitlement_id
  LEFT JOIN loyalty_voucher v ON v.entitlement_id = r.entitlement_id
  LEFT JOIN loyalty_giftcard g ON g.id = r.gift_card_id
 WHERE r.wallet_id {chosen} AND r.state = 'reversed' AND (e.uses_left > 0 OR e.left_minor > 0 OR v.is_void = false OR g.is_blocked = false)
"""

_CODES = """
SELECT v.id AS voucher,
       CASE WHEN v.owned_at IS NULL THEN 'it gave a benefit and belongs to nobody'
            ELSE 'its benefit was given for something else' END AS fault
  FROM loyalty_voucher v JOIN loyalty_entitlement e ON e.id = v.entitlement_id
 WHERE v.owned_at IS NULL
    OR (e.cause <> 'voucher:' || v.id AND NOT EXISTS (SELECT FROM loyalty_redemption r WHERE r.entitlement_id = e.id))
"""

_STOCK = """
SELECT r.id AS reward, r.stock_left AS left_over FROM loyalty_reward r WHERE r.stock_left < 0
"""

# What was handed out while there was no limit was counted as handed out when the stock was counted.
_COUNTED = """
SELECT r.id AS reward, r.stock_put_in AS put_in, r.stock_left AS left_over, count(d.id) AS handed_out
  FROM loyalty_reward r LEFT JOIN loyalty_redemption d ON d.reward_id = r.id AND d.state = 'granted'
 WHERE r.stock_left IS NOT NULL AND r.stock_put_in IS NOT NULL
 GROUP BY r.id HAVING r.stock_put_in <> r.stock_left + count(d.id)
"""

_POOLS = """
SELECT p.id AS pool, p.codes_put_in AS put_in, count(v.id) AS found,
       count(v.id) FILTER (WHERE v.owned_at IS NOT NULL) AS owned
  FROM loyalty_voucherpool p LEFT JOIN loyalty_voucher v ON v.pool_id = p.id
 GROUP BY p.id HAVING p.codes_put_in <> count(v.id)
"""

# What is left of an amount used in parts: what it was, less what purchases used, and never more than all of it.
_PARTS = """
SELECT e.id AS benefit, e.left_minor AS left_over, e.amount, coalesce(t.used, 0) AS used
  FROM loyalty_entitlement e
  LEFT JOIN (SELECT entitlement_id, sum(minor) AS used FROM loyalty_tender WHERE kind = 'benefit' GROUP BY 1) t
    ON t.entitlement_id = e.id
  LEFT JOIN loyalty_redemption r ON r.entitlement_id = e.id
 WHERE e.left_minor IS NOT NULL AND r.state IS DISTINCT FROM 'reversed'
   AND (e.left_minor > e.amount OR e.left_minor < e.amount - coalesce(t.used, 0))
"""

PROMISES = [
    Promise("I9", "What is on hold came from its lots and returns to them", rows(_HELD_LOTS, "wallet {wallet}, lot {lot}: holds hold {stored}, transfers make {moved}")),
    Promise("I9", "What paid for a purchase comes back to the lots it was taken from", rows(_TENDER, "wallet {wallet}, purchase {purchase}, lot {lot}: {said} by the receipt, {moved} {what}")),
    Promise("I9", "The points of a reward taken back are in their lots again", rows(_REVERSED, "wallet {wallet}, lot {lot}: {taken} taken, {back} came back")),
    Promise("I12", "Holds captured and let go what the ledger says", rows(_CAPTURES, "wallet {wallet}: {captured} captured, {spent} spent; {released} let go, {back} came back")),
    Promise("I13", "Every reward was paid for", rows(_REDEMPTIONS, "wallet {wallet}, redemption {redemption}: costs {said}, moved {moved}")),
    Promise("I13", "A reward that was taken back cannot be used", rows(_HANDED_OUT, "wallet {wallet}, redemption {redemption}: {fault}")),
    Promise("I13", "A code gives its owner one benefit", rows(_CODES, "voucher {voucher}: {fault}"), of_sample=False),
    Promise("I13", "No reward is oversold", rows(_STOCK, "reward {reward}: {left_over} left in stock"), of_sample=False),
    Promise("I13", "A reward's stock is what was put in less what was handed out", rows(_COUNTED, "reward {reward}: {put_in} put in, {handed_out} handed out, {left_over} left"), of_sample=False),
    Promise("I13", "A pool holds the codes that were put in, used or not", rows(_POOLS, "pool {pool}: {put_in} put in, {found} there, of which {owned} have an owner"), of_sample=False),
    Promise("I13", "An amount used in parts is never more than it was", rows(_PARTS, "benefit {benefit}: {left_over} left of {amount}, {used} used"), of_sample=False),
    Promise("I12", "What a wallet holds is what its open holds hold", rows(_HELD, "wallet {wallet}: holds {stored}, its holds {expected}")),
    Promise("I12", "A hold gave out no more than it set aside", rows(_HOLDS, "wallet {wallet}, hold {hold}: {fault}")),
]  # fmt: skip
