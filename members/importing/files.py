"""CSV (also gzipped) and Parquet files as batches of text columns with row numbers, in flat memory.

A row of a CSV file that has too many or too few cells, or a cell that is not valid text, spoils that row only;
a file that breaks off, or whose heading is wrong, is refused whole.
"""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from django.utils.translation import gettext as _

from members.importing.problems import CannotImport, Problem, shown

BLOCK_BYTES = 8 * 1024 * 1024
HEADING_BYTES_MAX = 1024 * 1024
PARQUET_ROWS = 100_000
GZIP_MAGIC, PARQUET_MAGIC, UTF16_MARKS = b"\x1f\x8b", b"PAR1", (b"\xff\xfe", b"\xfe\xff")


class Rows:
    """A batch of rows: `numbers` (as a spreadsheet counts them) and the columns that were asked for, by heading.

    `share` is how much of the file has been read with it, from 0 to 1.
    """

    def __init__(self, numbers: np.ndarray, columns: dict[str, pa.Array], share: float):
        self.numbers, self._columns, self.share = numbers, columns, share

    def __len__(self):
        return len(self.numbers)

    def raw(self, heading: str) -> pa.Array:
        """The column as the file has it: bytes (CSV) or Parquet's own type."""
        return self._columns[heading]

    def text(self, heading: str) -> tuple[pa.Array, np.ndarray]:
        """The column as trimmed text, empty where there is none, and the mask of cells that are not valid text."""
        column = self._columns[heading]
        broken = np.zeros(len(column), dtype=bool)
        if pa.types.is_binary(column.type):
            column, broken = _decoded(column)
        elif pa.types.is_floating(column.type):
            column = pc.cast(pc.round(pc.cast(column, pa.float64()), ndigits=6), pa.string())
        elif not pa.types.is_string(column.type):
            column = pc.cast(column, pa.string())
        column = pc.utf8_trim_whitespace(pc.fill_null(column, ""))
        holds_nul = pc.match_substring(column, "\0").to_numpy(zero_copy_only=False)
        return column, broken | holds_nul

    def cells(self, wanted: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
        """Row by row: its number, and its cells as trimmed text; what is not valid text is empty."""
        columns = {name: self.text(name)[0].to_pylist() for name in wanted}
        for place, number in enumerate(self.numbers.tolist()):
            yield int(number), {name: column[place] or "" for name, column in columns.items()}


def _decoded(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    try:
        return pc.cast(column, pa.string()), np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:
        texts = [_decode(value) for value in column.to_pylist()]
        return pa.array(texts, pa.string()), np.array([text is None for text in texts])


def _decode(value: bytes | None) -> str | None:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return None


class File:
    """A file of rows: its `headings` at once, its rows by `batches(wanted)`."""

    def __init__(self, path: Path, *, encoding: str = "utf-8", delimiter: str = ","):
        self.path, self.encoding, self.delimiter = Path(path), encoding, delimiter
        try:
            with self.path.open("rb") as file:
                start = file.read(4)
        except OSError as error:
            raise CannotImport(
                _("%(path)s cannot be opened: %(error)s.") % {"path": path, "error": error.strerror}
            ) from error
        if not start:
            raise CannotImport(
                _("%(path)s is empty. Export it again and check that it holds a heading and rows.") % {"path": path}
            )
        self.is_parquet, self.is_gzip = start == PARQUET_MAGIC, start[:2] == GZIP_MAGIC
        if start[:2] in UTF16_MARKS and encoding == "utf-8":
            raise CannotImport(
                _('This file is UTF-16. Save it as UTF-8, or set encoding = "utf-16" under [file] in the mapping.')
            )
        self.headings = self._parquet_headings() if self.is_parquet else self._csv_headings()
        if repeated := sorted({name for name in self.headings if self.headings.count(name) > 1}):
            raise CannotImport(
                _("Column %(name)s appears twice in the heading. Rename or remove one of them.")
                % {"name": shown(repeated[0])}
            )

    # -- headings ------------------------------------------------------------------------------------------------------
    def _parquet_headings(self) -> list[str]:
        try:
            return list(pa.parquet.read_schema(self.path).names)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._broken(error) from error

    def _csv_headings(self) -> list[str]:
        with self.path.open("rb") as raw:
            try:
                start = self._stream(raw).read(HEADING_BYTES_MAX)
            except (OSError, pa.ArrowInvalid) as error:
                raise self._broken(error) from error
        if not start.strip():
            raise CannotImport(
                _("%(path)s is empty. Export it again and check that it holds a heading and rows.")
                % {"path": self.path}
            )
        text = start.decode(self.encoding, errors="replace").removeprefix("\ufeff")
        try:
            return next(csv.reader(io.StringIO(text), delimiter=self.delimiter))
        except csv.Error as error:
            raise CannotImport(
                _("The heading cannot be read: %(error)s. Is this a CSV file?") % {"error": error}
            ) from error

    # -- rows ----------------------------------------------------------------------------------------------------------
    def batches(self, wanted: list[str], *, problem: Callable[[Problem], None]) -> Iterator[Rows]:
        """The columns `wanted`, batch by batch. Rows that have not as many cells as the heading go to `problem`."""
        return self._parquet_batches(wanted) if self.is_parquet else self._csv_batches(wanted, problem)

    def _parquet_batches(self, wanted):
        try:
            with pa.parquet.ParquetFile(self.path) as file:
                total, done = max(file.metadata.num_rows, 1), 0
                for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=wanted):
                    numbers = np.arange(done + 1, done + 1 + batch.num_rows)
                    done += batch.num_rows
                    yield Rows(numbers, {name: _plain(batch.column(name)) for name in wanted}, done / total)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._broken(error) from error

    def _csv_batches(self, wanted, problem):
        skipped: list[int] = []

        def skip(row):
            skipped.append(row.number)
            if row.text.strip():
                problem(_cells_problem(row))
            return "skip"

        size = max(self.path.stat().st_size, 1)
        with self.path.open("rb") as raw:
            try:
                reader = pa.csv.open_csv(
                    self._stream(raw),
                    read_options=pa.csv.ReadOptions(
                        use_threads=False, block_size=BLOCK_BYTES, encoding=_arrow_name(self.encoding)
                    ),
                    parse_options=pa.csv.ParseOptions(
                        delimiter=self.delimiter,
                        newlines_in_values=True,
                        ignore_empty_lines=False,
                        invalid_row_handler=skip,
                    ),
                    convert_options=pa.csv.ConvertOptions(
                        include_columns=wanted,
                        column_types=dict.fromkeys(wanted, pa.binary()),
                        check_utf8=False,
                        strings_can_be_null=False,
                    ),
                )
                next_row = 2
                for batch in reader:
                    numbers, next_row = _numbered(batch.num_rows, next_row, skipped)
                    yield Rows(numbers, {name: batch.column(name) for name in wanted}, raw.tell() / size)
            except (pa.ArrowInvalid, OSError, EOFError, UnicodeError) as error:
                raise self._broken(error) from error

    def _stream(self, raw):
        return pa.input_stream(raw, compression="gzip" if self.is_gzip else None)

    def _broken(self, error: Exception) -> CannotImport:
        text = str(error)
        if isinstance(error, UnicodeError):
            return CannotImport(
                _("The file is not valid %(encoding)s. Set the right encoding under [file] in the mapping.")
                % {"encoding": self.encoding}
            )
        if "runcated" in text or "zlib" in text.lower() or "inflate" in text.lower():
            return CannotImport(
                _(
                    "The file breaks off: its compressed end is missing or damaged. Copy it again, completely; nothing was imported."
                )
            )
        if "straddl" in text:
            return CannotImport(
                _(
                    "A row is longer than %(size)s MB: a quotation mark is probably not closed. Mend it; nothing was imported."
                )
                % {"size": BLOCK_BYTES // 2**20}
            )
        if self.is_parquet:
            return CannotImport(
                _("The Parquet file is damaged (%(error)s). Copy it again, completely; nothing was imported.")
                % {"error": shown(text)}
            )
        return CannotImport(
            _("The file cannot be read (%(error)s). Nothing was imported.") % {"error": text.strip()[:200]}
        )


def _arrow_name(encoding: str) -> str:
    return "utf8" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _cells_problem(row) -> Problem:
    return Problem(
        row.number,
        _("(row)"),
        _("%(actual)s cells where the heading has %(expected)s.")
        % {"actual": row.actual_columns, "expected": row.expected_columns},
        _("Quote cells that contain the delimiter, and give every row all columns."),
    )


def _numbered(rows: int, next_row: int, skipped: list[int]) -> tuple[np.ndarray, int]:
    """The numbers of the next `rows` rows, leaving out those that were skipped."""
    passed = [number for number in skipped if number >= next_row]
    if not passed:
        return np.arange(next_row, next_row + rows), next_row + rows
    candidates = np.setdiff1d(np.arange(next_row, next_row + rows + len(passed)), passed, assume_unique=True)
    return candidates[:rows], int(candidates[rows - 1]) + 1 if rows else next_row
