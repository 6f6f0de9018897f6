"""What the recommender does by the clock. Each is safe to run again."""

from datetime import timedelta

from celery import shared_task

from members import clock
from recommender import operations, purchases

WEEKS = 4


@shared_task
def keep_fresh():
    """Lists of whoever bought something since they were written."""
    return operations.keep_all_fresh(at=clock.now())


@shared_task
def train_warm():
    """Every night: yesterday's rankers go on from where they were, are judged on the last weeks, and all lists are written."""
    return _train(is_warm=True)


@shared_task
def train_cold():
    """Every week: all rankers compete again from nothing, the two stages among them."""
    return _train(is_warm=False)


@shared_task
def judge_policies():
    """Every week: policies that draw from what is believed are held against what was logged; whoever opens an A/B finds the answers there."""
    proposed = operations.propose_policies(at=clock.now())
    return {version.kind: {"version": version.pk, "is_open": gate.is_open} for version, gate in proposed}


def _train(*, is_warm: bool):
    last = purchases.last_purchase_at()
    if last is None:
        return {}
    at = clock.now()
    operations.make_offers()
    try:
        versions = operations.train(
            cutoff=at - timedelta(weeks=WEEKS), weeks=WEEKS, two_stages=not is_warm, is_warm=is_warm
        )
    except operations.CannotTrain:
        return {}
    operations.refresh_recommendations(at=at)
    return {slot: version.pk for slot, version in versions.items()}
