"""What insights do by the clock."""

from celery import shared_task

from insights import operations
from members import clock


@shared_task
def refresh_lifecycle():
    """Everybody's life-cycle stage as of now. Safe to run any number of times."""
    return operations.refresh_lifecycle(at=clock.now())
