"""The fast renderer: frozen segments and a member's values → one MIME message, ready for the wire.

Only values are escaped and encoded per member; everything else was encoded at freezing. `emails.slow` gives the same bytes
by other means, and is what a template falls back to when it cannot be expressed in segments.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from emails import plans, slow
from emails.facts import MessageFacts
from emails.fields import prepare
from emails.pieces import Piece, html_quoted, nodes, parts
from emails.quoted import CRLF, header
from emails.templating import marks_fallbacks


def render(frozen, values: dict, *, message: MessageFacts) -> bytes:
    """One message. CRLF throughout, not dot-stuffed."""
    if not frozen.is_fast:
        return slow.render(frozen, values, message=message)
    compiled = _compiled(frozen)
    plan = None if marks_fallbacks.get() else compiled.plan_for(frozen, message)
    if plan is not None:
        try:
            return _planned(compiled, plan, values, message)
        except plans.CannotPlan:
            compiled.planned.clear()
            compiled.is_planned = False
    return _one_by_one(compiled, context_of(frozen, values, message=message), message)


def _planned(compiled: "_Compiled", plan: plans.Plan, values: dict, message: MessageFacts) -> bytes:
    message.check()
    context = plan.context(values)
    head = _headers(message, plan.subject(context), compiled.boundary)
    body = plan.body(context, before_html=compiled.before_html)
    return plan.with_token(f"{head}{compiled.before_text}", f"{body}{compiled.after_html}", message.token)


def _one_by_one(compiled: "_Compiled", context: dict, message: MessageFacts) -> bytes:
    """Nothing kept from other messages."""
    subject = header("Subject", "".join([piece(context) for piece in compiled.subject]).strip())
    head = _headers(message, subject, compiled.boundary)
    text = "".join([piece(context) for piece in compiled.text])
    html = "".join([piece(context) for piece in compiled.html])
    return f"{head}{compiled.before_text}{text}{compiled.before_html}{html}{compiled.after_html}".encode("ascii")


def view_online(frozen, values: dict, *, message: MessageFacts) -> str:
    """The HTML part as a web page."""
    return slow.html(frozen, context_of(frozen, values, message=message))


def context_of(frozen, values: dict, *, message: MessageFacts) -> dict:
    """Everything a template may name, fit to be shown; the same for both renderers. Raises `Unsendable`."""
    message.check()
    fixed = {
        **frozen.constants,
        **message.addresses(),
        "pixel_url": message.pixel_url,
        "click_base": message.click_base,
    }
    return prepare(values, language=frozen.language, fixed=fixed)


# -- headers -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _sender(from_: str) -> str:
    return f"From: {formataddr(parseaddr(from_))}{CRLF}"


@lru_cache(maxsize=256)
def _date(moment: datetime, _offset) -> str:
    """Messages of one campaign are due together. The offset is asked for because equal moments may be written differently."""
    return format_datetime(moment)


def _headers(message: MessageFacts, subject: str, boundary: str) -> str:
    reply_to = f"Reply-To: {message.reply_to}{CRLF}" if message.reply_to else ""
    return (
        f"{_sender(message.from_)}{reply_to}To: {message.to}{CRLF}{subject}"
        f"Message-ID: {message.message_id}{CRLF}Date: {_date(message.date, message.date.utcoffset())}{CRLF}"
        f"List-Unsubscribe: <{message.unsubscribe_url}>{CRLF}"
        f"List-Unsubscribe-Post: List-Unsubscribe=One-Click{CRLF}MIME-Version: 1.0{CRLF}"
        f'Content-Type: multipart/alternative; boundary="{boundary}"{CRLF}{CRLF}'
    )


# -- segments → functions ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Compiled:
    subject: list[Piece]
    text: list[Piece]
    html: list[Piece]
    boundary: str
    before_text: str
    before_html: str
    after_html: str
    planned: OrderedDict = field(default_factory=OrderedDict)  # by the shape of the message's addresses
    is_planned: bool = True

    def plan_for(self, frozen, message: MessageFacts) -> plans.Plan | None:
        shape = plans.shape_of(message) if self.is_planned else None
        if shape is None:
            return None
        found = self.planned.get(shape)
        if found is None:
            try:
                found = self.planned[shape] = plans.Plan(frozen, shape)
            except plans.CannotPlan:
                self.is_planned = False
                return None
            if len(self.planned) > _SHAPES_MAX:
                self.planned.popitem(last=False)
        return found


def boundary_of(frozen) -> str:
    """`=_` never occurs in quoted-printable text, so no content can contain it."""
    return f"=_{frozen.content_hash[:24]}"


_CACHE: OrderedDict[str, _Compiled] = OrderedDict()
_CACHE_SIZE, _SHAPES_MAX = 64, 4


def _compiled(frozen) -> _Compiled:
    found = _CACHE.get(frozen.content_hash)
    if found is None:
        found = _CACHE[frozen.content_hash] = _compile(frozen)
        if len(_CACHE) > _CACHE_SIZE:
            _CACHE.popitem(last=False)
    return found


def _compile(frozen) -> _Compiled:
    boundary = boundary_of(frozen)

    def part(subtype):
        return f'Content-Type: text/{subtype}; charset="utf-8"{CRLF}Content-Transfer-Encoding: quoted-printable{CRLF}{CRLF}'

    return _Compiled(
        subject=parts(frozen.program["subject"], str),
        text=nodes(frozen.program["text"], str),
        html=nodes(frozen.program["html"], html_quoted),
        boundary=boundary,
        before_text=f"--{boundary}{CRLF}{part('plain')}",
        before_html=f"{CRLF}--{boundary}{CRLF}{part('html')}",
        after_html=f"{CRLF}--{boundary}--{CRLF}",
    )
