"""The lint of a template: what would embarrass the shop or break the law, each with the place to put it right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import LiquidError
from wagtail.admin.admin_url_finder import AdminURLFinder

from emails import contrast, enclosures, linkcheck, wording
from emails.authored import PLAIN, Piece, parts, pieces
from emails.fields import FIELDS, PERSONAL, is_known
from emails.raw_mjml import BadMjml
from emails.styles import INK, MUTED
from emails.templating import parse, syntax_problem, unescape_liquid
from members import clock, custom, queries

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


def problems(template, *, site_url: str = _SKELETON) -> list[Problem]:
    """Everything wrong with a template, errors first. An empty list means it may be sent."""
    edit_url = (AdminURLFinder().get_edit_url(template) or "") if template.pk else ""
    found: list[tuple[str, str, str]] = [
        *_subject(template),
        *(one for piece in pieces(template) for one in _of_piece(piece)),
        *_images(template),
        *_enclosures(template),
        *_footer(template),
        *_spam(template),
        *_links(template),
        *_colours(),
    ]
    if not any(level == ERROR and field not in _ELSEWHERE for field, _message, level in found):
        found += _of_whole(template, site_url)
    found.sort(key=lambda one: one[2] != ERROR)
    return [
        Problem(field=field, message=message, level=level, fix_url=_fix_url(field, edit_url))
        for field, message, level in dict.fromkeys(found)
    ]


_ELSEWHERE = {"brand"}


def _fix_url(field: str, edit_url: str) -> str:
    if field == "brand":
        return reverse("wagtailsettings:edit", args=["emails", "brandsettings"])
    return f"{edit_url}#:w:contentpath={field}" if edit_url else ""


def _subject(template):
    subject = (template.subject or "").strip()
    count = wording.length(subject)
    if not subject:
        yield "subject", _("The subject is empty."), ERROR
    elif count > wording.SUBJECT_COMFORT:
        message = _("The subject has about %(count)s characters; phones show %(limit)s, and %(most)s is the most.")
        told = {"count": count, "limit": wording.SUBJECT_COMFORT, "most": wording.SUBJECT_MAX}
        yield "subject", message % told, ERROR if count > wording.SUBJECT_MAX else WARNING
    if not (template.preheader or "").strip():
        yield "preheader", _("There is no preheader: inboxes will show the first words of the text."), WARNING


def _spam(template):
    """A shouting subject and many prone words stop; a word or two are a hint, at the place where they stand."""
    if wording.shouts(template.subject or ""):
        yield (
            "subject",
            _("The subject shouts (capitals, or marks in a row): filters for junk mail put it aside."),
            ERROR,
        )
    found = [
        (piece.field, word)
        for piece in pieces(template)
        if not piece.is_address
        for word in wording.prone(piece.source)
    ]
    words = list(dict.fromkeys(word for _field, word in found))
    if words:
        message = _("Filters for junk mail dislike these words: %(words)s.") % {"words": ", ".join(words)}
        is_much = len(words) >= wording.PRONE_MAX or any(field == "subject" for field, _word in found)
        yield found[0][0], message, ERROR if is_much else WARNING


def _links(template):
    """Addresses of the web that did not answer when they were last asked; the asking is a task's (emails.linkcheck)."""
    places: dict[str, str] = {}
    for piece in pieces(template):
        for url in [piece.source.strip()] if piece.is_address else _within(piece):
            if "{" not in url and _HOST.match(url):
                places.setdefault(url, piece.field)
    if not places or not template.pk:
        return
    for url, detail in linkcheck.dead(places, at=clock.now()).items():
        message = _("The link %(url)s is dead: %(answer)s.")
        yield places[url], message % {"url": Truncator(url).chars(80), "answer": detail}, ERROR
    if many := linkcheck.unasked(places):
        message = ngettext(
            "%(many)d link has not been tried yet; look again in a minute.",
            "%(many)d links have not been tried yet; look again in a minute.",
            many,
        )
        yield next(iter(places.values())), message % {"many": many}, WARNING


def _within(piece: Piece) -> list[str]:
    return (
        [] if not piece.field.endswith(tuple(PLAIN)) else re.findall(r'(?:href|src)="(https?://[^"]+)"', piece.source)
    )


