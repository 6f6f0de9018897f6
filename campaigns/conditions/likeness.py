"""Members like those of an audience: whose purchases of half a year point to product types that its members buy more than others do.

Each type weighs log((of the audience who bought it + ½) / (audience + 1)) − the same of the others: naive Bayes over what was
bought. A member's likeness is the sum over the types they bought. Whoever refused personal recommendations is left out.
"""

from campaigns.conditions.asking import Rows, window

LOOK_BACK_DAYS = 182

_NEAREST = """
(WITH chosen AS ({chosen}),
      had AS (
        SELECT DISTINCT p.member_id, r.category_id
          FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product r ON r.id = l.product_id
         WHERE p.kind = 1 AND p.purchased_at > %(since)s AND p.purchased_at <= %(until)s
           AND p.member_id IS NOT NULL AND r.category_id IS NOT NULL AND NOT r.is_service),
      sizes AS (
        SELECT count(*) FILTER (WHERE c.id IS NOT NULL) AS inside, count(*) FILTER (WHERE c.id IS NULL) AS outside
          FROM (SELECT DISTINCT member_id FROM had) AS h LEFT JOIN chosen c ON c.id = h.member_id),
      weights AS (
        SELECT h.category_id, ln((count(c.id) + 0.5) / (max(s.inside) + 1))
                              - ln((count(*) - count(c.id) + 0.5) / (max(s.outside) + 1)) AS weight
          FROM had h CROSS JOIN sizes s LEFT JOIN chosen c ON c.id = h.member_id GROUP BY h.category_id)
 SELECT h.member_id, sum(w.weight)::float8 AS likeness
   FROM had h JOIN weights w ON w.category_id = h.category_id JOIN members_member k ON k.id = h.member_id AND k.status = 'active'
  WHERE NOT EXISTS (SELECT FROM chosen c WHERE c.id = h.member_id)
    AND h.member_id NOT IN (
        SELECT member_id FROM (
            SELECT DISTINCT ON (member_id) member_id, is_granted FROM members_consent
             WHERE purpose = 'profiling' AND at <= %(until)s ORDER BY member_id, at DESC, id DESC) latest WHERE NOT is_granted)
  GROUP BY h.member_id ORDER BY likeness DESC, h.member_id LIMIT %(nearest)s) AS near WHERE true
"""


def nearest(audience_id: int, count: int, *, at) -> Rows:
    """The `count` active members outside the audience who buy most like it."""
    from campaigns.compiling import named_statement  # late: compiling asks the conditions

    chosen, given = named_statement(audience_id, at=at)
    return Rows(
        _NEAREST.format(chosen=chosen), given | window(at, LOOK_BACK_DAYS) | {"nearest": count}, found="round(near.likeness::numeric, 2)",
        member="near.member_id", is_single=True, is_ranked=True,
    )  # fmt: skip
