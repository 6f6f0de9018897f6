"""Changing the key of personal fields while everything runs.

Add the new key to FIELD_KEYS beside the old one and restart: new values are written with it, old ones still open. Then
`manage.py rotate_keys` writes every old value anew; a value that somebody changes meanwhile is left to them. When it says
that nothing stands under the old key, take that key out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, transaction

from members.crypto import EncryptedTextField, current_key_id, encrypt

BATCH = 2_000


@dataclass(frozen=True)
class Column:
    """One encrypted column, found in the models themselves, so that none is forgotten."""

    table: str
    key: str
    field: EncryptedTextField

    @property
    def name(self) -> str:
        return self.field.column

    def quoted(self) -> tuple[str, str, str]:
        return tuple(connection.ops.quote_name(name) for name in (self.table, self.key, self.name))


def columns() -> list[Column]:
    """Every encrypted column of every app."""
    return [
        Column(model._meta.db_table, model._meta.pk.column, field)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    ]


def values_by_key(column: Column) -> dict[int, int]:
    """How many values stand under which key id."""
    table, _key, name = column.quoted()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT get_byte({name}, 1), count(*) FROM {table} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1"  # noqa: S608
        )
        return dict(cursor.fetchall())


def rotate(column: Column) -> Iterator[int]:
    """Write the column's old values anew, batch by batch, each a transaction; yields how many each batch wrote.

    Raises CannotDecrypt when a key is missing or wrong: that value stays as it is, and so does the rest of its batch.
    """
    last = 0
    while batch := _old(column, after=last):
        last = batch[-1][0]
        yield _write(column, batch)


def _old(column: Column, *, after: int) -> list[tuple[int, bytes]]:
    table, key, name = column.quoted()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, {name} FROM {table} WHERE {key} > %s AND {name} IS NOT NULL AND get_byte({name}, 1) <> %s"  # noqa: S608
            f" ORDER BY {key} LIMIT %s",
            [after, current_key_id(), BATCH],
        )
        return cursor.fetchall()


def _write(column: Column, batch: list[tuple[int, bytes]]) -> int:
    table, key, name = column.quoted()
    context = column.field.context
    new = [encrypt(column.field.opened(value), context=context) for _pk, value in batch]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} t SET {name} = said.new FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[])"  # noqa: S608
            f" AS said (pk, old, new) WHERE t.{key} = said.pk AND t.{name} = said.old",
            [[pk for pk, _value in batch], [bytes(value) for _pk, value in batch], new],
        )
        return cursor.rowcount
