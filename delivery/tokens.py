"""One signed token per message. Every address in the message derives from it, and so does its Message-ID.

A token is the message's number and 128 bits of HMAC-SHA-256 over it, so it is the same at every attempt and nothing needs
to be stored. Keys follow SECRET_KEY and SECRET_KEY_FALLBACKS: a retired key's links die with it.
"""

import base64
import functools
import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Callable

from django.conf import settings

_NUMBER_BYTES, _SIGNATURE_BYTES = 6, 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
LENGTH = 30  # characters: URL-safe base64 of 22 bytes, without padding


class BadToken(ValueError):
    """Not a token of ours. Answer 404 and say no more."""


@functools.lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"delivery.token\0" + secret.encode()).digest()


def _sign(number: bytes, secret: str) -> bytes:
    return hmac.digest(_key(secret), number, "sha256")[:_SIGNATURE_BYTES]


def token_for(message_id: int) -> str:
    return maker()(message_id)


def maker() -> Callable[[int], str]:
    """Makes the tokens of many messages; the key is looked up once."""
    key, digest = _key(settings.SECRET_KEY), hmac.digest

    def token(message_id: int) -> str:
        number = message_id.to_bytes(_NUMBER_BYTES, "big")
        raw = number + digest(key, number, "sha256")[:_SIGNATURE_BYTES]
        return b2a_base64(raw, newline=False).translate(_URL_SAFE)[:LENGTH].decode()

    return token


def message_id_of(token: str) -> int:
    """The message a token was made for. Raises BadToken for anything else."""
    if len(token) != LENGTH or not token.isascii():
        raise BadToken
    try:
        raw = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except ValueError:
        raise BadToken from None
    if (
        base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token
    ):  # the last character has spare bits: one spelling only
        raise BadToken
    number, signature = raw[:_NUMBER_BYTES], raw[_NUMBER_BYTES:]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(signature, _sign(number, secret)):
            return int.from_bytes(number, "big")
    raise BadToken
