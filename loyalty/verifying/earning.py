"""Rules with a memory: what they gave follows from what stands; budgets hold; what waits is what is pending."""

from loyalty.verifying.promises import Promise, rows

_PENDING = """
SELECT w.id AS wallet, w.pending AS stored, coalesce(p.waiting, 0) + coalesce(r.held, 0) AS expected
  FROM loyalty_wallet w
  LEFT JOIN (SELECT wallet_id, sum(points_left)::bigint AS waiting FROM loyalty_pendingpoints
              WHERE wallet_id {chosen} GROUP BY 1) p ON p.wallet_id = w.id
  LEFT JOIN (SELECT wallet_id, sum(held_points)::bigint AS held FROM loyalty_review
              WHERE wallet_id {chosen} AND state = 'open' GROUP BY 1) r ON r.wallet_id = w.id
 WHERE w.id {chosen} AND w.pending <> coalesce(p.waiting, 0) + coalesce(r.held, 0)
"""

_CONTRIBUTIONS = """
SELECT c.wallet_id AS wallet, c.purchase_id AS purchase, c.term, c."left" AS stored, l.expected
  FROM loyalty_contribution c
 CROSS JOIN LATERAL (
        SELECT array_agg(CASE WHEN s.total_minor = 0 THEN t.amount
                              ELSE t.amount - div(t.amount::numeric * coalesce(b.back, 0), s.total_minor)::bigint END
                         ORDER BY t.place) AS expected
          FROM unnest(c.lines, c.amounts) WITH ORDINALITY AS t (line, amount, place)
          JOIN sales_purchaseline s ON s.purchase_id = c.purchase_id AND s.line_no = t.line
          LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor) AS back
                       FROM sales_purchase p JOIN sales_purchaseline x ON x.purchase_id = p.id
                      WHERE p.refunds_id = c.purchase_id GROUP BY 1) b ON b.refunds_line_no = s.line_no) l
 WHERE c.wallet_id {chosen} AND c.purchase_id IS NOT NULL
   AND (c."left" <> l.expected OR c.total_left <> (SELECT sum(x) FROM unnest(c."left") x))
"""

_MEASURES = """
SELECT s.wallet_id AS wallet, s.term, s.period, s.measure AS stored,
       loyalty_measure(s.wallet_id, s.term, s.period, s.terms) AS expected
  FROM loyalty_rulestate s
 WHERE s.wallet_id {chosen} AND s.term NOT LIKE '%%#%%'
   AND s.measure <> loyalty_measure(s.wallet_id, s.term, s.period, s.terms)
"""

_UNITS = """
SELECT s.wallet_id AS wallet, s.term, s.period, s.units AS stored, coalesce(g.units, 0) AS granted,
       greatest(0, loyalty_units_due(s.terms, s.measure) + s.shift) AS due
  FROM loyalty_rulestate s
  LEFT JOIN LATERAL (SELECT sum(units)::bigint AS units
                       FROM (SELECT DISTINCT ON (h.source_id, h.client_key, h.rule_set_id, h.units_before) h.units
                               FROM loyalty_grant h JOIN loyalty_wallet hw ON hw.id = h.wallet_id
                               JOIN loyalty_wallet sw ON sw.id = s.wallet_id
                              WHERE h.term = s.term AND h.period = s.period
                                AND (hw.id = sw.id OR hw.member_id = sw.member_id OR hw.household_id = sw.household_id)) d) g ON true
 WHERE s.wallet_id {chosen} AND s.term NOT LIKE '%%#member' AND s.term NOT LIKE '%%#occasion'
   AND (s.units <> coalesce(g.units, 0)
        OR (s.term NOT LIKE '%%#referrer' AND s.units > greatest(0, loyalty_units_due(s.terms, s.measure) + s.shift)))
"""

_MOVED = """
SELECT coalesce(g.wallet_id, t.wallet_id) AS wallet, coalesce(g.client_key, t.client_key) AS act,
       coalesce(g.amount, 0) AS granted, coalesce(t.amount, 0) AS moved
  FROM (SELECT wallet_id, source_id, client_key, sum(amount)::bigint AS amount FROM loyalty_grant
         WHERE wallet_id {chosen} GROUP BY 1, 2, 3) g
  FULL JOIN (SELECT wallet_id, source_id, client_key,
                    sum(CASE WHEN debit_account IN (1, 2) THEN points ELSE -points END)::bigint AS amount
               FROM loyalty_transfer
              WHERE wallet_id {chosen} AND reason IN ('bonus', 'bonus_back')
                AND (debit_account IN (1, 2) OR credit_account IN (2, 4)) GROUP BY 1, 2, 3) t
    ON t.wallet_id = g.wallet_id AND t.source_id = g.source_id AND t.client_key = g.client_key
 WHERE coalesce(g.amount, 0) <> coalesce(t.amount, 0)
"""

_BUDGETS = """
SELECT b.rule, b.unit, b.cap, coalesce(sum(s."left"), 0) AS unspent
  FROM loyalty_budget b LEFT JOIN loyalty_budgetslot s ON s.budget_id = b.id
 GROUP BY b.id HAVING coalesce(sum(s."left"), 0) > b.cap OR coalesce(min(s."left"), 0) < 0
"""

PROMISES = [
    Promise("I1", "What waits is what is pending", rows(_PENDING, "wallet {wallet}: {stored} pending, {expected} wait")),
    Promise("I8", "A purchase contributes to rules what refunds left of it", rows(_CONTRIBUTIONS, "wallet {wallet}, purchase {purchase}, rule {term}: {stored} stored, {expected} left")),
    Promise("I16", "A rule's measure is what its contributions come to", rows(_MEASURES, "wallet {wallet}, rule {term}, {period}: measures {stored}, contributions {expected}")),
    Promise("I16", "A rule gave no more than is due, and each time wrote it down", rows(_UNITS, "wallet {wallet}, rule {term}, {period}: {stored} times stored, {granted} granted, {due} due")),
    Promise("I6", "Every grant moved what it says", rows(_MOVED, "wallet {wallet}, act {act}: {granted} granted, {moved} moved")),
    Promise("I13", "No budget is overspent", rows(_BUDGETS, "rule {rule}: of {cap} {unit}, {unspent} unspent"), of_sample=False),
]  # fmt: skip
