"""A person erased while everything is written down: dumps, logs, Redis, exports and files are searched for what was planted.

The suite asks every row of every table (tests/members/test_erasure.py). Here it is what leaves the database: a real `pg_dump` before and
after, everything that was logged meanwhile, all of Redis with its queues, the export handed out to staff, and every file of `var/`.
"""

import io
import logging
import subprocess
import zipfile
from datetime import UTC, datetime

import redis
from django.conf import settings
from django.utils import timezone

import care.operations
import loyalty.operations
from bench._scratch import database
from members import operations, personal_data, rotation
from members.models import Household
from push.models import PushSubscription
from sales.models import Store

AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)
PLANTED = {
    "given name": "Quillon", "family name": "Zweigeltson", "e-mail": "quillon.zweigeltson@planted.example", "phone": "+12125550186",
    "number elsewhere": "EXT-PLANTED-997", "household": "Zweigeltsons of Elm", "network address": "203.0.113.86",
    "proof of consent": "said beside the planted shelf", "device": "https://push.planted.example/q7",
    "goodwill": "the planted gentleman waited", "complaint": "my planted tea was cold", "touchpoint": "rang about planted stamps",
}  # fmt: skip
STAY_OUT = ("postgres", "redis")  # the servers' own folders: what is in them is asked through them


def run(report):
    import config.celery  # noqa: F401 (as the server does: what is told by tasks lies in Redis and is searched for)

    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        with database("regulars_drill_erasure") as name:
            _drill(report, name, log)
    finally:
        logging.getLogger().removeHandler(handler)


def _drill(report, name: str, log: io.StringIO):
    member = _plant()
    before = _opened()
    report("erasure: planted values found by who holds the keys, before", len(_hits(before)), str(len(PLANTED)),
           _hits(before) == set(PLANTED))  # fmt: skip
    _nothing(report, "in a dump of the database, before", _dump(name))
    with zipfile.ZipFile(io.BytesIO(personal_data.archive(member, at=timezone.now()))) as files:
        said = "\n".join(files.read(one).decode() for one in files.namelist())
    own = {"given name", "family name", "e-mail", "phone", "goodwill", "complaint"}
    report("erasure: the person's own export tells them", len(own & _hits(said)), str(len(own)), own <= _hits(said))
    operations.erase(member_id=member.pk, at=AT, source="portal")
    for where, text in (
        ("in the database by who holds the keys", _opened()), ("in a dump", _dump(name)), ("in the log", log.getvalue()),
        ("in Redis and its queues", _redis()), ("in the files of var", _files()),
    ):  # fmt: skip
        _nothing(report, f"{where}, after", text)


def _nothing(report, where: str, text: str):
    found = _hits(text)
    report(f"erasure: planted values {where}", len(found), "0", not found, note=", ".join(sorted(found)))


def _hits(text: str) -> set[str]:
    return {name for name, value in PLANTED.items() if value in text}


def _plant():
    """A person of whom much was written down."""
    Store.objects.create(code="P1", name="Planted")
    member = operations.enrol(
        at=AT, source="drill", given_name=PLANTED["given name"], family_name=PLANTED["family name"], email=PLANTED["e-mail"],
        phone=PLANTED["phone"], external_id=PLANTED["number elsewhere"],
    )  # fmt: skip
    member.household = Household.objects.create(name=PLANTED["household"])
    member.save()
    operations.give_consent(
        member=member, channel="email", is_granted=True, at=AT, source="portal", address=PLANTED["network address"],
        detail=PLANTED["proof of consent"],
    )  # fmt: skip
    PushSubscription.objects.create(
        member=member,
        endpoint=PLANTED["device"],
        endpoint_hash=b"e" * 16,
        p256dh="key",
        auth="secret",
        subscribed_at=AT,
    )
    loyalty.operations.adjust(
        member_id=member.pk,
        points=50,
        reason=PLANTED["goodwill"],
        source="desk",
        client_key="1",
        by_user_id=None,
        at=AT,
    )
    care.operations.open_case(
        topic="complaint",
        text=PLANTED["complaint"],
        channel="desk",
        at=AT,
        member_id=member.pk,
        source="desk",
        client_key="1",
    )
    operations.note_touchpoint(
        kind="call", at=AT, source="drill", client_key="1", member_id=member.pk, words=PLANTED["touchpoint"]
    )
    return member


def _opened() -> str:
    """Every encrypted value of every table in clear, and the rest as a dump has it."""
    from django.db import connection

    found = []
    with connection.cursor() as cursor:
        for column in rotation.columns():
            table, _key, name = column.quoted()
            cursor.execute(f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL")
            found += [column.field.opened(value) for (value,) in cursor.fetchall()]
    return "\n".join(found)


def _dump(name: str) -> str:
    program = settings.EMBEDDED_POSTGRES.bin / "pg_dump" if settings.EMBEDDED_POSTGRES else "pg_dump"
    role = settings.DATABASE_OWNER
    address = {"host": role["HOST"], "port": role["PORT"], "user": role["USER"], "password": role.get("PASSWORD")}
    said = " ".join(f"{key}='{value}'" for key, value in (address | {"dbname": name}).items() if value)
    done = subprocess.run([str(program), "--inserts", said], capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def _redis() -> str:
    if settings.EMBEDDED_REDIS:
        settings.EMBEDDED_REDIS.ensure()
    memory = redis.Redis.from_url(settings.REDIS_URL)
    return "\n".join((memory.dump(key) or b"").decode(errors="replace") for key in memory.scan_iter())


def _files() -> str:
    files = [path for path in settings.VAR.rglob("*") if path.is_file()]
    asked = [path for path in files if not path.relative_to(settings.VAR).parts[0].startswith(STAY_OUT)]
    return "\n".join(path.read_bytes().decode(errors="replace") for path in asked)
