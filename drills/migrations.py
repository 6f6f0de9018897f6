"""An empty database brought up to date twice: our quicker rendering of migrations makes what Django's own way makes, to the letter.

Compared are the whole schema as `pg_dump` writes it (tables, columns, keys, constraints, indexes, triggers, functions, grants) and
how many rows the migrations put into each table.
"""

import contextlib
import subprocess
from time import process_time
from unittest import mock

import psycopg
from django.conf import settings
from django.core.management import call_command
from psycopg import sql

from config.management.commands import migrate
from drills._database import database

COUNT = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"


def run(report):
    ours, ours_s = _made()
    with mock.patch.object(migrate, "rendered_alone", contextlib.nullcontext):
        theirs, theirs_s = _made()
    lines = sum(mine != other for mine, other in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    report("migrations: lines of schema and counts of rows that differ", lines, "0", lines == 0, f"{len(theirs)} lines")
    report("migrations: processor seconds, ours ÷ Django's", round(ours_s / theirs_s, 2), "≤ 0.6", ours_s <= 0.6 * theirs_s,
           f"{ours_s:.0f} ÷ {theirs_s:.0f} s")  # fmt: skip


def _made() -> tuple[list[str], float]:
    with database("regulars_drill_migrations", is_empty=True) as name:
        begun = process_time()
        call_command("migrate", verbosity=0)
        taken = process_time() - begun
        return _dump(name) + _counts(), taken


def _dump(name: str) -> list[str]:
    program = settings.EMBEDDED_POSTGRES.bin / "pg_dump" if settings.EMBEDDED_POSTGRES else "pg_dump"
    done = subprocess.run([str(program), "--schema-only", _address(name)], capture_output=True, check=True, text=True)
    # a dump's own key differs from run to run
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def _counts() -> list[str]:
    with psycopg.connect(_address("regulars_drill_migrations")) as db:
        tables = [table for (table,) in db.execute(COUNT)]
        asked = [sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)) for table in tables]
        return [f"{table}: {db.execute(one).fetchone()[0]}" for table, one in zip(tables, asked, strict=True)]


def _address(name: str) -> str:
    role = settings.DATABASE_OWNER
    said = {
        "host": role["HOST"],
        "port": role["PORT"],
        "user": role["USER"],
        "password": role.get("PASSWORD"),
        "dbname": name,
    }
    return " ".join(f"{key}='{value}'" for key, value in said.items() if value)
