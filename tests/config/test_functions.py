"""SQL functions: a migration installs them from the file, and what is installed is what the file says."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.db.functions import InstallFunctions, functions_defined

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("*/sql/*.sql"))


def _installed(cursor, *names: str) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = ANY (%s) ORDER BY 1, oid",
        [list(names)],
    )
    return cursor.fetchall()


@pytest.mark.django_db
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_the_functions_of_a_file_are_installed_once_and_as_written(path):
    text = path.read_text()
    names = functions_defined(text)
    with connection.cursor() as cursor:
        installed = _installed(cursor, *names)
    assert [name for name, _body in installed] == sorted(names)
    assert [name for name, body in installed if body not in text] == []


@pytest.fixture
def owner(committed_db):
    """A Django connection as the role that owns the tables."""
    made = connection.copy()
    made.settings_dict.update({key: settings.DATABASE_OWNER.get(key, "") for key in ("USER", "PASSWORD")})
    yield made
    made.close()


def _migrate(owner, operation, direction="forwards"):
    with owner.schema_editor() as editor:
        getattr(operation, f"database_{direction}")("loyalty", editor, None, None)


def test_installing_replaces_every_signature_of_a_name(owner):
    move = InstallFunctions("loyalty", "move.sql")
    with owner.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION loyalty_move_points(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';"
            "CREATE FUNCTION loyalty_move_pointless() RETURNS integer LANGUAGE sql AS 'SELECT 2'"
        )
        before = _installed(cursor, "loyalty_move_points")
        _migrate(owner, move)
        after = _installed(cursor, "loyalty_move_points")
        assert len(before) == 2
        assert after == before[:1]
        assert len(_installed(cursor, "loyalty_move_pointless")) == 1


def test_backwards_a_reinstallation_keeps_the_functions_and_a_first_one_drops_them(owner):
    with owner.cursor() as cursor:
        _migrate(owner, InstallFunctions("loyalty", "move.sql"), "backwards")
        assert len(_installed(cursor, "loyalty_move_points")) == 1
        _migrate(owner, InstallFunctions("loyalty", "move.sql", is_first=True), "backwards")
        assert _installed(cursor, "loyalty_move_points") == []


def test_a_function_may_name_what_a_later_migration_makes(owner, tmp_path, monkeypatch):
    (tmp_path / "sql").mkdir()
    text = "CREATE FUNCTION early() RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM not_there_yet $$;"
    (tmp_path / "sql" / "early.sql").write_text(text)
    from django.apps import apps

    monkeypatch.setattr(apps.get_app_config("loyalty"), "path", str(tmp_path))
    _migrate(owner, InstallFunctions("loyalty", "early.sql", is_first=True))
    with owner.cursor() as cursor:
        assert len(_installed(cursor, "early")) == 1
