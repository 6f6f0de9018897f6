"""One SMTP session: connecting, writing, and reading replies as they come; nothing here knows what a message is.

Connecting, STARTTLS and AUTH are `smtplib`'s. Reading and writing are our own: whether the final dot left this process must be
known, and a campaign's messages must not pay for what they do not need.
"""

import platform
import smtplib
import socket
import ssl
import struct
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

ACCEPTED, REFUSED, DEFERRED, UNKNOWN = "accepted", "refused", "deferred", "unknown"
READ_SIZE = 65_536


class Lost(Exception):
    """The connection is gone. `sent` counts the bytes of a broken write that the system had taken; None: it was reading."""

    def __init__(self, reason: str, sent: int | None = None):
        super().__init__(reason)
        self.sent = sent


class Reply(NamedTuple):
    code: int
    text: str  # the whole line, or several

    def __str__(self):
        return self.text

    @property
    def outcome(self) -> str:
        if 200 <= self.code < 300:
            return ACCEPTED
        return REFUSED if self.code >= 500 else DEFERRED


@dataclass(frozen=True)
class Server:
    """Where to, and how; read from a URL such as smtp://user:password@host:587?tls=1."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    is_tls_from_start: bool = False
    is_starttls: bool = False
    may_pipeline: bool = True
    timeout_seconds: float = 30.0
    ca_file: str = ""
    has_evidence: bool = False

    @classmethod
    def from_url(cls, url: str) -> "Server":
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError(f"{url!r} is not an SMTP address; write smtp://user:password@host:587?tls=1")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        is_tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if is_tls else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            is_tls_from_start=is_tls,
            is_starttls=query.get("tls") == "1",
            may_pipeline=query.get("pipelining") != "0",
            timeout_seconds=float(query.get("timeout", 30)),
            ca_file=query.get("ca", ""),
            has_evidence=query.get("evidence") == "1",
        )


class Session:
    """One SMTP session."""

    def __init__(self, server: Server):
        smtp = _connect(server)
        self.smtp, self.sock = smtp, smtp.sock
        _let_the_system_time_out(smtp.sock, server.timeout_seconds)
        self.is_pipelining = server.may_pipeline and smtp.has_extn("pipelining")
        size = smtp.esmtp_features.get("size", "")
        self.size_max = int(size) if size.isdecimal() and int(size) else None
        self.needs_reset = False
        self._yes: list[bytes] = []  # to MAIL, RCPT and DATA, as it was said last
        self._patience_s = server.timeout_seconds
        self._lines: deque[bytes] = deque()  # whole lines that nobody has read yet
        self._rest = b""  # the beginning of the next one
        self._gathers = None if isinstance(smtp.sock, ssl.SSLSocket) else smtp.sock.sendmsg  # TLS cannot gather
        size_words = " SIZE=%d" if self.size_max else ""
        self._envelope = f"MAIL FROM:<%s>{size_words}\r\nRCPT TO:<%s>\r\nDATA\r\n"

    def write(self, *pieces: bytes):
        """Send all of it, or raise `Lost` saying how much the system took."""
        sent = 0
        try:
            if self._gathers is not None:
                sent = self._gathers(pieces)
                if sent == sum(map(len, pieces)):
                    return
            view = memoryview(b"".join(pieces))
            while sent < len(view):
                sent += self.sock.send(view[sent:])
        except OSError as error:
            raise Lost(f"connection lost while sending: {error}", sent) from error

    def reply(self) -> Reply:
        line = self._line()
        if line[3:4] == b"-":
            line = self._rest_of(line)
        try:
            return Reply(int(line[:3]), line.decode("utf-8", "replace").strip())
        except ValueError:
            raise Lost(f"the server does not speak SMTP: {line[:80]!r}") from None

    def exchange(self, body: bytes, then: bytes) -> tuple[Reply, bool]:
        """Send a body with what follows it in the same write, and hear what became of it.

        True: the next message was let in too, its three answers came along and were the plainest. False: nobody has
        looked at them yet, or there are none.
        """
        self.write(body, then)
        lines = self._lines
        if not lines:
            self._fill()
        if len(lines) == 4:
            taken, *answers = lines
            if taken.startswith(b"250 ") and self._is_yes(answers):
                lines.clear()
                return Reply(250, taken.decode("utf-8", "replace").rstrip("\r")), True
        return self.reply(), False

    def _is_yes(self, yes: list[bytes]) -> bool:
        """A server says the same to each: what was looked at once need not be again."""
        if yes == self._yes:
            return True
        mail, rcpt, data = yes
        if mail.startswith(b"250 ") and rcpt.startswith(b"250 ") and data.startswith(b"354 "):
            self._yes = yes
            return True
        return False

    def is_let_in(self) -> bool:
        """Whether the next three lines are the plainest yes to MAIL, RCPT and DATA; then they are taken. Else nothing is."""
        lines = self._lines
        if len(lines) < 3:
            self._fill()
        if len(lines) < 3 or not self._is_yes([lines[0], lines[1], lines[2]]):
            return False
        for _ in range(3):
            lines.popleft()
        return True

    def _rest_of(self, line: bytes) -> bytes:
        """A reply of several lines as one."""
        whole = line[:3] + b" " + line[4:]
        while line[3:4] == b"-":
            line = self._line()
            whole += b" " + line[4:]
        return whole

    def _line(self) -> bytes:
        while not self._lines:
            self._fill()
        return self._lines.popleft()

    def _fill(self):
        """Wait for more of what the server says."""
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, TimeoutError) as error:
            raise Lost(f"connection lost while waiting: no word for {self._patience_s:g} s") from error
        except OSError as error:
            raise Lost(f"connection lost while waiting: {error}") from error
        if not data:
            raise Lost("the server closed the connection")
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines += lines

    def envelope(self, sender: str, recipient: str, *, size: int) -> bytes:
        """MAIL, RCPT and DATA of one message, for one write."""
        words = (sender, size, recipient) if self.size_max else (sender, recipient)
        commands = (self._envelope % words).encode("ascii")
        if self.needs_reset:
            self.needs_reset = False
            return b"RSET\r\n" + commands
        return commands

    def close(self):
        self.smtp.close()


def _let_the_system_time_out(sock: socket.socket, seconds: float):
    """Waiting ends after so long, as before; but Python need not ask `poll` before each read and write of its own.

    Not under TLS, whose layer does not take the system's "try again" for the end of the wait.
    """
    if isinstance(sock, ssl.SSLSocket):
        return
    whole = int(seconds)
    limit = struct.pack("ll", whole, int((seconds - whole) * 1e6))
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _connect(server: Server) -> smtplib.SMTP:
    context = (
        ssl.create_default_context(cafile=server.ca_file or None)
        if server.is_tls_from_start or server.is_starttls
        else None
    )
    options = {"timeout": server.timeout_seconds, "local_hostname": platform.node() or "localhost"}
    if server.is_tls_from_start:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, context=context, **options)
    else:
        smtp = smtplib.SMTP(server.host, server.port, **options)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.is_starttls:
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp
