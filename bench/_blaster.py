"""The floor under every sender: mails that are ready made, over one kept connection with pipelining, and nothing else.

No database, no rendering, no thought about what the server answers beyond counting its lines.
"""

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

    def send(self, mails: list[bytes]) -> None:
        """Each mail: from its own envelope's body to the envelope of the next, in one write. See `ready`."""
        for mail in mails:
            self._socket.sendall(mail)
            self._lines(REPLIES_EACH)

    def _lines(self, count: int) -> None:
        while count > 0:
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("the sink hung up")
            count -= received.count(b"\n")

    def close(self) -> None:
        self._socket.close()


def ready(contents: list[bytes], recipients: list[str]) -> list[bytes]:
    """What goes over the wire: the first envelope by itself, then each body together with the next envelope, then the last body.

    The first item waits for three replies too few and the last for three too many, so both are padded with NOOPs.
    """
    envelopes = [
        f"MAIL FROM:<shop@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode() for recipient in recipients
    ]
    bodies = [_marked(content) + b".\r\n" for content in contents]
    follows = [*envelopes[1:], b"NOOP\r\n" * (REPLIES_EACH - 1)]
    first = b"NOOP\r\n" + envelopes[0]
    return [first, *(body + envelope for body, envelope in zip(bodies, follows, strict=True))]


def _marked(content: bytes) -> bytes:
    """The same mail under another Message-ID, so that the sink's count of ours stays ours; leading dots doubled."""
    return content.replace(b"Message-ID: <", b"Message-ID: <x.rival@", 1).replace(b"\r\n.", b"\r\n..")
