"""Personal fields: encrypted at rest, opened by the right key only, never shown as ciphertext."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from members import crypto, operations
from members.models import Member

AT = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}


@given(st.text(), st.text(max_size=20))
def test_what_is_encrypted_opens_again(text, context):
    assert crypto.decrypt(crypto.encrypt(text, context=context), context=context) == text


@given(st.text(min_size=1))
def test_equal_texts_look_different(text):
    assert crypto.encrypt(text, context="a") != crypto.encrypt(text, context="a")


@given(st.text(), st.integers(0, 200), st.integers(1, 255))
def test_a_damaged_value_is_an_error(text, place, flip):
    stored = bytearray(crypto.encrypt(text, context="a"))
    stored[place % len(stored)] ^= flip
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(bytes(stored), context="a")


@given(st.binary(max_size=60))
def test_a_value_nobody_wrote_is_an_error(stored):
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, context="a")


def test_a_value_moved_to_another_column_does_not_open():
    stored = crypto.encrypt("Maria", context="members.member.given_name")
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, context="members.member.family_name")


def test_an_old_key_still_opens_what_it_wrote_and_the_newest_writes(settings):
    settings.FIELD_KEYS = {1: KEYS[1]}
    old = crypto.encrypt("Maria", context="a")
    settings.FIELD_KEYS = KEYS
    new = crypto.encrypt("Maria", context="a")
    assert (old[1], new[1]) == (1, 2)
    assert [crypto.decrypt(stored, context="a") for stored in (old, new)] == ["Maria", "Maria"]


@pytest.mark.parametrize("keys", [{1: KEYS[2]}, {2: KEYS[1]}], ids=["wrong key", "key gone"])
def test_a_wrong_or_lost_key_is_an_error(settings, keys):
    settings.FIELD_KEYS = {1: KEYS[1]}
    stored = crypto.encrypt("Maria", context="a")
    settings.FIELD_KEYS = keys
    with pytest.raises(crypto.CannotDecrypt, match="FIELD_KEYS"):
        crypto.decrypt(stored, context="a")


@pytest.mark.django_db
def test_a_member_read_with_a_wrong_key_is_an_error_never_ciphertext(settings):
    operations.enrol(at=AT, source="test", given_name="Maria")
    settings.FIELD_KEYS = {1: KEYS[1]}
    with pytest.raises(crypto.CannotDecrypt):
        Member.objects.get()


def test_hashes_of_different_kinds_and_keys_differ(settings):
    first = crypto.keyed_hash("0123", kind="phone_suffix")
    assert first == crypto.keyed_hash("0123", kind="phone_suffix")
    assert first != crypto.keyed_hash("0123", kind="name")
    settings.HASH_KEY = bytes(32)
    assert first != crypto.keyed_hash("0123", kind="phone_suffix")


@pytest.mark.django_db
def test_an_encrypted_field_refuses_to_be_searched_and_to_store_bytes():
    with pytest.raises(FieldError, match="keyed hash"):
        Member.objects.filter(given_name="Maria").exists()
    assert not Member.objects.filter(given_name__isnull=True).exists()
    with pytest.raises(TypeError):
        Member.objects.create(given_name=b"Maria", joined_at=AT)


@pytest.mark.django_db
def test_planted_personal_values_are_nowhere_in_a_dump_of_the_tables():
    planted = [
        "Quetzalina",
        "Vanderbloom",
        "quetzalina.v@planted.example.com",
        "2125550187",
        "203.0.113.77",
        "H-PLANTED-9",
    ]
    member = operations.enrol(
        at=AT, source="test", given_name="Quetzalina", family_name="Vanderbloom", phone="+12125550187",
        email="quetzalina.v@planted.example.com", external_id="H-PLANTED-9",
    )  # fmt: skip
    operations.give_consent(
        member=member,
        channel="email",
        is_granted=True,
        at=AT,
        source="portal",
        address="203.0.113.77",
        detail="Quetzalina said so",
    )
    operations.start_login(identifier="quetzalina.v@planted.example.com", network="203.0.113.77")
    dump = _dump()
    assert b"planted.example.com" in dump, "the domain is kept in clear, so the dump really holds this member"
    found = [value for value in planted for form in (value.encode(), value.encode().hex().encode()) if form in dump]
    assert not found


def _dump() -> bytes:
    """Every table of ours as text, as `COPY … TO STDOUT` writes it."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                parts.extend(bytes(chunk) for chunk in copy)
    return b"".join(parts)
