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

from delivery.channels import MAIN, Way
from delivery.models import BY_CONSENT
from members.models import Member

CLAIM_SIZE = 500
LEASE = timedelta(minutes=2)
EVIDENCE_GRACE = timedelta(seconds=30)  # what a dead worker left in its socket may still be taken by the next hop
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)

WAITING = ("paused", "quiet", "paced")  # verdicts after which a message goes back and is asked about again
_UNDER_HOLD = "m.cause = h.cause OR starts_with(m.cause, h.cause || ':')"

# A claim that a crash of the server takes away was not sent: its commit need not wait for the disk.
_CLAIM = f"""
WITH hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), due AS (
  SELECT m.id
    FROM delivery_message m
   WHERE m.stage = 0 AND m.state = 'pending' AND m.due_at <= %(at)s
     AND NOT EXISTS (SELECT FROM delivery_hold h WHERE NOT h.is_cancelled AND ({_UNDER_HOLD}))
   ORDER BY m.priority, m.due_at, m.id
   LIMIT %(limit)s
     FOR UPDATE OF m SKIP LOCKED
), noted AS (
  INSERT INTO delivery_claim (worker, lease_until, message_ids)
  SELECT %(worker)s, clock_timestamp() + %(lease)s, array_agg(due.id) FROM due, hurried HAVING count(*) > 0
)
UPDATE delivery_message m
   SET state = 'claimed', claimed_by = %(worker)s, lease_until = clock_timestamp() + %(lease)s
  FROM due
 WHERE m.id = due.id
RETURNING m.priority, m.due_at, m.id, m.channel, m.purpose, m.member_id, m.user_id, m.content, m.values
"""  # noqa: S608 (no value of anybody's is put into the text)

_SERIALISE_MEMBERS = """
SELECT pg_advisory_xact_lock(hashtextextended('delivery.cap:' || one, 0)) FROM unnest(%(members)s::bigint[]) AS one
"""

