"""What is looked at beside the writing. Safe to run never, once or five times."""

from celery import shared_task

from emails import linkcheck
from members import clock


@shared_task
def check_links():
    """Ask the addresses in templates whether they answer."""
    return linkcheck.check_due(at=clock.now())
