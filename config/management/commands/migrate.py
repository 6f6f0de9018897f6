"""`migrate`, run as the role that owns the tables, and followed by the grants of the role that serves."""

from django.apps import apps
from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections

from config.db.rendering import rendered_alone


def append_only_tables() -> list[str]:
    """Tables whose app says that they only grow (`append_only` in its AppConfig)."""
    return _named_by_apps("append_only")


def kept_tables() -> list[str]:
    """Tables whose app says that rows may change but stay (`kept` in its AppConfig): others point at them for ever."""
    return _named_by_apps("kept")


def _named_by_apps(attribute: str) -> list[str]:
    return sorted(
        apps.get_model(config.label, name)._meta.db_table
        for config in apps.get_app_configs()
        for name in getattr(config, attribute, ())
    )


def grant(connection):
    """Give the serving role what it needs and no more: no ALTER, no TRUNCATE, and no second thoughts on what only grows."""
    role = connection.ops.quote_name(settings.DATABASE_APP_ROLE)
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        tables = set(connection.introspection.table_names(cursor))
        for table in append_only_tables():
            if table in tables:
                cursor.execute(f"REVOKE UPDATE, DELETE ON {connection.ops.quote_name(table)} FROM {role}")
        for table in kept_tables():
            if table in tables:
                cursor.execute(f"REVOKE DELETE ON {connection.ops.quote_name(table)} FROM {role}")


class Command(migrate.Command):
    help = migrate.Command.help

    def handle(self, *args, **options):
        connection = connections[options["database"]]
        serving = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
        connection.close()
        connection.settings_dict.update({key: settings.DATABASE_OWNER.get(key, "") for key in serving})
        try:
            with connection.cursor() as cursor:
                # An old migration installs today's text of a function, which may name what a later migration makes.
                cursor.execute("SET check_function_bodies = off")
            with rendered_alone():
                super().handle(*args, **options)
            if settings.DATABASE_OWNER["USER"] != settings.DATABASE_APP_ROLE:
                grant(connection)
        finally:
            connection.close()
            connection.settings_dict.update(serving)
