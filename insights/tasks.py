"""What insights do by the clock."""

from celery import shared_task
from django.conf import settings

from insights import operations
from members import clock


@shared_task
def refresh_lifecycle():
    """Everybody's life-cycle stage as of now. Safe to run any number of times."""
    return operations.refresh_lifecycle(at=clock.now())


@shared_task
def refresh_scores():
    """Every prediction as of now, as rows of a new run; the number of kinds scored. Without purchases there is nothing to do."""
    try:
        return len(operations.refresh_scores(at=clock.now(), currency=settings.CURRENCY))
    except operations.NothingToScore:
        return 0
