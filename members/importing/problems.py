"""What an import could not take, and the file it is told in."""

import csv
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext as _

from members import cells

SHOWN_CHARACTERS = 40


class CannotImport(Exception):
    """The file as a whole cannot be imported; nothing was. The message says what to do."""


class Problem(NamedTuple):
    """One thing wrong in one row. `row` counts as a spreadsheet does: the heading of a CSV file is row 1."""

    row: int
    field: str
    reason: str
    remedy: str


def shown(value: str) -> str:
    """A value of the file as a message quotes it: short, on one line."""
    value = " ".join(str(value).replace("\0", "␀").split())
    return value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…"


def safe_cell(value: object) -> str:
    """A cell of the rejects file: text on one line that no spreadsheet takes for a formula."""
    return str(cells.safe_cell(" ".join(str(value).replace("\0", "␀").splitlines())))


class Rejects:
    """Counts problems, keeps the first few for the terminal, and writes each to a CSV file as it is found."""

    KEPT = 10

    def __init__(self, path: Path | None = None):
        self.count, self.first = 0, []
        self._path, self._file = path, None

    def __enter__(self):
        if self._path:
            self._file = self._path.open("w", newline="", encoding="utf-8-sig")  # the mark makes Excel read UTF-8
            self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
            self._writer.writerow([_("row"), _("field"), _("reason"), _("remedy")])
        return self

    def __exit__(self, *_error):
        if self._file:
            self._file.close()

    def add(self, *problems: Problem):
        for problem in problems:
            self.count += 1
            if len(self.first) < self.KEPT:
                self.first.append(problem)
            if self._file:
                self._writer.writerow([problem.row, *(safe_cell(cell) for cell in problem[1:])])

    def summary(self) -> list[str]:
        """The lines a terminal shows: the first problems, and where the rest is."""
        lines = [
            _("row %(row)s, %(field)s: %(reason)s %(remedy)s")
            % {"row": problem.row, "field": problem.field, "reason": problem.reason, "remedy": problem.remedy}
            for problem in self.first
        ]
        if self.count > len(lines):
            lines.append(
                _("… and %(count)s more, all in %(path)s.") % {"count": self.count - len(lines), "path": self._path}
                if self._path
                else _("… and %(count)s more; name a file with --rejects to have them all.")
                % {"count": self.count - len(lines)}
            )
        return lines
