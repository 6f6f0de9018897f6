"""Small files of purchases for tests."""

import gzip
from datetime import UTC, datetime

from members.importing.files import File
from members.importing.problems import Problem
from sales.importing.checking import Checked, check
from sales.importing.mapping import Mapping

HEADING = "receipt,time,member,store,product,name,category,quantity,unit,line_total,currency,refunds_receipt"
NOW = datetime(2018, 1, 1, tzinfo=UTC)
DEFAULTS = {"currency": "USD"}


def line(
    *, receipt="r1", time="2017-03-01 15:00:00", member="", store="1", product="milk", name="Whole milk",
    category="Grocery > Dairy > Milk", quantity="1", unit="", line_total="2.99", currency="USD", refunds_receipt="",
):  # fmt: skip
    cells = (
        receipt,
        time,
        member,
        store,
        product,
        name,
        category,
        quantity,
        unit,
        line_total,
        currency,
        refunds_receipt,
    )
    return ",".join(cells)


def write(folder, *lines, name="purchases.csv", heading=HEADING):
    """A file of these lines; gzipped when its name says so. Bytes go in as they are."""
    rows = [row if isinstance(row, bytes) else row.encode() for row in (heading, *lines)]
    body = b"\n".join(rows) + b"\n"
    path = folder / name
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return path


def read(path, mapping: Mapping | None = None, *, now=NOW) -> tuple[list[Checked], list[Problem]]:
    """Every batch of a file, checked, and all of its problems."""
    mapping = mapping or Mapping(defaults=DEFAULTS)
    problems = []
    file = File(path, encoding=mapping.encoding, delimiter=mapping.delimiter)
    found = mapping.present(file.headings)
    wanted = sorted({heading for headings in found.values() for heading in headings})
    checked = [check(rows, mapping, found, now=now) for rows in file.batches(wanted, problem=problems.append)]
    return checked, problems + [problem for one in checked for problem in one.problems]


def lines(path, mapping=None) -> list[dict]:
    """The good lines of a file."""
    return [row for one in read(path, mapping)[0] for row in one.lines.to_pylist()]


def problems(path, mapping=None) -> list[tuple[int, str, str]]:
    """What is wrong with a file: (row, field, reason)."""
    return [(one.row, one.field, one.reason) for one in read(path, mapping)[1]]
