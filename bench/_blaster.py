"""The floor under every sender: rendered mails over one kept connection with pipelining, and nothing else.

No database, no rendering, no thought about what the server answers beyond counting its lines. A mail is at hand as it was
rendered; leading dots are doubled as it leaves, as every sender of mails must.
"""

import itertools
import socket

REPLIES_EACH = 4  # to MAIL, RCPT, DATA and the final dot


class Blaster:
    """Sends what it is given to a server on this machine that announces PIPELINING."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines(1)
        self._socket.sendall(b"HELO blaster\r\n")
        self._lines(1)

    def send(self, mails: list[tuple[bytes, str]]) -> None:
        """Mails, each with its recipient's address: a body and the next envelope in one write."""
        self._socket.sendall(_envelope(mails[0][1]))
        self._lines(REPLIES_EACH - 1)
        for (mail, _recipient), (_mail, following) in itertools.pairwise(mails):
            self._socket.sendall(_stuffed(mail) + b".\r\n" + _envelope(following))
            self._lines(REPLIES_EACH)
        self._socket.sendall(_stuffed(mails[-1][0]) + b".\r\n")
        self._lines(1)

    def _lines(self, count: int) -> None:
        while count > 0:
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("the sink hung up")
            count -= received.count(b"\n")

    def close(self) -> None:
        self._socket.close()


def _envelope(recipient: str) -> bytes:
    return f"MAIL FROM:<shop@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()


def _stuffed(mail: bytes) -> bytes:
    return mail.replace(b"\r\n.", b"\r\n..")


def ready(contents: list[bytes], recipients: list[str]) -> list[tuple[bytes, str]]:
    """The same mails under another Message-ID, so that the sink's count of ours stays ours."""
    marked = [content.replace(b"Message-ID: <", b"Message-ID: <x.rival@", 1) for content in contents]
    return list(zip(marked, recipients, strict=True))
