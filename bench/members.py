"""Members at scale: enrolling a file, finding one member among many, asking who may be written to.

The crowd is made in SQL: a million members with eleven keyed hashes each and one to three words of consent. A hundred of them share
each last four digits of a phone, some thousands each given and family name, as in life. Only the members that are looked for are
enrolled the real way. The crowd is made once and kept until the schema changes.
"""

import statistics
import time
from datetime import UTC, datetime
from functools import partial

from django.db import connection
from django.test import Client

from bench import _scratch as scratch
from members import operations, queries
from members.crypto import keyed_hash
from members.models import Member
from sales.models import Store
from tests.signing_in import at_door

CROWD, ENROLLED, FILES, SEARCHES = 1_000_000, 2_469, 3, 60
AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)


def run(report):
    with scratch.database("regulars_bench_members"):
        seconds = _enrol()
        report(
            "members: enrolled per second, a file of 2,469",
            round(ENROLLED / seconds),
            "≥ 1,000",
            ENROLLED / seconds >= 1_000,
        )
    with scratch.kept("regulars_bench_crowd", *STEPS):
        for what, texts in _asked().items():
            p95 = _p95_ms(queries.find, texts)
            report(f"members: find by {what} among {CROWD:,}, p95 ms", round(p95, 1), "≤ 300", p95 <= 300)
        for what in ("four phone digits", "given and family name"):
            p95 = _till_p95_ms(_asked()[what])
            report(f"members: the till's page for {what} among {CROWD:,}, p95 ms", round(p95, 1), "≤ 300", p95 <= 300)
        ratio, seconds = _reachable()
        report(
            "members: who may be e-mailed, × a plain count of as many rows", round(ratio, 1), "≤ 10", ratio <= 10,
            note=f"{seconds:.2f} s for {CROWD:,}",
        )  # fmt: skip


def _asked() -> dict[str, list[str]]:
    """What cashiers type: the members of the first file among the crowd."""
    numbers = [(n * 41) % ENROLLED for n in range(SEARCHES)]
    return {
        "four phone digits": [f"{n:04d}" for n in numbers],
        "seven phone digits": [f"555{n:04d}" for n in numbers],
        "ten phone digits": [f"212555{n:04d}" for n in numbers],
        "given and family name": [f"Given{n % 300} Family{n % 700}" for n in numbers],
        "a common given name": [f"Given{n % 300}" for n in numbers],
        "e-mail": [f"member{n}@example.com" for n in numbers],
    }


def _enrol() -> float:
    """Seconds for a file of so many members: the best of three files, for a busy neighbour is not ours to judge."""
    return min(_enrol_file(number) for number in range(FILES))


def _enrol_file(number: int) -> float:
    rows = [
        {
            "given_name": f"Given{n % 300}", "family_name": f"Family{n % 700}", "email": f"member{n}@example.com",
            "phone": f"+1212555{n:04d}", "external_id": f"H-{n}", "consents": ["email"],
        }
        for n in range(number * ENROLLED, (number + 1) * ENROLLED)
    ]  # fmt: skip
    began = time.perf_counter()
    done = operations.enrol_many(rows, at=AT, source="bench")
    assert not done.errors
    return time.perf_counter() - began


# -- the crowd: as the owner of the tables, keys and indexes laid aside and made again at the end, which is many times as fast

_OF_THE_CROWD = "id > (SELECT max(member_id) FROM members_identifier)"
_TABLES = ["members_consent", "members_searchtoken"]
THIRDS = 3


def _people(db):
    db.execute(
        """INSERT INTO members_member (public_id, status, language, time_zone, country, lifecycle_stage, joined_at, custom_fields)
           SELECT gen_random_uuid(), 'active', 'en', 'America/New_York', '', 'developing', %s, '{}' FROM generate_series(1, %s)""",
        [AT, CROWD],
    )


