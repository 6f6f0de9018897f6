"""News of messages, told after commit."""

from django.dispatch import Signal

# message_ids: list[int]; kind: str, one of MessageEvent.Kind, or "sent" or "failed"
message_evidence = Signal()
