"""How the cells of a table are written for a reader."""

from datetime import date
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns import verdicts

register = template.Library()
LABELS = ("text", "date", "month")
LONG = 24
"""A text longer than this gets a wider column, so that a row does not grow tall."""
NAMED = "is"
"""Each cell that names a row stands under this in an address."""


def _number(value) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _day(value) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


WORDS = {
    "money": lambda value: verdicts.money(value, settings.CURRENCY),
    "percent": lambda value: verdicts.percent(value, is_signed=False),
    "count": lambda value: f"{value:,.0f}",
    "points": lambda value: f"{value:,.0f}",
    "number": _number,
    "date": lambda value: date_format(_day(value), "SHORT_DATE_FORMAT"),
    "month": lambda value: f"{_day(value):%Y-%m}",
}


@register.filter
def by_unit(value, unit: str) -> str:
    """A figure in its unit; a dash where it is unknown."""
    return "–" if value is None or value == "" else WORDS.get(unit, str)(value)


@register.filter
def in_words(frozen: str) -> str:
    """Words that were frozen in English, the source of all words, in the reader's language where they are known."""
    return _(frozen) if frozen else ""


@register.filter
def change(share) -> str:
    return "–" if share is None else verdicts.percent(share)


def _cells(row, columns, *, is_hidden=False) -> list[dict]:
    told = []
    for cell, unit in zip(row, columns, strict=True):
        is_number = unit not in LABELS
        words = _("< 10") if is_hidden and is_number else by_unit(cell, unit)
        if isinstance(cell, str) and is_number:
            words = cell  # the word “total” in a column of figures
        is_long = not is_number and len(words) > LONG
        told.append({"words": words, "is_number": is_number, "is_day": unit in ("date", "month"), "is_long": is_long})
    return told


@register.filter
def told_rows(table, panel=None) -> list[list[dict]]:
    """The rows in words; with the panel, the cell that counts people leads to them, unless the group is kept back.

    Of a panel that leads on, the first cell leads to what its row was counted from.
    """
    units = [column.unit for column in table.columns]
    rows = [_cells(row, units, is_hidden=place in table.hidden) for place, row in enumerate(table.rows)]
    people = getattr(panel, "people", None)
    if people:
        counted = table.place(table.people or table.columns[-1].code)
        named = [table.place(code) for code in people.named_by]
        for place, (row, told) in enumerate(zip(table.rows, rows, strict=True)):
            if row[counted] and place not in table.hidden:
                told[counted]["url"] = behind_url(panel.code, [row[one] for one in named])
    if getattr(panel, "leads_to", None):
        for row, told in zip(table.rows, rows, strict=True):
            told[0]["url"] = panel.leads_to(table, row)
    return rows


def behind_url(code: str, named: list) -> str:
    """The address of the people behind a row, which is named by its own cells."""
    cells = [(NAMED, cell.isoformat() if isinstance(cell, date) else cell) for cell in named]
    return f"{reverse('reports:panel_people', args=[code])}?{urlencode(cells)}"


def told_lines(table, most: int) -> list[str]:
    """The first rows of a table as lines of text: what the row is, then each figure under its column's name.

    Of rows that bear a day or a month the newest come first: who gets so many lines wants to read what is new.
    """
    names = next((place for place, column in enumerate(table.columns) if column.unit not in LABELS), 1) or 1
    labels = [str(column.label) for column in table.columns[names:]]
    return [
        f"{' · '.join(cell['words'] for cell in row[:names])}: "
        + ", ".join(f"{label} {cell['words']}" for label, cell in zip(labels, row[names:], strict=True))
        for row in _newest_first(table)[:most]
    ]


def _newest_first(table) -> list[list[dict]]:
    dated = next((place for place, column in enumerate(table.columns) if column.unit in ("date", "month")), None)
    rows = list(zip(table.rows, told_rows(table), strict=True))
    if dated is not None:
        rows.sort(key=lambda row: (row[0][dated] is not None, row[0][dated]), reverse=True)
    return [told for _row, told in rows]


@register.filter
def told_total(table, panel=None) -> list[dict]:
    """The total as cells in words; of a panel that leads on, its first cell with the address of all its rows together."""
    units = [column.unit for column in table.columns]
    cells = [
        {"words": cell, "is_number": False}
        if isinstance(cell, str)
        else {"words": "" if cell is None else by_unit(cell, unit), "is_number": True}
        for cell, unit in zip(table.total, units, strict=True)
    ]
    if getattr(panel, "leads_to", None):
        cells[0]["url"] = panel.leads_to(table, None)
    return cells


@register.filter
def frozen_rows(held: dict) -> list[list[dict]]:
    """The rows of a frozen table, its total last."""
    units = [column["unit"] for column in held["columns"]]
    rows = [_cells(row, units, is_hidden=place in held["hidden_rows"]) for place, row in enumerate(held["rows"])]
    if not held["total"]:
        return rows
    known = [
        unit if isinstance(cell, (int, float)) else "text" for cell, unit in zip(held["total"], units, strict=True)
    ]
    return [*rows, _cells(held["total"], known)]
