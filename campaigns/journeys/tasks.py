"""The journeys' clockwork. Tasks carry nothing; what is due stands in PostgreSQL, so 0, 1 or 5 runs come to the same."""

import time

from celery import shared_task

from campaigns.journeys import entering, running
from members import clock
from members.modules import only_with

RUN_S = 25


@shared_task(name="campaigns.tasks.run_journeys")
@only_with("journeys")
def run_journeys():
    """Let in by news, and move on who is due, until nobody is or half a minute is over."""
    entering.listen(at=clock.now())
    begun = time.monotonic()
    while running.run_batch(at=clock.now()):
        if time.monotonic() - begun > RUN_S:
            return


@shared_task(name="campaigns.tasks.enter_journeys")
@only_with("journeys")
def enter_journeys():
    """Let in by audience and by date."""
    return entering.come(at=clock.now())
