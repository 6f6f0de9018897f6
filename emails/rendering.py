"""The fast renderer: frozen segments and a member's values → one MIME message, ready for the wire.

Only values are escaped and encoded per member; everything else was encoded at freezing. `emails.slow` gives the same bytes
by other means, and is what a template falls back to when it cannot be expressed in segments.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache
from operator import ge, gt, le, lt

from emails import slow
from emails.facts import MessageFacts
from emails.fields import prepare
from emails.quoted import CRLF, encode_line, encode_text, header
from emails.templating import ALL_FILTERS

Piece = Callable[[dict], str]


def render(frozen, values: dict, *, message: MessageFacts) -> bytes:
    """One message. CRLF throughout, not dot-stuffed."""
    if not frozen.is_fast:
        return slow.render(frozen, values, message=message)
    compiled = _compiled(frozen)
    context = context_of(frozen, values, message=message)
    head = _headers(message, "".join([piece(context) for piece in compiled.subject]), compiled.boundary)
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


def _headers(message: MessageFacts, subject: str, boundary: str) -> str:
    reply_to = f"Reply-To: {message.reply_to}{CRLF}" if message.reply_to else ""
    return (
        f"{_sender(message.from_)}{reply_to}To: {message.to}{CRLF}{header('Subject', subject.strip())}"
        f"Message-ID: {message.message_id}{CRLF}Date: {format_datetime(message.date)}{CRLF}"
        f"List-Unsubscribe: <{message.unsubscribe_url}>{CRLF}"
        f"List-Unsubscribe-Post: List-Unsubscribe=One-Click{CRLF}MIME-Version: 1.0{CRLF}"
        f'Content-Type: multipart/alternative; boundary="{boundary}"{CRLF}{CRLF}'
    )


# -- segments → functions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: list[Piece]
    text: list[Piece]
    html: list[Piece]
    boundary: str
    before_text: str
    before_html: str
    after_html: str


def boundary_of(frozen) -> str:
    """`=_` never occurs in quoted-printable text, so no content can contain it."""
    return f"=_{frozen.content_hash[:24]}"


_CACHE: OrderedDict[str, _Compiled] = OrderedDict()
_CACHE_SIZE = 64


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
        subject=_parts(frozen.program["subject"], str),
        text=_nodes(frozen.program["text"], str),
        html=_nodes(frozen.program["html"], html_quoted),
        boundary=boundary,
        before_text=f"--{boundary}{CRLF}{part('plain')}",
        before_html=f"{CRLF}--{boundary}{CRLF}{part('html')}",
        after_html=f"{CRLF}--{boundary}--{CRLF}",
    )


def _static(text: str) -> Piece:
    return lambda _context: text


def _nodes(nodes: list, quote) -> list[Piece]:
    """Whole lines: functions that give encoded text."""
    out: list[Piece] = []
    for kind, *rest in nodes:
        if kind == "s":
            out.append(_static(rest[0]))
        elif kind == "l":
            out.append(_line(rest[0], quote))
        elif kind == "for":
            name, path, body, otherwise = rest
            out.append(_repeat(name, path[0], _nodes(body, quote), _nodes(otherwise, quote)))
        else:
            branches, otherwise = rest
            out.append(_choose([(_test(t), _nodes(n, quote)) for t, n in branches], _nodes(otherwise, quote)))
    return out


def _parts(parts: list, quote) -> list[Piece]:
    """Pieces of a line: functions that give text as it reads, escaped for where it stands but not yet encoded."""
    out: list[Piece] = []
    for part in parts:
        if isinstance(part, str):
            out.append(_static(part))
        elif "v" in part:
            out.append(_value(part["v"], part["f"], quote))
        elif "for" in part:
            name, path, body, otherwise = part["for"]
            out.append(_repeat(name, path[0], _parts(body, quote), _parts(otherwise, quote)))
        else:
            branches, otherwise = part["if"]
            out.append(_choose([(_test(t), _parts(p, quote)) for t, p in branches], _parts(otherwise, quote)))
    return out


def _line(parts: list, quote) -> Piece:
    """A line that holds values. Where nothing in it can add a line break, it is encoded as the one line it is."""
    *inner, end = parts
    if end.__class__ is str and end.endswith("\n") and all(_is_within_a_line(part) for part in (*inner, end[:-1])):
        before = inner.pop(0) if inner and isinstance(inner[0], str) else ""
        if len(inner) == 1 and isinstance(
            inner[0], dict
        ):  # by far the commonest line: one value, and what stands around it
            value, after = _value(inner[0]["v"], inner[0]["f"], quote), end[:-1]
            return lambda context: encode_line(before + value(context) + after) + CRLF
        pieces = _parts([before, *inner, end[:-1]], quote)
        return lambda context: encode_line("".join([piece(context) for piece in pieces])) + CRLF
    pieces = _parts(parts, quote)
    return lambda context: encode_text("".join([piece(context) for piece in pieces]))


def _is_within_a_line(part) -> bool:
    return "\n" not in part if isinstance(part, str) else "v" in part


def html_quoted(text: str) -> str:
    """As `markupsafe.escape` quotes, which the slow renderer uses."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text or ">" in text:
        text = text.replace("<", "&lt;").replace(">", "&gt;")
    if '"' in text or "'" in text:
        text = text.replace('"', "&#34;").replace("'", "&#39;")
    return text


