"""Background work of the floor."""

from celery import shared_task

from members import clock, operations
from members.modules import only_with


@shared_task
def finish_erasures():
    """Tell the rooms again that have not forgotten a member yet."""
    operations.finish_erasures()


@shared_task
@only_with("duplicates")
def find_duplicates():
    """Records that are probably one person, for the service desk to decide. Safe to run any number of times."""
    return operations.find_duplicates(at=clock.now())
