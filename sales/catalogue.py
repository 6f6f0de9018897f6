"""What a posting needs to know of products, stores and sources, remembered for a minute by each process.

A till's second purchase asks PostgreSQL nothing here: the award itself stays one round trip.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from sales.lines import Line
from sales.models import Category, Product, Source, Store

REMEMBERED_SECONDS = 60
REMEMBERED_MAX = 250_000


class UnknownStore(ValueError):
    """No store has this code; the message says what to do."""

    def __init__(self, code: str):
        self.code = code
        super().__init__(f"Store {code!r} is not known. Create it under Stores, or send the code of an existing one.")


class ProductFacts(NamedTuple):
    """What earning rules ask of a product. `category_ids` run from department to type; empty when uncategorised."""

    id: int
    category_ids: tuple[int, ...]
    brand: str
    is_service: bool
    tags: tuple[str, ...] = ()


class _Remembered:
    """Answers by code. All are forgotten together once they are a minute old, or too many."""

    def __init__(self, ask: Callable[[list[str]], dict[str, Any]]):
        self._ask = ask
        self.forget()

    def forget(self):
        self._answers: dict[str, Any] = {}
        self._since = time.monotonic()

    def drop(self, codes: Iterable[str]):
        """Forget these answers only."""
        for code in codes:
            self._answers.pop(code, None)

    def one(self, code: str) -> Any:
        """The answer for one code; None when there is none."""
        known = self._answers.get(code)
        return self([code]).get(code) if known is None or self._is_old else known

    @property
    def _is_old(self) -> bool:
        return time.monotonic() - self._since > REMEMBERED_SECONDS or len(self._answers) > REMEMBERED_MAX

    def __call__(self, codes: Iterable[str]) -> dict[str, Any]:
        if self._is_old:
            self.forget()
        answers, wanted = self._answers, set(codes)
        if missing := [code for code in wanted if code not in answers]:
            answers |= self._ask(missing)
        return {code: answers[code] for code in wanted if code in answers}


def _ask_products(codes):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.code, p.id, array_remove(ARRAY[g.id, c.id, t.id], NULL), p.brand, p.is_service, p.tags
                 FROM sales_product p
                 LEFT JOIN sales_category t ON t.id = p.category_id
                 LEFT JOIN sales_category c ON c.id = t.parent_id
                 LEFT JOIN sales_category g ON g.id = c.parent_id
                WHERE p.code = ANY (%s)""",
            [codes],
        )
        return {
            code: ProductFacts(id_, tuple(path), brand, service, tuple(tags))
            for code, id_, path, brand, service, tags in cursor
        }


def _ask_ids(model):
    return lambda codes: dict(model.objects.filter(code__in=codes).values_list("code", "id"))


facts = _Remembered(_ask_products)
"""`facts(codes)` → {code: ProductFacts}; a code that is not in the catalogue is absent. One query for misses only."""

store_ids = _Remembered(_ask_ids(Store))
source_ids = _Remembered(_ask_ids(Source))
_zones = _Remembered(lambda codes: dict(Store.objects.filter(code__in=codes).values_list("code", "time_zone")))


def forget():
    """Forget everything remembered. For tests, and for whoever has just edited products in this process."""
    for remembered in (facts, store_ids, source_ids, _zones):
        remembered.forget()


def facts_of(lines: Iterable[Line]) -> dict[str, ProductFacts]:
    """The facts of these lines' products, after adding to the catalogue those that it does not know yet."""
    from sales.operations import ensure_products  # operations forgets what it changes here

    by_code = {line.product_code: line for line in lines}
    known = facts(by_code)
    if missing := by_code.keys() - known.keys():
        ensure_products((code, by_code[code].name, by_code[code].category_path) for code in missing)
        known |= facts(missing)
    return known


def store_id(code: str) -> int:
    """The id of the store with this code. Raises UnknownStore."""
    found = store_ids.one(code)
    if found is None:
        raise UnknownStore(code)
    return found


def store_zone(code: str) -> ZoneInfo:
    """The time zone of the store with this code, by which its happy hours and days are told. Raises UnknownStore."""
    zone = _zones.one(code)
    if zone is None:
        raise UnknownStore(code)
    return ZoneInfo(zone)


def source_id(code: str) -> int:
    """The id of the source with this code, which is made when it is new."""
    return source_ids.one(code) or _new_source(code)


def _new_source(code: str) -> int:
    from sales.operations import source  # operations forgets what it changes here

    return source(code).pk


def category_path(*names: str) -> str:
    """The one spelling of a path: names without surrounding blanks, at most three levels, empty ones left out."""
    return " > ".join(name for name in (part.strip() for part in names) if name)


def path_levels(path: str) -> list[str]:
    """The path and those above it, the department first."""
    names = [name.strip() for name in path.split(">") if name.strip()][: Category.Level.TYPE]
    return [" > ".join(names[: depth + 1]) for depth in range(len(names))]


def known_products(codes: Iterable[str]) -> set[str]:
    return set(Product.objects.filter(code__in=list(codes)).values_list("code", flat=True))
