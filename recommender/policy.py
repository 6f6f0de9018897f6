"""How an offer is chosen among what a member is likely to want, and how likely the choice was.

For one member and slot the `n` best eligible offers (`n` ≤ `TOP_N`) are ordered by value; `positions` of them are shown.
With probability 1 − ε (all positions of the slot together) the best are shown in order; with probability ε the n offers
are shuffled, every order equally likely. So the offer on position j was shown there with probability

    propensity = (1 − ε) · [it is the j-th best] + ε / n

because a uniform shuffle puts each offer on position j with probability 1/n. Over the n offers this sums to one. Coins and
shuffles are MD5 digests of the cause, the member and the slot: whoever asks twice gets the same answer.
"""

from dataclasses import dataclass

NAME = "greedy-or-shuffle-1"
EXPLORATION = 0.05  # ε: the share of (member, slot) pairs that see a shuffle, at every door and in every campaign
TOP_N = 10  # offers per member and slot among which the policy chooses
WEIGHT_RANGE = (0.5, 2.0)  # how far learning may move an offer against its rank


def value(rank: int, weight: float) -> float:
    """What an offer is ordered by: its rank's discount, as in NDCG, times what was learned of its group.

    Ranks, not scores, because scores of different rankers have no common unit. `rank` counts from 1.
    """
    from math import log

    return weight / log(rank + 1)


def propensity(*, is_greedy: bool, eligible: int, exploration: float = EXPLORATION) -> float:
    """The probability that the policy shows this offer on this position, out of `eligible` ≥ 1 offers."""
    assert eligible >= 1, "a decision is made among at least one offer"
    return (1 - exploration) * is_greedy + exploration / eligible


@dataclass(frozen=True)
class Policy:
    exploration: float = EXPLORATION
    top_n: int = TOP_N

    @property
    def name(self) -> str:
        return f"{NAME} ε={self.exploration:g} n={self.top_n}"


# Who could be shown what, best first by what was learned: the eligible set of each member and slot, at most `TOP_N`.
CANDIDATES = """
candidate AS (
    SELECT r.member_id, m.public_id, r.slot, r.category_id, o.benefit, o.amount, r.reason_code, r.reason_params, r.version_id,
           r.rank, c.parent_id AS group_id, o.margin_percent / 100.0 * o.usual_minor AS margin_minor, row_number() OVER (
               PARTITION BY r.member_id, r.slot ORDER BY coalesce(p.weight, 1) / ln(r.rank + 1) DESC, r.rank
           ) AS best
      FROM recommender_recommendation r
      JOIN members_member m ON m.id = r.member_id
      JOIN recommender_offer o ON o.category_id = r.category_id AND o.is_active
       AND coalesce(o.valid_from <= %s::timestamptz, true) AND coalesce(o.valid_until > %s::timestamptz, true)
       AND coalesce(o.given < o.stock, true)
      JOIN sales_category c ON c.id = r.category_id
      LEFT JOIN recommender_offerposterior p ON p.slot = r.slot AND p.group_id = c.parent_id
     WHERE r.member_id IN ({members})
       AND (r.slot, r.category_id) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
       AND NOT EXISTS (SELECT FROM recommender_dismissal d WHERE d.member_id = r.member_id AND d.category_id = r.category_id)
       AND NOT EXISTS (
           SELECT FROM recommender_exposure e
            WHERE e.member_id = r.member_id AND e.category_id = r.category_id AND e.channel IN ('email', 'push')
              AND e.shown_at < %s::timestamptz AND e.shown_at >= %s::timestamptz - make_interval(days => %s))
       AND NOT EXISTS (
           SELECT FROM recommender_decision d WHERE d.cause = %s AND d.member_id = r.member_id AND d.slot = r.slot)
)
"""
_CHOOSE = """, shuffled AS (
    SELECT *,
           count(*) OVER slot AS eligible,
           row_number() OVER (
               PARTITION BY member_id, slot ORDER BY md5(concat_ws(':', %s::text, public_id, slot, category_id)), category_id
           ) AS shuffle,
           ('x' || left(md5(concat_ws(':', %s::text, public_id, slot)), 8))::bit(32)::bigint / 4294967296.0 AS coin
      FROM candidate WHERE best <= %s
    WINDOW slot AS (PARTITION BY member_id, slot)
), placed AS (
    SELECT *, CASE WHEN coin < %s THEN shuffle ELSE best END AS position FROM shuffled
), choice AS (
    SELECT member_id, slot, array_agg(category_id ORDER BY best) AS ids, array_agg(group_id ORDER BY best) AS groups FROM shuffled GROUP BY 1, 2
), sets AS (
    INSERT INTO recommender_eligibleset (hash, category_ids)
    SELECT DISTINCT md5(array_to_string(ids, ',')), ids FROM choice ON CONFLICT DO NOTHING
), situations AS (
    INSERT INTO recommender_situation (cause, member_id, slot, traits, habits)
    SELECT %s, choice.member_id, choice.slot, k.traits, ARRAY(
               SELECT coalesce(k.habits[array_position(k.group_ids, u.id)], 0) FROM unnest(groups) WITH ORDINALITY u (id, n) ORDER BY n)
      FROM choice JOIN recommender_membercontext k ON k.member_id = choice.member_id ON CONFLICT DO NOTHING
)
INSERT INTO recommender_decision (cause, member_id, slot, position, category_id, benefit, amount, propensity, policy, eligible,
                                  reason_code, reason_params, version_id, decided_at)
SELECT %s, placed.member_id, placed.slot, position, category_id, benefit, amount,
       CASE WHEN position = best THEN 1 - %s::float8 ELSE 0 END + %s::float8 / eligible, %s, md5(array_to_string(ids, ',')),
       reason_code, reason_params, version_id, %s
  FROM placed JOIN unnest(%s::text[], %s::int[]) AS wanted (slot, positions) ON wanted.slot = placed.slot
  JOIN choice ON choice.member_id = placed.member_id AND choice.slot = placed.slot
 WHERE position <= positions
    ON CONFLICT DO NOTHING
"""
DECIDE = f"WITH {CANDIDATES} {_CHOOSE}"
