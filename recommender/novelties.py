"""What is new in store, and for whom: types of which a product was first sold lately, by how much a member buys of their kind.

The slot stands apart from what a member has never bought: a new product of a type they buy every week is new to them too. The
humble rival, what most members took up, is in the order where nothing is known of a member.
"""

from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from recommender.interactions import FRESH_DAYS, Interactions

BUYERS_MIN = 3  # members who took a product up, before it is called new to others
PER_MEMBER = 10
OWN, KIND, TAKEN_UP = 1.0, 0.5, 0.1  # weights: bought the type, bought of its category, others took it up

# A product is new when its first sale lies within the window, and the shop had been open for as long before that. Of each type the
# new product with most buyers is named.
_FRESH = """
    WITH fresh AS MATERIALIZED (
        SELECT l.product_id, min(p.purchased_at) AS first
          FROM sales_purchaseline l JOIN sales_purchase p ON p.id = l.purchase_id
         WHERE p.kind = 1 AND p.purchased_at < %(at)s GROUP BY 1
    ), opened AS (SELECT min(first) AS at FROM fresh
    ), chosen AS MATERIALIZED (
        SELECT f.product_id FROM fresh f, opened o
         WHERE f.first >= %(since)s AND o.at < %(since)s - make_interval(days => %(days)s)
    ), taken AS (
        SELECT l.product_id, count(DISTINCT p.member_id) AS buyers
          FROM sales_purchaseline l JOIN sales_purchase p ON p.id = l.purchase_id
         WHERE p.kind = 1 AND p.purchased_at >= %(since)s AND p.purchased_at < %(at)s AND p.member_id IS NOT NULL
           AND l.product_id IN (SELECT product_id FROM chosen)
         GROUP BY 1
    )
    SELECT DISTINCT ON (t.category_id) t.category_id, t.id, taken.buyers
      FROM taken JOIN sales_product t ON t.id = taken.product_id AND NOT t.is_service
     WHERE t.category_id IS NOT NULL AND taken.buyers >= %(buyers)s
     ORDER BY t.category_id, taken.buyers DESC, t.id
"""


def fresh_types(*, at: datetime) -> dict[int, tuple[int, int]]:
    """Type → (its new product, members who took it up), as of `at`."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FRESH, {"at": at, "since": at - timedelta(days=FRESH_DAYS), "days": FRESH_DAYS, "buyers": BUYERS_MIN}
        )
        return {category: (product, buyers) for category, product, buyers in cursor.fetchall()}


def scores(seen: Interactions, members: np.ndarray, fresh: np.ndarray, taken_up: np.ndarray, groups: np.ndarray):
    """How much each new type is to each member's taste: float64, shape (m, F).

    `fresh` (F,) are indices of types, `taken_up` (F,) how many members bought the new product, `groups` (I,) the category of every
    type. Shares of the member's shopping days with the type and with its category, and a little of what others did.
    """
    counts = seen.counts[members]
    trips = np.maximum(seen.trips[members], 1)[:, None]
    own = counts[:, fresh].toarray() / trips
    kind = np.zeros_like(own)
    for at, item in enumerate(fresh.tolist()):
        if groups[item] >= 0:
            kind[:, at] = np.asarray(counts[:, groups == groups[item]].sum(axis=1)).ravel() / trips[:, 0]
    return OWN * own + KIND * np.minimum(kind, 1) + TAKEN_UP * (taken_up / max(taken_up.max(initial=1), 1))[None, :]
