"""The analysts' clockwork: freeze the month that ended, mail what is due. Safe to run 0, 1 or 5 times."""

from celery import shared_task

from members import clock
from members.modules import only_with
from reports import editions, letters
from reports.digests import writing


@shared_task
@only_with("digests")
def send_digests():
    return writing.send_due(at=clock.now())


@shared_task
def keep_editions():
    at = clock.now()
    return {"edition": editions.make_edition(at=at) is not None, "mailed": letters.send_due(at=at)}
