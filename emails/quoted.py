"""Quoted-printable (RFC 2045) for text that is one line at a time, and encoded words (RFC 2047) for headers.

The same choices as Python's `email` package makes, several times faster; the tests hold the two equal.
"""

import re
from binascii import b2a_base64

WIDTH = 76
CRLF = "\r\n"
_TO_QUOTE = re.compile(r"[^ -~\t\udc00-\udc3b]+")  # the places where a token will stand (emails.plans) are left alone


def _quote_run(match) -> str:
    return "=" + match.group().encode().hex("=").upper()


def encode_line(line: str) -> str:
    """One line without its line break. No soft break splits an escape; a space at the end is quoted."""
    quoted = line.replace("=", "=3D")
    if not (quoted.isascii() and quoted.isprintable()):
        quoted = _TO_QUOTE.sub(_quote_run, quoted)
    if quoted.endswith((" ", "\t")):
        return _fold_spaced(quoted)
    return quoted if len(quoted) <= WIDTH else _fold(quoted)


def _fold(quoted: str) -> str:
    rows, start, length = [], 0, len(quoted)
    while length - start > WIDTH:
        stop = start + WIDTH - 1
        cut = quoted.rfind("=", stop - 2, stop)  # an escape that would be split moves to the next row
        if cut >= 0:
            stop = cut
        rows.append(quoted[start:stop])
        start = stop
    rows.append(quoted[start:])
    return "=\r\n".join(rows)


def _fold_spaced(quoted: str) -> str:
    """The last character is a space or tab: quoted where it has room, and pushed to a row of its own where it has not."""
    rows, start, length = [], 0, len(quoted)
    while length - start > WIDTH:
        stop = start + WIDTH - 1
        cut = quoted.rfind("=", stop - 2, stop)
        if cut >= 0:
            stop = cut
        rows.append(quoted[start:stop])
        start = stop
    room = WIDTH + 1 - (length - start)
    space = "=20" if quoted[-1] == " " else "=09"
    if room >= 3:
        rows.append(quoted[start:-1] + space)
    elif room == 2:
        rows += [quoted[start:], ""]
    else:
        rows += [quoted[start:-1], space]
    return "=\r\n".join(rows)


def encode_text(text: str) -> str:
    """Whole lines, each with its line break."""
    return CRLF.join(map(encode_line, text.split("\n")))


class Travelling:
    """A message as it travels: leading dots doubled, CRLF at its end (RFC 5321, 4.5.2). `bytes()` gives it as it is read.

    Most of its pieces are those of its neighbours too. They are joined at the moment of sending, so that a hundred
    messages that wait for their commitment take the room of one.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pieces: list[bytes]):
        self._pieces = pieces

    @property
    def wire(self) -> bytes:
        return b"".join(self._pieces)

    def __bytes__(self):
        content = self.wire.replace(b"\r\n.", b"\r\n")
        return content[1:] if content.startswith(b".") else content

    def __len__(self):
        """Bytes on the line. At most a few more than the message has."""
        return sum(map(len, self._pieces))


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="


def header(name: str, text: str) -> str:
    """A header line: plain where it is short ASCII, else encoded words of at most 75 characters each."""
    if text.isascii() and len(name) + 2 + len(text) <= WIDTH and "=?" not in text:
        return f"{name}: {text}{CRLF}"
    words, data = [], b""
    room = (WIDTH - len(name) - 2 - 12) // 4 * 3
    for character in text:
        encoded = character.encode()
        if len(data) + len(encoded) > room:
            words.append(_word(data))
            data, room = b"", (WIDTH - 1 - 12) // 4 * 3
        data += encoded
    words.append(_word(data))
    return f"{name}: {f'{CRLF} '.join(words)}{CRLF}"
