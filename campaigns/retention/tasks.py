"""The clockwork of early warning. Celery finds it through campaigns.tasks."""

from celery import shared_task

from campaigns.retention import operations
from members import clock
from members.modules import only_with


@shared_task(name="campaigns.tasks.watch_over_members")
@only_with("retention")
def watch_over_members():
    """Who is about to leave, and what to do for them. Safe to run any number of times."""
    return operations.watch(at=clock.now())
