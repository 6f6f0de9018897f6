"""Verbs of the outbox."""

from delivery.operations.enqueuing import enqueue
from delivery.operations.events import record_event, suppress, unsubscribe
from delivery.operations.holding import cancel, pause, resume, set_policy

__all__ = ["cancel", "enqueue", "pause", "record_event", "resume", "set_policy", "suppress", "unsubscribe"]
