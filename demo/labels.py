"""Reviewed names of the commonest product types in two languages, with an icon; the source's own names stay beside them.

`labels.csv` was written by hand from the source's labels: departments and categories first, then the product types with the
most receipt lines. A name says no more than its label does: “FLUID MILK WHITE ONLY” is milk of any fat, so “Milk”.
"""

import csv
from pathlib import Path
from typing import NamedTuple

from sales.models import Category

FILE = Path(__file__).with_name("labels.csv")


class Label(NamedTuple):
    path: str  # department > category > type, exactly as in the source
    name_en: str
    name_zh: str
    icon: str


def read(file: Path = FILE) -> list[Label]:
    with file.open(newline="", encoding="utf-8") as lines:
        return [Label(**row) for row in csv.DictReader(lines)]


def apply(labels: list[Label] | None = None) -> int:
    """Name the categories that are known and return how many product types have a reviewed name. Repeatable."""
    by_path = {label.path: label for label in (read() if labels is None else labels)}
    known = list(Category.objects.filter(path__in=by_path))
    for category in known:
        label = by_path[category.path]
        category.name_en, category.name_zh, category.icon = label.name_en, label.name_zh, label.icon
    Category.objects.bulk_update(known, ["name_en", "name_zh", "icon"], batch_size=500)
    return sum(category.level == Category.Level.TYPE for category in known)
