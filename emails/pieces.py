"""Segments as functions: each gives its text, escaped and encoded, for one context."""

from collections.abc import Callable
from operator import ge, gt, le, lt

from emails.quoted import CRLF, encode_line, encode_text
from emails.templating import ALL_FILTERS

Piece = Callable[[dict], str]


def _static(text: str) -> Piece:
    return lambda _context: text


def nodes(program: list, quote) -> list[Piece]:
    """Whole lines: functions that give encoded text."""
    out: list[Piece] = []
    for kind, *rest in program:
        if kind == "s":
            out.append(_static(rest[0]))
        elif kind == "l":
            out.append(_line(rest[0], quote))
        elif kind == "for":
            name, path, body, otherwise = rest
            out.append(_repeat(name, path[0], nodes(body, quote), nodes(otherwise, quote)))
        else:
            branches, otherwise = rest
            out.append(_choose([(test(t), nodes(n, quote)) for t, n in branches], nodes(otherwise, quote)))
    return out


def parts(line: list, quote) -> list[Piece]:
    """Pieces of a line: functions that give text as it reads, escaped for where it stands but not yet encoded."""
    out: list[Piece] = []
    for part in line:
        if isinstance(part, str):
            out.append(_static(part))
        elif "v" in part:
            out.append(_value(part["v"], part["f"], quote))
        elif "for" in part:
            name, path, body, otherwise = part["for"]
            out.append(_repeat(name, path[0], parts(body, quote), parts(otherwise, quote)))
        else:
            branches, otherwise = part["if"]
            out.append(_choose([(test(t), parts(p, quote)) for t, p in branches], parts(otherwise, quote)))
    return out


def _line(line: list, quote) -> Piece:
    """A line that holds values. Where nothing in it can add a line break, it is encoded as the one line it is."""
    *inner, end = line
    if end.__class__ is str and end.endswith("\n") and all(_is_within_a_line(part) for part in (*inner, end[:-1])):
        before = inner.pop(0) if inner and isinstance(inner[0], str) else ""
        if len(inner) == 1 and isinstance(
            inner[0], dict
        ):  # by far the commonest line: one value, and what stands around it
            value, after = _value(inner[0]["v"], inner[0]["f"], quote), end[:-1]
            return lambda context: encode_line(before + value(context) + after) + CRLF
        pieces = parts([before, *inner, end[:-1]], quote)
        return lambda context: encode_line("".join([piece(context) for piece in pieces])) + CRLF
    pieces = parts(line, quote)
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


def within(context: dict, name: str, item: dict, i: int, *, last: int) -> dict:
    """The context inside a loop."""
    loop = {"index0": i, "index": i + 1, "first": i == 0, "last": i == last}
    return {**context, name: item, "forloop": loop}


def _repeat(name: str, slot: str, body: list[Piece], otherwise: list[Piece]) -> Piece:
    def repeat(context):
        items = context.get(slot)
        if not items:
            return "".join([piece(context) for piece in otherwise])
        out, last = [], len(items) - 1
        for i, item in enumerate(items):
            inner = within(context, name, item, i, last=last)
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


def test(condition: list) -> Callable[[dict], bool]:
    operator, *operands = condition
    if operator == "not":
        inner = test(operands[0])
        return lambda context: not inner(context)
    if operator in ("and", "or"):
        left, right = map(test, operands)
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
