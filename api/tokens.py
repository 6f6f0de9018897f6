"""Who is calling: a client's bearer token, looked up once and then remembered for seconds."""

import hmac
import time
from typing import NamedTuple

from ninja.security import HttpBearer

from api.models import ApiClient
from api.operations import hash_of

REMEMBERED_SECONDS = 10
REMEMBERED_MAX = 1_000


class Caller(NamedTuple):
    """The client behind a request."""

    name: str
    source_id: int
    source: str
    scopes: frozenset[str]


_remembered: dict[bytes, tuple[float, Caller]] = {}


def caller(token: str) -> Caller | None:
    """The active client with this token; None for everybody else. A revoked token works for ten more seconds at most."""
    digest, now = hash_of(token), time.monotonic()
    if (known := _remembered.get(digest)) and known[0] > now:
        return known[1]
    client = ApiClient.objects.select_related("source").filter(token_hash=digest, is_active=True).first()
    # The index has found the row already; the comparison that decides takes the same time for every wrong token.
    if client is None or not hmac.compare_digest(bytes(client.token_hash), digest):
        return None
    if len(_remembered) >= REMEMBERED_MAX:
        _remembered.clear()
    found = Caller(client.name, client.source_id, client.source.code, frozenset(client.scopes))
    _remembered[digest] = now + REMEMBERED_SECONDS, found
    return found


def forget():
    """Forget who called. For tests."""
    _remembered.clear()


class Token(HttpBearer):
    """`Authorization: Bearer rgl_…`"""

    def authenticate(self, request, token: str) -> Caller | None:
        return caller(token)