# The last word before the first byte: everything that may have changed since planning is asked again, in one statement
# with the commitment to send.
_ATTEMPT = """
WITH ready AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(hashes)s::bytea[], %(holds)s::text[], %(resume)s::timestamptz[],
                       %(transports)s::text[]) AS r (id, address_hash, hold, resume_at, transport)
), mine AS (
  SELECT m.id, m.cause, m.channel, m.purpose, m.member_id, m.priority, m.due_at, m.expires_at, ready.address_hash,
         ready.hold, ready.resume_at, ready.transport
    FROM delivery_message m JOIN ready ON ready.id = m.id
   WHERE m.state = 'claimed' AND m.claimed_by = %(worker)s AND m.lease_until > clock_timestamp()
     FOR UPDATE OF m
), judged AS MATERIALIZED (  -- so that each question is asked once, not wherever its answer is used
  SELECT m.id, m.cause, m.channel, m.purpose, m.member_id, m.priority, m.due_at, m.resume_at, m.transport,
         CASE
           WHEN EXISTS (SELECT FROM delivery_hold h WHERE h.is_cancelled AND ({under_hold})) THEN 'cancelled'
           WHEN EXISTS (SELECT FROM delivery_hold h WHERE NOT h.is_cancelled AND ({under_hold})) THEN 'paused'
           WHEN m.expires_at < %(at)s THEN 'too_late'
           WHEN m.member_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM ({active}) AS a (id) WHERE a.id = m.member_id) THEN 'not_active'
           WHEN m.address_hash IS NULL THEN 'no_address'
           WHEN EXISTS (SELECT FROM delivery_suppression s
                         WHERE s.channel = m.channel AND s.address_hash = m.address_hash
                           AND (m.purpose <> 'transactional' OR s.reason <> 'complaint')) THEN 'suppressed'
           WHEN m.purpose = 'transactional' THEN coalesce(nullif(m.hold, ''), 'go')
           WHEN m.member_id IS NULL
                OR NOT ({said_yes}) THEN 'no_consent'
           ELSE coalesce(nullif(m.hold, ''), 'go')
         END AS verdict
    FROM mine m
), counted AS (
  SELECT j.id, j.resume_at, j.transport,
         CASE
           WHEN j.verdict <> 'go' OR j.purpose <> 'marketing' OR p.id IS NULL THEN j.verdict
           WHEN open.is_outranked THEN 'outranked'
           WHEN p.hours_between > 0 AND (j.place > 1
                OR greatest(done.last_at, open.last_at) > %(at)s - make_interval(hours => p.hours_between))
             OR j.place + done.contacts + open.contacts > p.marketing_messages_max THEN 'frequency_cap'
           ELSE 'go'
         END AS verdict
    FROM (SELECT *, row_number() OVER (PARTITION BY verdict, purpose, member_id ORDER BY priority, due_at, id) AS place
            FROM judged) AS j
    LEFT JOIN delivery_channelpolicy p ON p.channel = j.channel
    LEFT JOIN LATERAL (  -- what the member got lately by any channel; a cause counts once
      SELECT count(DISTINCT o.cause) FILTER (WHERE o.sent_at > %(at)s - make_interval(days => p.cap_days)) AS contacts,
             max(o.sent_at) AS last_at
        FROM delivery_message o
       WHERE o.member_id = j.member_id AND o.stage = 2 AND o.state = 'sent' AND o.purpose = 'marketing'
         AND o.sent_at > %(at)s - greatest(make_interval(days => p.cap_days), make_interval(hours => p.hours_between))
         AND o.cause <> j.cause
    ) AS done ON j.verdict = 'go' AND j.purpose = 'marketing'
    LEFT JOIN LATERAL (  -- what is on its way to them or may have arrived; and what is more important and due soon
      SELECT count(DISTINCT o.cause) FILTER (
               WHERE o.state IN ('attempting', 'in_doubt') AND o.attempted_at > %(at)s - make_interval(days => p.cap_days)
             ) AS contacts,
             max(o.attempted_at) FILTER (WHERE o.state IN ('attempting', 'in_doubt')) AS last_at,
             coalesce(bool_or(
               o.priority < j.priority AND o.state IN ('pending', 'claimed')
               AND o.due_at <= %(at)s + make_interval(hours => p.hours_between)
               AND NOT EXISTS (SELECT FROM delivery_hold h WHERE {o_under_hold})
             ), false) AS is_outranked
        FROM delivery_message o
       WHERE o.member_id = j.member_id AND o.stage IN (0, 1) AND o.purpose = 'marketing' AND o.cause <> j.cause
    ) AS open ON j.verdict = 'go' AND j.purpose = 'marketing'
)
UPDATE delivery_message m
   SET state = CASE WHEN c.verdict = 'go' THEN 'attempting' WHEN c.verdict IN {waiting} THEN 'pending' ELSE 'skipped' END,
       skip_reason = CASE WHEN c.verdict = 'go' OR c.verdict IN {waiting} THEN '' ELSE c.verdict END,
       due_at = CASE WHEN c.verdict IN ('quiet', 'paced') THEN c.resume_at ELSE m.due_at END,
       transport = CASE WHEN c.verdict = 'go' THEN c.transport ELSE m.transport END,
       claimed_by = CASE WHEN c.verdict = 'go' THEN m.claimed_by ELSE '' END,
       lease_until = CASE WHEN c.verdict = 'go' THEN clock_timestamp() + %(lease)s END,
       attempts = m.attempts + (c.verdict = 'go')::int,
       attempted_at = CASE WHEN c.verdict = 'go' THEN %(at)s ELSE m.attempted_at END
  FROM counted c
 WHERE m.id = c.id
RETURNING m.id, c.verdict, m.attempts
"""

