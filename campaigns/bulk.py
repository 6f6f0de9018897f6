"""How a statement over a whole audience is told to join."""

from contextlib import contextmanager

from django.db import connection


@contextmanager
def in_bulk():
    """For one statement over a whole audience: join by hashing, whatever the planner believes of tables it has not analysed.

    Right after a large import it may take them for empty and nest loops over them, which is cubic here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        cursor.execute("SET LOCAL enable_nestloop = on")
