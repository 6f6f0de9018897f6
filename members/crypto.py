"""Encryption of personal fields, and the keyed hashes they are found by.

A stored value is: version (1 byte) · key id (1 byte) · nonce (12 bytes) · AES-256-GCM ciphertext with its tag.
The field's name is authenticated with it, so a value moved to another column does not open.
"""

import functools
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

VERSION = 1


class CannotDecrypt(RuntimeError):
    """The key of a stored value is missing or wrong. Ciphertext is never shown in its place."""


@functools.cache
def _cipher(key_id: int) -> AESGCM:
    try:
        return AESGCM(settings.FIELD_KEYS[key_id])
    except KeyError:
        raise CannotDecrypt(f"FIELD_KEYS has no key {key_id}. Add the key this value was written with.") from None


def encrypt(text: str, *, context: str) -> bytes:
    key_id = max(settings.FIELD_KEYS)
    nonce = os.urandom(12)
    return bytes((VERSION, key_id)) + nonce + _cipher(key_id).encrypt(nonce, text.encode(), context.encode())


def decrypt(stored: bytes, *, context: str) -> str:
    stored = bytes(stored)
    if len(stored) < 30 or stored[0] != VERSION:
        raise CannotDecrypt(f"{context}: not a value this release wrote.")
    try:
        return _cipher(stored[1]).decrypt(stored[2:14], stored[14:], context.encode()).decode()
    except InvalidTag:
        raise CannotDecrypt(f"{context}: key {stored[1]} does not open it. Check FIELD_KEYS.") from None


def keyed_hash(value: str, *, kind: str) -> bytes:
    """Sixteen bytes that find an equal value of the same kind and tell nothing without HASH_KEY."""
    return hmac.new(settings.HASH_KEY, f"{kind}\0{value}".encode(), hashlib.sha256).digest()[:16]


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

    @property
    def _context(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def from_db_value(self, value, expression, connection):
        return "" if value is None else decrypt(value, context=self._context)

    def get_db_prep_value(self, value, connection, prepared=False):
        if value is None or value == "":
            return None
        if isinstance(value, str):
            value = encrypt(value, context=self._context)
        return super().get_db_prep_value(value, connection, prepared)

    def to_python(self, value):
        return "" if value is None else value

    def value_to_string(self, obj):
        return self.value_from_object(obj)

    def formfield(self, **kwargs):
        from django import forms

        return models.Field.formfield(self, **{"form_class": forms.CharField, "required": not self.blank, **kwargs})
