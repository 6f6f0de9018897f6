"""A table of figures: columns with their units, rows, and how small groups are kept from who may not see persons."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime

SMALL = 10
"""Fewer people than this are never shown to who may not see persons: a row of three is three neighbours."""


@dataclass(frozen=True)
class Column:
    """One column. `unit`: text, date, month, count, points, money (minor units), percent (a share of one) or number."""

    code: str
    label: str
    unit: str = "count"


@dataclass(frozen=True)
class Table:
    """Rows of figures as of a moment. `people` names the column that counts persons, if a row is a group of them.

    `total` has one cell for each column (None: no sum makes sense). `hidden` holds the places of rows kept back.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple, ...]
    at: datetime
    people: str = ""
    total: tuple | None = None
    hidden: frozenset[int] = field(default_factory=frozenset)
    note: str = ""

    def place(self, code: str) -> int:
        return next(place for place, column in enumerate(self.columns) if column.code == code)

    def values(self, code: str) -> list:
        place = self.place(code)
        return [row[place] for row in self.rows]

    def for_eyes(self, *, sees_persons: bool) -> "Table":
        """The table as this reader may see it: groups of under ten people lose their figures, one more where it could be told."""
        if sees_persons or not self.people:
            return self
        people = [row[self.place(self.people)] or 0 for row in self.rows]
        small = {place for place, n in enumerate(people) if 0 < n < SMALL}
        if len(small) == 1 and self.total:  # the total less the others would tell it
            others = [place for place, n in enumerate(people) if n and place not in small]
            small |= {min(others, key=lambda place: people[place])} if others else set()
        rows = [self._blank(row) if place in small else row for place, row in enumerate(self.rows)]
        return replace(self, rows=tuple(rows), hidden=frozenset(small))

    def _blank(self, row: tuple) -> tuple:
        labels = ("text", "date", "month")
        return tuple(cell if column.unit in labels else None for cell, column in zip(row, self.columns, strict=True))

    def as_dict(self) -> dict:
        """For the API and frozen editions: plain values, money in minor units, dates as ISO text, None where hidden or unknown."""
        return {
            "as_of": self.at.isoformat(),
            "columns": [{"code": c.code, "label": str(c.label), "unit": c.unit} for c in self.columns],
            "rows": [[_plain(cell) for cell in row] for row in self.rows],
            "total": [_plain(cell) for cell in self.total] if self.total else None,
            "hidden_rows": sorted(self.hidden),
        }

    @classmethod
    def of_dict(cls, held: dict) -> "Table":
        """The table that `as_dict` told, with the days in its cells; `people` and `note` where they were told too."""
        columns = tuple(Column(**column) for column in held["columns"])
        units = [column.unit for column in columns]

        def row_of(cells):
            return tuple(_cell(cell, unit) for cell, unit in zip(cells, units, strict=True))

        return cls(
            columns, tuple(row_of(row) for row in held["rows"]), datetime.fromisoformat(held["as_of"]), held.get("people", ""),
            row_of(held["total"]) if held["total"] else None, frozenset(held["hidden_rows"]), held.get("note", ""),
        )  # fmt: skip


def _cell(cell, unit: str):
    is_day = unit in ("date", "month") and isinstance(cell, str) and cell[:4].isdigit()
    return date.fromisoformat(cell) if is_day else cell


def _plain(cell):
    return cell.isoformat() if isinstance(cell, (date, datetime)) else cell


def summed(columns, rows, *, label: str) -> tuple:
    """The total row: counts, points and money are added up, shares and texts are not."""
    adds = ("count", "points", "money")
    cells = []
    for place, column in enumerate(columns):
        held = [row[place] for row in rows if row[place] is not None]
        cells.append(sum(held) if column.unit in adds else None)
    return (label, *cells[1:]) if columns else ()