# A result counts when it belongs to this worker's own attempt, also if a sweeper meanwhile took the worker for dead.
_RECORD = """
UPDATE delivery_message m
   SET state = r.state, detail = r.detail, due_at = coalesce(r.due_at, m.due_at),
       sent_at = CASE WHEN r.state = 'sent' THEN %(at)s ELSE m.sent_at END,
       claimed_by = CASE WHEN r.state IN ('pending', 'in_doubt') THEN '' ELSE m.claimed_by END,
       lease_until = CASE WHEN r.state = 'in_doubt' THEN clock_timestamp() + %(grace)s END
  FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(states)s::text[], %(details)s::text[], %(due)s::timestamptz[])
       AS r (id, attempt, state, detail, due_at)
 WHERE m.id = r.id AND m.claimed_by = %(worker)s AND m.attempts = r.attempt AND m.state IN ('attempting', 'in_doubt')
RETURNING m.id, m.state
"""

_FAIL_UNSENT = """
UPDATE delivery_message m SET state = 'failed', detail = r.detail, claimed_by = '', lease_until = NULL
  FROM unnest(%(ids)s::bigint[], %(details)s::text[]) AS r (id, detail)
 WHERE m.id = r.id AND m.claimed_by = %(worker)s AND m.state = 'claimed'
RETURNING m.id
"""

_RELEASE = """
UPDATE delivery_message SET state = 'pending', claimed_by = '', lease_until = NULL
 WHERE id = ANY(%(ids)s) AND claimed_by = %(worker)s AND state = 'claimed'
"""

# Messages of claims whose lease ran out, and that are still in the hands of who claimed them. An attempt renews the lease
# of its message, not of the claim.
_LATE = """
  SELECT m.id, m.claimed_by
    FROM delivery_claim c CROSS JOIN LATERAL unnest(c.message_ids) AS one (id)
    JOIN delivery_message m ON m.id = one.id AND m.claimed_by = c.worker
   WHERE c.lease_until < clock_timestamp() AND m.lease_until < clock_timestamp()
"""

_RELEASE_EXPIRED = f"""
UPDATE delivery_message m SET state = 'pending', claimed_by = '', lease_until = NULL
  FROM ({_LATE} AND m.state = 'claimed' ORDER BY m.id FOR UPDATE OF m SKIP LOCKED) AS late
 WHERE m.id = late.id
"""  # noqa: S608

_DEAD_WORKERS = f"""
SELECT worker
  FROM (SELECT late.claimed_by AS worker FROM ({_LATE} AND m.state = 'attempting') AS late
         UNION
        SELECT claimed_by FROM delivery_message WHERE stage = 1 AND lease_until < clock_timestamp() AND claimed_by <> '') AS late
 WHERE pg_try_advisory_xact_lock(hashtextextended('delivery.worker:' || worker, 0))
"""  # noqa: S608

_DOUBT_OF_THE_DEAD = f"""
UPDATE delivery_message m
   SET state = 'in_doubt', detail = %(detail)s, lease_until = clock_timestamp() + %(grace)s
  FROM ({_LATE} AND m.state = 'attempting' AND m.claimed_by = ANY(%(workers)s) ORDER BY m.id FOR UPDATE OF m SKIP LOCKED) AS late
 WHERE m.id = late.id
"""  # noqa: S608

_ADOPT_FORGOTTEN = """
INSERT INTO delivery_claim (worker, lease_until, message_ids)
SELECT m.claimed_by, max(m.lease_until), array_agg(m.id)
  FROM delivery_message m
 WHERE m.stage = 0 AND m.state IN ('claimed', 'attempting') AND m.lease_until < clock_timestamp()
   AND NOT EXISTS (SELECT FROM delivery_claim c WHERE c.worker = m.claimed_by)
 GROUP BY m.claimed_by
"""

_FORGET_CLAIMS = """
DELETE FROM delivery_claim c
 WHERE c.lease_until < clock_timestamp()
   AND NOT EXISTS (SELECT FROM unnest(c.message_ids) AS one (id) JOIN delivery_message m ON m.id = one.id
                    WHERE m.claimed_by = c.worker AND m.state IN ('claimed', 'attempting'))
"""

