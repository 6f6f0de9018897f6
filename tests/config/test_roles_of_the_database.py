"""The role that serves can neither alter the tables nor rewrite what only grows."""

import pytest
from django.db import ProgrammingError, connection, transaction

from config.management.commands.migrate import append_only_tables


def _refused(statement):
    with (
        transaction.atomic(),
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
    ):
        connection.cursor().execute(statement)


def test_the_serving_role_owns_nothing(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("table", append_only_tables())
def test_what_only_grows_cannot_be_changed_or_emptied(db, table):
    _refused(f"DELETE FROM {table}")
    _refused(f"TRUNCATE {table}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s LIMIT 1", [table])
        column = cursor.fetchone()[0]
    _refused(f'UPDATE {table} SET "{column}" = "{column}"')


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE members_member DISABLE TRIGGER ALL", "DROP TABLE members_member", "TRUNCATE members_member"],
)
def test_tables_cannot_be_altered(db, statement):
    _refused(statement)


def test_money_and_consent_are_among_what_only_grows():
    assert {"loyalty_transfer", "members_consent", "sales_purchase", "sales_purchaseline"} <= set(append_only_tables())


def test_it_may_bring_statistics_up_to_date_by_the_owners_function_only(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT refresh_statistics(ARRAY['members_member'])")
        with (
            transaction.atomic(),
            pytest.raises(ProgrammingError, match="does not exist"),
            transaction.atomic(),
        ):
            cursor.execute("SELECT refresh_statistics(ARRAY['members_member; DROP TABLE members_member'])")
