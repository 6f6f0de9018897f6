"""Events of points, sent to whoever asked for them: signed, per wallet in the order of versions, again until they are taken.

A request carries up to 200 events of any number of wallets; of each wallet they are in order and none is left out. The
consumer answers 2xx within ten seconds, or hears the same again later: it keeps the version it has seen of each wallet and
passes over what is not newer. `Regulars-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256 of "<seconds>.<body>" under the secret.
"""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from api.models import ApiClient, Webhook, WebhookPosition
from loyalty import events
from loyalty.events import Event
from loyalty.models import Account
from members import outgoing

BATCH_EVENTS = 200
BATCHES_A_RUN = 50
LEASE = timedelta(seconds=60)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
SECRET_PREFIX = "whsec_"  # noqa: S105 (a mark that secret scanners can look for)


class Sender(Protocol):
    """Posts one body and gives the status, or raises OSError (everything the network does)."""

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int: ...


@dataclass(frozen=True)
class Told:
    """Events that were taken, and webhooks that did not answer."""

    events: int
    failures: int


def subscribe(*, client: ApiClient, url: str, at: datetime) -> tuple[Webhook, str]:
    """A webhook that hears every change from now on, and its secret, which is shown now and never again.

    The same address again gets a new secret and keeps its place. Raises outgoing.BadAddress.
    """
    outgoing.check(url)
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    webhook, _is_new = Webhook.objects.update_or_create(
        client=client, url=url,
        defaults={"secret": secret, "is_active": True, "due_at": at, "failures": 0},
        create_defaults={"secret": secret, "created_at": at, "scanned_until": at, "due_at": at},
    )  # fmt: skip
    return webhook, secret


def signature(secret: str, body: bytes, *, seconds: int) -> str:
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def deliver(*, send: Sender | None = None) -> Told:
    """Tell every webhook that is due what it has not heard. Any number of workers may run this: each claims its webhooks."""
    told = failures = 0
    for webhook in _claimed():
        try:
            told += _catch_up(webhook, send or outgoing.post)
        except OSError as error:
            _fail(webhook, error)
            failures += 1
        finally:
            Webhook.objects.filter(pk=webhook.pk).update(claimed_until=None)
    return Told(told, failures)


def _claimed() -> list[Webhook]:
    now = timezone.now()
    with transaction.atomic():
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        found = Webhook.objects.filter(free, is_active=True, due_at__lte=now).order_by("pk")
        found = list(found.select_for_update(skip_locked=True))
        Webhook.objects.filter(pk__in=[webhook.pk for webhook in found]).update(claimed_until=now + LEASE)
    return found


def _catch_up(webhook: Webhook, send: Sender) -> int:
    _look(webhook)
    told = 0
    for _batch in range(BATCHES_A_RUN):
        after = _behind(webhook)
        if not after:
            break
        found = _in_order(after)
        if found:
            _tell(webhook, [event for of_wallet in found.values() for event in of_wallet], send)
            told += sum(map(len, found.values()))
        _advance(webhook, after, found)
    return told


_NOTE = """
INSERT INTO api_webhookposition (webhook_id, wallet_id, version, is_behind)
SELECT %s, found.wallet_id, found.first - 1, true FROM unnest(%s::bigint[], %s::bigint[]) AS found (wallet_id, first)
    ON CONFLICT (webhook_id, wallet_id) DO UPDATE SET is_behind = true
 WHERE NOT api_webhookposition.is_behind
   AND api_webhookposition.version < (SELECT w.version FROM loyalty_wallet w WHERE w.id = excluded.wallet_id)
"""


def _look(webhook: Webhook):
    """Note the wallets that changed since the last look: all of them, however long their transactions took."""
    horizon = events.settled_until()
    changed = events.changed_since(webhook.scanned_until)
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [webhook.pk, [wallet for wallet, _first in changed], [first for _w, first in changed]])
    webhook.scanned_until = max(webhook.scanned_until, horizon)
    Webhook.objects.filter(pk=webhook.pk).update(scanned_until=webhook.scanned_until)


def _behind(webhook: Webhook) -> dict[int, int]:
    rows = webhook.positions.filter(is_behind=True).order_by("wallet_id").values_list("wallet_id", "version")
    return dict(rows[:BATCH_EVENTS])


def _in_order(after: dict[int, int]) -> dict[int, list[Event]]:
    """At most a batch of events: whole wallets first, the last one in part."""
    found, left = {}, BATCH_EVENTS
    for wallet_id, of_wallet in sorted(events.of_wallets(after, limit=BATCH_EVENTS).items()):
        if left:
            found[wallet_id] = of_wallet[:left]
            left -= len(found[wallet_id])
    return found


def _tell(webhook: Webhook, batch: list[Event], send: Sender):
    body = json.dumps({"events": [as_said(event) for event in batch]}, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "Regulars-Signature": signature(webhook.secret, body, seconds=int(time.time())),
    }
    status = send(webhook.url, body, headers)
    if not 200 <= status < 300:
        raise OSError(f"answered {status}")


def _advance(webhook: Webhook, after: dict[int, int], found: dict[int, list[Event]]):
    now_at = events.versions(list(after))
    heard = {wallet_id: found[wallet_id][-1].version if wallet_id in found else after[wallet_id] for wallet_id in after}
    rows = [
        WebhookPosition(webhook=webhook, wallet_id=wallet_id, version=version, is_behind=version < now_at[wallet_id])
        for wallet_id, version in heard.items()
    ]
    WebhookPosition.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["webhook", "wallet"], update_fields=["version", "is_behind"]
    )
    Webhook.objects.filter(pk=webhook.pk).update(failures=0, last_error="", delivered_at=timezone.now())


def _fail(webhook: Webhook, error: OSError):
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(webhook.failures, 20))
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=webhook.failures + 1, due_at=timezone.now() + pause, last_error=str(error)[:200]
    )


def as_said(event: Event) -> dict:
    """An event as it goes over the wire; accounts by their names."""
    said = asdict(event)
    said["from_account"] = Account(event.from_account).name.lower()
    said["into_account"] = Account(event.into_account).name.lower()
    return {name: value if isinstance(value, int) else value and str(value) for name, value in said.items()} | {
        "occurred_at": event.occurred_at.isoformat(),
        "posted_at": event.posted_at.isoformat(),
    }
