from django.conf import settings
from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations


class Operations(DatabaseOperations):
    def last_executed_query(self, cursor, sql, params):
        """For the query log. A prepared statement's cursor does not know its text: then it is the one with placeholders."""
        return super().last_executed_query(cursor, sql, params) or sql


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = Operations

    def get_new_connection(self, conn_params):
        if settings.EMBEDDED_POSTGRES:
            settings.EMBEDDED_POSTGRES.ensure()
        return super().get_new_connection(conn_params)

    def prepared_cursor(self):
        """A cursor whose parameters PostgreSQL binds: a statement is parsed once per connection, not once per call.

        Django's own cursors write parameters into the statement, so that each call is a new text. This one counts as any
        other: execute wrappers, query log and transaction handling see its statements.
        """
        with self.wrap_database_errors:
            self.ensure_connection()
            return self._prepare_cursor(base.ServerBindingCursor(self.connection))
