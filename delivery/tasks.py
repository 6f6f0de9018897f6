"""What Celery does. A task carries nothing: what is due stands in PostgreSQL, so 0, 1 or 5 runs come to the same."""

import functools
import gc
import time
import uuid
from datetime import timedelta

from celery import shared_task

from delivery import operations, queries
from members.clock import now

RUN_S, RUNS_AT_ONCE, STALE_S = 50, 2, 30
NEW = timedelta(seconds=15)


@functools.cache
def _set_loaded_code_aside():
    """Once a process: the collector of cycles need not look through Django anew for every few hundred messages (90 µs each)."""
    gc.collect()
    gc.freeze()


@shared_task(name="delivery.tasks.deliver")
def deliver():
    """Send what is due, for most of a minute or until there is nothing left."""
    _set_loaded_code_aside()
    worker, begun = f"worker-{uuid.uuid4()}", time.monotonic()
    while time.monotonic() - begun < RUN_S:
        done = operations.deliver_chunk(worker=worker, at=now())
        if not done.claimed or done.is_hop_down:
            return


@shared_task(name="delivery.tasks.look")
def look():
    """Wake the workers when something has just become due: a campaign's first messages need not wait for the next sweep.

    What has been due for longer is the sweep's: a million paused messages shall not be looked through every other second.
    """
    at = now()
    if queries.is_work_due(at=at, since=at - NEW):
        _wake()


@shared_task(name="delivery.tasks.sweep")
def sweep(is_thorough=False):
    """Put right what dead workers left, and wake the living when something is due."""
    if operations.sweep(at=now(), is_thorough=is_thorough).is_work_due:
        _wake()


@shared_task(name="delivery.tasks.watch")
def watch():
    """Put ways behind the others whose receipts come late."""
    operations.watch_receipts(at=now())


@shared_task(name="delivery.tasks.look_up_domains")
def look_up_domains():
    """Learn who takes the mail of the members' domains, so that a pace by receivers knows them."""
    operations.look_up_domains(at=now())


def _wake():
    for _ in range(RUNS_AT_ONCE):
        deliver.apply_async(expires=STALE_S)  # an old call is worth nothing: the next look makes a new one
