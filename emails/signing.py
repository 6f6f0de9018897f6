"""DKIM (RFC 6376) where the relay does not sign: over the headers that matter, both of one-click unsubscribing among them.

A relay signs faster. dkimpy computes RSA in Python, some milliseconds a message; sign here only where nobody else can.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import dkim
from django.conf import settings

SIGNED = (
    b"from", b"reply-to", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"list-unsubscribe",
    b"list-unsubscribe-post",
)  # fmt: skip


@dataclass(frozen=True)
class Signer:
    """Signs for one domain by one key."""

    domain: str
    selector: str
    key: bytes  # PEM

    def __call__(self, content: bytes) -> bytes:
        """The message with its signature on top. CRLF, not dot-stuffed."""
        present = content.split(b"\r\n\r\n", 1)[0].lower()
        headers = [name for name in SIGNED if present.startswith(name + b":") or b"\r\n" + name + b":" in present]
        signature = dkim.sign(
            content, self.selector.encode(), self.domain.encode(), self.key, canonicalize=(b"relaxed", b"relaxed"),
            include_headers=headers,
        )  # fmt: skip
        return signature + content


def configured() -> Signer | None:
    """The signer of the settings; None where the relay signs, which is better."""
    if not settings.DKIM_KEY_FILE:
        return None
    return _signer(settings.DKIM_DOMAIN, settings.DKIM_SELECTOR, settings.DKIM_KEY_FILE)


@functools.lru_cache(maxsize=2)
def _signer(domain: str, selector: str, key_file: str) -> Signer:
    return Signer(domain, selector, Path(key_file).read_bytes())
