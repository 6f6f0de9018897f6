"""Answers of the service desk go out: care announces them, the outbox carries them, once each."""

from datetime import timedelta

import care.queries
from delivery import operations as outbox
from delivery import queries as sent

LOOKS_BACK = timedelta(days=2)


def send_reply(*, entry_id: int, at) -> int:
    """Put one answer into the outbox; 1 if it was not there yet. Safe to repeat."""
    return outbox.enqueue(
        messages=care.queries.answers().filter(pk=entry_id),
        cause=cause_of(entry_id), channel="email", at=at, purpose="transactional",
    )  # fmt: skip


def send_replies(*, at) -> int:
    """Every answer of the last days that is not in the outbox, because the news of it was lost. Returns how many were not."""
    recent = care.queries.answers().filter(at__gt=at - LOOKS_BACK).values_list("pk", flat=True)
    causes = {cause_of(entry_id): entry_id for entry_id in recent}
    lost = causes.keys() - sent.known_causes(causes)
    return sum(send_reply(entry_id=causes[cause], at=at) for cause in sorted(lost))


def cause_of(entry_id: int) -> str:
    """What its message says it was sent for."""
    return f"case:{entry_id}"
