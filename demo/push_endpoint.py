"""A push service for one machine: the receiving side of web push, for real, where no browser vendor's can be reached.

It hands out subscriptions with a key pair of their own (standing in for a browser), checks the sender's VAPID signature
(RFC 8292), decrypts the payload (RFC 8291) and keeps it readable. On demand it answers 410, 429 or 500, or hangs up.
A subscription's keys follow from its name, so one process may hand it out and another, or a later one, serve it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

BODY_BYTES_MAX = 4_096
TOPIC_CHARACTERS_MAX = 32
VAPID_LIFE_MAX_S = 24 * 3600
HANG_UP_BEFORE, HANG_UP_AFTER = "hang up before taking it", "hang up after taking it"


@dataclass(frozen=True)
class Received:
    """One push message as the browser would see it."""

    endpoint: str
    payload: bytes  # decrypted: the JSON that the service worker gets
    ttl_s: int
    topic: str
    sender: str  # the contact in the sender's signature

    @property
    def words(self) -> dict:
        return json.loads(self.payload)


@dataclass(frozen=True)
class Browser:
    """One subscription, with the private half that a browser keeps to itself."""

    name: str
    key: ec.EllipticCurvePrivateKey
    auth: bytes

    @classmethod
    def named(cls, name: str) -> "Browser":
        digest = hashlib.sha512(_SEED + name.encode()).digest()
        return cls(name, ec.derive_private_key(int.from_bytes(digest[:31], "big") + 1, ec.SECP256R1()), digest[48:64])

    @property
    def path(self) -> str:
        return f"/push/{self.name}.{_mark(self.name)}"

    def subscription(self, address: str) -> dict:
        """What `pushManager.subscribe()` would give: the `PushSubscription` as JSON."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": _text(point), "auth": _text(self.auth)}
        return {"endpoint": f"{address}{self.path}", "expirationTime": None, "keys": keys}


_SEED = b"a browser of the demo:"  # nothing secret: these browsers exist only here


def _mark(name: str) -> str:
    return hmac.new(_SEED, name.encode(), "sha256").hexdigest()[:16]


class Refused(Exception):
    """The request breaks the protocol."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class PushEndpoint:
    """Start it, ask it for subscriptions, read what arrived. `on_message` is called with each `Received` in a thread."""

    def __init__(self, on_message: Callable[[Received], None] | None = None, *, host: str = "127.0.0.1", port: int = 0):
        self.messages: list[Received] = []
        self.signatures: set[str] = set()  # the different VAPID notes seen
        self.connections = 0
        self._on_message = on_message
        self._gone: set[str] = set()
        self._scripts: dict[str, list] = defaultdict(list)
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def address(self) -> str:
        return f"http://{self._server.server_address[0]}:{self.port}"

    def start(self) -> "PushEndpoint":
        self._thread.start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exception):
        self.stop()

    def new_subscription(self, name: str = "") -> dict:
        return Browser.named(name or secrets.token_hex(8)).subscription(self.address)

    def forget(self, subscription: dict):
        """As when a member takes back the permission: 410 from now on."""
        self._gone.add(_path(subscription))

    def answer(self, subscription: dict, *steps):
        """Answer the next requests so: a status such as 429, HANG_UP_BEFORE or HANG_UP_AFTER; then as usual."""
        self._scripts[_path(subscription)].extend(steps)

    # -- one request ---------------------------------------------------------------------------------------------------
    def take(self, path: str, headers, body: bytes) -> int | str:
        """Check, decrypt and keep one message; answers the status, or a way to hang up. Raises Refused."""
        name, _dot, mark = path.removeprefix("/push/").rpartition(".")
        if not hmac.compare_digest(mark, _mark(name)):
            raise Refused(404, "no such subscription")
        if path in self._gone:
            raise Refused(410, "this browser unsubscribed")
        step = self._scripts[path].pop(0) if self._scripts[path] else None
        if step == HANG_UP_BEFORE or isinstance(step, int):
            return step
        received = self._read(path, Browser.named(name), headers, body)
        self.messages.append(received)
        if self._on_message:
            self._on_message(received)
        return step or 201

    def _read(self, path: str, browser: Browser, headers, body: bytes) -> Received:
        sender = self._verify(headers.get("Authorization", ""))
        topic, ttl = headers.get("Topic", ""), headers.get("TTL", "")
        if headers.get("Content-Encoding") != "aes128gcm":
            raise Refused(415, "the payload must be encoded as aes128gcm")
        if len(body) > BODY_BYTES_MAX:
            raise Refused(413, f"the payload is longer than {BODY_BYTES_MAX} bytes")
        if not ttl.isdecimal() or len(topic) > TOPIC_CHARACTERS_MAX:
            raise Refused(400, "TTL is missing, or the topic is too long")
        try:
            content = http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.auth, version="aes128gcm")
        except http_ece.ECEException as error:
            raise Refused(400, "the payload does not decrypt") from error
        return Received(f"{self.address}{path}", content, int(ttl), topic, sender)

    def _verify(self, authorization: str) -> str:
        """The contact of a sender whose signature is good for this service and for now."""
        try:
            is_good = Vapid02.verify(authorization)
            note = authorization.split("t=", 1)[1].split(",", 1)[0]
            claims = json.loads(_bytes(note.split(".")[1]))
        except Exception as error:
            raise Refused(401, "the VAPID signature cannot be read") from error
        now = time.time()
        if not is_good or claims.get("aud") != self.address or not now < claims.get("exp", 0) <= now + VAPID_LIFE_MAX_S:
            raise Refused(403, "the VAPID signature is wrong, for another service, or out of date")
        self.signatures.add(note)
        return claims.get("sub", "")


def _path(subscription: dict) -> str:
    return urlsplit(subscription["endpoint"]).path


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self):
        super().setup()
        self.server.endpoint.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.server.endpoint.take(self.path, self.headers, body)
        except Refused as reason:
            return self._say(reason.status, str(reason))
        if not isinstance(answer, int):
            self.close_connection = True
            self.connection.close()
            return None
        return self._say(answer)

    def _say(self, status: int, reason: str = ""):
        content = reason.encode()
        self.send_response(status)
        if status == 201:
            self.send_header("Location", f"{self.server.endpoint.address}/m/{secrets.token_urlsafe(8)}")
        if status == 429:
            self.send_header("Retry-After", "60")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Quiet: what arrived is in `messages`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, endpoint: PushEndpoint):
        self.endpoint = endpoint
        super().__init__(address, _Handler)

    def handle_error(self, request, client_address):
        """A client that hangs up is its own business."""
