"""A migrated database of a bench's own on the embedded server: a clone of a template that is kept, dropped at the end."""

import contextlib
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import BadMigrationError, InconsistentMigrationHistory
from psycopg import sql


def owner(database: str) -> psycopg.Connection:
    """A connection as the role that owns the tables, in autocommit."""
    role = settings.DATABASE_OWNER
    return psycopg.connect(
        host=role["HOST"], port=role["PORT"] or None, user=role["USER"], password=role.get("PASSWORD") or None,
        dbname=database, autocommit=True,
    )  # fmt: skip


@contextlib.contextmanager
def database(name: str, *, is_empty: bool = False):
    """Point Django at a new, migrated database of this name, or at one that holds nothing; drop it afterwards."""
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    home = connection.settings_dict["NAME"]
    try:
        _create(home, name, template="template0" if is_empty else _template(home))
        point_at(name)
        yield name
    finally:
        point_at(home)
        drop(home, name)


class Whole(functools.partial):
    """A step of a fill that is one transaction, together with the mark that it was taken."""


@contextlib.contextmanager
def kept(name: str, *steps: Callable[[psycopg.Connection], object]):
    """Point Django at a migrated database that stays: made and filled by `steps` at the first run.

    A fill that was stopped goes on after the last step that was done; so every step but the first is `Whole`, or may be repeated. A later
    schema reaches the database by its migrations, as it reaches a customer's; where they cannot run, it is made anew. Who changes a step
    gives the database another name.
    """
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    home = connection.settings_dict["NAME"]
    try:
        _drop_older(home, name)
        if not _is_there(home, name) or not _brought_up(home, name):
            _create(home, name, template=_template(home))
            with owner(name) as db:
                db.execute("CREATE TABLE bench_steps_taken (number int PRIMARY KEY, schema text NOT NULL)")
        point_at(name)
        with owner(name) as db:
            _take(db, steps)
        yield name
    finally:
        point_at(home)


def _drop_older(home: str, name: str):
    """Databases of this name whose name carries a schema's mark: they were made before schemas were followed by migrating."""
    with owner(home) as db:
        made = db.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [f"^{name}_[0-9a-f]{{12}}(_raw)?$"])
        older = [row[0] for row in made]
    for one in older:
        drop(home, one)


def _is_there(home: str, name: str) -> bool:
    with owner(home) as db:
        return db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _brought_up(home: str, name: str) -> bool:
    """Bring a kept database to today's schema; False: it has to be made anew, or nothing was done yet."""
    mark = schema_mark()
    with owner(name) as db:
        if not db.execute("SELECT to_regclass('bench_steps_taken')").fetchone()[0]:
            return False
        known = {schema for (schema,) in db.execute("SELECT DISTINCT schema FROM bench_steps_taken")}
    if not known:
        return False
    if known != {mark}:
        if not _migrated(home, name):
            return False
        with owner(name) as db:
            db.execute("UPDATE bench_steps_taken SET schema = %s", [mark])
    return True


def _take(db: psycopg.Connection, steps):
    taken = {number for (number,) in db.execute("SELECT number FROM bench_steps_taken")}
    for number, step in enumerate(steps):
        if number in taken:
            continue
        with db.transaction() if isinstance(step, Whole) else contextlib.nullcontext():
            step(db)
            db.execute("INSERT INTO bench_steps_taken VALUES (%s, %s)", [number, schema_mark()])


def fill(db: psycopg.Connection, *, statement: str, given: dict):
    """One piece of a large table, by chance that its `first` number begins: the same in every run."""
    db.execute("SELECT setseed(0.5 / (1 + %s))", [given["first"]])
    db.execute(statement, given)


def tidy(db: psycopg.Connection):
    """The last step of a large fill: what the server itself does in time."""
    db.execute("SET maintenance_work_mem = '512MB'")
    db.execute("VACUUM ANALYZE")


def chunks(count: int, size: int) -> list[tuple[int, int]]:
    """First and last number of each stretch of `size` out of 1 … `count`: what one step fills."""
    return [(first, min(first + size - 1, count)) for first in range(1, count + 1, size)]


_LAID_ASIDE = """
INSERT INTO bench_put_off
SELECT conname, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
       format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE %(keys)s AND conrelid = %(table)s::regclass AND contype IN ('f', 'u')
 UNION ALL
SELECT indexrelid::regclass::text, format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index WHERE indrelid = %(table)s::regclass AND NOT indisprimary
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u')
"""


def put_off(db: psycopg.Connection, *tables: str, keys: bool = False):
    """Drop the indexes of tables, and foreign and unique `keys` too, to be made by `make` when the tables are full."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS bench_put_off (name text PRIMARY KEY, away text NOT NULL, back text NOT NULL)"
    )
    for table in tables:
        db.execute(_LAID_ASIDE, {"table": table, "keys": keys})
    for (away,) in db.execute("SELECT away FROM bench_put_off").fetchall():
        db.execute(away)


def make(db: psycopg.Connection, *names: str):
    """Make what was put off: these, or all."""
    db.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for name, back in db.execute("SELECT name, back FROM bench_put_off ORDER BY name").fetchall():
        if not names or name in names:
            db.execute(back)


def _template(home: str) -> str:
    """The migrated template of today's schema: the last one brought further, or one made from nothing."""
    prefix = "regulars_bench_template_"
    name = prefix + schema_mark()
    with owner(home) as db:
        db.execute("SELECT pg_advisory_lock(hashtext(%s))", [prefix])  # two benches at once make one template
        made = [
            row[0] for row in db.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        ]
        if name in made:
            return name
        whole = [one for one in made if not one.endswith("_raw")]
        raw = f"{name}_raw"
        if not (whole and _migrated(home, whole[0])):
            _create(home, raw, template="template0")
            whole = [raw]
            if not _migrated(home, raw):
                raise RuntimeError("the migrations do not make a database from nothing")
        db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (whole[0], name))))
        for old in set(made) - {whole[0]}:
            drop(home, old)
    return name


def _migrated(home: str, name: str) -> bool:
    """Bring a database to today's schema; False, and why, where its migrations cannot run."""
    point_at(name)
    try:
        call_command("migrate", verbosity=0)
    except (psycopg.Error, DatabaseError, CommandError, BadMigrationError, InconsistentMigrationHistory) as why:
        print(f"{name} does not follow today's schema and is made anew: {why}")
        return False
    finally:
        point_at(home)
    return True


def schema_mark() -> str:
    """A digest of everything the schema is made of."""
    root, digest = Path(__file__).resolve().parent.parent, hashlib.sha256()
    for pattern in (
        "*/migrations/*.py",
        "*/sql/*.sql",
        "*/apps.py",
        "requirements.lock",
        "config/management/commands/migrate.py",
    ):
        for path in sorted(root.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _create(home: str, name: str, *, template: str):
    drop(home, name)
    with owner(home) as db:
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))


def point_at(name: str):
    connection.close()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


def drop(home: str, name: str):
    with owner(home) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
