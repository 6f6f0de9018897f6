"""What a member seems to look for: a low price, service, or brands. Features of purchases and meetings, as ranks among members.

- *price*: the share of what they buy that was marked down (paid less than `MARKED_DOWN` of what the product usually costs), and
  how much cheaper they shop than the same types usually cost;
- *brand*: how often they take their own usual brand of a type that has several;
- *service*: how often they turn to people: calls, letters, visits, questions, per shopping day.

Each share is shrunk to that of all by `STRENGTH` observations, so that one purchase makes nobody a bargain hunter, and told as
the rank among members: 0 lowest, 1 highest. Members about whom there is nothing to count have no score.
"""

from dataclasses import dataclass

import numpy as np

MARKED_DOWN = 0.95
STRENGTH = 5.0
SHOWN_MIN = 3  # purchases or meetings before anything is said
WINDOW_DAYS = 365

# Of each member: lines with a usual price, those marked down, lines of types with several brands, those of the usual brand of the
# member, meetings that were looked for, and shopping days. Usual is the median of what was paid for one in the window.
COUNTS = """
WITH RECURSIVE {roots},
    lines AS (
        SELECT coalesce(r.root, p.member_id) AS member_id, l.product_id, t.category_id, t.brand,
               l.total_minor / nullif(l.quantity, 0) AS price, date(p.purchased_at AT TIME ZONE 'UTC') AS day
          FROM sales_purchase p
          JOIN sales_purchaseline l ON l.purchase_id = p.id
          JOIN sales_product t ON t.id = l.product_id AND NOT t.is_service
          LEFT JOIN roots r ON r.id = p.member_id
         WHERE p.kind = 1 AND p.member_id IS NOT NULL AND p.currency = %(currency)s
           AND p.purchased_at < %(at)s AND p.purchased_at >= %(at)s - make_interval(days => %(days)s)),
    usual AS (
        SELECT product_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS price
          FROM lines WHERE price > 0 GROUP BY 1 HAVING count(*) >= 5),
    wide AS (
        SELECT category_id FROM lines WHERE brand <> '' AND category_id IS NOT NULL
         GROUP BY 1 HAVING count(DISTINCT brand) > 1),
    brands AS (
        SELECT member_id, category_id, sum(n) AS n, max(n) AS own FROM (
            SELECT member_id, category_id, brand, count(*) AS n FROM lines JOIN wide USING (category_id)
             WHERE brand <> '' GROUP BY 1, 2, 3) of_brand
         GROUP BY 1, 2 HAVING sum(n) >= 2),
    paid AS (
        SELECT l.member_id, count(u.price) AS priced, count(*) FILTER (WHERE l.price < %(down)s * u.price) AS down,
               count(DISTINCT l.day) AS days
          FROM lines l LEFT JOIN usual u USING (product_id) GROUP BY 1),
    loyal AS (SELECT member_id, sum(n) AS branded, sum(own) AS own FROM brands GROUP BY 1),
    met AS (
        SELECT coalesce(r.root, t.member_id) AS member_id, count(*) AS meetings
          FROM members_touchpoint t LEFT JOIN roots r ON r.id = t.member_id
         WHERE t.member_id IS NOT NULL AND t.direction = 'in' AND t.kind IN ('call', 'email', 'chat', 'visit')
           AND t.at < %(at)s AND t.at >= %(at)s - make_interval(days => %(days)s) GROUP BY 1)
SELECT p.member_id, p.priced, p.down, coalesce(l.branded, 0), coalesce(l.own, 0), coalesce(m.meetings, 0), p.days
  FROM paid p LEFT JOIN loyal l USING (member_id) LEFT JOIN met m USING (member_id)
  JOIN members_member of ON of.id = p.member_id AND of.status = 'active'
 WHERE p.member_id NOT IN ({refusing}) ORDER BY 1
"""


@dataclass(frozen=True, eq=False)
class Driver:
    """One driver: ids of the members it speaks of, the rank of each (0 to 1), the share it rests on and how much was counted."""

    members: np.ndarray
    rank: np.ndarray
    share: np.ndarray
    counted: np.ndarray


def driver(members: np.ndarray, times: np.ndarray, of: np.ndarray) -> Driver:
    """From how often something was done out of how many times it could have been; arrays over members."""
    known = of >= SHOWN_MIN
    members, times, of = members[known], times[known].astype(float), of[known].astype(float)
    overall = times.sum() / of.sum() if of.sum() else 0.0
    shrunk = (times + STRENGTH * overall) / (of + STRENGTH)
    return Driver(members, ranks(shrunk), times / np.maximum(of, 1), of)


def ranks(values: np.ndarray) -> np.ndarray:
    """Share of members with less, plus half of those with as much (the middle rank): between 0 and 1."""
    if not len(values):
        return np.zeros(0)
    ordered = np.sort(values)
    below, through = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + through) / (2 * len(values))
