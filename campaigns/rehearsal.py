"""A rehearsal: responses simulated with a known effect, so that the report can be held against the truth.

What is simulated lives in a table of its own. No purchase, no consent and no programme figure ever comes of it.
"""

from datetime import timedelta

import numpy as np
from django.db import connection, transaction

from campaigns.models import Campaign, Rehearsal, RehearsalOutcome
from recommender import queries as recommended

#: What is planted when nothing else is said. `purchases` is relative to the held-out members; the others are shares of
#: members: of those sent, who open; of those who open, who click; of those who buy, who redeem, with the offer and without.
EFFECT = {
    "purchases": 0.2,
    "opens": 0.42,
    "clicks": 0.25,
    "redemptions": 0.3,
    "redemptions_held_out": 0.1,
    "unsubscribes": 0.004,
}
LOOKBACK_DAYS = 182
ORDERS_PER_DAY_MIN = 1 / 120

_MEMBERS = """
SELECT a.member_id, arm.is_holdout, count(p.id), COALESCE(avg(p.total_minor), 0)::float8
  FROM experiments_assignment a
  JOIN experiments_arm arm ON arm.id = a.arm_id
  LEFT JOIN sales_purchase p ON p.member_id = a.member_id AND p.kind = 1 AND p.purchased_at >= %(since)s AND p.purchased_at < %(at)s
 WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = ''
 GROUP BY a.member_id, arm.is_holdout
 ORDER BY a.member_id
"""


@transaction.atomic
def simulate(*, campaign: Campaign, at, effect: dict | None = None, seed: int | None = None) -> Rehearsal:
    """Plant the effect and write down what each assigned member was made to do. Once; a second call changes nothing.

    Each member buys at the rate and for the amounts of their own last half-year; being sent multiplies the rate by
    1 + `purchases`, so the true relative difference of spend is exactly that. The same seed gives the same people.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if not campaign.is_rehearsal:
        raise ValueError("Only a rehearsal may be simulated: outcomes of a real campaign are real.")
    if campaign.launched_at is None:
        raise ValueError("Launch the rehearsal first; there is nobody assigned yet.")
    planted = Rehearsal.objects.select_for_update().get(campaign=campaign)
    if planted.simulated_at:
        return planted
    planted.effect = planted.effect | (effect or {})
    planted.seed = planted.seed if seed is None else seed
    planted.simulated_at = at
    planted.save()
    rows = _simulate(campaign, planted, np.random.default_rng(planted.seed))
    RehearsalOutcome.objects.bulk_create(rows, batch_size=5000)
    return planted


def _simulate(campaign, planted, rng):
    with connection.cursor() as cursor:
        since = campaign.launched_at - timedelta(days=LOOKBACK_DAYS)
        cursor.execute(_MEMBERS, {"experiment": campaign.experiment_id, "since": since, "at": campaign.launched_at})
        people = cursor.fetchall()
    if not people:
        return []
    effect, n = planted.effect, len(people)
    is_sent = np.array([not held for _, held, _, _ in people])
    rate = np.maximum(np.array([orders for _, _, orders, _ in people]) / LOOKBACK_DAYS, ORDERS_PER_DAY_MIN)
    basket = np.array([mean for *_, mean in people])
    basket[basket <= 0] = np.median(basket[basket > 0]) if (basket > 0).any() else 2000.0
    orders = rng.poisson(rate * campaign.outcome_days * np.where(is_sent, 1 + effect["purchases"], 1))
    spend = np.rint(orders * basket * rng.lognormal(-0.08, 0.4, n))
    opens = is_sent & (rng.random(n) < effect["opens"])
    clicks = opens & (rng.random(n) < effect["clicks"])
    redeems = (orders > 0) & (rng.random(n) < np.where(is_sent, effect["redemptions"], effect["redemptions_held_out"]))
    leaves = is_sent & (rng.random(n) < effect["unsubscribes"])
    offered, pick = _offered(campaign), rng.random(n)
    rows = []
    for i, (member_id, *_rest) in enumerate(people):
        types = offered.get(member_id, []) if redeems[i] else []
        chosen = [types[int(pick[i] * len(types))]] if types else []
        rows.append(
            RehearsalOutcome(
                campaign=campaign,
                member_id=member_id,
                is_opened=bool(opens[i]),
                is_clicked=bool(clicks[i]),
                is_redeemed=bool(chosen),
                is_unsubscribed=bool(leaves[i]),
                orders=int(orders[i]),
                spend_minor=int(spend[i]),
                redeemed_categories=chosen,
            )
        )
    return rows


def _offered(campaign) -> dict[int, list[int]]:
    offered: dict[int, list[int]] = {}
    rows = recommended.decisions(campaign.cause).order_by("member_id", "category_id")
    for member_id, category_id in rows.values_list("member_id", "category_id"):
        offered.setdefault(member_id, []).append(category_id)
    return offered
