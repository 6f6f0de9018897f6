"""Days of the ledger, sealed one after the other: a change to what was posted on a sealed day shows for ever.

Each day's transfers hash to a root, and each root is chained to the day before, so that the last chained digest (the head)
stands for everything before it. Somebody with all rights could write a whole new chain; who has noted a head before sees that.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from loyalty.models import DayDigest

# A transfer carries the time its statement ran. Writers that began before midnight have long stopped waiting for it by then.
SETTLES_AFTER = timedelta(hours=1)
WAIT_SECONDS_MAX = 60.0

_WRITERS = """
SELECT DISTINCT l.virtualtransaction FROM pg_locks l
 WHERE l.relation = 'loyalty_transfer'::regclass AND l.mode = 'RowExclusiveLock'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()
"""


class StillWriting(RuntimeError):
    """Transactions that wrote to the ledger did not end; the day is sealed by the next run."""


@dataclass(frozen=True)
class Tampering:
    """One sealed day that no longer is what it was. `groups` of wallets (id mod 256) differ; none when only the chain does."""

    day: date
    sealed: int
    found: int
    groups: list[int]

    def __str__(self):
        what = f"groups {', '.join(map(str, self.groups))} of wallets changed" if self.groups else "the chain is broken"
        return f"{self.day}: sealed with {self.sealed} transfers, holds {self.found}; {what}"


def seal_days(*, at: datetime) -> list[date]:
    """Seal every day (UTC) that is over since an hour, in order. Any number of runs seal each day once."""
    last_day = (at.astimezone(UTC) - SETTLES_AFTER).date() - timedelta(days=1)
    newest = DayDigest.objects.order_by("-day").first()
    first = newest.day + timedelta(days=1) if newest else _first_day()
    if first is None or first > last_day:
        return []
    _wait_for_writers()
    return [day for day in _days(first, last_day) if _seal(day, at)]


@transaction.atomic
def _seal(day: date, at: datetime) -> bool:
    with connection.cursor() as cursor:  # two runs at once: the second finds the day sealed
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('loyalty_daydigest', 0))")
    if DayDigest.objects.filter(day=day).exists():
        return False
    before = DayDigest.objects.order_by("-day").first()
    transfers, roots, root = _digest(day)
    chained = _chained(bytes(before.chained) if before else b"", day, transfers, root)
    DayDigest.objects.create(day=day, transfers=transfers, bucket_roots=roots, root=root, chained=chained, sealed_at=at)
    return True


def check_chain() -> Iterator[Tampering]:
    """Recompute every sealed day and the chain over them, oldest first."""
    before, expected_day = b"", None
    if (first := DayDigest.objects.order_by("day").first()) and (older := _first_day()) and older < first.day:
        yield Tampering(older, 0, _digest(older)[0], [])
    for sealed in DayDigest.objects.order_by("day").iterator():
        transfers, roots, root = _digest(sealed.day)
        groups = [n for n, (was, now) in enumerate(zip(sealed.bucket_roots, roots, strict=True)) if bytes(was) != now]
        chained = _chained(before, sealed.day, sealed.transfers, bytes(sealed.root))
        is_whole = chained == bytes(sealed.chained) and sealed.day == (expected_day or sealed.day)
        if groups or transfers != sealed.transfers or root != bytes(sealed.root) or not is_whole:
            yield Tampering(sealed.day, sealed.transfers, transfers, groups)
        before, expected_day = bytes(sealed.chained), sealed.day + timedelta(days=1)


def head() -> tuple[date, str] | None:
    """The newest sealed day and the digest that stands for everything up to it; note it outside the database."""
    newest = DayDigest.objects.order_by("-day").first()
    return (newest.day, bytes(newest.chained).hex()) if newest else None


def is_known_head(digest: str) -> bool:
    """Whether a head that was noted before is still part of the chain."""
    try:
        noted = bytes.fromhex(digest.strip())
    except ValueError:
        return False
    return DayDigest.objects.filter(chained=noted).exists()


def _digest(day: date) -> tuple[int, list[bytes], bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM loyalty_day_digest(%s::date)", [day])
        transfers, roots, root = cursor.fetchone()
    return transfers, [bytes(digest) for digest in roots], bytes(root)


def _chained(before: bytes, day: date, transfers: int, root: bytes) -> bytes:
    return hashlib.sha256(before + f"{day.isoformat()}|{transfers}|".encode() + root).digest()


def _first_day() -> date | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (min(posted_at) AT TIME ZONE 'UTC')::date FROM loyalty_transfer")
        return cursor.fetchone()[0]


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _wait_for_writers():
    """Wait until every transaction that is writing transfers at this moment has ended; new ones do not matter."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        waiting, begun = set(cursor.fetchall()), time.monotonic()
        while waiting:
            if time.monotonic() - begun > WAIT_SECONDS_MAX:
                raise StillWriting(f"{len(waiting)} transactions have been writing to the ledger for a minute.")
            time.sleep(0.05)
            cursor.execute(_WRITERS)
            waiting &= set(cursor.fetchall())