def _colours():
    """What the brand's colours do to reading. Letters on the brand's own colours choose black or white by themselves."""
    from emails.brand import current  # late: a brand is asked of the database

    brand = current(site_url=_SKELETON)
    ink, muted = "#22302a", "#5b6a62"
    pairs = [
        (_("text on the background"), ink, brand.paper), (_("small print on the background"), muted, brand.paper),
        (_("letters on the colour"), brand.primary_ink, brand.primary), (_("letters on the accent colour"), brand.accent_ink, brand.accent),
    ]  # fmt: skip
    if brand.has_dark:
        pairs += [
            (_("text on dark cards"), INK, brand.dark_card), (_("small print in the dark"), MUTED, brand.dark_paper),
            (_("letters on the dark colour"), contrast.ink_on(brand.dark_primary), brand.dark_primary),
        ]  # fmt: skip
    for where, letters, ground in pairs:
        found = contrast.ratio(letters, ground)
        if found < contrast.TEXT_MIN:
            message = _("Too little contrast, %(where)s: %(ratio).1f, and %(least).1f is the least one can read.")
            yield "brand", message % {"where": where, "ratio": found, "least": contrast.TEXT_MIN}, ERROR


def _enclosures(template):
    """Pools, surveys and audiences that are gone, more than one of a kind, and coupons that are over."""
    kinds = {
        "voucher": ("pool", enclosures.pools),
        "survey": ("survey", enclosures.surveys),
        "condition": ("audience", enclosures.audiences),
    }
    today, chosen = timezone.localtime(clock.now()).date(), {}
    for part in parts(template.body):
        if part.kind in kinds:
            name, source = kinds[part.kind]
            key, known = str(part.value.get(name) or ""), dict(source())
            if key not in known:
                yield f"{part.field}.{name}", _("What was chosen here is not there any more; choose again."), ERROR
            elif part.kind != "condition" and chosen.setdefault(part.kind, key) != key:
                yield (
                    f"{part.field}.{name}",
                    _("One message brings one pool of codes and one survey; this is a second."),
                    ERROR,
                )
        day = part.value.get("valid_until") if part.kind == "coupon" else None
        if day and day < today:
            yield f"{part.field}.valid_until", _("The coupon's last day is past."), ERROR


def _of_piece(piece: Piece):
    source = unescape_liquid(piece.source)
    fault = syntax_problem(source)
    if fault:
        yield piece.field, fault, ERROR
        return
    parsed = parse(source, is_html=False)
    for name in parsed.analyze().globals:
        if not _is_there(str(name)):
            yield piece.field, _("There is no field “%(name)s”.") % {"name": name}, ERROR
    names = set(_without_fallback(parsed.nodes, frozenset()))
    for name in sorted(names):
        example = '{{ %s | default: "…" }}' % name  # noqa: UP031 -- braces
        message = _("“%(name)s” may be missing: say what to show then, as in %(example)s.") % {
            "name": name,
            "example": example,
        }
        yield piece.field, message, ERROR
    if piece.is_address:
        yield from _address(piece.field, source, parsed)


def _is_there(name: str) -> bool:
    """A field of the list, or one of the shop's own that messages may tell: never a personal one, which no message keeps."""
    if custom.is_own(name):
        return name.removeprefix(custom.OWN) in {one.code for one in queries.fields_to_tell()}
    return is_known(name)


def _without_fallback(nodes, tested: frozenset) -> Iterator[str]:
    """Names of optional fields that are shown with neither a default nor a condition that asks for them."""
    for node in nodes:
        if isinstance(node, OutputNode):
            expression = node.expression
            if isinstance(expression, FilteredExpression) and isinstance(expression.left, Path):
                name = str(expression.left.path[0])
                has_default = any(f.name == "default" for f in expression.filters or ())
                is_optional = custom.is_own(name) or (name in FIELDS and FIELDS[name].is_optional)
                if is_optional and not has_default and name not in tested:
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
    for part in parts(template.body):
        value = part.value
        for image, alt in (("image", "image_alt"), ("image", "alt")):
            if value.get(image) and alt in value and not (value.get(alt) or "").strip():
                yield f"{part.field}.{alt}", _("The image has no words for people who do not see it."), ERROR
        if "button_text" in value and value.get("button_text") and not value.get("button_url"):
            message = _("The button “%(label)s” leads nowhere.") % {"label": value["button_text"]}
            yield f"{part.field}.button_url", message, ERROR
        if part.kind == "mjml" and re.search(r"<(?:mj-image|img)(?![^>]*\balt=\"[^\"]+\")", value["mjml_source"]):
            yield (
                f"{part.field}.mjml_source",
                _('An image has no words for people who do not see it: add alt="…".'),
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
    except BadMjml as error:
        place = next((f"{part.field}.mjml_source" for part in parts(template.body) if part.kind == "mjml"), "body")
        yield place, str(error), ERROR
        return
    except LiquidError as error:
        yield "body", _("The parts do not fit together: %(reason)s") % {"reason": str(error).split("\n")[0]}, ERROR
        return
    if not frozen.is_fast:
        yield "body", _("%(notice)s It goes out all the same, many times slower.") % {"notice": frozen.notice}, WARNING
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
