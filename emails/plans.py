"""A frozen e-mail prepared for thousands of messages: what is the same for many of them is made once, as bytes.

Addresses in one campaign differ by the message's token alone, and a token has a fixed length and no sign that
quoted-printable would change. So lines are put together with a mark in the token's place, kept by the values they show
and cut at the marks; one `join` over the pieces, with the token's own among them, gives the message as it travels.
`pieces` makes every line; here is decided only when it is made.
"""

import re
from collections.abc import Callable
from operator import itemgetter

from emails import pieces
from emails.facts import MessageFacts
from emails.fields import FIELDS, OFFER, OFFER_SLOTS, is_flag, offers_of, prepare
from emails.quoted import Travelling, header
from members.custom import is_own

MARKED = frozenset({"unsubscribe_url", "view_online_url", "pixel_url", "click_base"})  # addresses that hold the token
SHOWN = "shown"  # beside a list of offers in the context: each as what tells it from others
KEPT_MAX = 1000  # texts kept for one line or one offer
_HARMLESS_FILTERS = frozenset({"link", "default"})  # filters that look at no character of the token
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,60}")
_PLACES = "".join(map(chr, range(0xDC00, 0xDC00 + 60)))  # no value can hold these: `fields.clean` takes them out
_PLACED = re.compile(f"([{_PLACES[0]}-{_PLACES[-1]}]+)")
_OFFER_FIELDS = tuple(sorted(f.name for f in OFFER))
_own_of = itemgetter(*_OFFER_FIELDS)

Pieces = tuple[bytes | int, ...]  # encoded text, and numbers of the parts of the token between it
Step = Callable[[dict, list], None]  # puts its pieces at the end of a list


class CannotPlan(Exception):
    """The template looks into an address that holds the token; each message is put together by itself."""


def is_ordinary(token: str) -> bool:
    return _TOKEN.fullmatch(token) is not None


