"""The list of panels, and the one way to read them (reports/readings.py says when anew)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reports import readings
from reports.asking import rows_of, zone_at
from reports.panels.tables import Table

__all__ = ["PANELS", "Panel", "People", "panel", "read", "rows_of", "zone_at"]


@dataclass(frozen=True)
class People:
    """Who stands behind a row. `named_by` are the columns whose cells name it.

    `ask` makes of those cells, as text, and of the table's moment a statement that selects `member_id`, and its parameters.
    """

    named_by: tuple[str, ...]
    ask: Callable[[tuple[str, ...], datetime], tuple[str, dict]]


@dataclass(frozen=True)
class Panel:
    """One figure of the house. `definition` says in words what is counted; `chart` draws the table, if a picture helps.

    `leads_to` gives the address of what a row, or the total (None), was counted from; its first cell leads there.
    """

    code: str
    title: str
    definition: str
    ask: Callable[[datetime], Table | None]
    chart: Callable[[Table], str] | None = None
    group: str = "programme"
    people: People | None = None
    leads_to: Callable[[Table, tuple | None], str] | None = None


PANELS: dict[str, Panel] = {}


def panel(code: str, title, definition, *, chart=None, group="programme", people=None, leads_to=None):
    """Register the function below as a panel. It answers None where there is nothing to show yet."""

    def register(ask):
        PANELS[code] = Panel(code, title, definition, ask, chart, group, people, leads_to)
        return ask

    return register


def read(panel: Panel, *, at: datetime, begin=None) -> Table | None:
    """The panel's table; its own `at` says what moment it speaks of. Page, export, interface and mail get the very same."""
    return readings.read(question_of(panel), at=at, begin=begin).value


def question_of(panel: Panel) -> readings.Question:
    return readings.Question(f"panel:{panel.code}", panel.ask, _packed, _unpacked)


def _named(code: str) -> readings.Question | None:
    return question_of(PANELS[code]) if code in PANELS else None


readings.KINDS["panel"] = _named


def _packed(table: Table | None) -> dict | None:
    return table.as_dict() | {"people": table.people, "note": table.note} if table else None


def _unpacked(held: dict | None) -> Table | None:
    return Table.of_dict(held) if held else None
