"""PostgreSQL's own load generator, and the statements of this house as scripts for it.

`script` runs one operation of the application, catches the statement it sends, and writes it down for pgbench: the marks in its
parameters (a member's id, a client key) become variables, and so does every new UUID. So what is measured is what the application calls, whatever its
signature is today.
"""

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import connection

from bench._scratch import owner

CLIENTS = 8


class Run(NamedTuple):
    """What one run of pgbench did: per second, and per transaction.

    `wal_bytes` are those of records; `wal_page_bytes` those of whole pages beside them. How many of these there are says how long ago the
    last checkpoint was, not what a transaction writes.
    """

    tps: float
    cpu_us: float
    wal_bytes: float
    wal_page_bytes: float


def run(database: str, *arguments: str, seconds: int) -> Run:
    """One run with prepared statements, its first second left out: new connections compile their functions and plans then.

    CPU is that of the server's processes behind the connections; the load generator's own is not counted.
    """
    command = _command(
        database, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds + 1), "-P", "1", *arguments
    )
    wal = _wal_position(database)
    with (
        tempfile.TemporaryFile("w+") as said,
        owner(database) as db,
        subprocess.Popen(command, stdout=said, stderr=said) as process,
    ):
        time.sleep(1.2)
        begun, before = time.monotonic(), _cpu_seconds(db)
        while process.poll() is None and time.monotonic() - begun < seconds - 0.4:
            time.sleep(0.02)
        spent, took = _cpu_seconds(db) - before, time.monotonic() - begun
        process.wait(60)
        said.seek(0)
        text = said.read()
    if process.returncode or re.search(r"number of failed transactions: [1-9]", text):
        raise RuntimeError(f"pgbench failed:\n{text}")
    rates = [float(rate) for rate in re.findall(r"progress: .*?, ([\d.]+) tps", text)]
    tps = statistics.mean(rates[1:] or rates)  # the last second of a short run is not always told
    transactions = int(re.search(r"transactions actually processed: (\d+)", text)[1])
    written = [size / transactions for size in _wal_written(wal, _wal_position(database))]
    return Run(tps, spent / took / tps * 1e6, *written)


def call(database: str, *arguments: str):
    """pgbench as it is, such as its initialisation."""
    done = subprocess.run(_command(database, *arguments), capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr}")


def _command(database: str, *arguments: str) -> list[str]:
    """As the role that serves; pgbench's own tables belong to the owner."""
    owns = "-i" in arguments or any(argument.startswith("--builtin") for argument in arguments)
    role = settings.DATABASE_OWNER if owns else settings.DATABASES["default"]
    program = settings.EMBEDDED_POSTGRES.bin / "pgbench"
    return [str(program), "-h", str(role["HOST"]), "-p", str(role["PORT"]), "-U", role["USER"], *arguments, database]


def _cpu_seconds(db: psycopg.Connection) -> float:
    """What the server's processes behind pgbench's connections have used so far."""
    found = db.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgbench'"
    )
    return sum(_spent(pid) for (pid,) in found)


def _spent(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:  # it has ended just now
        return 0.0


def _wal_position(database: str) -> str:
    """How far the log is flushed, as PostgreSQL writes it: what has been committed lies before."""
    with owner(database) as db:
        return db.execute("SELECT pg_current_wal_flush_lsn()").fetchone()[0]


def _wal_written(begin: str, end: str) -> tuple[int, int]:
    """Bytes between two positions: of records, and of whole pages beside them."""
    server = settings.EMBEDDED_POSTGRES
    command = [str(server.bin / "pg_waldump"), "-p", str(server.data / "pg_wal"), "-s", begin, "-e", end, "--stats"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    total = re.search(r"^Total\s+\d+\s+(\d+) \S+\s+(\d+)", done.stdout, re.MULTILINE)
    if not total:
        raise RuntimeError(f"pg_waldump failed:\n{done.stdout}\n{done.stderr}")
    return int(total[1]), int(total[2])


# A UUID that the application made anew for its call: eight and twelve digits by chance.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_DRAWN = {"uuid_a": "random(10000000, 99999999)", "uuid_b": "random(100000000000, 999999999999)"}


def script(folder: Path, name: str, act: Callable[[], object], variables: dict[str, tuple[str, str]]) -> str:
    """Write what `act` sends as a pgbench script and return its path.

    `variables`: mark in the parameters → (variable, the \\set expression that draws it).
    """
    caught = []

    def catch(execute, sql, params, many, context):
        caught.append((sql, list(params or ())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(catch):
        act()
    [(sql, params)] = [(sql, params) for sql, params in caught if "loyalty_" in sql]
    values = iter([_literal(value, variables) for value in params])
    text = " ".join(re.sub(r"%s", lambda _: next(values), sql).split())
    path = folder / f"{name}.sql"
    drawn = dict(variables.values()) | (_UUID_DRAWN if ":uuid" in text else {})
    path.write_text("".join(f"\\set {name} {expression}\n" for name, expression in drawn.items()) + text + ";\n")
    path.chmod(0o644)
    return str(path)


def _literal(value: object, variables: dict[str, tuple[str, str]]) -> str:
    """A parameter as SQL text, marks as variables inside it."""
    if isinstance(value, int) and str(value) in variables:
        return f":{variables[str(value)][0]}"
    if isinstance(value, str) and _UUID.fullmatch(value):
        return "(:uuid_a || '-0000-4000-8000-' || :uuid_b)"
    text = psycopg.sql.Literal(value).as_string(connection.connection)
    for mark, (name, _drawn) in variables.items():
        text = text.replace(mark, f"' || :{name} || '")
    return f"({text})" if "||" in text else text
