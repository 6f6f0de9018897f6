"""A frozen e-mail prepared for thousands of messages: what is the same for many of them is made once.

Addresses in one campaign differ by the message's token alone, and a token has a fixed length and no sign that
quoted-printable would change. So lines are put together with a mark in the token's place, kept by the values they show,
and the token is set in at the very end. `pieces` makes every line; here is decided only when it is made.
"""

import re
from collections.abc import Callable
from operator import itemgetter

from emails import pieces
from emails.facts import MessageFacts
from emails.fields import FIELDS, OFFER, OFFER_SLOTS, offers_of, prepare
from emails.quoted import Travelling, header

MARKED = frozenset({"unsubscribe_url", "view_online_url", "pixel_url", "click_base"})  # addresses that hold the token
KEPT_MAX = 1000  # texts kept for one line or one offer
_HARMLESS_FILTERS = frozenset({"link", "default"})  # filters that look at no character of the token
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,60}")
_PLACES = "".join(map(chr, range(0xDC00, 0xDC00 + 60)))  # no value can hold these: `fields.clean` takes them out
_PLACED = re.compile(f"[{_PLACES[0]}-{_PLACES[-1]}]+")
# Encoded text is ASCII, so the other half of a byte is free until the token replaces the marks.
_DOT, _DOT_BYTE = "\x80", b"\x80"
_FIRST_MARK, _LAST_MARK = 0x81, 0xFF
_OFFER_FIELDS = frozenset(f.name for f in OFFER)

Step = Callable[[dict], str]


class CannotPlan(Exception):
    """The template looks into an address that holds the token; each message is put together by itself."""


def shape_of(message: MessageFacts) -> tuple | None:
    """What the addresses of a message share with those of others; None where the token is not an ordinary one."""
    token = message.token
    if not _TOKEN.fullmatch(token):
        return None
    places = _PLACES[: len(token)]
    return (
        len(token),
        message.unsubscribe_url.replace(token, places),
        message.view_online_url.replace(token, places),
        message.pixel_url.replace(token, places),
        message.click_base.replace(token, places),
    )


class Plan:
    """One frozen e-mail and one shape of addresses."""

    def __init__(self, frozen, shape: tuple):
        program = frozen.program
        for part in (program["subject"], program["text"], program["html"]):
            _check(part)
        if _names(program["subject"]) & MARKED:
            raise CannotPlan
        self._language = frozen.language
        _length, unsubscribe, view_online, pixel, click = shape
        self._fixed = {
            **frozen.constants,
            "unsubscribe_url": unsubscribe,
            "view_online_url": view_online,
            "pixel_url": pixel,
            "click_base": click,
        }
        self._own = FIELDS.keys() - self._fixed.keys()  # the fields that differ from member to member
        self._marks: dict[tuple[int, int], str] = {}
        self._shown_elsewhere: set[str] = set()  # lists of offers that not only a loop of whole lines goes through
        self._used = frozenset(
            (_names(program["subject"]) | _names(program["text"]) | _names(program["html"])) & self._own
        )
        self._subject = self._kept(self._subject_line(pieces.parts(program["subject"], str)), program["subject"])
        self._text = self._steps(program["text"], str)
        self._html = self._steps(program["html"], pieces.html_quoted)
        self._looped = tuple(slot for slot in OFFER_SLOTS if slot in self._used - self._shown_elsewhere)
        self._fitted = self._used - set(self._looped)

    # -- one message --

    def context(self, values: dict) -> dict:
        """Of a member's values, those that this e-mail shows. Offers that are kept anyway are made fit when they are new."""
        context = prepare(values, language=self._language, fixed=self._fixed, names=self._fitted)
        for slot in self._looped:
            given = values.get(slot)
            context[slot] = given if given.__class__ is list else offers_of(given)
        return context

    def subject(self, context: dict) -> str:
        """The whole header line."""
        return self._subject(context)

    def body(self, context: dict, *, before_html: str) -> str:
        return f"{_run(self._text, context)}{before_html}{_run(self._html, context)}"

    def with_token(self, head: str, body: str, token: str) -> bytes:
        """The finished bytes: in the body, every mark gives way to its part of the token."""
        found, name = body.encode("latin-1"), token.encode("ascii")
        for (start, stop), mark in self._marks.items():
            found = found.replace(mark.encode("latin-1"), name[start:stop])
        begin = head.encode("ascii")
        finished = Travelling(begin + found.replace(_DOT_BYTE, b""))
        finished.wire = begin + found.replace(_DOT_BYTE, b".")
        return finished

    # -- from segments to steps --

    def _steps(self, program: list, quote) -> list[str | Step]:
        """Text that is the same in every message as it is, and functions for the rest."""
        steps: list[str | Step] = []
        for node in program:
            step = self._step(node, quote)
            if isinstance(step, str) and steps and isinstance(steps[-1], str):
                steps[-1] += step
            else:
                steps.append(step)
        return steps

    def _step(self, node: list, quote) -> str | Step:
        kind, *rest = node
        if not _names([node]) & self._own:
            return self._marked(_run(pieces.nodes([node], quote), self._fixed))
        if kind == "for":
            name, path, body, otherwise = rest
            return self._loop(name, path[0], body, self._steps(otherwise, quote), quote)
        if kind == "if":
            branches, otherwise = rest
            tests = [(pieces.test(test), self._steps(body, quote)) for test, body in branches]
            return _choice(tests, self._steps(otherwise, quote))
        made = pieces.nodes([node], quote)
        return self._kept(lambda context: self._marked(_run(made, context)), [node])

    def _kept(self, make: Step, program: list) -> Step:
        """The step itself, or one that remembers its texts by the values they show."""
        names = sorted(_names(program) & self._own)
        slots = set(OFFER_SLOTS).intersection(names)
        if not names or slots:
            self._shown_elsewhere |= slots
            return make
        key_of, kept = itemgetter(*names), {}

        def step(context):
            key = key_of(context)
            found = kept.get(key)
            if found is None:
                if len(kept) >= KEPT_MAX:
                    kept.clear()
                found = kept[key] = make(context)
            return found

        return step

    def _loop(self, name: str, slot: str, body: list, otherwise: list, quote) -> Step:
        """Offers repeat among members: each is put together once for its place in the list."""
        made = pieces.nodes(body, quote)
        outer = sorted(_names(body, {name}) & self._own)
        if set(OFFER_SLOTS).intersection(outer):
            self._shown_elsewhere |= {slot, *outer}
            return lambda context: (
                self._marked(_repeated(made, name, slot, context)) if context[slot] else _run(otherwise, context)
            )
        kept: dict[tuple, str] = {}
        get_outer = itemgetter(*outer) if outer else None
        get_own = itemgetter(*sorted(_OFFER_FIELDS))

        def step(context):
            items = context[slot]
            if not items:
                return _run(otherwise, context)
            out, last, around = [], len(items) - 1, get_outer(context) if get_outer else None
            for i, item in enumerate(items):
                try:
                    shown = get_own(item)
                    "".join(shown)
                except (KeyError, TypeError):  # a field is missing, or is no text
                    shown = get_own(*offers_of([item]))
                key = (i, i == last, around, shown)
                found = kept.get(key)
                if found is None:
                    if len(kept) >= KEPT_MAX:
                        kept.clear()
                    [fit] = offers_of([item])
                    found = kept[key] = self._marked(_run(made, pieces.within(context, name, fit, i, last=last)))
                out.append(found)
            return "".join(out)

        return step

    def _subject_line(self, made: list) -> Step:
        return lambda context: header("Subject", _run(made, context).strip())

    def _marked(self, text: str) -> str:
        """One mark for each run of the token's places: all of it, or what a soft line break left of it; and one where a
        line begins with a dot.
        """
        dotted = text.replace("\n.", f"\n{_DOT}.")
        return _PLACED.sub(self._mark, _DOT + dotted if dotted.startswith(".") else dotted)

    def _mark(self, match) -> str:
        run = match.group()
        piece = ord(run[0]) - 0xDC00, ord(run[-1]) - 0xDC00 + 1
        mark = self._marks.get(piece)
        if mark is None:
            if _FIRST_MARK + len(self._marks) > _LAST_MARK:
                raise CannotPlan
            mark = self._marks[piece] = chr(_FIRST_MARK + len(self._marks))
        return mark


