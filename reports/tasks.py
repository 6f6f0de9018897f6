"""The analysts' clockwork: freeze the month that ended, mail what is due. Safe to run 0, 1 or 5 times."""

from celery import shared_task

from members import clock
from reports import editions


@shared_task
def keep_editions():
    at = clock.now()
    return {"edition": editions.make_edition(at=at) is not None, "mailed": editions.send_due(at=at)}
