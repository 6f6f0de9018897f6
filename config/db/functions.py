"""Install SQL functions from an app's `sql/` folder: the one way a migration brings them up to date.

The text lives in the file and only there, so a migration that ran long ago may install a newer text than it knew. That is
meant: bodies in plpgsql are bound when they run, and the last installation in the order of migrations decides.
"""

import re
from pathlib import Path

from django.apps import apps
from django.db.migrations.operations.base import Operation, OperationCategory

_DEFINED = re.compile(r"^CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(\w+)", re.MULTILINE | re.IGNORECASE)
_DROP = """
DO $$
DECLARE
    found regprocedure;
BEGIN
    FOR found IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname IN ({names}) LOOP
        EXECUTE format('DROP FUNCTION %s', found);
    END LOOP;
END $$;
"""


class InstallFunctions(Operation):
    """Drop whatever functions have the names a file defines, whatever their arguments, then create those of the file.

    `InstallFunctions("loyalty", "wallets.sql", "record_purchases.sql")`: all are dropped first, then created in the order
    given. A file installed so holds functions and nothing else; a function that a trigger calls cannot be dropped.

    Backwards it leaves the functions as they stand, for the older text is nowhere any more, and drops them when this was their
    first installation (`is_first=True`), so that the tables in their signatures can go.
    """

    reduces_to_sql = True
    reversible = True
    category = OperationCategory.SQL

    def __init__(self, app: str, *files: str, is_first: bool = False):
        self.app, self.files, self.is_first = app, files, is_first

    def deconstruct(self):
        return type(self).__name__, [self.app, *self.files], {"is_first": True} if self.is_first else {}

    def state_forwards(self, app_label, state):
        """Functions are no part of Django's models."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        # They may name what a later migration makes. One text, so that the setting ends with it.
        texts = ["SET LOCAL check_function_bodies = off;", *self._texts()]
        schema_editor.execute("\n".join([_dropping(texts), *texts]), params=None)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if self.is_first:
            schema_editor.execute(_dropping(self._texts()), params=None)

    def describe(self):
        return f"Install the functions of {self.app}: {', '.join(self.files)}"

    def _texts(self) -> list[str]:
        folder = Path(apps.get_app_config(self.app).path) / "sql"
        return [(folder / file).read_text() for file in self.files]


def functions_defined(text: str) -> list[str]:
    """The names of the functions a file creates, in its order."""
    return _DEFINED.findall(text)


def _dropping(texts: list[str]) -> str:
    names = [name for text in texts for name in functions_defined(text)]
    return _DROP.format(names=", ".join(f"'{name}'" for name in names))
