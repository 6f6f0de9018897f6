"""A new key for personal fields, while everything runs."""

import os
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from members import operations, rotation
from members.crypto import CannotDecrypt
from members.models import Identifier, Member

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def ada():
    return operations.enrol(at=AT, source="test", given_name="Ada", family_name="Lovelace", email="ada@example.com")


@pytest.fixture
def new_key(settings, ada):
    """A second key is added; what is stored stands under the first."""
    settings.FIELD_KEYS = {**settings.FIELD_KEYS, max(settings.FIELD_KEYS) + 1: os.urandom(32)}
    return max(settings.FIELD_KEYS)


def kinds() -> set[int]:
    return {key for column in rotation.columns() for key in rotation.values_by_key(column)}


def read() -> tuple:
    ada = Member.objects.get()
    return ada.given_name, ada.family_name, sorted(Identifier.objects.values_list("value", flat=True))


def test_every_value_is_written_anew_and_says_what_it_said(settings, ada, new_key):
    said = read()
    assert new_key not in kinds()
    out = StringIO()
    call_command("rotate_keys", verbosity=0, stdout=out)
    assert kinds() == {new_key}
    settings.FIELD_KEYS = {new_key: settings.FIELD_KEYS[new_key]}
    assert read() == said, "the old key is not needed any more"
    assert f"under key {new_key}" in out.getvalue()


def test_new_and_old_values_open_meanwhile(ada, new_key):
    ada.given_name = "Augusta"
    ada.save()
    assert read()[:2] == ("Augusta", "Lovelace")
    assert kinds() == {new_key, new_key - 1}


def test_a_new_key_is_only_read_while_the_old_one_is_named_for_writing(settings, ada, new_key):
    settings.FIELD_KEY_WRITING = new_key - 1
    ada.given_name = "Augusta"
    ada.save()
    assert kinds() == {new_key - 1}
    settings.FIELD_KEY_WRITING = 0
    ada.save()
    assert read()[:2] == ("Augusta", "Lovelace")
    assert kinds() == {new_key, new_key - 1}


def test_running_it_twice_writes_nothing_twice(ada, new_key):
    call_command("rotate_keys", verbosity=0, stdout=StringIO())
    assert [sum(rotation.rotate(column)) for column in rotation.columns()] == [0] * len(rotation.columns())


def test_a_value_that_changes_meanwhile_is_left_to_who_changed_it(ada, new_key, monkeypatch):
    names = next(c for c in rotation.columns() if c.table == "members_member" and c.name == "given_name")
    really = rotation._write

    def slow(column, batch):
        Member.objects.filter(pk=ada.pk).update(given_name="Augusta")
        return really(column, batch)

    monkeypatch.setattr(rotation, "_write", slow)
    assert list(rotation.rotate(names)) == [0]
    assert read()[0] == "Augusta"


def test_a_wrong_key_is_an_error_and_nothing_is_lost(settings, ada, new_key):
    right = settings.FIELD_KEYS
    settings.FIELD_KEYS = {**right, new_key - 1: os.urandom(32)}
    with pytest.raises(CannotDecrypt, match="Check FIELD_KEYS"):
        read()
    with pytest.raises(CommandError, match="Check FIELD_KEYS"):
        call_command("rotate_keys", verbosity=0)
    settings.FIELD_KEYS = right
    assert read()[0] == "Ada"


def test_the_check_counts_and_refuses_while_old_values_are_left(ada, new_key):
    out = StringIO()
    with pytest.raises(CommandError, match=r"run manage\.py rotate_keys again"):
        call_command("rotate_keys", check=True, stdout=out)
    assert "members_identifier.value: 2 under an older key" in out.getvalue()
    assert new_key not in kinds(), "a check writes nothing"


def test_every_encrypted_column_is_known():
    assert {f"{column.table}.{column.name}" for column in rotation.columns()} >= {
        "members_member.given_name", "members_member.family_name", "members_identifier.value", "members_consentproof.address",
        "members_consentproof.detail", "members_household.name", "push_pushsubscription.endpoint",
    }  # fmt: skip
