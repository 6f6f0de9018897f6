"""Many rows at once by PostgreSQL's COPY: no statement text that grows with the rows, no parameter to escape."""

from collections.abc import Iterable, Sequence

from django.db import connection, models


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence]):
    """Add rows of plain values. A row that breaks a constraint raises IntegrityError, as an INSERT does."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def copy_objects(objects: Sequence[models.Model]):
    """Store new objects of one model and give them their keys. They are values from now on: save() would store them again."""
    if not objects:
        return
    meta = objects[0]._meta
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [meta.db_table, meta.pk.column, len(objects)],
        )
        for one, (key,) in zip(objects, cursor.fetchall(), strict=True):
            one.pk = key
    fields = meta.concrete_fields
    copy_rows(
        meta.db_table,
        [field.column for field in fields],
        ([field.get_db_prep_save(field.pre_save(one, add=True), connection) for field in fields] for one in objects),
    )
