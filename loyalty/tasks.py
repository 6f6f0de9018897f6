"""The ledger's chores: each loads and makes one call; safe to run never, once or five times."""

from celery import shared_task

from members.clock import now


@shared_task
def expire_points():
    from loyalty import operations  # late: workers of other queues never need it

    operations.expire_points(at=now())
    operations.evaluate_tiers(at=now())
