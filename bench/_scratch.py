"""A migrated database of a bench's own on the embedded server, made from nothing and dropped at the end."""

import contextlib

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
    _drop(home, name)
    with owner(home) as db:
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    _point_at(name)
    try:
        call_command("migrate", verbosity=0)
        yield name
    finally:
        _point_at(home)
        _drop(home, name)


def _point_at(name: str):
    connection.close()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


def _drop(home: str, name: str):
    with owner(home) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
