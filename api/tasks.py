"""What machines are told. Safe to run never, once or five times."""

from celery import shared_task

from api import journey_calls, webhooks
from api.refused_orders import queue
from members import clock
from members.modules import only_with


@shared_task
def deliver_webhooks():
    """Tell every webhook what it has not heard yet."""
    webhooks.deliver()


@shared_task
@only_with("journeys")
def deliver_journey_calls():
    """Make the calls that journeys asked for."""
    journey_calls.deliver()


@shared_task
def tidy_refused_orders():
    """Close refused orders that have arrived since, and forget what was closed long ago."""
    queue.tidy(at=clock.now())
