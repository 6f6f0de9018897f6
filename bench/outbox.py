"""A million recipients: planned and enqueued beside plain `INSERT … SELECT`, and sent by a worker whose memory does not grow.

Planning is one statement that hashes everybody into an arm (`experiments.operations.enlist`), enqueuing one that writes a message
for each (`delivery.operations.enqueue`). The rival of each is a plain copy of as many finished rows, by `INSERT … SELECT`, into a
table of the same columns, constraints, foreign keys and indexes, by the same server and by turns. Time is that of the clock,
commit included. The members are made in SQL, all with one encrypted address, once for a schema, and kept.

Memory is the peak of a worker's own process that sends what is first of 10,000 messages, and of 1,000,000.
"""

import contextlib
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F

from bench import _scratch as scratch
from bench.messages import _sink

MEMBERS, FEW, SENT, ROUNDS = 1_000_000, 10_000, 20_000, 2
AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)
PLAN_MAX, FLAT_MAX = 3.0, 1.1
CONTENT = "bench"

_MEMBERS = """
INSERT INTO members_member (id, public_id, status, given_name, family_name, language, time_zone, country, lifecycle_stage, joined_at, custom_fields)
SELECT i, gen_random_uuid(), 'active', %(given)s, NULL, 'en', 'America/New_York', '', 'new', %(at)s, '{}' FROM generate_series(1, %(n)s) AS i
"""
_ADDRESSES = """
INSERT INTO members_identifier (member_id, kind, value, value_hash, email_domain, is_primary, created_at)
SELECT i, 'email', %(address)s, decode(md5(i::text), 'hex'), 'example.com', true, %(at)s FROM generate_series(1, %(n)s) AS i
"""
_YES = """
INSERT INTO members_consent (member_id, channel, purpose, is_granted, at, source, text_version)
SELECT i, 'email', 'marketing', true, %(at)s, 'bench', '' FROM generate_series(1, %(n)s) AS i
"""


def run(report):
    with scratch.kept("regulars_bench_outbox", _fill):
        _tell_planning(report, "assignments", _assigned, "experiments_assignment")
        _tell_planning(report, "messages", _enqueued, "delivery_message")
        few, many = _peak_mb(FEW), _peak_mb(MEMBERS)
        report(
            f"a worker's peak memory with {MEMBERS:,} messages waiting ÷ with {FEW:,}",
            round(many / few, 3), f"≤ {FLAT_MAX}", many / few <= FLAT_MAX,
            f"{many:.0f} MB after {SENT:,} sent, {few:.0f} MB after {FEW:,}",
        )  # fmt: skip
        _forget("delivery_claim", "delivery_message")


def _fill(db):
    from members.crypto import encrypt
    from members.models import Identifier, Member

    facts = {
        "n": MEMBERS, "at": AT - timedelta(days=90),
        "given": encrypt("Zoë", context=Member._meta.get_field("given_name").context),
        "address": encrypt("somebody@example.com", context=Identifier._meta.get_field("value").context),
    }  # fmt: skip
    for statement in (_MEMBERS, _ADDRESSES, _YES):
        db.execute(statement, facts)
    db.execute("VACUUM ANALYZE")


# -- planning and enqueuing ----------------------------------------------------------------------------------------------


def _tell_planning(report, what: str, write, table: str):
    rounds = []
    for number in range(ROUNDS):
        with _clock() as ours:
            rows = write(number)
        with _rival_of(table) as copy, _clock() as plain:
            copied = copy()
        if rows != MEMBERS or copied != MEMBERS:
            raise RuntimeError(f"{rows} {what} were written and {copied} copied, of {MEMBERS}")
        rounds.append((ours[0], plain[0]))
        _forget(table)
    ratio = statistics.median(mine / rival for mine, rival in rounds)
    mine, rival = (statistics.median(column) for column in zip(*rounds, strict=True))
    report(
        f"{MEMBERS:,} {what} ÷ a plain INSERT … SELECT of as many rows",
        round(ratio, 2), f"≤ {PLAN_MAX:g}", ratio <= PLAN_MAX, f"{mine:.1f} s against {rival:.1f} s",
    )  # fmt: skip


def _assigned(number: int) -> int:
    from experiments import operations
    from members.models import Member

    arms = [("Holdout", 0.1, True), ("A", 0.45, False), ("B", 0.45, False)]
    experiment = operations.create(name=f"Bench {number}", kind="campaign", arms=arms)
    return operations.enlist(experiment=experiment, members=Member.objects.active(), at=AT)


def _enqueued(number: int) -> int:
    from delivery import operations
    from members.models import Member

    everybody = Member.objects.active().annotate(member_id=F("pk"))
    return operations.enqueue(messages=everybody, cause=f"bench:{number}", channel="email", at=AT, content=CONTENT)


@contextlib.contextmanager
def _clock():
    told = [0.0]
    begun = time.perf_counter()
    yield told
    told[0] = time.perf_counter() - begun


@contextlib.contextmanager
def _rival_of(table: str):
    """A table like this one, and what copies this one's rows into it."""
    with scratch.owner(connection.settings_dict["NAME"]) as db:
        db.execute("DROP TABLE IF EXISTS bench_rival")
        db.execute(
            f"CREATE TABLE bench_rival (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS"
            " INCLUDING INDEXES INCLUDING STORAGE)"
        )
        for (reference,) in db.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'",
            [table],
        ).fetchall():
            db.execute(f"ALTER TABLE bench_rival ADD {reference}")
        columns = ", ".join(
            f'"{row[0]}"'
            for row in db.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''"
                " AND NOT attisdropped ORDER BY attnum", [table],
            )
        )  # fmt: skip
        copy = f"INSERT INTO bench_rival ({columns}) SELECT {columns} FROM {table}"
        yield lambda: db.execute(copy).rowcount
        db.execute("DROP TABLE bench_rival")


def _forget(*tables: str):
    with scratch.owner(connection.settings_dict["NAME"]) as db:
        db.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        db.execute(f"VACUUM ANALYZE {', '.join(tables)}")


# -- memory --------------------------------------------------------------------------------------------------------------


def _peak_mb(waiting: int) -> float:
    """Of a process of its own: what it holds at most while it sends."""
    from delivery import operations
    from drills._killing import content
    from members.models import Member

    _forget("delivery_claim", "delivery_message")
    with _sink() as sink:
        chosen = Member.objects.filter(pk__lte=waiting).annotate(member_id=F("pk"))
        operations.enqueue(messages=chosen, cause="bench", channel="email", at=AT, content=content())
        told = subprocess.run(
            [sys.executable, "-c", "from bench import outbox; outbox.work()", connection.settings_dict["NAME"],
             str(sink.port), str(min(waiting, SENT))],
            cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return float(told.stdout.split()[-1])


def work():
    """The worker's process: its arguments are a database, the sink's port, and how many to send."""
    import django

    database, port, goal = sys.argv[1], sys.argv[2], int(sys.argv[3])
    django.setup()
    from delivery import operations

    scratch.point_at(database)
    settings.DELIVERY_CHANNELS["email"] = {
        "class": "emails.smtp.SmtpChannel", "arguments": (f"smtp://127.0.0.1:{port}",),
        "evidence": ("delivery.evidence.LogEvidence", "/nonexistent"),  # nothing is in doubt: nobody will ask
    }  # fmt: skip
    sent = 0
    while sent < goal and (done := operations.deliver_chunk(worker="bench", at=AT)).claimed:
        sent += done.sent
    if sent < goal:
        raise RuntimeError(f"{sent} of {goal} were sent")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
