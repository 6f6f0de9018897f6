"""Webhook calls that steps asked for: claimed by whoever makes them, and written off when nobody answers for days."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from campaigns.journeys.models import WebhookCall

LEASE = timedelta(seconds=60)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=6)
TRIES_MAX = 20
"""With pauses that double up to six hours: about three days."""


@dataclass(frozen=True)
class Call:
    """One call to make now: where, what, under which id, and the secret its signature is made with."""

    id: int
    public_id: UUID
    url: str
    body: dict
    secret: str


@transaction.atomic
def claim(*, at, limit: int = 50) -> list[Call]:
    """Calls that are due, each lent for a minute. A worker that dies lets another make them again, under the same id."""
    due = WebhookCall.objects.filter(state=WebhookCall.State.PENDING, due_at__lte=at).order_by("due_at", "pk")
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("run__version__journey")[:limit])
    WebhookCall.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=at + LEASE)
    return [Call(row.pk, row.public_id, row.url, row.body, row.run.version.journey.webhook_secret) for row in rows]


def taken(*, call_id: int) -> None:
    WebhookCall.objects.filter(pk=call_id).update(state=WebhookCall.State.DONE, last_error="")


@transaction.atomic
def not_taken(*, call_id: int, error: str, at) -> None:
    """Try again later and later; after days give up, which the journey's page shows."""
    call = WebhookCall.objects.select_for_update().get(pk=call_id)
    call.attempts += 1
    call.last_error = error[:200]
    call.due_at = at + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(call.attempts - 1, 20))
    if call.attempts >= TRIES_MAX:
        call.state = WebhookCall.State.GIVEN_UP
    call.save(update_fields=["attempts", "last_error", "due_at", "state"])
