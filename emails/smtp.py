"""The SMTP channel: kept connections, pipelining where the server announces it, one result for each message.

The session is `smtp_session`'s. The conversation is our own, because a campaign needs three things that
`smtplib` does not give: one round trip per message (RFC 2920), the certainty whether the final dot left this process,
and no message punished for its neighbour.
"""

import re
import smtplib
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from emails.quoted import Travelling
from emails.smtp_session import DEFERRED, UNKNOWN, Lost, Reply, Server, Session

FINAL_DOT = b".\r\n"
NOT_OFFERED = 599  # our own word for what no server was asked about
_ADDRESS = re.compile(r"[!-;=?A-~]*@[!-;=?A-~]*")  # printable ASCII, one @, neither blanks nor angle brackets
LOSSES_MAX = 3  # connections lost in a row before the rest of a batch waits for another day


class Result(NamedTuple):
    """What became of one message at the next hop; see the channel protocol."""

    message_id: str
    outcome: str
    detail: str = ""


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
        self._kept: Session | None = None

    def close(self):
        """Say goodbye, if there is a connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            try:
                kept.write(b"QUIT\r\n")
                kept.reply()
            except Lost:
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
            except Lost as lost:
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

    def _connection(self) -> Session:
        if self._kept is None:
            self._kept = Session(self.server)
        return self._kept

    def _drop(self):
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _converse(self, connection: Session, queue: deque) -> Iterable[Result]:
        """Work through the queue on one connection. `Lost` means: the head of the queue has not left this process."""
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
                    raise Lost(verdict.text)
                continue
            message_id, body = queue.popleft().message_id, letter.body
            letter = _following(connection, queue)
            then = FINAL_DOT + letter.envelope(connection) if letter else FINAL_DOT
            try:
                reply, is_let_in = connection.exchange(body, then)
            except Lost as lost:
                # Reading comes after a whole write.
                has_dot_left = lost.sent is None or lost.sent >= len(body) + len(FINAL_DOT)
                yield Result(message_id, UNKNOWN if has_dot_left else DEFERRED, str(lost))
                raise
            yield Result(message_id, reply.outcome, reply.text)
            if reply.code == 421:
                raise Lost(reply.text)


def _following(connection: Session, queue: deque) -> "_Letter | None":
    """The next message, if its envelope may go out together with the body before it."""
    if not connection.is_pipelining or not queue:
        return None
    letter = _Letter(queue[0], stuffed(queue[0].content))
    return letter if _unfit(connection, letter) is None else None


class _Letter(NamedTuple):
    """A message and its body as it travels: put together once, at the moment of sending."""

    item: Any
    body: bytes

    def envelope(self, connection: Session) -> bytes:
        return connection.envelope(self.item.sender, self.item.recipient, size=len(self.body))


def _unfit(connection: Session, letter: _Letter) -> Reply | None:
    """Why a message cannot be offered at all; None when it can."""
    item, size = letter.item, len(letter.body)
    if not _is_address(item.recipient):
        return Reply(NOT_OFFERED, "the recipient's address cannot travel by ordinary SMTP")
    if item.sender and not _is_address(item.sender):
        return Reply(NOT_OFFERED, "the sender's address cannot travel by ordinary SMTP")
    if connection.size_max and size > connection.size_max:
        return Reply(NOT_OFFERED, f"{size} bytes; the server takes at most {connection.size_max}")
    return None


def _open(connection: Session, letter: _Letter) -> Reply | None:
    """Offer one message. None: go ahead with the body; else the reply that speaks against it."""
    has_reset = connection.needs_reset
    envelope = letter.envelope(connection)
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


def _read_envelope(connection: Session) -> Reply | None:
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
