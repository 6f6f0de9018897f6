"""The reference renderer: Liquid itself, and Python's own `email` package. Slow, and nothing in it is clever.

It makes the same choices as the fast one where a choice is free (boundary, header order, quoted-printable, base64 words in
headers), and otherwise shares with it only the preparation of values and the filters, which are the language itself.
"""

from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr

from emails.templating import parse

_BODY = Charset("utf-8")
_BODY.body_encoding = QP
_WORDS = Charset("utf-8")
_WORDS.header_encoding = BASE64


def html(frozen, context: dict) -> str:
    return parse(frozen.html, is_html=True).render(context)


def text(frozen, context: dict) -> str:
    return parse(frozen.text, is_html=False).render(context)


def subject(frozen, context: dict) -> str:
    return parse(frozen.subject, is_html=False).render(context).strip()


def _subject_header(words: str) -> str:
    is_plain = words.isascii() and len("Subject: ") + len(words) <= 76 and "=?" not in words
    return words if is_plain else Header(words, _WORDS, header_name="Subject", maxlinelen=76).encode(linesep="\r\n")


def _part(words: str, subtype: str) -> MIMEText:
    part = MIMEText(words, subtype, _BODY)
    del part["MIME-Version"]
    return part


def render(frozen, values: dict, *, message) -> bytes:
    """The same bytes as `emails.rendering.render`."""
    from emails.rendering import boundary_of, context_of  # late: rendering falls back to this module

    context = context_of(frozen, values, message=message)
    headers = [
        ("From", formataddr(parseaddr(message.from_))),
        *([("Reply-To", message.reply_to)] if message.reply_to else []),
        ("To", message.to),
        ("Subject", _subject_header(subject(frozen, context))),
        ("Message-ID", message.message_id),
        ("Date", format_datetime(message.date)),
        ("List-Unsubscribe", f"<{message.unsubscribe_url}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
    body = MIMEMultipart("alternative", boundary=boundary_of(frozen))
    del body["Content-Type"], body["MIME-Version"]
    body["MIME-Version"] = "1.0"
    body.add_header("Content-Type", "multipart/alternative", boundary=boundary_of(frozen))
    body.attach(_part(text(frozen, context), "plain"))
    body.attach(_part(html(frozen, context), "html"))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("ascii") + body.as_bytes(policy=compat32.clone(linesep="\r\n", max_line_length=0))
