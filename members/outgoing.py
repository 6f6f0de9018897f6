"""Calling an address that somebody else chose: only where the public internet is, and never where we stand ourselves.

A name is resolved once, every address it has is judged, and the connection goes to the very address that was judged, so that a
name which answers otherwise the second time gains nothing. Redirects are not followed. The whole exchange has one deadline,
and nothing of the answer is read but its status.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

TIMEOUT_SECONDS = 10
LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal")
NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class BadAddress(ValueError):
    """An address that nothing is sent to."""


def may_be_local() -> bool:
    """Whether this installation may post to itself: while developing, never in production."""
    return not settings.PRODUCTION


def check(url: str, *, is_plain_allowed: bool = False) -> SplitResult:
    """The parts of an address that may be called, as far as it can be told without asking the network. Raises BadAddress.

    `is_plain_allowed`: http will do, as for a page that anybody may read.
    """
    parts = urlsplit(url)
    try:
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress(_("This is no address on the web.")) from None
    if parts.username is not None or parts.password is not None or not host:
        raise BadAddress(_("Give the address without a user name or a password."))
    literal = _literal(host)
    is_local = host.endswith(LOCAL_NAMES) if literal is None else not is_public(literal)
    if is_local and may_be_local() and parts.scheme in {"http", "https"}:
        return parts
    if parts.scheme != "https" and not (is_plain_allowed and parts.scheme == "http"):
        raise BadAddress(_("Events are sent over https only. Give an address that begins with https://."))
    if is_local:
        raise BadAddress(_("This address is not on the public internet. Give one that is."))
    return parts


def _literal(host: str) -> Address | None:
    """The address that a host is by itself, in any of the spellings that a resolver takes (127.1, 2130706433, 0x7f.1); None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except OSError:
            return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and so is every address that is packed into it."""
    return address.is_global and not address.is_multicast and all(map(is_public, _packed_into(address)))


def _packed_into(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in NAT64) or int(address) >> 32 == 0:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the system's resolver knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_kind, sockaddr in found))


@dataclass(frozen=True)
class Call:
    """One request to an address that somebody else chose."""

    method: str
    url: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_plain_allowed: bool = False


class Answer(NamedTuple):
    """What came back: the status, and where a redirect points."""

    status: int
    location: str


def post(
    url: str, body: bytes, headers: dict[str, str], *, resolve: Resolve = resolve, deadline_s: float = TIMEOUT_SECONDS
) -> int:
    """Post once; the status of the answer. Raises OSError, of which a forbidden address is one kind."""
    return call(Call("POST", url, body, headers), resolve=resolve, deadline_s=deadline_s).status


def call(one: Call, *, resolve: Resolve = resolve, deadline_s: float = TIMEOUT_SECONDS) -> Answer:
    """Make a request once. Redirects are told, never followed. Raises OSError, of which a forbidden address is one kind."""
    try:
        parts = check(one.url, is_plain_allowed=one.is_plain_allowed)
    except BadAddress as reason:
        raise OSError(str(reason)) from None
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = resolve(host, port)
    if not found or not (may_be_local() or all(is_public(ipaddress.ip_address(address)) for address in found)):
        raise OSError(_("This address is not on the public internet. Give one that is."))
    connection = _Pinned(found[0], host, port, is_secure=parts.scheme == "https", timeout_s=deadline_s)
    watchdog = threading.Timer(deadline_s, connection.abort)
    watchdog.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(one.method, target, body=one.body, headers=one.headers)
        answer = connection.getresponse()
        told = Answer(answer.status, answer.getheader("Location") or "")
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"no answer that can be read: {type(error).__name__}") from error
    finally:
        watchdog.cancel()
        connection.close()
    if connection.is_over:  # headers that break off read like headers that end
        raise TimeoutError("no whole answer before the deadline")
    return told


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, under the name it was asked for: the certificate is checked against the name."""

    def __init__(self, address: str, host: str, port: int, *, is_secure: bool, timeout_s: float):
        super().__init__(host, port, timeout=timeout_s)
        self._address, self._is_secure, self.is_over = address, is_secure, False

    def connect(self):
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

    def abort(self):
        """The deadline is over: whatever is being read fails."""
        self.is_over = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
