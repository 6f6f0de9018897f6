"""Importing the Complete Journey through `manage.py import_purchases`, beside a plain COPY of the same rows.

End to end: reading Parquet, checking, staging, products, stores and members made on the way, points posted and tiers evaluated
as of each purchase. By default the year's first quarter; `make bench ONLY=imports` takes the whole year (1,469,307 lines).
The rival is PostgreSQL's COPY of the very rows that the import stored into tables with the same indexes, and nothing else.
"""

import io
import multiprocessing
import resource
import sys
import time
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
    is_whole = "imports" in sys.argv[1:]
    path = _in_a_process(_file, None if is_whole else QUARTER_ENDS)
    lines = pq.read_metadata(path).num_rows
    with scratch.database("regulars_bench_imports") as name:
        seconds, cpu_seconds, resident_mb = _in_a_process(_import, name, path)
        copy_seconds = _copy(name)
    rate, of = lines / seconds, "the whole year" if is_whole else "the first quarter"
    note = f"{of}: {lines:,} lines in {seconds:.1f} s; {cpu_seconds / lines * 1e6:.0f} µs of Python per line"
    report("lines per second, points included", round(rate), f"≥ {LINES_PER_SECOND:,}", rate >= LINES_PER_SECOND, note)
    ratio = seconds / copy_seconds
    report(
        "time ÷ a plain COPY of the same rows",
        round(ratio, 1),
        f"≤ {COPIES}",
        ratio <= COPIES,
        f"COPY took {copy_seconds:.1f} s",
    )
    report("resident memory, MB", round(resident_mb), f"< {RESIDENT_MB:,}", resident_mb < RESIDENT_MB)


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
