"""Panels: every figure of the house as a table with a definition, so that page, API, export, e-mail and edition show the same.

`tables` is the shape, `registry` the list; the other modules read. A panel is asked for a moment and answers a table.
"""

from reports.panels import (  # noqa: F401 - they register their panels
    counter,
    customers,
    journeys,
    policies,
    programme,
    replies,
    service,
    shop,
    trends,
)
from reports.panels.registry import PANELS, Panel, read
from reports.panels.tables import Column, Table

__all__ = ["PANELS", "Column", "Panel", "Table", "read"]