def _run(steps: list, context: dict) -> str:
    return "".join([step if step.__class__ is str else step(context) for step in steps])


def _choice(branches: list, otherwise: list) -> Step:
    def choose(context):
        for test, steps in branches:
            if test(context):
                return _run(steps, context)
        return _run(otherwise, context)

    return choose


def _repeated(made: list, name: str, slot: str, context: dict) -> str:
    items = context[slot]
    last = len(items) - 1
    return "".join([_run(made, pieces.within(context, name, item, i, last=last)) for i, item in enumerate(items)])


# -- what a program names ----------------------------------------------------------------------------------------------


def _children(part) -> tuple[list[list], list[list]]:
    """The tests and the inner lists of a node or a part of a line."""
    if isinstance(part, dict):
        [(kind, rest)] = (("if", part["if"]),) if "if" in part else (("for", part["for"]),)
    else:
        kind, *rest = part
    if kind == "l":
        return [], [rest[0]]
    if kind == "for":
        return [], [rest[2], rest[3]]
    if kind == "if":
        return [test for test, _ in rest[0]], [*(body for _, body in rest[0]), rest[1]]
    return [], []


def _names(program: list, bound: frozenset | set = frozenset()) -> set[str]:
    """The names a program looks up in its context, those of its own loops left out."""
    found: set[str] = set()
    for part in program:
        if isinstance(part, str):
            continue
        if isinstance(part, dict) and "v" in part:
            found.add(part["v"][0])
            continue
        tests, lists = _children(part)
        for test in tests:
            found |= _tested(test)
        looped = part.get("for") if isinstance(part, dict) else part[1:] if part[0] == "for" else None
        inner = {*bound, looped[0], "forloop"} if looped else bound
        if looped:
            found.add(looped[1][0])
            found |= _names(lists[0], inner) | _names(lists[1], bound)
        else:
            for one in lists:
                found |= _names(one, bound)
    return found - set(bound)


def _tested(test: list) -> set[str]:
    operator, *operands = test
    if operator in ("not", "and", "or"):
        return set().union(*map(_tested, operands))
    return {operands[0][0]}


def _check(program: list) -> None:
    """Raise CannotPlan where a filter or a comparison would see the mark in the token's place."""
    for part in program:
        if isinstance(part, str):
            continue
        if isinstance(part, dict) and "v" in part:
            if part["v"][0] in MARKED and any(name not in _HARMLESS_FILTERS for name, *_ in part["f"]):
                raise CannotPlan
            continue
        tests, lists = _children(part)
        for test in tests:
            _check_test(test)
        for one in lists:
            _check(one)


def _check_test(test: list) -> None:
    operator, *operands = test
    if operator in ("not", "and", "or"):
        for one in operands:
            _check_test(one)
    elif operator != "is" and operands[0][0] in MARKED and operands[1] not in (["blank"], ["empty"]):
        raise CannotPlan
