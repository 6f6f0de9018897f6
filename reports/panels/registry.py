"""The list of panels, and the one way to read them: from the cache where the last reading is minutes old, else anew."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils.translation import get_language

from reports.panels.tables import Table

KEPT_S = 300


@dataclass(frozen=True)
class Panel:
    """One figure of the house. `definition` says in words what is counted; `chart` draws the table, if a picture helps."""

    code: str
    title: str
    definition: str
    ask: Callable[[datetime], Table | None]
    chart: Callable[[Table], str] | None = None
    group: str = "programme"


PANELS: dict[str, Panel] = {}


def panel(code: str, title, definition, *, chart=None, group="programme"):
    """Register the function below as a panel. It answers None where there is nothing to show yet."""

    def register(ask):
        PANELS[code] = Panel(code, title, definition, ask, chart, group)
        return ask

    return register


def read(panel: Panel, *, at: datetime) -> Table | None:
    """The panel's table, at most five minutes old; `at` of the table says when it was read.

    A reading stands for its language and its five minutes of the business clock, so that page, export and API agree.
    """
    minute = int(at.timestamp()) // KEPT_S
    named = f"{connection.settings_dict['NAME']}:{panel.code}:{get_language()}:{minute}"
    key = "reports:panel:" + hashlib.sha256(named.encode()).hexdigest()
    if settings.TESTING:
        return panel.ask(at)
    found = cache.get(key)
    if found is None:
        found = (panel.ask(at),)
        cache.set(key, found, KEPT_S)
    return found[0]


def rows_of(statement: str, given: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


def zone_at(at: datetime, **more) -> dict:
    """The parameters nearly every statement takes: the moment and the programme's time zone."""
    return {"at": at, "zone": settings.TIME_ZONE, **more}
