"""Purchases as the posting functions are told them: each value as PostgreSQL writes it, each list as a literal."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from loyalty.operations.planned_purchases import Item


CALL = """
SELECT * FROM loyalty_record_purchases(
    %s::smallint, %s::integer, %s::integer, %s::smallint[], %s::bigint[], %s::integer[],
    %s::bigint[], %s::text[], %s::bytea[], %s::bigint[], %s::text[], %s::bytea[], %s::bigint[], %s::timestamptz[],
    %s::text[], %s::bigint[],
    %s::integer[], %s::smallint[], %s::bigint[], %s::numeric[], %s::text[], %s::bigint[],
    %s::date[], %s::date[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb)
"""
_HEAD = 10  # columns of Item before the arrays of lines
CALL_ONE = """
SELECT (r).* FROM (SELECT loyalty_record_purchase(
    %s::smallint, %s::integer, %s::integer, %s::smallint[], %s::bigint[], %s::integer[],
    %s::bigint, %s::text, %s::bytea, %s::bigint, %s::text, %s::bytea, %s::bigint, %s::timestamptz, %s::text, %s::bigint,
    %s::bigint[], %s::numeric[], %s::text[], %s::bigint[],
    %s::date, %s::date, %s::bigint, %s::bigint, %s::integer[], %s::bigint[], %s::bigint[], %s::jsonb, %s::uuid, %s::date,
    %s::text, %s::text, %s::text, %s::date, %s::text, %s::boolean) AS r OFFSET 0) answer
"""  # not FROM the function: PostgreSQL would lay out a table for its one row


class Values(NamedTuple):
    """What one purchase hands to the posting functions, its lines' goods and prices aside."""

    source_id: int
    client_key: str
    body_hash: bytes
    member_id: int | None
    reference_kind: str | None
    reference_hash: bytes | None
    store_id: int
    at: str
    currency: str
    total_minor: int
    day: date
    expiry: date
    base_micropoints: int
    extra_micropoints: int
    category_ids: list[int | None]
    line_micropoints: Sequence[int]
    line_extra: Sequence[int] | None
    inputs: str | None


def elements_of(values: Values) -> tuple[str, ...]:
    """The values as elements of PostgreSQL array literals."""
    return (
        str(values.source_id),
        _quoted(values.client_key),
        "\\\\x" + values.body_hash.hex(),
        "NULL" if values.member_id is None else str(values.member_id),
        "NULL" if values.reference_kind is None else _quoted(values.reference_kind),
        "NULL" if values.reference_hash is None else "\\\\x" + values.reference_hash.hex(),
        str(values.store_id),
        values.at,
        values.currency,
        str(values.total_minor),
        values.day.isoformat(),
        values.expiry.isoformat(),
        str(values.base_micropoints),
        str(values.extra_micropoints),
        '"{' + ",".join(["NULL" if n is None else str(n) for n in values.category_ids]) + '}"',
        '"{' + ",".join(map(str, values.line_micropoints)) + '}"',
        '"{' + ",".join(map(str, values.line_extra)) + '}"' if values.line_extra else "NULL",
        _quoted(values.inputs) if values.inputs else "NULL",
    )


def values_of_one(item: Item) -> list:
    """The parameters of CALL_ONE from the source on, those of telling aside."""
    goods, lines = item.plan.basket.products, item.purchase.lines
    values = item.values
    return [
        *values[:_HEAD],
        literal([str(product.id) for product in goods]),
        literal([str(line.quantity) for line in lines]),
        literal([_quoted(line.unit) for line in lines]),
        literal([str(line.total_minor) for line in lines]),
        values.day,
        values.expiry,
        values.base_micropoints,
        values.extra_micropoints,
        literal(["NULL" if n is None else str(n) for n in values.category_ids]),
        literal(map(str, values.line_micropoints)),
        literal(map(str, values.line_extra)) if values.line_extra else None,
        values.inputs,
        str(uuid4()),
        values.day.replace(day=1),
    ]


def columns_of(items: list[Item]) -> list[str | None]:
    """The parameters of CALL from the sources on, each a column over all purchases or all their lines; in_state aside."""
    elements = [item.elements or elements_of(item.values) for item in items]
    columns: list[str | None] = [literal(column) for column in zip(*elements, strict=True)]
    if not any(item.plan.line_extra_micropoints for item in items):
        columns[-2] = None
    return [*columns[:_HEAD], *_line_columns(items), *columns[_HEAD:]]


def _line_columns(items: list[Item]) -> Iterable[str]:
    lines = [line for item in items for line in item.purchase.lines]
    yield literal([str(n) for n, item in enumerate(items, 1) for _ in item.purchase.lines])
    yield literal([str(n) for item in items for n in range(1, len(item.purchase.lines) + 1)])
    yield literal([str(product.id) for item in items for product in item.plan.basket.products])
    yield literal([str(line.quantity) for line in lines])
    yield literal([_quoted(line.unit) for line in lines])
    yield literal([str(line.total_minor) for line in lines])


def literal(parts: Iterable[str]) -> str:
    """A PostgreSQL array of elements that are written already."""
    return "{" + ",".join(parts) + "}"


@lru_cache(65536)
def _quoted(text: str) -> str:
    """An element of a PostgreSQL array literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
