"""The SMTP channel: kept connections, pipelining where the server announces it, one result for each message.

Connecting, STARTTLS and AUTH are `smtplib`'s. The conversation is our own, because a campaign needs three things that
`smtplib` does not give: one round trip per message (RFC 2920), the certainty whether the final dot left this process,
and no message punished for its neighbour.
"""

import platform
import re
import smtplib
import socket
import ssl
import struct
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from emails.quoted import Travelling

ACCEPTED, REFUSED, DEFERRED, UNKNOWN = "accepted", "refused", "deferred", "unknown"
READ_SIZE = 65_536
FINAL_DOT = b".\r\n"
NOT_OFFERED = 599  # our own word for what no server was asked about
_ADDRESS = re.compile(r"[!-;=?A-~]*@[!-;=?A-~]*")  # printable ASCII, one @, neither blanks nor angle brackets
LOSSES_MAX = 3  # connections lost in a row before the rest of a batch waits for another day


class Result(NamedTuple):
    """What became of one message at the next hop; see the channel protocol."""

    message_id: str
    outcome: str
    detail: str = ""


class _Lost(Exception):
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


class _Connection:
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
        """Send all of it, or raise `_Lost` saying how much the system took."""
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
            raise _Lost(f"connection lost while sending: {error}", sent) from error

    def reply(self) -> Reply:
        line = self._line()
        if line[3:4] == b"-":
            line = self._rest_of(line)
        try:
            return Reply(int(line[:3]), line.decode("utf-8", "replace").strip())
        except ValueError:
            raise _Lost(f"the server does not speak SMTP: {line[:80]!r}") from None

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
            raise _Lost(f"connection lost while waiting: no word for {self._patience_s:g} s") from error
        except OSError as error:
            raise _Lost(f"connection lost while waiting: {error}") from error
        if not data:
            raise _Lost("the server closed the connection")
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines += lines

    def envelope(self, letter: "_Letter") -> bytes:
        """MAIL, RCPT and DATA of one message, for one write."""
        item = letter.item
        words = (item.sender, len(letter.body), item.recipient) if self.size_max else (item.sender, item.recipient)
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


def stuffed(content: bytes | Travelling) -> bytes:
    """Content as it travels: leading dots doubled, a line end at the end."""
    if isinstance(content, Travelling):
        return content.wire
    body = content.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body if body.endswith(b"\r\n") else body + b"\r\n"


@lru_cache(maxsize=16)  # the sender is always the same
def _is_address(address: str) -> bool:
    return _ADDRESS.fullmatch(address) is not None