_SETTLEABLE = """
SELECT id FROM delivery_message
 WHERE stage = 1 AND channel = %(channel)s AND lease_until < clock_timestamp()
   AND (claimed_by = '' OR claimed_by = ANY(%(workers)s))
   AND (%(purpose)s = '' OR purpose = %(purpose)s)
   AND CASE WHEN transport = ANY(%(others)s) THEN transport ELSE %(main)s END = %(transport)s
   AND attempted_at <= coalesce(%(attempted_by)s::timestamptz, 'infinity')
 ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""


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
    verdict: str  # go, one of WAITING, or a skip reason
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
        cursor.execute(statement, parameters, prepare=True)
        return cursor.fetchall()


def _count(statement: str, parameters: dict) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def enter(worker: str) -> bool:
    """Put this connection's mark on a worker's name; False when another connection has it."""
    return _rows(
        "SELECT pg_try_advisory_lock(hashtextextended('delivery.worker:' || %(worker)s, 0))", {"worker": worker}
    )[0][0]


def leave(worker: str) -> None:
    _rows("SELECT pg_advisory_unlock(hashtextextended('delivery.worker:' || %(worker)s, 0))", {"worker": worker})


def claim(*, worker: str, at, limit: int, lease: timedelta) -> list[Claimed]:
    rows = _rows_prepared(_CLAIM, {"worker": worker, "at": at, "limit": limit, "lease": lease})
    return sorted(Claimed(*facts, json.loads(values)) for *facts, values in rows)


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
    o_under_hold = _UNDER_HOLD.replace("m.", "o.")
    waiting = "('" + "', '".join(WAITING) + "')"
    return _ATTEMPT.format(under_hold=_UNDER_HOLD, o_under_hold=o_under_hold, waiting=waiting, **texts), parameters


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
        _SERIALISE_MEMBERS, {"members": _array(members)}
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
        _RECORD,
        {
            "worker": worker, "at": at, "grace": grace, "ids": _array(ids), "attempts": _array(attempts),
            "states": _array(states), "details": _texts(details), "due": _moments(due),
        },
    )  # fmt: skip
    return dict(rows)


def fail_unsent(failures: dict[int, str], *, worker: str) -> list[int]:
    parameters = {"worker": worker, "ids": list(failures), "details": [text[:300] for text in failures.values()]}
    return [row[0] for row in _rows(_FAIL_UNSENT, parameters)]


def release(ids: Iterable[int], *, worker: str) -> int:
    return _count(_RELEASE, {"worker": worker, "ids": list(ids)})


def release_expired() -> int:
    """Claims whose lease ran out go back: nothing of them was sent, and a sleeper's claim no longer holds when it wakes."""
    return _count(_RELEASE_EXPIRED, {})


def dead_workers() -> list[str]:
    """Names with attempts past their lease and no connection any more. They stay locked until the transaction ends."""
    return [row[0] for row in _rows(_DEAD_WORKERS, {})]


def doubt_attempts_of(workers: Sequence[str], *, detail: str, grace: timedelta) -> int:
    return _count(_DOUBT_OF_THE_DEAD, {"workers": list(workers), "detail": detail, "grace": grace})


def adopt_forgotten() -> int:
    """Messages in somebody's hands that no claim knows of get one, so that they are found. Looks at every open message."""
    return _count(_ADOPT_FORGOTTEN, {})


def forget_claims() -> int:
    """Claims that ended, well or badly, need not be looked at again."""
    return _count(_FORGET_CLAIMS, {})


def settleable(
    way: Way, *, dead: Sequence[str], purpose: str = "", attempted_by: datetime | None = None, limit: int = 1000
) -> list[int]:
    """Messages in doubt that are old enough for the next hop's word on them to be final; of one purpose, if one is named."""
    parameters = {
        "channel": way.channel, "transport": way.transport, "others": list(way.others), "main": MAIN,
        "workers": list(dead), "purpose": purpose, "attempted_by": attempted_by, "limit": limit,
    }  # fmt: skip
    return [row[0] for row in _rows(_SETTLEABLE, parameters)]
