"""The analysts' clockwork: freeze the month that ended, mail what is due, read anew what is kept. Safe to run 0, 1 or 5 times."""

import time

from celery import shared_task

from members import clock
from members.modules import only_with
from reports import editions, letters, readings
from reports.digests import writing

MINUTE_S = 60.0


@shared_task
@only_with("digests")
def send_digests():
    return writing.send_due(at=clock.now())


@shared_task
def keep_editions():
    at = clock.now()
    return {"edition": editions.make_edition(at=at) is not None, "mailed": letters.send_due(at=at)}


@shared_task
def refresh_readings():
    """Stops after a minute's work: the next beat goes on with the oldest."""
    ends = time.monotonic() + MINUTE_S
    return readings.refresh(at=clock.now(), until=lambda: time.monotonic() > ends)
