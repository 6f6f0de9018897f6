"""Importing the Complete Journey through `manage.py import_purchases`, beside a plain COPY of the same rows.

End to end: reading Parquet, checking, staging, products, stores and members made on the way, points posted and tiers evaluated
as of each purchase. The rival is PostgreSQL's COPY of the very rows that the import stored in purchases and lines into tables
with the same indexes, and nothing else: no ledger, no checks. First the year's first quarter and its COPY, then the whole year
(1,469,307 lines) and its COPY, in a database of its own each: only the year is judged.
"""

import io
import multiprocessing
import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow.parquet as pq
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench import _scratch as scratch

LINES_PER_SECOND, COPIES, RESIDENT_MB = 20_000, 10, 1_000
QUARTER_ENDS = datetime(2017, 4, 1, tzinfo=UTC)
MAPPING = '[read]\nmember_kind = "external"\n'


def run(report):
    quarter = _case(QUARTER_ENDS)
    year = _case(None)
    note = f"{year.lines:,} lines in {year.seconds:.1f} s; {year.python_us:.0f} µs of Python per line; the quarter alone: {quarter.rate:,.0f}"
    report(
        "lines per second, points included",
        round(year.rate),
        f"≥ {LINES_PER_SECOND:,}",
        year.rate >= LINES_PER_SECOND,
        note,
    )
    report(
        "time ÷ a plain COPY of the same rows",
        round(year.copies, 1),
        f"≤ {COPIES}",
        year.copies <= COPIES,
        f"COPY took {year.copy_seconds:.1f} s; the quarter alone: {quarter.copies:.1f}",
    )
    report("resident memory, MB", round(year.resident_mb), f"< {RESIDENT_MB:,}", year.resident_mb < RESIDENT_MB)


@dataclass(frozen=True)
class Case:
    """One import and its rival; seconds of the wall clock."""

    lines: int
    seconds: float
    python_seconds: float
    resident_mb: float
    copy_seconds: float

    @property
    def rate(self) -> float:
        return self.lines / self.seconds

    @property
    def copies(self) -> float:
        return self.seconds / self.copy_seconds

    @property
    def python_us(self) -> float:
        return self.python_seconds / self.lines * 1e6


def _case(end: datetime | None) -> Case:
    path = _in_a_process(_file, end)
    with scratch.database("regulars_bench_imports") as name:
        measured = _in_a_process(_import, name, path)
        return Case(pq.read_metadata(path).num_rows, *measured, _copy(name))


def _in_a_process(act, *arguments):
    """Run it in a forked process of its own, so that its memory is its own, and return its answer."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    connection.close()
    process = context.Process(target=lambda: theirs.send(act(*arguments)))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def _file(end):
    """The year's lines up to `end` in the canonical columns, made once and kept."""
    from demo.dressing import Year  # only this child needs the whole year in memory

    path = settings.VAR / "bench" / f"purchases-{end.date() if end else 'year'}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".part")
        pq.write_table(Year(weeks=0).lines(end=end), made)
        made.rename(path)
    return path


def _import(name, path):
    connection.settings_dict["NAME"] = name
    mapping = path.with_suffix(".toml")
    mapping.write_text(MAPPING)
    cpu, begun = time.process_time(), time.monotonic()
    call_command("import_purchases", path, mapping=mapping, unknown_members="enrol")
    return (
        time.monotonic() - begun,
        time.process_time() - cpu,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _copy(name) -> float:
    """Seconds that COPY takes for the purchases and lines just imported, into empty tables with the same indexes."""
    spent = 0.0
    with scratch.owner(name) as db:
        for table in ("sales_purchase", "sales_purchaseline"):
            rows = io.BytesIO()
            with db.cursor().copy(f"COPY {table} TO STDOUT") as out:
                for block in out:
                    rows.write(block)
            db.execute(f"CREATE TABLE copy_of_{table} (LIKE {table} INCLUDING ALL)")
            begun = time.monotonic()
            with db.cursor().copy(f"COPY copy_of_{table} FROM STDIN") as into:
                into.write(rows.getbuffer())
            spent += time.monotonic() - begun
    return spent
