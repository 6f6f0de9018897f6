"""Encryption of personal fields, and the keyed hashes they are found by.

A stored value is: version (1 byte) · key id (1 byte) · nonce (12 bytes) · AES-256-GCM ciphertext with its tag.
The field's name is authenticated with it, so a value moved to another column does not open.
"""

import functools
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

VERSION = 1


class CannotDecrypt(RuntimeError):
    """The key of a stored value is missing or wrong. Ciphertext is never shown in its place."""


@functools.lru_cache(maxsize=256)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _key(key_id: int) -> bytes:
    try:
        return settings.FIELD_KEYS[key_id]
    except KeyError:
        raise CannotDecrypt(f"FIELD_KEYS has no key {key_id}. Add the key this value was written with.") from None


def current_key_id() -> int:
    """The key that new values are written with: the one named for it, else the one with the highest id, 1 … 255."""
    return settings.FIELD_KEY_WRITING or max(settings.FIELD_KEYS)


def encrypt(text: str, *, context: str) -> bytes:
    """Encrypt under the current key. 2⁹⁶ random nonces: one key is good for some four thousand million values."""
    key_id = current_key_id()
    nonce = os.urandom(12)
    return bytes((VERSION, key_id)) + nonce + _cipher(_key(key_id)).encrypt(nonce, text.encode(), context.encode())


def decrypt(stored: bytes, *, context: str) -> str:
    """The text of a stored value. Raises CannotDecrypt: a wrong key, a moved or a damaged value is never shown."""
    stored = bytes(stored)
    if len(stored) < 30 or stored[0] != VERSION:
        raise CannotDecrypt(f"{context}: not a value this release wrote.")
    try:
        return _cipher(_key(stored[1])).decrypt(stored[2:14], stored[14:], context.encode()).decode()
    except InvalidTag:
        raise CannotDecrypt(f"{context}: key {stored[1]} does not open it. Check FIELD_KEYS.") from None


def opener(context: str) -> Callable[[bytes | None], str]:
    """Opens many values of one column; each key is looked up once. None is empty text, as the field has it."""
    aad, ciphers = context.encode(), {}

    def opened(stored: bytes | None) -> str:
        if stored is None:
            return ""
        found = ciphers.get(stored[:2])
        if found is None:
            text = decrypt(stored, context=context)  # says what is wrong, if anything is
            ciphers[stored[:2]] = _cipher(_key(stored[1]))
            return text
        try:
            return found.decrypt(stored[2:14], stored[14:], aad).decode()
        except (InvalidTag, ValueError):
            return decrypt(stored, context=context)  # which says what is wrong

    return opened


def keyed_hash(value: str, *, kind: str) -> bytes:
    """Sixteen bytes that find an equal value of the same kind and tell nothing without HASH_KEY."""
    return hmac.digest(settings.HASH_KEY, f"{kind}\0{value}".encode(), "sha256")[:16]


class EncryptedTextField(models.BinaryField):
    """Text, encrypted at rest; empty text is stored as NULL. It cannot be searched: keep a keyed hash beside it."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, "members.crypto.EncryptedTextField", args, kwargs

    def get_default(self):
        return ""

    @functools.cached_property
    def context(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def opened(self, value) -> str:
        """The text of a value as it lies in the column."""
        return "" if value is None else decrypt(value, context=self.context)

    def from_db_value(self, value, expression, connection):
        return self.opened(value)

    def get_db_prep_value(self, value, connection, prepared=False):
        if value is None or value == "":
            return None
        if not isinstance(value, str):  # bytes would be stored as they are: in clear
            raise TypeError(f"{self.context} takes text, not {type(value).__name__}.")
        return super().get_db_prep_value(encrypt(value, context=self.context), connection, prepared)

    def get_lookup(self, lookup_name):
        """Refuse to be searched: every encryption differs, so equality would quietly find nobody."""
        if lookup_name != "isnull":
            raise FieldError(f"{self.context} is encrypted and cannot be searched; look its keyed hash up.")
        return super().get_lookup(lookup_name)

    def to_python(self, value):
        return "" if value is None else value

    def value_to_string(self, obj):
        return self.value_from_object(obj)

    def formfield(self, **kwargs):
        from django import forms

        return models.Field.formfield(self, **{"form_class": forms.CharField, "required": not self.blank, **kwargs})