def shape_of(message: MessageFacts) -> tuple | None:
    """What the addresses of a message share with those of others; None where the token is not an ordinary one."""
    token = message.token
    if not is_ordinary(token):
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
    """One frozen e-mail and one shape of addresses. `before_text` and so on: the frame of the MIME parts."""

    def __init__(self, frozen, shape: tuple, *, before_text: str, before_html: str, after_html: str):
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
        named = _names(program["subject"]) | _names(program["text"]) | _names(program["html"])
        others = {name for name in named if is_flag(name) or is_own(name)}
        self._own = (FIELDS.keys() | others) - self._fixed.keys()  # the fields that differ from member to member
        self._parts: list[slice] = []  # the parts into which soft line breaks cut the token; commonly only the whole
        self._shown_elsewhere: set[str] = set()  # lists of offers that not only a loop of whole lines goes through
        self._used = frozenset(named & self._own)
        self._subject = self._subject_line(pieces.parts(program["subject"], str), program["subject"])
        self._body = self._finished([
            before_text, *self._steps(program["text"], str),
            before_html, *self._steps(program["html"], pieces.html_quoted), after_html,
        ])  # fmt: skip
        self._looped = tuple(slot for slot in OFFER_SLOTS if slot in self._used - self._shown_elsewhere)
        self._fitted = self._used - set(self._looped)

    # -- one message --

    def context(self, values: dict) -> dict:
        """Of a member's values, those that this e-mail shows. Offers that are kept anyway are made fit when they are new."""
        context = prepare(values, language=self._language, fixed=self._fixed, names=self._fitted)
        for slot in self._looped:
            context[slot] = context[slot, SHOWN] = [_shown(item) for item in values.get(slot) or ()]
        for slot in self._shown_elsewhere:
            context[slot, SHOWN] = [_shown(item) for item in context[slot]]
        return context

    def subject(self, context: dict) -> str:
        """The whole header line."""
        return self._subject(context)

    def finished(self, head: str, context: dict, token: str) -> Travelling:
        """The message as it travels. `head`: all header lines, in which no line begins with a dot."""
        out: list = [head.encode("ascii")]
        _run(self._body, context, out)
        name = token.encode("ascii")
        cut = [name[part] for part in self._parts]
        return Travelling([piece if piece.__class__ is bytes else cut[piece] for piece in out])

    # -- from segments to steps --

    def _steps(self, program: list, quote) -> list[str | Step]:
        """Text that is the same in every message as it is, and functions for the rest."""
        return [self._step(node, quote) for node in program]

    def _finished(self, steps: list[str | Step]) -> list[Pieces | Step]:
        """Neighbouring texts become one, and are cut at the token."""
        found: list[Pieces | Step] = []
        text = ""
        for step in steps:
            if isinstance(step, str):
                text += step
                continue
            found += [self._cut(text), step] if text else [step]
            text = ""
        return [*found, self._cut(text)] if text else found

    def _step(self, node: list, quote) -> str | Step:
        kind, *rest = node
        if not _names([node]) & self._own:
            return _stuffed(_text(pieces.nodes([node], quote), self._fixed))
        if kind == "for":
            name, path, body, otherwise = rest
            return self._loop(name, path[0], body, self._finished(self._steps(otherwise, quote)), quote)
        if kind == "if":
            branches, otherwise = rest
            tests = [(pieces.test(test), self._finished(self._steps(body, quote))) for test, body in branches]
            return _choice(tests, self._finished(self._steps(otherwise, quote)))
        made = pieces.nodes([node], quote)
        return self._kept(lambda context: self._cut(_stuffed(_text(made, context))), [node])

    def _key_of(self, program: list) -> Callable[[dict], object] | None:
        """What tells the texts of a program apart; None where that is a whole list of offers."""
        names = sorted(_names(program) & self._own)
        slots = set(OFFER_SLOTS).intersection(names)
        self._shown_elsewhere |= slots
        return itemgetter(*names) if names and not slots else None

    def _kept(self, make: Callable[[dict], Pieces], program: list) -> Step:
        """A step that remembers its pieces by the values they show."""
        key_of, kept = self._key_of(program), {}

        def made_anew(context, out):
            out += make(context)

        def step(context, out):
            key = key_of(context)
            found = kept.get(key)
            if found is None:
                if len(kept) >= KEPT_MAX:
                    kept.clear()
                found = kept[key] = make(context)
            out += found

        return step if key_of else made_anew

    def _loop(self, name: str, slot: str, body: list, otherwise: list, quote) -> Step:
        """Offers repeat among members: each is put together once for its place in the list."""
        made = pieces.nodes(body, quote)
        outer = sorted(_names(body, {name}) & self._own)
        if set(OFFER_SLOTS).intersection(outer):
            self._shown_elsewhere |= {slot, *outer}
            return self._loop_anew(name, slot, made, otherwise)
        kept: dict[tuple, Pieces] = {}
        get_outer = itemgetter(*outer) if outer else None
        of_slot = slot, SHOWN

        def step(context, out):
            items = context[of_slot]
            if not items:
                _run(otherwise, context, out)
                return
            last, around = len(items) - 1, get_outer(context) if get_outer else None
            for i, shown in enumerate(items):
                key = (shown, i, i == last, around)
                found = kept.get(key)
                if found is None:
                    if len(kept) >= KEPT_MAX:
                        kept.clear()
                    [fit] = offers_of([dict(zip(_OFFER_FIELDS, shown, strict=True))])
                    text = _text(made, pieces.within(context, name, fit, i, last=last))
                    found = kept[key] = self._cut(_stuffed(text))
                out += found

        return step

    def _loop_anew(self, name: str, slot: str, made: list, otherwise: list) -> Step:
        def step(context, out):
            items = context[slot]
            if not items:
                _run(otherwise, context, out)
            last = len(items) - 1
            for i, item in enumerate(items):
                out += self._cut(_stuffed(_text(made, pieces.within(context, name, item, i, last=last))))

        return step

    def _subject_line(self, made: list, program: list) -> Callable[[dict], str]:
        key_of, kept = self._key_of(program), {}

        def make(context):
            return header("Subject", _text(made, context).strip())

        def line(context):
            key = key_of(context)
            found = kept.get(key)
            if found is None:
                if len(kept) >= KEPT_MAX:
                    kept.clear()
                found = kept[key] = make(context)
            return found

        return line if key_of else make

    def _cut(self, text: str) -> Pieces:
        """Text between the token's places as bytes; each place, or what a soft line break left of it, as its number."""
        found = _PLACED.split(text)  # every second piece is a place
        return tuple(
            self._number(piece) if is_place else piece.encode("ascii")
            for is_place, piece in zip((False, True) * len(found), found, strict=False)
            if piece
        )

    def _number(self, run: str) -> int:
        part = slice(ord(run[0]) - 0xDC00, ord(run[-1]) - 0xDC00 + 1)
        if part not in self._parts:
            self._parts.append(part)
        return self._parts.index(part)


def _shown(item: dict) -> tuple[str, ...]:
    """An offer by what tells it from others: its fields, as they came where all of them are there and text."""
    try:
        shown = _own_of(item)
        "".join(shown)
    except (KeyError, TypeError):
        shown = _own_of(*offers_of([item]))
    return shown


def _stuffed(text: str) -> str:
    """Whole lines as they travel: a dot that begins one is doubled (RFC 5321, 4.5.2). A token begins with none."""
    dotted = text.replace("\n.", "\n..")
    return f".{dotted}" if dotted.startswith(".") else dotted


def _text(made: list, context: dict) -> str:
    return "".join([piece(context) for piece in made])


def _run(steps: list, context: dict, out: list) -> None:
    for step in steps:
        if step.__class__ is tuple:
            out += step
        else:
            step(context, out)


def _choice(branches: list, otherwise: list) -> Step:
    def choose(context, out):
        for test, steps in branches:
            if test(context):
                _run(steps, context, out)
                return
        _run(otherwise, context, out)

    return choose


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
