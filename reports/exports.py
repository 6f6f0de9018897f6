"""CSV that a spreadsheet shows and never executes; the same rows as Parquet."""

import csv
import io

import pyarrow as pa
from django.http import HttpResponse
from pyarrow import parquet

from members.cells import safe_cell
from reports.panels.tables import Table

PARQUET = "application/vnd.apache.parquet"


def csv_response(filename: str, header: list[str], rows) -> HttpResponse:
    response = HttpResponse(csv_bytes(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def csv_bytes(header: list[str], rows) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([safe_cell(cell) for cell in header])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return ("\ufeff" + out.getvalue()).encode()


def table_csv(filename: str, table: Table) -> HttpResponse:
    """A table with its total, when it was read, and how many rows were kept back because they are few people."""
    rows = [[plain_cell(cell) for cell in row] for row in table.rows]
    if table.total:
        rows.append(["TOTAL", *[plain_cell(cell) for cell in table.total[1:]]])
    rows.append(["AS OF", table.at.isoformat()])
    if table.hidden:
        rows.append(["HIDDEN: FEWER THAN 10 PEOPLE", len(table.hidden)])
    return csv_response(filename, [column.code for column in table.columns], rows)


def plain_cell(cell):
    return cell.isoformat() if hasattr(cell, "isoformat") else "" if cell is None else cell


def table_parquet(filename: str, table: Table) -> HttpResponse:
    """The rows alone, with types; money in minor units. The moment stands in the file's metadata."""
    columns = {column.code: table.values(column.code) for column in table.columns}
    made = pa.table({code: pa.array(values) for code, values in columns.items()})
    made = made.replace_schema_metadata({"as_of": table.at.isoformat()})
    out = io.BytesIO()
    parquet.write_table(made, out)
    response = HttpResponse(out.getvalue(), content_type=PARQUET)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
