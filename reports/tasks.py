"""The analysts' clockwork: freeze the month that ended, mail what is due, read anew what is kept. Safe to run 0, 1 or 5 times."""

import time

from celery import shared_task
from django.utils import translation

from members import clock
from members.modules import only_with
from reports import editions, letters, readings
from reports.digests import writing

WORK_S = 15.0
"""No further answer is begun after so many seconds of each minute, so that a quarter of one worker is the most that all of them take."""


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
    """Read anew what has grown old; the next beat goes on with the oldest."""
    ends = time.monotonic() + WORK_S
    return readings.refresh(at=clock.now(), until=lambda: time.monotonic() > ends)


@shared_task
def read_once(name: str, language: str):
    with translation.override(language):
        return readings.read_once(name, at=clock.now())