def _lay_aside(db):
    with db.transaction():
        db.execute(
            """CREATE TABLE bench_laid_aside AS
               SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname) AS away,
                      format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back
                 FROM pg_constraint WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('f', 'u')
               UNION ALL
               SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
                 FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]) AND NOT indisprimary
                  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u')""",
            {"tables": _TABLES},
        )  # fmt: skip
        for (away,) in db.execute("SELECT away FROM bench_laid_aside").fetchall():
            db.execute(away)


def _bring_back(db):
    db.execute("SET maintenance_work_mem = '512MB'")
    for (back,) in db.execute("SELECT back FROM bench_laid_aside ORDER BY back").fetchall():
        with db.transaction():
            db.execute(back)
            db.execute("DELETE FROM bench_laid_aside WHERE back = %s", [back])


def _words(db):
    db.execute(
        f"""INSERT INTO members_consent (member_id, channel, purpose, is_granted, at, source, text_version)
            SELECT id, 'email', 'marketing', word < 3 OR id %% 5 > 0, %(at)s - interval '1 day' * (9 - word), 'bench', ''
              FROM members_member, generate_series(1, 1 + (id %% 3)::int) AS word WHERE {_OF_THE_CROWD}""",
        {"at": AT},
    )


def _tokens(third: int, db):
    db.execute(
        f"""INSERT INTO members_searchtoken (member_id, kind, token_hash)
            SELECT id, CASE WHEN place < 7 THEN 'phone' ELSE 'name' END,
                   CASE place WHEN 0 THEN (%(tails)s::bytea[])[1 + id %% 10000]
                              WHEN 7 THEN (%(given)s::bytea[])[1 + id * 7 %% 300]
                              WHEN 8 THEN (%(family)s::bytea[])[1 + id * 11 %% 701]
                              ELSE decode(md5(id || ':' || place), 'hex') END
              FROM members_member, generate_series(0, 10) AS place WHERE {_OF_THE_CROWD} AND id %% {THIRDS} = %(third)s""",
        {
            "third": third, "tails": [keyed_hash(f"{n:04d}", kind="phone_suffix") for n in range(10_000)],
            "given": [keyed_hash(f"given{n}", kind="name") for n in range(300)],
            "family": [keyed_hash(f"family{n}", kind="name") for n in range(701)],
        },
    )  # fmt: skip


def _tidy(db):
    """As the server itself does in time."""
    db.execute("VACUUM (ANALYZE) members_member, members_consent, members_searchtoken, members_identifier")


STEPS = [
    lambda _db: _enrol_file(0), _people, _lay_aside, _words, *(partial(_tokens, third) for third in range(THIRDS)), _bring_back, _tidy,
]  # fmt: skip


# -- what is asked of it ---------------------------------------------------------------------------------------------------


def _p95_ms(ask, texts: list[str]) -> float:
    took = []
    for text in texts:
        began = time.perf_counter()
        found = ask(text)
        took.append((time.perf_counter() - began) * 1000)
        assert found
    return statistics.quantiles(took, n=20)[-1]


def _till_p95_ms(texts: list[str]) -> float:
    """The whole page, list and masks, as the till asks for it."""
    store, _made = Store.objects.get_or_create(code="B1", defaults={"name": "Bench"})
    cashier = operations.add_staff(email="bench@example.com", roles=["cashier"])  # the same one in every run
    store.staff.add(cashier)
    till = at_door(Client(), cashier, "pos")
    return _p95_ms(lambda text: till.get("/pos/", {"q": text}).status_code in {200, 302}, texts)


def _reachable() -> tuple[float, float]:
    ours, plain = [], []
    for _ in range(3):
        began = time.perf_counter()
        reachable = Member.objects.reachable(channel="email", at=AT).count()
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM members_consent WHERE is_granted")
        plain.append(time.perf_counter() - began)
        assert 0 < reachable <= CROWD + ENROLLED
    return min(ours) / min(plain), min(ours)
