"""How a statement is asked."""

from datetime import datetime

from django.conf import settings
from django.db import connection


def rows_of(statement: str, given: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


def zone_at(at: datetime, **more) -> dict:
    """The parameters nearly every statement takes: the moment and the programme's time zone."""
    return {"at": at, "zone": settings.TIME_ZONE, **more}
