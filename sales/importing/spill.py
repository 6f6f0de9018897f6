"""The checked lines of a file, kept in a temporary file without a name: on disk, not in memory, and gone with the process.

A line's place is its number in the order of adding, from 0. Lines come back by their places: a stretch in order costs no
more than reading it, others are picked out of the memory map.
"""

import mmap
import tempfile
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.utils.translation import gettext as _

from members.importing.problems import CannotImport

TAKES_PER_MAP = 50  # a map is made anew after so many, so that pages long done with do not count as ours


class Spill:
    """Lines of one schema. Used as a context manager; add all, then take."""

    def __init__(self, columns: tuple[str, ...]):
        self._columns = columns
        self._writer: pa.RecordBatchFileWriter | None = None
        self._lines: pa.Table | None = None
        self._count = self._taken = 0

    def __enter__(self):
        settings.VAR.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=settings.VAR)
        return self

    def __exit__(self, *_error):
        self._lines = None
        self._file.close()

    def add(self, lines: pa.Table) -> int:
        """Keep these lines; returns the place of the first. Raises CannotImport when the disk is full."""
        lines = lines.select(self._columns)
        try:
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._file, lines.schema)
            self._writer.write_table(lines)
        except OSError as error:
            raise CannotImport(
                _("The lines of the file find no room in %(folder)s (%(error)s). Free some space, or set REGULARS_VAR to a folder on another disk; nothing was imported.")
                % {"folder": settings.VAR, "error": error.strerror or error}
            ) from error  # fmt: skip
        self._count += len(lines)
        return self._count - len(lines)

    def take(self, places: Sequence[int], counts: Sequence[int]) -> list[list]:
        """The columns of the stretches that begin at `places` and are `counts` long, one after the other."""
        if self._lines is None or self._taken >= TAKES_PER_MAP:
            self._lines, self._taken = self._mapped(), 0
        self._taken += 1
        starts, lengths = np.asarray(places, dtype=np.int64), np.asarray(counts, dtype=np.int64)
        ends = starts + lengths
        if (starts[1:] == ends[:-1]).all():
            lines = self._lines.slice(int(starts[0]), int(lengths.sum()))
        else:
            before = np.cumsum(lengths) - lengths
            lines = self._lines.take(pa.array(np.repeat(starts - before, lengths) + np.arange(lengths.sum())))
        return [_plain(column) for column in lines.columns]

    def _mapped(self) -> pa.Table:
        if self._writer is not None:
            self._writer.close()
            self._file.flush()
            self._writer = None
        return pa.ipc.open_file(pa.py_buffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))).read_all()


def _plain(column: pa.ChunkedArray) -> list:
    """As Python values, equal texts as one object: they are looked up by the million, and a text keeps its hash."""
    if not pa.types.is_string(column.type):
        return column.to_numpy().tolist()
    coded = column.combine_chunks().dictionary_encode()
    return np.array(coded.dictionary.to_pylist(), dtype=object)[coded.indices.to_numpy()].tolist()
