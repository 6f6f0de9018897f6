"""What is done to API clients."""

import hashlib
import secrets
from collections.abc import Iterable

from django.db import transaction

from api.models import ApiClient
from sales import operations as sales

TOKEN_PREFIX = "rgl_"  # noqa: S105 (a mark that secret scanners can look for)


class UnknownScope(ValueError):
    """There is no such scope; the message names those there are."""


def hash_of(token: str) -> bytes:
    """What is stored of a token. It has 256 random bits, so one round of SHA-256 suffices."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@transaction.atomic
def create_client(
    *, name: str, source: str = "", scopes: Iterable[str] = ApiClient.Scope.values
) -> tuple[ApiClient, str]:
    """A new client and its token, which is not stored: hand it over now. A client of the same name gets the new token.

    `source` is the code its receipts are unique under; without, a source of its own.
    """
    scopes = list(scopes)
    if unknown := set(scopes) - set(ApiClient.Scope.values):
        raise UnknownScope(f"{', '.join(sorted(unknown))}: choose from {', '.join(ApiClient.Scope.values)}.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    facts = {
        "token_hash": hash_of(token),
        "source": sales.source(source or f"api:{name}"[:60], name=name),
        "scopes": scopes,
        "is_active": True,
    }
    client, _is_new = ApiClient.objects.update_or_create(name=name, defaults=facts)
    return client, token