class SmtpChannel:
    """E-mail by SMTP. One per process; not for use by several threads at once."""

    name = "email"

    def __init__(self, url: str):
        self.server = Server.from_url(url)
        self.guarantee = "evidence" if self.server.has_evidence else "at_most_once"
        self._kept: _Connection | None = None

    def close(self):
        """Say goodbye, if there is a connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            try:
                kept.write(b"QUIT\r\n")
                kept.reply()
            except _Lost:
                pass  # it was gone already
            kept.close()

    def send(self, batch: Sequence) -> Iterable[Result]:
        """Hand over each message in order. A message is tried on a second connection only while none of its body left."""
        queue = deque(batch)
        losses = 0
        tried_again = None
        while queue:
            try:
                connection = self._connection()
            except (OSError, smtplib.SMTPException) as error:
                yield from _all_deferred(queue, f"no connection to {self.server.host}:{self.server.port}: {error}")
                return
            is_clean = False
            try:
                for result in self._converse(connection, queue):
                    losses = losses if result.outcome in (UNKNOWN, DEFERRED) else 0
                    yield result
                is_clean = True
            except _Lost as lost:
                losses += 1
                if queue and tried_again is queue[0]:
                    yield Result(queue.popleft().message_id, DEFERRED, str(lost))
                elif queue:
                    tried_again = queue[0]
            finally:
                if not is_clean:
                    self._drop()
            if losses >= LOSSES_MAX:
                yield from _all_deferred(queue, "the server keeps closing the connection")
                return

    def _connection(self) -> _Connection:
        if self._kept is None:
            self._kept = _Connection(self.server)
        return self._kept

    def _drop(self):
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _converse(self, connection: _Connection, queue: deque) -> Iterable[Result]:
        """Work through the queue on one connection. `_Lost` means: the head of the queue has not left this process."""
        letter: _Letter | None = None  # of the head, if its envelope went out with the body before it
        is_let_in = False
        while queue:
            if letter is None:
                letter = _Letter(queue[0], stuffed(queue[0].content))
                verdict = _unfit(connection, letter) or _open(connection, letter)
            else:
                verdict = None if is_let_in else _read_envelope(connection)
            if verdict is not None:
                letter, is_let_in = None, False
                yield Result(queue.popleft().message_id, verdict.outcome, verdict.text)
                if verdict.code == 421:
                    raise _Lost(verdict.text)
                continue
            message_id, body = queue.popleft().message_id, letter.body
            letter = _following(connection, queue)
            then = FINAL_DOT + connection.envelope(letter) if letter else FINAL_DOT
            try:
                reply, is_let_in = connection.exchange(body, then)
            except _Lost as lost:
                # Reading comes after a whole write.
                has_dot_left = lost.sent is None or lost.sent >= len(body) + len(FINAL_DOT)
                yield Result(message_id, UNKNOWN if has_dot_left else DEFERRED, str(lost))
                raise
            yield Result(message_id, reply.outcome, reply.text)
            if reply.code == 421:
                raise _Lost(reply.text)


def _following(connection: _Connection, queue: deque) -> "_Letter | None":
    """The next message, if its envelope may go out together with the body before it."""
    if not connection.is_pipelining or not queue:
        return None
    letter = _Letter(queue[0], stuffed(queue[0].content))
    return letter if _unfit(connection, letter) is None else None


class _Letter(NamedTuple):
    """A message and its body as it travels: put together once, at the moment of sending."""

    item: Any
    body: bytes


def _unfit(connection: _Connection, letter: _Letter) -> Reply | None:
    """Why a message cannot be offered at all; None when it can."""
    item, size = letter.item, len(letter.body)
    if not _is_address(item.recipient):
        return Reply(NOT_OFFERED, "the recipient's address cannot travel by ordinary SMTP")
    if item.sender and not _is_address(item.sender):
        return Reply(NOT_OFFERED, "the sender's address cannot travel by ordinary SMTP")
    if connection.size_max and size > connection.size_max:
        return Reply(NOT_OFFERED, f"{size} bytes; the server takes at most {connection.size_max}")
    return None


def _open(connection: _Connection, letter: _Letter) -> Reply | None:
    """Offer one message. None: go ahead with the body; else the reply that speaks against it."""
    has_reset = connection.needs_reset
    envelope = connection.envelope(letter)
    if connection.is_pipelining:
        connection.write(envelope)
        if has_reset:
            connection.reply()
        return _read_envelope(connection)
    for command in envelope.splitlines(keepends=True):
        connection.write(command)
        reply = connection.reply()
        if reply.code >= 400:
            connection.needs_reset = True
            return reply
    return None


def _read_envelope(connection: _Connection) -> Reply | None:
    """The replies to MAIL, RCPT and DATA sent together. None: go ahead with the body."""
    if connection.is_let_in():
        return None
    mail, rcpt, data = connection.reply(), connection.reply(), connection.reply()
    against = next((reply for reply in (mail, rcpt, data) if reply.code >= 400), None)
    if against is None:
        return None
    connection.needs_reset = True
    if data.code == 354:  # it waits for a body that must not be sent (RFC 2920, 3.1)
        connection.write(b".\r\n")
        connection.reply()
    return against


def _all_deferred(queue: deque, detail: str) -> Iterable[Result]:
    while queue:
        yield Result(queue.popleft().message_id, DEFERRED, detail)
