"""What PostgreSQL knows of its tables, brought up to date by whoever has just filled them.

Its autovacuum does so by itself, but up to a minute later; until then plans are made for empty tables, and a join over
them can take minutes. The serving role owns no table, so it asks through a function that belongs to the owner.
"""

from django.db import connection, models


def refresh_statistics(*tables: type[models.Model]):
    """ANALYZE the tables of these models. To be called after a bulk load, outside of any long transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT refresh_statistics(%s)", [[model._meta.db_table for model in tables]])
