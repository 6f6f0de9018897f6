"""Background work of the floor."""

from celery import shared_task

from members import operations


@shared_task
def finish_erasures():
    """Tell the rooms again that have not forgotten a member yet."""
    operations.finish_erasures()
