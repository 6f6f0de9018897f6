"""The statements that move messages between states. Everything that two workers could quarrel about is decided here, in SQL.

Leases run on the database's real clock, so that neither a moved business clock nor a worker's wrong one matters. A worker
also holds an advisory lock on its own name while it works; the server lets go of it when the worker's connection ends. So
"the lease ran out" means slow, and "the lease ran out and the name is free" means dead.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from django.db import connection

from delivery import statements
from delivery.channels import MAIN, Way
from delivery.models import BY_CONSENT
from members.models import Member

CLAIM_SIZE = 500
LEASE = timedelta(minutes=2)
EVIDENCE_GRACE = timedelta(seconds=30)  # what a dead worker left in its socket may still be taken by the next hop
_read = json.JSONDecoder().scan_once  # what the server wrote has no blanks around it
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class Claimed(NamedTuple):
    """A message in a worker's hands. The order of the fields is the order of sending."""

    priority: int
    due_at: datetime
    id: int
    channel: str
    purpose: str
    member_id: int | None
    user_id: int | None
    content: str
    values: dict


@dataclass(slots=True)
class Ready:
    """What the last check needs to know of a claimed message that could be composed."""

    id: int
    member_id: int | None
    address_hash: bytes | None  # None: there is no address
    resume_at: datetime | None  # when to come back, if it must wait
    hold: str = (
        ""  # why it must wait: quiet (the member's night) or paced (the hop takes no more now); empty: it need not
    )
    transport: str = MAIN
    is_urgent: bool = False  # a code or a receipt: it waits for no pace


class Verdict(NamedTuple):
    id: int
    verdict: str  # go, one of statements.WAITING, or a skip reason
    attempt: int


class Recorded(NamedTuple):
    """What to write of one attempt."""

    id: int
    attempt: int
    state: str
    detail: str
    due_at: datetime | None


