"""A file of units, read and checked: every complaint names the row and the field, and says what to do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import gettext as _
from pyarrow import csv, parquet

from insights.files.asking import Question

VARIANTS_MAX = 50


class BadFile(ValueError):
    """The file cannot be read as asked; the text names row and field."""


@dataclass(frozen=True)
class Units:
    """The units of a file: the variant of each and one array per column. `excluded` units were in several variants."""

    variants: np.ndarray
    columns: dict[str, np.ndarray]
    rows: int
    excluded: int = 0
    excluded_examples: list[str] = field(default_factory=list)


def read(source: Path | BinaryIO, question: Question, *, name: str = "") -> Units:
    """Read what the question names from a CSV (with a header) or a Parquet file. Raises BadFile."""
    name = name or str(source)
    table, first_row = _parquet(source, question) if name.endswith((".parquet", ".pq")) else _csv(source, question)
    if not table.num_rows:
        raise BadFile(_("The file has no rows below its header."))
    variants = _texts(table, question.variant, first_row)
    columns = {column: _numbers(table, column, first_row) for column in question.numbers}
    kept: np.ndarray = np.ones(len(variants), dtype=bool)
    excluded: list[str] = []
    if question.unit:
        kept, excluded = _units(_texts(table, question.unit, first_row), variants, question, first_row)
    found = Units(variants[kept], {c: v[kept] for c, v in columns.items()}, table.num_rows, len(excluded), excluded[:5])
    _check_variants(found, question)
    return found


def _wanted(question: Question) -> list[str]:
    return list(dict.fromkeys([column for column in (question.unit, question.variant) if column] + question.numbers))


def _check_columns(there: list[str], question: Question):
    for column in _wanted(question):
        if column not in there:
            raise BadFile(
                _("The file has no column “%(column)s”; it has %(there)s.")
                % {"column": column, "there": ", ".join(there[:20])}
            )


def _csv(source, question) -> tuple[pa.Table, int]:
    """Columns as text, so that a bad cell can be named; the first row of data is line 2."""
    try:
        reader = csv.open_csv(source, convert_options=csv.ConvertOptions(strings_can_be_null=False))
        there = reader.schema.names
        reader.close()
        _check_columns(there, question)
        if hasattr(source, "seek"):
            source.seek(0)
        types = dict.fromkeys(_wanted(question), pa.string())
        options = csv.ConvertOptions(column_types=types, include_columns=_wanted(question), strings_can_be_null=False)
        return csv.read_csv(source, convert_options=options), 2
    except pa.ArrowInvalid as reason:
        raise BadFile(_("This is no CSV file that can be read: %(reason)s") % {"reason": reason}) from None


def _parquet(source, question) -> tuple[pa.Table, int]:
    try:
        there = parquet.read_schema(source).names
        _check_columns(there, question)
        if hasattr(source, "seek"):
            source.seek(0)
        return parquet.read_table(source, columns=_wanted(question)), 1
    except (pa.ArrowInvalid, OSError) as reason:
        raise BadFile(_("This is no Parquet file that can be read: %(reason)s") % {"reason": reason}) from None


def _complain(column: str, row: int, words: str):
    raise BadFile(_("Row %(row)s, field “%(column)s”: %(words)s") % {"row": row, "column": column, "words": words})


def _texts(table, column, first_row) -> np.ndarray:
    found = pc.utf8_trim_whitespace(pc.cast(table[column], pa.string()))
    empty = pc.or_kleene(pc.is_null(found), pc.equal(found, ""))
    if pc.any(pc.fill_null(empty, True)).as_py():
        row = pc.index(pc.fill_null(empty, True), True).as_py()
        _complain(column, first_row + row, _("is empty. Fill it in, or leave the row out."))
    return found.to_numpy()


def _numbers(table, column, first_row) -> np.ndarray:
    held = table[column]
    if held.null_count:
        _complain(column, first_row + _first_null(held), _("is empty. Write 0 if nothing happened."))
    if pa.types.is_boolean(held.type):
        held = pc.cast(held, pa.int8())
    if pa.types.is_string(held.type):
        held = pc.utf8_trim_whitespace(held)
    try:
        values = pc.cast(held, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        row, cell = _first_bad(held)
        words = (
            _("is empty. Write 0 if nothing happened.") if not cell else _("“%(cell)s” is no number.") % {"cell": cell}
        )
        _complain(column, first_row + row, words)
    if not np.isfinite(values).all():
        _complain(column, first_row + int(np.argmin(np.isfinite(values))), _("is not a finite number."))
    return values


def _first_null(held) -> int:
    return pc.index(pc.is_null(held), True).as_py()


def _first_bad(held) -> tuple[int, str]:
    for row, cell in enumerate(held.to_pylist()):
        try:
            float(cell)
        except ValueError:
            return row, str(cell)[:40]
        if "_" in cell:  # a number to Python, not to Arrow
            return row, cell[:40]
    raise AssertionError("Arrow refused a column in which every cell is a number")


def _units(units, variants, question, first_row) -> tuple[np.ndarray, list[str]]:
    """Which rows count: a unit seen in two variants is set aside, a unit twice in one variant is a mistake of the file."""
    _names, codes = np.unique(units, return_inverse=True)
    _arms, arms = np.unique(variants, return_inverse=True)
    pairs = np.unique(np.stack([codes, arms]), axis=1)
    is_double = np.bincount(pairs[0], minlength=len(_names)) > 1
    kept = ~is_double[codes]
    order = np.argsort(codes, kind="stable")
    again = order[1:][(np.diff(codes[order]) == 0) & kept[order[1:]]]
    if len(again):
        words = _("“%(unit)s” stands here a second time. Sum up the rows of a unit first.") % {
            "unit": units[again.min()]
        }
        _complain(question.unit, first_row + int(again.min()), words)
    return kept, [str(name) for name in _names[is_double]]


def _check_variants(units: Units, question: Question):
    there = sorted(set(units.variants.tolist()))
    if question.control not in there:
        raise BadFile(
            _("No row has “%(control)s” in the column “%(column)s”; there are %(there)s.")
            % {"control": question.control, "column": question.variant, "there": ", ".join(there[:20])}
        )
    if len(there) < 2:
        raise BadFile(_("There is only the control; a second variant is needed to compare with."))
    if len(there) > VARIANTS_MAX:
        raise BadFile(
            _("The column “%(column)s” has %(n)s different values; is it really the variant?")
            % {"column": question.variant, "n": len(there)}
        )
    if question.shares and set(question.shares) != set(there):
        raise BadFile(
            _("The shares must name exactly the variants of the file: %(there)s.") % {"there": ", ".join(there)}
        )