def _lookup(path: list[str]) -> Callable[[dict], object]:
    head, *rest = path
    if not rest:
        return lambda context: context.get(head)
    key = rest[0]

    def inner(context):
        holder = context.get(head)
        return holder.get(key) if isinstance(holder, dict) else None

    return inner


def _as_text(value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _value(path: list[str], filters: list, quote) -> Piece:
    get = _lookup(path)
    if not filters:

        def plain(context):
            value = get(context)
            return quote(value if value.__class__ is str else _as_text(value))

        return plain
    steps = [(ALL_FILTERS[name], tuple(arguments)) for name, *arguments in filters]
    if len(steps) == 1:
        [(only, given)] = steps
        return lambda context: quote(_as_text(only(get(context), *given)))

    def filtered(context):
        value = get(context)
        for step, arguments in steps:
            value = step(value, *arguments)
        return quote(_as_text(value))

    return filtered


def _repeat(name: str, slot: str, body: list[Piece], otherwise: list[Piece]) -> Piece:
    def repeat(context):
        items = context.get(slot)
        if not items:
            return "".join([piece(context) for piece in otherwise])
        inner, out, last = dict(context), [], len(items) - 1
        for i, item in enumerate(items):
            inner[name] = item
            inner["forloop"] = {"index0": i, "index": i + 1, "first": i == 0, "last": i == last}
            out += [piece(inner) for piece in body]
        return "".join(out)

    return repeat


def _choose(branches: list, otherwise: list[Piece]) -> Piece:
    def choose(context):
        for test, pieces in branches:
            if test(context):
                return "".join([piece(context) for piece in pieces])
        return "".join([piece(context) for piece in otherwise])

    return choose


def _test(condition: list) -> Callable[[dict], bool]:
    operator, *operands = condition
    if operator == "not":
        inner = _test(operands[0])
        return lambda context: not inner(context)
    if operator in ("and", "or"):
        left, right = map(_test, operands)
        if operator == "and":
            return lambda context: left(context) and right(context)
        return lambda context: left(context) or right(context)
    get = _lookup(operands[0])
    if operator == "is":
        return lambda context: (value := get(context)) is not None and value is not False
    return _compare(operator, get, operands[1])


_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}


def _compare(operator: str, get, other) -> Callable[[dict], bool]:
    if operator in _ORDER:
        compare = _ORDER[operator]
        return lambda context: (value := get(context)) is not None and compare(value, other)
    is_equal = _equality(other)
    if operator == "!=":
        return lambda context: not is_equal(get(context))
    return lambda context: is_equal(get(context))


def _equality(other) -> Callable[[object], bool]:
    """Liquid's `==`: blank is an empty or white text or an empty list; a missing value is not blank."""
    if other == ["blank"]:
        return lambda value: (
            isinstance(value, str | list | dict) and (not value or (isinstance(value, str) and value.isspace()))
        )
    if other == ["empty"]:
        return lambda value: isinstance(value, str | list | dict) and not value
    if isinstance(other, bool):
        return lambda value: value is other
    return lambda value: not isinstance(value, bool) and value == other
