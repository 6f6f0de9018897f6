"""Rewards that members took in the year before the campaign. Invented: the data knows no points, so nobody could spend any.

One member in seven, at most once a month, where they had enough by the end of the month before; through the real operation (source:
demo-rewards).
They end with the campaign's day: what it brought is read from what people really did.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Sum
from django.db.models.functions import TruncMonth
from tqdm import tqdm

from loyalty import operations as loyalty
from loyalty.models import Account, Reward, Transfer

ONE_IN = 7
CHANCE = 0.7  # of a month in which a member could take one
SEED = 20170101
SOURCE = "demo-rewards"
NAMES = ("$5 off your basket", "10% off a basket", "$10 gift card")


def take_rewards(*, until: datetime) -> int:
    """Let them take rewards, in the order of time; how many were taken. Again: the same acts, which change nothing."""
    rewards = list(Reward.objects.filter(name_en__in=NAMES).order_by("points"))
    wishes = sorted(_wishes(rewards, until), key=lambda wish: wish[0])
    for at, member_id, reward, key in tqdm(wishes, desc="Rewards", unit=" rewards"):
        loyalty.redeem_reward(member_id=member_id, reward_id=reward.pk, source=SOURCE, client_key=key, at=at)
    return len(wishes)


def _wishes(rewards: list[Reward], until: datetime):
    """When, who, what, and the name of the act: never more than the member had earned by the end of the month before."""
    cheapest = rewards[0].points
    for member_id, months in _earned(until).items():
        chance, had, spent = np.random.default_rng([SEED, member_id]), 0, 0
        for month, points in sorted(months.items()):
            had += points
            following = (month + timedelta(days=32)).replace(day=1)
            at = following + timedelta(minutes=int(chance.integers(25)) * 1440 + int(chance.integers(9 * 60, 20 * 60)))
            if had - spent < 2 * cheapest or chance.random() > CHANCE or at >= until:
                continue
            affordable = [one for one in rewards if one.points <= had - spent]
            reward = affordable[int(chance.integers(len(affordable)))]
            spent += reward.points
            yield at, member_id, reward, f"{member_id}:{following:%Y-%m}"


def _earned(until: datetime) -> dict[int, dict[datetime, int]]:
    """Of one member in seven: what they earned in each month, by the first moment of it."""
    rows = (
        Transfer.objects.filter(debit_account=Account.ISSUED, occurred_at__lt=until, wallet__currency__code="points")
        .exclude(wallet__member=None)
        .annotate(month=TruncMonth("occurred_at"))
        .order_by()
        .values_list("wallet__member", "month")
        .annotate(points=Sum("points"))
    )
    found: dict[int, dict[datetime, int]] = defaultdict(dict)
    for member_id, month, points in rows:
        if member_id % ONE_IN == 0:
            found[member_id][month] = points
    return found
