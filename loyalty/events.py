"""Every change of points as an event: what moved, the balance after it, and the wallet's version, which never skips one.

The transfer row is the event: it is written in the transaction that moves the points, so none can be lost or told too early.
A wallet's events are ordered by version; between wallets there is no order to keep.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Min

from loyalty.models import Transfer, Wallet

EVENTS_MAX = 500


@dataclass(frozen=True)
class Event:
    """One transfer. `change` is what it did to the available points, with sign; `available` what there was right after it."""

    wallet: UUID
    version: int
    reason: str
    change: int
    available: int
    points: int
    from_account: int
    into_account: int
    key: str
    purchase: UUID | None
    expires_on: date | None
    occurred_at: datetime
    posted_at: datetime


_EVENTS = """
SELECT t.wallet_id, w.public_id, t.version, t.reason,
       CASE WHEN t.credit_account = 10 THEN t.points WHEN t.debit_account = 10 THEN -t.points ELSE 0 END,
       t.available_after, t.points, t.debit_account, t.credit_account, t.client_key, p.public_id, t.expires_on, t.occurred_at,
       t.posted_at
  FROM unnest(%(wallets)s::bigint[], %(after)s::bigint[]) AS asked (wallet_id, after)
  JOIN loyalty_wallet w ON w.id = asked.wallet_id
 CROSS JOIN LATERAL (SELECT * FROM loyalty_transfer v WHERE v.wallet_id = asked.wallet_id AND v.version > asked.after
                      ORDER BY v.version LIMIT %(limit)s) t
  LEFT JOIN sales_purchase p ON p.id = t.purchase_id
 ORDER BY t.wallet_id, t.version
"""


def of_wallet(wallet_id: int, *, after: int = 0, limit: int = EVENTS_MAX) -> list[Event]:
    """The events of one wallet with a version beyond `after`, in order; at most `limit`."""
    return of_wallets({wallet_id: after}, limit=limit).get(wallet_id, [])


def of_wallets(after: dict[int, int], *, limit: int = EVENTS_MAX) -> dict[int, list[Event]]:
    """The events of many wallets, each beyond its own version; at most `limit` of each. One query."""
    found = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, {"wallets": list(after), "after": list(after.values()), "limit": limit})
        for wallet_id, *event in cursor.fetchall():
            found[wallet_id].append(Event(*event))
    return dict(found)


_SETTLED = """
SELECT least(clock_timestamp(), min(CASE WHEN backend_xid IS NOT NULL THEN xact_start WHEN state = 'active' THEN query_start END))
  FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def settled_until() -> datetime:
    """A moment before which every transfer that will ever be posted can be seen already.

    A transfer is stamped when its statement begins and seen when its transaction commits. Whoever reads by time asks this
    first, then reads what changed since the last answer, and keeps this one for the next time: nothing falls between.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED)
        return cursor.fetchone()[0]


def changed_since(moment: datetime) -> list[tuple[int, int]]:
    """Wallets with transfers posted since a moment, each with the version of the first of these. One query by time."""
    rows = Transfer.objects.filter(posted_at__gte=moment).order_by().values("wallet_id").annotate(first=Min("version"))
    return sorted((row["wallet_id"], row["first"]) for row in rows)


def versions(wallet_ids: list[int]) -> dict[int, int]:
    """The version each wallet has now."""
    return dict(Wallet.objects.filter(pk__in=wallet_ids).values_list("pk", "version"))


def wallet_of(public_id: UUID) -> Wallet | None:
    """The wallet by the name that doors may say."""
    return Wallet.objects.select_related("currency").filter(public_id=public_id).first()


def wallets_of(member_id: int) -> list[Wallet]:
    """All wallets of a member, one a currency."""
    return list(Wallet.objects.select_related("currency").filter(member_id=member_id).order_by("currency_id"))
