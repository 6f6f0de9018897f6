"""VAPID (RFC 8292): a push service learns who we are by a signed, short-lived note, made once per service and reused."""

import functools
import threading
import time
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid02, b64urlencode

LIFE_S = 12 * 3600  # RFC 8292 allows 24 hours at most
RENEW_S = 11 * 3600

_notes: dict[tuple[str, str], tuple[float, str]] = {}
_lock = threading.Lock()


@functools.lru_cache(maxsize=2)
def _key(private: str) -> Vapid02:
    return Vapid02.from_raw(private.encode())


def public_key() -> str:
    """Our public key as URL-safe base64 of the uncompressed point."""
    point = _key(settings.VAPID_PRIVATE_KEY).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b64urlencode(point)


def origin_of(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def authorization(endpoint: str) -> str:
    """The Authorization header for a push service: signed once per origin and reused for eleven hours.

    Always real time: the service compares it with its own clock.
    """
    origin, private, now = origin_of(endpoint), settings.VAPID_PRIVATE_KEY, time.time()
    with _lock:
        made_at, header = _notes.get((origin, private), (0.0, ""))
        if now - made_at > RENEW_S:
            claims = {"sub": settings.VAPID_CONTACT, "aud": origin, "exp": int(now) + LIFE_S}
            header = _key(private).sign(claims)["Authorization"]
            _notes[(origin, private)] = (now, header)
    return header