def _rows(statement: str, parameters: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _rows_prepared(statement: str, parameters: dict) -> list[tuple]:
    """For what every chunk asks: the server keeps the plan for as long as the connection lives.

    Django's own cursors put parameters into the text, so that each execution is planned anew; for the last check that
    would cost as much as the check.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True, binary=True)
        return cursor.fetchall()


def _count(statement: str, parameters: dict) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def enter(worker: str) -> bool:
    """Put this connection's mark on a worker's name; False when another connection has it.

    What is prepared is planned once from now on, not for each of its first five executions: planning costs as much as a chunk.
    """
    return _rows(
        """SELECT pg_try_advisory_lock(hashtextextended('delivery.worker:' || %(worker)s, 0)),
                  set_config('plan_cache_mode', 'force_generic_plan', false)""",
        {"worker": worker},
    )[0][0]


def leave(worker: str) -> None:
    _rows(
        """SELECT pg_advisory_unlock(hashtextextended('delivery.worker:' || %(worker)s, 0)),
                  set_config('plan_cache_mode', 'auto', false)""",
        {"worker": worker},
    )


def claim(*, worker: str, at, limit: int, lease: timedelta) -> list[Claimed]:
    rows = _rows_prepared(statements.CLAIM, {"worker": worker, "at": at, "limit": limit, "lease": lease})
    return sorted(Claimed(*facts, _read(values, 0)[0]) for *facts, values in rows)


def consent_channel(channel: str) -> str:
    """A push is a push, to a browser or to an app: who said yes to one said yes to both."""
    return "push" if channel == "mobile" else channel


@functools.cache
def _attempt_statement(channel: str) -> tuple[str, dict]:
    """The statement, with the floor's own questions (who is active, who said yes) set into it."""
    queries = {"active": Member.objects.active().values("pk")} | {
        # The latest word of all, whatever this worker's idea of the time: a withdrawal counts from its commit on.
        purpose: Member.objects.reachable(channel=consent_channel(channel), at=_END_OF_TIME, purpose=purpose).values(
            "pk"
        )
        for purpose in BY_CONSENT
    }
    texts, parameters = {}, {}
    for name, query in queries.items():
        text, values = query.query.sql_with_params()
        names = [f"{name}_{number}" for number in range(len(values))]
        texts[name] = text % tuple(f"%({one})s" for one in names)
        parameters |= dict(zip(names, values, strict=True))
    texts["said_yes"] = " OR ".join(
        f"m.purpose = '{purpose}' AND EXISTS (SELECT FROM ({texts.pop(purpose)}) AS c (id) WHERE c.id = m.member_id)"
        for purpose in BY_CONSENT
    )
    o_under_hold = statements.UNDER_HOLD.replace("m.", "o.")
    waiting = "('" + "', '".join(statements.WAITING) + "')"
    return statements.ATTEMPT.format(
        under_hold=statements.UNDER_HOLD, o_under_hold=o_under_hold, waiting=waiting, **texts
    ), parameters


def _array(values: Iterable) -> str:
    """Numbers, words without blanks and None as PostgreSQL writes an array: cheaper than an adapter per element."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in values]) + "}"


def _texts(values: Iterable[str]) -> str:
    """Any text as an array. PostgreSQL keeps no NUL, and a server may answer anything."""
    quoted = (one[:300].replace("\0", " ").replace("\\", "\\\\").replace('"', '\\"') for one in values)
    return '{"' + '","'.join(quoted) + '"}'


def _moments(values: Iterable[datetime | None]) -> str:
    return "{" + ",".join(["NULL" if one is None else f'"{one.isoformat()}"' for one in values]) + "}"


def _hashes(values: Iterable[bytes | None]) -> str:
    return "{" + ",".join(["NULL" if one is None else f'"\\\\x{one.hex()}"' for one in values]) + "}"


def attempt(ready: Sequence[Ready], *, worker: str, channel: str, at, lease: timedelta) -> list[Verdict]:
    """Ask everything again and commit to sending what may go. Call it in a transaction of its own."""
    members = sorted({one.member_id for one in ready if one.member_id})
    _rows_prepared(
        statements.SERIALISE_MEMBERS, {"members": _array(members)}
    )  # so that two workers count a member's messages one after the other
    statement, parameters = _attempt_statement(channel)
    rows = _rows_prepared(
        statement,
        parameters | {
            "worker": worker, "at": at, "lease": lease, "ids": _array([one.id for one in ready]),
            "hashes": _hashes([one.address_hash for one in ready]),
            "resume": _moments([one.resume_at for one in ready]), "holds": _texts([one.hold for one in ready]),
            "transports": _texts([one.transport for one in ready]),
        },
    )  # fmt: skip
    return [Verdict(*row) for row in rows]


def record(results: Sequence[Recorded], *, worker: str, at, grace: timedelta) -> dict[int, str]:
    """Write what became of an attempt; answers id → state of those that were this worker's to write."""
    ids, attempts, states, details, due = zip(*results, strict=True)
    rows = _rows_prepared(
        statements.RECORD,
        {
            "worker": worker, "at": at, "grace": grace, "ids": _array(ids), "attempts": _array(attempts),
            "states": _array(states), "details": _texts(details), "due": _moments(due),
        },
    )  # fmt: skip
    return dict(rows)


def fail_unsent(failures: dict[int, str], *, worker: str) -> list[int]:
    parameters = {"worker": worker, "ids": list(failures), "details": [text[:300] for text in failures.values()]}
    return [row[0] for row in _rows(statements.FAIL_UNSENT, parameters)]


def release(ids: Iterable[int], *, worker: str) -> int:
    return _count(statements.RELEASE, {"worker": worker, "ids": list(ids)})


def release_expired() -> int:
    """Claims whose lease ran out go back: nothing of them was sent, and a sleeper's claim no longer holds when it wakes."""
    return _count(statements.RELEASE_EXPIRED, {})


def dead_workers() -> list[str]:
    """Names with attempts past their lease and no connection any more. They stay locked until the transaction ends."""
    return [row[0] for row in _rows(statements.DEAD_WORKERS, {})]


def doubt_attempts_of(workers: Sequence[str], *, detail: str, grace: timedelta) -> int:
    return _count(statements.DOUBT_OF_THE_DEAD, {"workers": list(workers), "detail": detail, "grace": grace})


def adopt_forgotten() -> int:
    """Messages in somebody's hands that no claim knows of get one, so that they are found. Looks at every open message."""
    return _count(statements.ADOPT_FORGOTTEN, {})


def forget_claims() -> int:
    """Claims that ended, well or badly, need not be looked at again."""
    return _count(statements.FORGET_CLAIMS, {})


def settleable(
    way: Way, *, dead: Sequence[str], purpose: str = "", attempted_by: datetime | None = None, limit: int = 1000
) -> list[int]:
    """Messages in doubt that are old enough for the next hop's word on them to be final; of one purpose, if one is named."""
    parameters = {
        "channel": way.channel, "transport": way.transport, "others": list(way.others), "main": MAIN,
        "workers": list(dead), "purpose": purpose, "attempted_by": attempted_by, "limit": limit,
    }  # fmt: skip
    return [row[0] for row in _rows(statements.SETTLEABLE, parameters)]
