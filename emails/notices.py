"""Letters that nobody designs: one person's words to one reader, in the shop's colours. Made when they leave, never kept."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from emails import brand as brands
from emails import signing
from emails.facts import check_recipient
from emails.fields import clean


@dataclass(frozen=True)
class Notice:
    """What is said. The text keeps its paragraphs; the language is that of the frame around it."""

    subject: str
    text: str
    given_name: str = ""
    language: str = "en"
    is_automatic: bool = False  # written by no person: other machines are told not to answer
    rows: tuple[tuple[str, str], ...] = ()  # of a receipt: what it was, and the amount
    total: tuple[str, str] = ("", "")  # under the rows
    after: str = ""  # what is said below the rows; keeps its paragraphs
    taps: tuple[tuple[str, str], ...] = ()  # words and address of each answer that is given by one tap
    is_one_act: bool = False  # the tap is what the letter asks for, not one of several answers
    ends: tuple[str, str] = ("", "")  # what the first and the last of several answers mean
    unsubscribe: tuple[str, str] = ("", "")  # words and address of the way out, where there is one
    sections: tuple[tuple[str, tuple[str, ...], str], ...] = ()  # title, lines, and where all of it can be read
    attachments: tuple[tuple[str, bytes, str], ...] = ()  # name of the file, what is in it, its media type

    @property
    def highest(self) -> str:
        return self.taps[-1][0] if self.taps else ""


def render(notice: Notice, *, to: str, message_id: str, date: datetime) -> bytes:
    """The MIME message with CRLF line ends, signed where it is for us to sign. Raises Unsendable for an address that mail cannot carry."""
    check_recipient(to)
    brand = brands.current(site_url=settings.SITE_URL)
    said = {"notice": notice, "brand": brand, "portal_url": f"{settings.SITE_URL}/portal/"}
    with translation.override(notice.language or settings.LANGUAGE_CODE):
        letter = EmailMultiAlternatives(
            clean(notice.subject), render_to_string("emails/notice.txt", said), settings.MARKETING_FROM, [to],
            headers={"Message-ID": f"<{message_id}>", "Date": date.strftime("%a, %d %b %Y %H:%M:%S %z")},
        )  # fmt: skip
        letter.attach_alternative(render_to_string("emails/notice.html", said), "text/html")
    for name, held, media in notice.attachments:
        letter.attach(name, held, media)
    if notice.unsubscribe[1]:  # RFC 8058: one click, by POST
        letter.extra_headers["List-Unsubscribe"] = f"<{notice.unsubscribe[1]}>"
        letter.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if notice.is_automatic:
        letter.extra_headers["Auto-Submitted"] = "auto-replied"
    raw = letter.message().as_bytes(linesep="\r\n")
    sign = signing.configured()
    return raw if sign is None else sign(raw)
