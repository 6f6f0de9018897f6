"""Exports of 100,000 rows, formula-safe: time to the last byte."""

import time
from datetime import UTC, date, datetime, timedelta

ROWS, SECONDS_MAX = 100_000, 5.0


def run(report):
    from reports import exports
    from reports.panels import Column, Table

    columns = (
        Column("day", "Day", "date"), Column("store", "Store", "text"), Column("sales", "Sales", "money"), Column("members", "Members"),
        Column("share", "Share", "percent"),
    )  # fmt: skip
    begin = date(2026, 1, 1)
    rows = tuple((begin + timedelta(days=n % 365), f"=Store {n}", n * 137, n % 977, n / ROWS) for n in range(ROWS))
    table = Table(columns, rows, datetime(2026, 1, 1, tzinfo=UTC))
    for name, export in (("CSV", exports.table_csv), ("Parquet", exports.table_parquet)):
        begun, worked = time.perf_counter(), time.process_time()
        size = len(export("bench", table).content)
        seconds = time.perf_counter() - begun
        note = f"{size / 1e6:.1f} MB; {time.process_time() - worked:.2f} s of processor"
        report(f"{name} of {ROWS:,} rows (s)", round(seconds, 2), f"≤ {SECONDS_MAX:.0f}", seconds <= SECONDS_MAX, note)
