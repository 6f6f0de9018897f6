"""Where the addresses in a message lead, and its name among all mail: what every content has in common."""

import functools
from urllib.parse import urlparse

from django.conf import settings

from delivery import tokens


def link_base() -> str:
    return f"{settings.SITE_URL}/m"


def internet_host() -> str:
    """What stands after the @ of every Message-ID of ours."""
    return _host(settings.SITE_URL)


def internet_message_id(message_id: int) -> str:
    return internet_name(tokens.token_for(message_id))


def internet_name(token: str) -> str:
    """The Message-ID header's content without its angle brackets: the same at every attempt."""
    return f"{token}@{_host(settings.SITE_URL)}"


@functools.lru_cache(maxsize=8)
def _host(url: str) -> str:
    return urlparse(url).hostname or "localhost"
