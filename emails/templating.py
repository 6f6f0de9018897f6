"""The template language: Liquid, cut down to what a marketer needs and what cannot hurt.

No assignment, no capture, no includes, no ranges of a thousand million; filters that cannot make a long text longer;
a cap on source, loops and output. Values are a plain dict of text, numbers and lists (`emails.fields`).
"""

import re
from contextvars import ContextVar
from functools import lru_cache
from html import unescape
from urllib.parse import quote

from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, Mode
from liquid.exceptions import LiquidError
from liquid.undefined import is_undefined
from markupsafe import Markup

SOURCE_LIMIT = 20_000  # characters an author may write in one place
TAGS = ("if", "unless", "case", "for", "break", "continue", "comment", "#")
_PSEUDO_TAGS = ("content", "output", "illegal")


def _plain(value) -> str:
    """Text without a claim to be safe HTML: literals in a template are escaped like everything else."""
    if value is None or is_undefined(value):
        return ""
    return str.__str__(value) if isinstance(value, str) else str(value)


FALLBACK_MARKS = "\ue003", "\ue004"
marks_fallbacks = ContextVar("marks_fallbacks", default=False)  # previews show where a fallback stands


def default(value, fallback=""):
    """The value, or the fallback where it is missing or empty. Zero is a value."""
    is_missing = value is None or is_undefined(value) or value is False or value in ("", [], {})
    if not is_missing:
        return value
    if marks_fallbacks.get():
        return f"{FALLBACK_MARKS[0]}{_plain(fallback)}{FALLBACK_MARKS[1]}"
    return _plain(fallback) if isinstance(fallback, Markup) else fallback


def upcase(value):
    return _plain(value).upper()


def downcase(value):
    return _plain(value).lower()


def capitalize(value):
    text = _plain(value)
    return text[:1].upper() + text[1:]


def strip(value):
    return _plain(value).strip()


def truncate(value, length=50):
    text = _plain(value)
    length = length if isinstance(length, int) else 50
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


def number(value):
    """1840 → 1,840, as both English and Chinese write it."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _plain(value)


_SAFE_SCHEME = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


def link(value):
    """A whole address, if it is one a link may lead to; never javascript: or a bare path."""
    text = _plain(value).strip()
    return text if _SAFE_SCHEME.match(text) else "#"


def part(value):
    """Text that stands inside an address."""
    return quote(_plain(value), safe="")


FILTERS = {f.__name__: f for f in (default, upcase, downcase, capitalize, strip, truncate, number)}
_CONTEXT_FILTERS = {f.__name__: f for f in (link, part)}  # added by the compiler where a value stands in an address
ALL_FILTERS = FILTERS | _CONTEXT_FILTERS


class _Environment(Environment):
    context_depth_limit = 10
    block_nesting_limit = 8
    loop_iteration_limit = 500
    output_stream_limit = 400_000
    suppress_blank_control_flow_blocks = False

    def setup_tags_and_filters(self, *, extra: bool = False):
        super().setup_tags_and_filters(extra=False)
        self.tags = {name: self.tags[name] for name in (*TAGS, *_PSEUDO_TAGS)}
        self.filters = dict(ALL_FILTERS)


HTML = _Environment(autoescape=True, tolerance=Mode.STRICT)
TEXT = _Environment(autoescape=False, tolerance=Mode.STRICT)


@lru_cache(maxsize=512)
def parse(source: str, *, is_html: bool) -> BoundTemplate:
    """Parse once per process. Raises `liquid.exceptions.LiquidError`."""
    return (HTML if is_html else TEXT).from_string(source)


def syntax_problem(source: str) -> str:
    """What is wrong with a piece an author wrote, in words; empty when nothing is."""
    if len(source) > SOURCE_LIMIT:
        return _("It is longer than %(limit)s characters.") % {"limit": f"{SOURCE_LIMIT:,}"}
    try:
        used = parse(unescape_liquid(source), is_html=False).analyze().filters
    except LiquidError as error:
        return _("The field or tag cannot be read: %(reason)s") % {"reason": str(error).split("\n")[0]}
    unknown = sorted(used.keys() - FILTERS.keys())
    return _("There is no filter “%(name)s”.") % {"name": unknown[0]} if unknown else ""


_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_HIDDEN = re.compile(r"lqz(\d+)zql")


def unescape_liquid(source: str) -> str:
    """Undo what an HTML editor did to the quotes and signs inside `{{ … }}` and `{% … %}`."""
    return _LIQUID.sub(lambda m: unescape(m.group()).replace("\xa0", " "), source)


class Vault:
    """Keeps Liquid out of the hands of HTML and MJML tools: each piece travels as one harmless word."""

    def __init__(self):
        self.pieces: list[str] = []

    def _keep(self, piece: str) -> str:
        self.pieces.append(piece)
        return f"lqz{len(self.pieces) - 1}zql"

    def hide(self, source: str) -> str:
        return _LIQUID.sub(lambda m: self._keep(unescape(m.group()).replace("\xa0", " ")), source)

    def restore(self, text: str) -> str:
        return _HIDDEN.sub(lambda m: self.pieces[int(m.group(1))], text)

    @staticmethod
    def holds_liquid(text: str) -> bool:
        return bool(_HIDDEN.search(text))
