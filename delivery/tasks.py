"""What Celery does. A task carries nothing: what is due stands in PostgreSQL, so 0, 1 or 5 runs come to the same."""

import time
import uuid

from celery import shared_task

from delivery import operations
from members.clock import now

RUN_S, RUNS_AT_ONCE, STALE_S = 50, 2, 30


@shared_task(name="delivery.tasks.deliver")
def deliver():
    """Send what is due, for most of a minute or until there is nothing left."""
    worker, begun = f"worker-{uuid.uuid4()}", time.monotonic()
    while time.monotonic() - begun < RUN_S:
        done = operations.deliver_chunk(worker=worker, at=now())
        if not done.claimed or done.is_hop_down:
            return


@shared_task(name="delivery.tasks.sweep")
def sweep(is_thorough=False):
    """Put right what dead workers left, and wake the living when something is due."""
    if operations.sweep(at=now(), is_thorough=is_thorough).is_work_due:
        for _ in range(RUNS_AT_ONCE):
            deliver.apply_async(expires=STALE_S)  # an old call is worth nothing: the next sweep makes a new one
