"""What care does by the clock."""

from celery import shared_task

from care import operations
from members import clock
from members.modules import only_with


@shared_task
@only_with("cases")
def escalate():
    """Cases past their clock, marked once. Safe to run any number of times."""
    return operations.escalate_overdue(at=clock.now())


@shared_task
def read_feelings():
    """How what members wrote sounds. Safe to run any number of times."""
    return operations.read_feelings()
