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

# A row that waited comes free once, whole; the rest of what was earned still waits or was cancelled.
_MATURED = """
SELECT p.wallet_id AS wallet, p.id AS row, p.points, p.points_left AS waiting, coalesce(sum(t.points), 0) AS matured
  FROM loyalty_pendingpoints p
  LEFT JOIN loyalty_transfer t ON t.source_id = (SELECT id FROM sales_source WHERE code = 'ledger')
                              AND t.client_key = 'maturity:' || p.id AND t.wallet_id = p.wallet_id AND t.debit_account = 11
 WHERE p.wallet_id {chosen}
 GROUP BY p.id
HAVING p.points_left < 0 OR p.points_left + coalesce(sum(t.points), 0) > p.points
"""

# What a budget of points has spent is what its rule gave: bonuses of rules with a memory less what was taken back, and parts
# of awards. A cap that was lowered since has forgotten what went beyond it.
_BUDGETS_SPENT = """
WITH caps AS (
    SELECT r.value ->> 'code' AS rule, max((r.value -> 'budget' ->> 'points')::bigint) AS cap
      FROM loyalty_ruleset s CROSS JOIN jsonb_array_elements(s.definition -> 'rules') r (value) GROUP BY 1),
given AS (
    SELECT rule, sum(points) AS points
      FROM (SELECT g.rule, g.amount AS points FROM loyalty_grant g JOIN loyalty_wallet w ON w.id = g.wallet_id
             WHERE w.currency_id = 1 AND g.term NOT LIKE '%%#referrer'
             UNION ALL
            SELECT u.value ->> 'rule', (u.value ->> 'points')::bigint
              FROM loyalty_award a CROSS JOIN jsonb_array_elements(a.entitlements) u (value)
             WHERE a.entitlements IS NOT NULL AND u.value ? 'rule') x
     GROUP BY 1)
SELECT b.rule, b.cap, b.cap - sum(s."left") AS spent, coalesce(max(g.points), 0) AS given
  FROM loyalty_budget b JOIN loyalty_budgetslot s ON s.budget_id = b.id
  LEFT JOIN given g ON g.rule = b.rule LEFT JOIN caps c ON c.rule = b.rule
 WHERE b.unit = 'points'
 GROUP BY b.id
HAVING b.cap - sum(s."left") > coalesce(max(g.points), 0)
    OR coalesce(max(g.points), 0) > greatest(b.cap, max(c.cap))
    OR (coalesce(max(c.cap), b.cap) = b.cap AND b.cap - sum(s."left") < coalesce(max(g.points), 0))
"""

# The same in money, in thousandths of a minor unit: what was given at what a thousand points cost then.
_MONEY_SPENT = """
WITH said AS (
    SELECT s.id AS rule_set, r.value ->> 'code' AS rule,
           (r.value -> 'budget' ->> 'money_minor')::bigint * 1000 AS cap,
           (s.definition -> 'point_cost' ->> 'minor_per_1000')::bigint AS cost
      FROM loyalty_ruleset s CROSS JOIN jsonb_array_elements(s.definition -> 'rules') r (value)
     WHERE (r.value -> 'budget' ->> 'money_minor')::bigint > 0),
given AS (
    SELECT rule, sum(milli) AS milli
      FROM (SELECT g.rule, g.amount * coalesce((g.terms ->> 'cost')::bigint, 0) AS milli
              FROM loyalty_grant g JOIN loyalty_wallet w ON w.id = g.wallet_id
             WHERE w.currency_id = 1 AND g.term NOT LIKE '%%#referrer'
             UNION ALL
            SELECT said.rule, (u.value ->> 'points')::bigint * said.cost
              FROM loyalty_award a CROSS JOIN jsonb_array_elements(a.entitlements) u (value)
              JOIN said ON said.rule_set = a.rule_set_id AND said.rule = u.value ->> 'rule'
             WHERE a.entitlements IS NOT NULL) x
     GROUP BY 1)
SELECT b.rule, b.cap, b.cap - sum(s."left") AS spent, coalesce(max(g.milli), 0) AS given
  FROM loyalty_budget b JOIN loyalty_budgetslot s ON s.budget_id = b.id
  JOIN (SELECT rule, max(cap) AS cap FROM said GROUP BY 1) c ON c.rule = b.rule
  LEFT JOIN given g ON g.rule = b.rule
 WHERE b.unit = 'money'
 GROUP BY b.id
HAVING b.cap - sum(s."left") > coalesce(max(g.milli), 0)
    OR (max(c.cap) = b.cap AND b.cap - sum(s."left") < coalesce(max(g.milli), 0))
"""

PROMISES = [
    Promise("I11", "Points that waited come free once", rows(_MATURED, "wallet {wallet}, waiting points {row}: of {points}, {waiting} wait and {matured} came free")),
    Promise("I13", "What a budget has spent is what its rule gave", rows(_BUDGETS_SPENT, "rule {rule}: of {cap}, {spent} spent, {given} given"), of_sample=False),
    Promise("I13", "What a budget in money has spent is what its rule cost", rows(_MONEY_SPENT, "rule {rule}: of {cap} thousandths, {spent} spent, {given} given"), of_sample=False),
    Promise("I1", "What waits is what is pending", rows(_PENDING, "wallet {wallet}: {stored} pending, {expected} wait")),
    Promise("I8", "A purchase contributes to rules what refunds left of it", rows(_CONTRIBUTIONS, "wallet {wallet}, purchase {purchase}, rule {term}: {stored} stored, {expected} left")),
    Promise("I16", "A rule's measure is what its contributions come to", rows(_MEASURES, "wallet {wallet}, rule {term}, {period}: measures {stored}, contributions {expected}")),
    Promise("I16", "A rule gave no more than is due, and each time wrote it down", rows(_UNITS, "wallet {wallet}, rule {term}, {period}: {stored} times stored, {granted} granted, {due} due")),
    Promise("I6", "Every grant moved what it says", rows(_MOVED, "wallet {wallet}, act {act}: {granted} granted, {moved} moved")),
    Promise("I13", "No budget is overspent", rows(_BUDGETS, "rule {rule}: of {cap} {unit}, {unspent} unspent"), of_sample=False),
]  # fmt: skip
