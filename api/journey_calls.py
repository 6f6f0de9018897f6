"""Webhook calls of journeys: signed posts to addresses marketers chose, at least once, under an id that tells a repeat.

`Regulars-Signature` is made as for events of points, under the journey's own secret; `Regulars-Id` is the same for every try.
"""

import json
import time

from django.utils import timezone

from api.webhooks import Sender, signature
from campaigns.journeys import calling
from members import outgoing


def deliver(*, send: Sender | None = None) -> int:
    """Make the calls that are due; how many were taken. Any number of workers may run this."""
    done = 0
    while calls := calling.claim(at=timezone.now()):
        for call in calls:
            try:
                _make(call, send or outgoing.post)
            except OSError as error:
                calling.not_taken(call_id=call.id, error=str(error), at=timezone.now())
            else:
                calling.taken(call_id=call.id)
                done += 1
    return done


def _make(call: calling.Call, send: Sender) -> None:
    body = json.dumps({"id": str(call.public_id), **call.body}, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json", "Regulars-Id": str(call.public_id),
        "Regulars-Signature": signature(call.secret, body, seconds=int(time.time())),
    }  # fmt: skip
    status = send(call.url, body, headers)
    if not 200 <= status < 300:
        raise OSError(f"answered {status}")
