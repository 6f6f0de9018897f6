"""A recording SMTP server: the demo's inbox, and the next hop of the tests. It speaks the real protocol and sends nothing on."""

import asyncio
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field

HANG_UP = "HANG UP"
SIZE_MAX = 20_000_000
STAGES = ("connect", "ehlo", "mail", "rcpt", "data", "body", "dot", "recorded")


@dataclass
class Received:
    """One message as it was taken: dots unstuffed, CRLF kept."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""


Script = Callable[[str, Received], str | None]


class Sink:
    """`script(stage, received)` may answer any stage with a reply such as "451 later", or with `HANG_UP`.

    Stages: connect, ehlo, mail, rcpt, data; body (the first bytes of a body are in), dot (all of it is, and nothing is
    recorded yet), recorded (it is recorded, and 250 has not been said).
    """

    def __init__(
        self,
        on_message: Callable[[Received], None] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        script: Script | None = None,
        has_pipelining: bool = True,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ):
        self.on_message, self.host, self.port, self.script = on_message, host, port, script
        self.has_pipelining = has_pipelining
        self.tls, self.login = tls, login  # offered by STARTTLS; asked for before MAIL
        self.messages: list[Received] = []
        self.connections = 0
        self.replies = 0
        self.flushes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def start(self) -> "Sink":
        """Serve from a thread of its own. Raises `OSError` when the port is taken."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="smtp-sink", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure
        return self

    def stop(self):
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()
            self._loop = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exception):
        self.stop()

    async def _serve(self):
        self._stopped = asyncio.Event()
        try:
            server = await asyncio.start_server(self._client, self.host, self.port)
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        self._open: set[asyncio.StreamWriter] = set()
        await self._stopped.wait()
        server.close()
        for writer in list(self._open):
            writer.close()

    async def _client(self, reader, writer):
        self.connections += 1
        self._open.add(writer)
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, _HangUp, asyncio.CancelledError):
            pass  # the other side left, or the script told us to
        finally:
            self._open.discard(writer)
            writer.close()

    def record(self, received: Received):
        self.messages.append(received)
        if self.on_message is not None:
            self.on_message(received)


class _HangUp(Exception):
    """The script says so."""


class _Session:
    """One connection. Replies are collected while commands are waiting, as RFC 2920 asks."""

    def __init__(self, sink: Sink, reader, writer):
        self.sink, self.reader, self.writer = sink, reader, writer
        self.input, self.output = b"", b""
        self.current = Received("")
        self.is_secret, self.is_known = False, sink.login is None

    async def run(self):
        if not self.scripted("connect"):
            self.say("220 sink ESMTP")
        while (line := await self.line()) is not None:
            verb, _space, rest = line.decode("utf-8", "replace").partition(" ")
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                self.say("502 unknown command")
            elif await handler(rest):
                break
        await self.flush()

    # -- the wire --

    def say(self, reply: str):
        self.output += reply.encode() + b"\r\n"
        self.sink.replies += 1

    async def flush(self):
        if self.output:
            self.writer.write(self.output)
            self.output = b""
            self.sink.flushes += 1
            await self.writer.drain()

    async def more(self) -> bool:
        """Wait for input, having said everything first."""
        await self.flush()
        data = await self.reader.read(1 << 16)
        self.input += data
        return bool(data)

    async def line(self) -> bytes | None:
        while (end := self.input.find(b"\r\n")) < 0:
            if not await self.more():
                return None
        line, self.input = self.input[:end], self.input[end + 2 :]
        return line

    async def body(self) -> bytes | None:
        """Everything up to the final dot, unstuffed."""
        if not self.input and not await self.more():
            return None
        if self.scripted("body"):
            return None
        chunks, tail = [], b"\r\n"  # the line end of DATA: a body may begin with its final dot
        while True:
            joined = tail + self.input
            end = joined.find(b"\r\n.\r\n")
            if end >= 0:
                chunks.append(joined[: end + 2])
                self.input = joined[end + 5 :]
                return b"".join(chunks).replace(b"\r\n..", b"\r\n.")[2:]
            chunks.append(joined[:-4])
            tail, self.input = joined[-4:], b""
            if not await self.more():
                return None

    def scripted(self, stage: str) -> bool:
        """Let the script speak first. True: it answered in our place."""
        answer = self.sink.script(stage, self.current) if self.sink.script else None
        if answer == HANG_UP:
            self.writer.write(self.output)  # what was said before stands
            raise _HangUp
        if answer:
            self.say(answer)
        return bool(answer)

    # -- commands; a true result ends the session --

    async def on_ehlo(self, _rest):
        if not self.scripted("ehlo"):
            extras = ["250-PIPELINING"] if self.sink.has_pipelining else []
            extras += ["250-STARTTLS"] if self.sink.tls and not self.is_secret else []
            extras += ["250-AUTH PLAIN"] if self.sink.login else []
            for reply in ("250-sink", *extras, f"250-SIZE {SIZE_MAX}", "250 8BITMIME"):
                self.say(reply)

    async def on_starttls(self, _rest):
        if self.sink.tls is None or self.is_secret:
            self.say("502 no TLS here")
            return
        self.say("220 go ahead")
        await self.flush()
        self.input = b""  # what was sent in clear before is not taken for said in secret (RFC 3207, 6)
        await self.writer.start_tls(self.sink.tls)
        self.is_secret = True

    async def on_auth(self, rest):
        _mechanism, _space, given = rest.partition(" ")
        try:
            _identity, *login = b64decode(given).decode().split("\0")
        except ValueError:
            login = []
        self.is_known = self.sink.login is not None and tuple(login) == self.sink.login
        self.say("235 welcome" if self.is_known else "535 5.7.8 not known")

    async def on_helo(self, _rest):
        self.say("250 sink")

    async def on_mail(self, rest):
        if not self.is_known:
            self.say("530 5.7.0 sign in first")
            return
        if self.current.sender:
            self.say("503 there is a sender already")
            return
        candidate = _address(rest)
        self.current = Received(candidate)
        if self.scripted("mail"):
            self.current = Received("")
        else:
            self.say("250 sender ok")

    async def on_rcpt(self, rest):
        if not self.current.sender:
            self.say("503 MAIL first")
            return
        self.current.recipients.append(_address(rest))
        if self.scripted("rcpt"):
            self.current.recipients.pop()
        else:
            self.say("250 recipient ok")

    async def on_data(self, _rest):
        if not self.current.recipients:
            self.say("554 no valid recipients")
            return
        if self.scripted("data"):
            return
        self.say("354 go on, and end with a dot")
        content = await self.body()
        if content is None:
            raise _HangUp
        received = self.current
        received.content = content
        is_answered = self.scripted("dot")
        if not is_answered:
            self.sink.record(received)
            is_answered = self.scripted("recorded")
        self.current = Received("")
        if not is_answered:
            self.say("250 taken")

    async def on_rset(self, _rest):
        self.current = Received("")
        self.say("250 forgotten")

    async def on_noop(self, _rest):
        self.say("250 here")

    async def on_quit(self, _rest):
        self.say("221 goodbye")
        return True


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
