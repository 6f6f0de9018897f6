"""The fast renderer: frozen segments and a member's values → one MIME message, ready for the wire.

Only values are escaped and encoded per member; everything else was encoded at freezing. `emails.slow` gives the same bytes
by other means, and is what a template falls back to when it cannot be expressed in segments.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from liquid.exceptions import LiquidError

from emails import plans, slow
from emails.facts import Letterhead, MessageFacts, check_recipient
from emails.fields import prepare
from emails.pieces import Piece, html_quoted, nodes, parts
from emails.quoted import CRLF, Travelling, header
from emails.templating import marks_fallbacks


def render(frozen, values: dict, *, message: MessageFacts) -> bytes:
    """One message. CRLF throughout, not dot-stuffed."""
    if not frozen.is_fast:
        return slow.render(frozen, values, message=message)
    compiled = _compiled(frozen)
    plan = None if marks_fallbacks.get() else compiled.plan_for(frozen, message)
    if plan is None:
        return _one_by_one(compiled, context_of(frozen, values, message=message), message)
    message.check()
    context = plan.context(values)
    return bytes(plan.finished(_headers_of(message, plan.subject(context), compiled.boundary), context, message.token))


NOBODYS_NUMBER = "–"  # where a balance would stand: nobody's is not zero
Writer = Callable[[dict, str, datetime, str], Travelling | bytes]  # values, recipient, date, token → the message


def writer(frozen, *, letterhead: Letterhead, token_length: int) -> Writer:
    """Makes the same message for one of many recipients, ready for the wire where the e-mail can be planned.

    What does not change from one message to the next is looked up here, once. Tokens are URL-safe and of one length.
    """
    compiled = _compiled(frozen) if frozen.is_fast and not marks_fallbacks.get() else None
    plan = compiled.plan_under(frozen, letterhead, token_length) if compiled else None
    if compiled is None or plan is None:
        return lambda values, to, date, token: render(
            frozen, values, message=letterhead.facts(to=to, date=date, token=token)
        )
    return _planned(plan, letterhead, compiled.boundary)


def _planned(plan: plans.Plan, letterhead: Letterhead, boundary: str) -> Writer:
    answer = f"Reply-To: {letterhead.reply_to}{CRLF}" if letterhead.reply_to else ""
    before, domain, base = f"{_sender(letterhead.from_)}{answer}To: ", letterhead.domain, letterhead.link_base
    after = _headers_after(boundary)

    def write(values: dict, to: str, date: datetime, token: str) -> Travelling:
        check_recipient(to)
        context = plan.context(values)
        head = (
            f"{before}{to}{CRLF}{plan.subject(context)}Message-ID: <{token}@{domain}>{CRLF}"
            f"Date: {_date(date, date.utcoffset())}{CRLF}List-Unsubscribe: <{base}/u/{token}>{CRLF}{after}"
        )
        return plan.finished(head, context, token)

    return write


def _one_by_one(compiled: "_Compiled", context: dict, message: MessageFacts) -> bytes:
    """Nothing kept from other messages."""
    subject = header("Subject", "".join([piece(context) for piece in compiled.subject]).strip())
    head = _headers_of(message, subject, compiled.boundary)
    text = "".join([piece(context) for piece in compiled.text])
    html = "".join([piece(context) for piece in compiled.html])
    return f"{head}{compiled.before_text}{text}{compiled.before_html}{html}{compiled.after_html}".encode("ascii")


def view_online(frozen, values: dict, *, message: MessageFacts) -> str:
    """The HTML part as a web page."""
    return slow.html(frozen, context_of(frozen, values, message=message))


def public_page(frozen, *, view_online_url: str, click_base: str, preferences_url: str) -> str:
    """The HTML part as everybody may read it: a page with nobody's values in it, and no pixel."""
    fixed = {
        **frozen.constants,
        "view_online_url": view_online_url,
        "unsubscribe_url": preferences_url,
        "pixel_url": "",
        "click_base": click_base,
    }
    nobodys = prepare({}, language=frozen.language, fixed=fixed)
    try:
        return slow.html(frozen, nobodys | {"points": NOBODYS_NUMBER})
    except LiquidError:  # its author compares the balance with a number
        return slow.html(frozen, nobodys)


def public_subject(frozen) -> str:
    """The subject with nobody's values in it."""
    return slow.subject(frozen, prepare({}, language=frozen.language, fixed=dict(frozen.constants)))


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


def _headers_of(message: MessageFacts, subject: str, boundary: str) -> str:
    return _headers(
        message.from_, message.reply_to, message.to, subject, message.message_id, message.date, message.unsubscribe_url,
        boundary,
    )  # fmt: skip


def _headers(from_, reply_to, to, subject, message_id, date, unsubscribe_url, boundary) -> str:  # noqa: PLR0917
    """`subject`: the whole header line. In the order of the wire, and positional: this runs once per message."""
    answer = f"Reply-To: {reply_to}{CRLF}" if reply_to else ""
    return (
        f"{_sender(from_)}{answer}To: {to}{CRLF}{subject}"
        f"Message-ID: {message_id}{CRLF}Date: {_date(date, date.utcoffset())}{CRLF}"
        f"List-Unsubscribe: <{unsubscribe_url}>{CRLF}{_headers_after(boundary)}"
    )


def _headers_after(boundary: str) -> str:
    return (
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
    under: dict[tuple[Letterhead, int], plans.Plan | None] = field(default_factory=dict)
    is_planned: bool = True

    def plan_for(self, frozen, message: MessageFacts) -> plans.Plan | None:
        shape = plans.shape_of(message) if self.is_planned else None
        if shape is None:
            return None
        found = self.planned.get(shape)
        if found is None:
            try:
                found = self.planned[shape] = plans.Plan(
                    frozen,
                    shape,
                    before_text=self.before_text,
                    before_html=self.before_html,
                    after_html=self.after_html,
                )
            except plans.CannotPlan:
                self.is_planned = False
                return None
            if len(self.planned) > _SHAPES_MAX:
                self.planned.popitem(last=False)
        return found

    def plan_under(self, frozen, letterhead: Letterhead, token_length: int) -> plans.Plan | None:
        """The plan for tokens of this length. What the letterhead says is checked when its plan is made."""
        some_token = "x" * token_length
        if not plans.is_ordinary(some_token):
            return None
        key = letterhead, token_length
        if key not in self.under:
            facts = letterhead.facts(to="somebody@example.com", date=_SOME_DAY, token=some_token)
            facts.check()
            if len(self.under) >= _SHAPES_MAX:
                self.under.clear()
            self.under[key] = self.plan_for(frozen, facts)
        return self.under[key]


def boundary_of(frozen) -> str:
    """`=_` never occurs in quoted-printable text, so no content can contain it."""
    return f"=_{frozen.content_hash[:24]}"


_CACHE: OrderedDict[str, _Compiled] = OrderedDict()
_CACHE_SIZE, _SHAPES_MAX = 64, 4
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


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
