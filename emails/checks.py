"""The lint of a template: what would embarrass the shop or break the law, each with the place to put it right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import Resolver404, resolve
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import LiquidError
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.rich_text import RichText

from emails.fields import FIELDS, PERSONAL
from emails.richtext import links_of
from emails.templating import parse, syntax_problem, unescape_liquid

SUBJECT_COMFORT = 70
HTML_BYTES_MAX = 102_000  # Gmail clips what is longer
ERROR, WARNING = "error", "warning"
_SKELETON = "https://site.invalid"


@dataclass(frozen=True)
class Problem:
    """One thing to put right. `field` is the path inside the template, such as `body.<block id>.button_url`."""

    field: str
    message: str | Promise
    fix_url: str
    level: str = ERROR

    @property
    def is_error(self) -> bool:
        return self.level == ERROR


@dataclass(frozen=True)
class _Piece:
    """One text an author wrote, and where."""

    field: str
    source: str
    is_address: bool = False


def problems(template, *, site_url: str = _SKELETON) -> list[Problem]:
    """Everything wrong with a template, errors first. An empty list means it may be sent."""
    edit_url = (AdminURLFinder().get_edit_url(template) or "") if template.pk else ""
    pieces = list(_pieces(template))
    found: list[tuple[str, str, str]] = [
        *_subject(template),
        *(one for piece in pieces for one in _of_piece(piece)),
        *_images(template),
        *_footer(template),
    ]
    if not any(level == ERROR for _field, _message, level in found):
        found += _of_whole(template, site_url)
    found.sort(key=lambda one: one[2] != ERROR)
    return [
        Problem(
            field=field, message=message, level=level, fix_url=f"{edit_url}#:w:contentpath={field}" if edit_url else ""
        )
        for field, message, level in found
    ]


def _pieces(template) -> Iterator[_Piece]:
    yield _Piece("subject", template.subject or "")
    yield _Piece("preheader", template.preheader or "")
    for child in template.body:
        for name, value in child.value.items():
            field = f"body.{child.id}.{name}"
            if isinstance(value, RichText):
                yield _Piece(field, value.source)
                yield from (_Piece(field, url, is_address=True) for url in links_of(value.source))
            elif isinstance(value, str) and value:
                yield _Piece(field, value, is_address=name.endswith("url"))


def _subject(template):
    subject = (template.subject or "").strip()
    if not subject:
        yield "subject", _("The subject is empty."), ERROR
    elif len(subject) > SUBJECT_COMFORT:
        message = _("The subject has %(count)s characters; phones show about %(limit)s.")
        yield "subject", message % {"count": len(subject), "limit": SUBJECT_COMFORT}, WARNING
    if not (template.preheader or "").strip():
        yield "preheader", _("There is no preheader: inboxes will show the first words of the text."), WARNING


def _of_piece(piece: _Piece):
    source = unescape_liquid(piece.source)
    fault = syntax_problem(source)
    if fault:
        yield piece.field, fault, ERROR
        return
    parsed = parse(source, is_html=False)
    for name in parsed.analyze().globals:
        if str(name) not in FIELDS:
            yield piece.field, _("There is no field “%(name)s”.") % {"name": name}, ERROR
    names = set(_without_fallback(parsed.nodes, frozenset()))
    for name in sorted(names):
        example = '{{ %s | default: "…" }}' % name  # noqa: UP031 -- braces
        message = _("“%(name)s” may be missing: say what to show then, as in %(example)s.") % {
            "name": name,
            "example": example,
        }
        yield piece.field, message, ERROR if name in PERSONAL else WARNING
    if piece.is_address:
        yield from _address(piece.field, source, parsed)


def _without_fallback(nodes, tested: frozenset) -> Iterator[str]:
    """Names of optional fields that are shown with neither a default nor a condition that asks for them."""
    for node in nodes:
        if isinstance(node, OutputNode):
            expression = node.expression
            if isinstance(expression, FilteredExpression) and isinstance(expression.left, Path):
                name = str(expression.left.path[0])
                has_default = any(f.name == "default" for f in expression.filters or ())
                if name in FIELDS and FIELDS[name].is_optional and not has_default and name not in tested:
                    yield name
        elif isinstance(node, IfNode):
            asked = tested | {str(path.path[0]) for path in _paths(node.condition)}
            yield from _without_fallback(node.consequence.nodes, asked)
            yield from _without_fallback(node.alternatives, tested)
            yield from _without_fallback(node.default.nodes if node.default else (), tested)
        else:
            yield from _without_fallback(node.children(None), tested)


def _paths(expression) -> Iterator[Path]:
    if isinstance(expression, Path):
        yield expression
    for child in expression.children():
        yield from _paths(child)


_HOST = re.compile(r"https?://[^/?#\s]+\.[^/?#\s.]+|https?://localhost", re.IGNORECASE)


def _address(field, source, parsed):
    address = source.strip()
    used = {str(name) for name in parsed.analyze().globals}
    if used & PERSONAL:
        yield (
            field,
            _("A link must not carry personal data (%(names)s).") % {"names": ", ".join(sorted(used & PERSONAL))},
            ERROR,
        )
    if address.startswith("{{"):
        yield from _own_page(field, address)
    elif address.lower().startswith(("mailto:", "tel:")):
        if len(address.partition(":")[2].strip()) < 3:
            yield field, _("The link “%(address)s” leads nowhere.") % {"address": address}, ERROR
    elif not _HOST.match(address) or " " in re.sub(r"\{\{.*?\}\}", "", address):
        message = _("“%(address)s” is not a link: it must begin with https:// or a field such as {{ portal_url }}.")
        yield field, message % {"address": Truncator(address).chars(60)}, ERROR


_OWN = re.compile(r"\{\{\s*portal_url\s*\}\}([^{]*)$")


def _own_page(field, address):
    """A link into the member's pages must lead to one of them."""
    own = _OWN.match(address)
    if own is None:
        name = re.match(r"\{\{\s*([\w.]+)", address)
        if name and name.group(1) in FIELDS and FIELDS[name.group(1)].kind != "url":
            yield field, _("“%(name)s” is not an address.") % {"name": name.group(1)}, ERROR
        return
    path = "/portal/" + own.group(1).partition("?")[0].partition("#")[0]
    try:
        resolve(path)
    except Resolver404:
        yield field, _("There is no page %(path)s on this site.") % {"path": path}, ERROR


