"""A migrated database of a bench's own on the embedded server: a clone of a template that is kept, dropped at the end."""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql


def owner(database: str) -> psycopg.Connection:
    """A connection as the role that owns the tables, in autocommit."""
    role = settings.DATABASE_OWNER
    return psycopg.connect(
        host=role["HOST"], port=role["PORT"] or None, user=role["USER"], password=role.get("PASSWORD") or None,
        dbname=database, autocommit=True,
    )  # fmt: skip


@contextlib.contextmanager
def database(name: str):
    """Point Django at a new, migrated database of this name; drop it afterwards."""
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    home = connection.settings_dict["NAME"]
    try:
        _create(home, name, template=_template(home))
        point_at(name)
        yield name
    finally:
        point_at(home)
        drop(home, name)


@contextlib.contextmanager
def kept(name: str, *steps: Callable[[psycopg.Connection], object]):
    """Point Django at a migrated database that stays: made and filled by `steps` at the first run after a change of the schema.

    A fill that was stopped after its first step goes on from there; so every step but the first is one transaction, or may be repeated.
    """
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    home = connection.settings_dict["NAME"]
    full = f"{name}_{schema_mark()}"
    raw = f"{full}_raw"
    try:
        with owner(home) as db:
            made = [
                row[0]
                for row in db.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{name}_"])
            ]
        for old in set(made) - {full, raw}:
            drop(home, old)
        if full not in made:
            if raw not in made or not _taken(raw):
                _create(home, raw, template=_template(home))
            point_at(raw)
            with owner(raw) as db:
                _take(db, steps)
            point_at(home)
            with owner(home) as db:
                db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (raw, full))))
        point_at(full)
        yield full
    finally:
        point_at(home)


def _taken(database: str) -> set[int]:
    """Which steps are behind a database that was not finished."""
    with owner(database) as db:
        db.execute("CREATE TABLE IF NOT EXISTS bench_steps_taken (number int PRIMARY KEY)")
        return {number for (number,) in db.execute("SELECT number FROM bench_steps_taken")}


def _take(db: psycopg.Connection, steps):
    taken = _taken(db.info.dbname)
    for number, step in enumerate(steps):
        if number not in taken:
            step(db)
            db.execute("INSERT INTO bench_steps_taken VALUES (%s)", [number])


def _template(home: str) -> str:
    """The migrated template of today's schema, made at the first run after a change."""
    prefix = "regulars_bench_template_"
    name = prefix + schema_mark()
    with owner(home) as db:
        db.execute("SELECT pg_advisory_lock(hashtext(%s))", [prefix])  # two benches at once make one template
        made = [
            row[0] for row in db.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        ]
        if name not in made:
            for old in made:
                drop(home, old)
            _create(home, f"{name}_raw", template="template0")
            point_at(f"{name}_raw")
            call_command("migrate", verbosity=0)
            point_at(home)
            db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (f"{name}_raw", name))))
    return name


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
