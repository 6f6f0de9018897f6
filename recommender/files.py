"""Purchases of a file as interactions, so that rankers can be judged on data that no database holds.

A basket is what a member bought on one day: whoever splits a trip into two receipts still makes one trip, and data that
only know dates are read alike.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.interactions import Interactions
from sales.importing import arrays


@dataclass(frozen=True, eq=False)
class Purchases:
    """All purchases of a file: `seen` over its members and products; `groups` (I,) numbers categories, −1 for none."""

    seen: Interactions
    groups: np.ndarray
    lines: int
    left_out: int
    problems: tuple[str, ...] = ()  # the first cells that could not be read, with row and field
    has_dates: bool = True


def read(path: Path, mapping: Path | None = None) -> Purchases:
    """Read a canonical file of purchases (docs/formats.md). Raises CannotImport."""
    lines = arrays.read(path, mapping, needs=("member", "time", "product"))
    until = int(lines.day.max()) + 1 if len(lines.day) else 0
    seen = Interactions.of(
        lines.member, lines.product, lines.day, until=until, item_ids=np.arange(len(lines.products)), stores=lines.store
    )  # fmt: skip
    return Purchases(seen, lines.groups, len(lines.day), lines.left_out, lines.problems, lines.has_dates)