def _images(template):
    for child in template.body:
        value = child.value
        for image, alt in (("image", "image_alt"), ("image", "alt")):
            if value.get(image) and alt in value and not (value.get(alt) or "").strip():
                yield f"body.{child.id}.{alt}", _("The image has no words for people who do not see it."), ERROR
        if child.block_type in ("hero", "button") and value.get("button_text") and not value.get("button_url"):
            yield (
                f"body.{child.id}.button_url",
                _("The button “%(label)s” leads nowhere.") % {"label": value["button_text"]},
                ERROR,
            )


def _footer(template):
    if not any(child.block_type == "footer" for child in template.body):
        yield (
            "body",
            _("There is no legal footer: without unsubscribe link and postal address it must not be sent."),
            ERROR,
        )


def _of_whole(template, site_url):
    """What only shows when the e-mail is put together."""
    from emails.operations import build  # late: freezing asks the lint first

    try:
        frozen = build(template=template, language=template.language, site_url=site_url)
    except LiquidError as error:
        yield "body", _("The parts do not fit together: %(reason)s") % {"reason": str(error).split("\n")[0]}, ERROR
        return
    yield from _rendered(frozen)


def _rendered(frozen):
    from emails import slow
    from emails.previewing import example_context

    for sample in ("sample", "empty"):
        context = example_context(frozen, sample)
        try:
            html, text = slow.html(frozen, context), slow.text(frozen, context)
            slow.subject(frozen, context)
        except LiquidError as error:
            yield "body", _("It cannot be rendered: %(reason)s") % {"reason": str(error).split("\n")[0]}, ERROR
            return
        if not text.strip():
            yield "body", _("The text part is empty."), ERROR
        size = len(html.encode())
        if size > HTML_BYTES_MAX:
            message = _("It weighs %(size)s kB; Gmail cuts off what is over %(limit)s kB.")
            yield "body", message % {"size": size // 1000, "limit": HTML_BYTES_MAX // 1000}, ERROR
            return
