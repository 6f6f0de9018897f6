"""Verbs of the outbox."""

from delivery.operations.answering import can_answer, send_now
from delivery.operations.archiving import archive, unarchive
from delivery.operations.confirming import confirm, write_confirmations
from delivery.operations.enqueuing import enqueue
from delivery.operations.events import asked_by, lift_suppression, record_event, set_preferences, suppress, unsubscribe
from delivery.operations.holding import cancel, drop_due, pause, postpone_due, resume, set_doubt_policy, set_policy
from delivery.operations.receipts import Receipt, take_receipt
from delivery.operations.sending import Delivered, WorkerNameTaken, deliver_chunk
from delivery.operations.sweeping import forget_member, resolve_doubt, settle, sweep
from delivery.operations.watching import look_up_domains, watch_receipts

__all__ = [
    "Delivered", "Receipt", "WorkerNameTaken", "archive", "asked_by", "can_answer", "cancel", "confirm", "deliver_chunk", "drop_due", "enqueue", "forget_member", "lift_suppression", "look_up_domains", "pause",
    "postpone_due", "record_event", "resolve_doubt", "resume", "send_now", "set_doubt_policy", "set_policy", "set_preferences", "settle", "suppress",
    "sweep", "take_receipt", "unarchive", "unsubscribe", "watch_receipts", "write_confirmations",
]  # fmt: skip
