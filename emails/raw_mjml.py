"""MJML written by hand, made safe: known components with known attributes, and in them only HTML that nh3 lets pass.

The text is taken apart and written anew, so nothing is let through that was not understood. Liquid is hidden before it
comes here (`templating.Vault`).
"""

import re
from html import escape, unescape

import nh3
from django.utils.translation import gettext as _

LAYOUT = {"mj-section", "mj-column", "mj-group", "mj-wrapper", "mj-hero", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-carousel"}  # fmt: skip
WORDS = {"mj-text", "mj-button", "mj-table", "mj-accordion-title", "mj-accordion-text", "mj-navbar-link", "mj-social-element"}  # fmt: skip
EMPTY = {"mj-image", "mj-divider", "mj-spacer", "mj-carousel-image"}
KNOWN = LAYOUT | WORDS | EMPTY
TOP = {"mj-section", "mj-wrapper", "mj-hero"}
ADDRESSES = {"href", "src", "background-url"}
HTML_TAGS = {
    "p", "br", "h1", "h2", "h3", "h4", "b", "strong", "i", "em", "u", "s", "small", "sup", "sub", "a", "ul", "ol", "li", "span", "div",
    "table", "tbody", "thead", "tr", "td", "th", "img", "hr", "blockquote",
}  # fmt: skip
_BOX = {"align", "valign", "width", "height", "class", "bgcolor"}
HTML_ATTRIBUTES = {"*": {"style"}, "a": {"href"}, "img": {"src", "alt", *_BOX}} | {
    tag: set(_BOX) | ({"colspan", "rowspan"} if tag in ("td", "th") else set())
    for tag in ("table", "tr", "td", "th", "div", "span", "p")
}
STYLES = {
    "color", "background", "background-color", "font-family", "font-size", "font-weight", "font-style", "line-height", "letter-spacing",
    "text-align", "text-decoration", "text-transform", "padding", "padding-top", "padding-bottom", "padding-left", "padding-right",
    "margin", "margin-top", "margin-bottom", "margin-left", "margin-right", "border", "border-top", "border-bottom", "border-left",
    "border-right", "border-radius", "border-collapse", "width", "max-width", "height", "display", "vertical-align",
}  # fmt: skip

_TOKEN = re.compile(r"<!--.*?-->|<(/?)(mj-[a-z-]+)((?:\s+[a-z-]+=\"[^\"<>]*\")*)\s*(/?)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-z-]+)=\"([^\"]*)\"")
_STRANGE = re.compile(r"</?(mj[a-z-]*|[a-z]+)", re.IGNORECASE)
_WEB = re.compile(r"(?:https?://|mailto:|tel:|lqz\d+zql|#)", re.IGNORECASE)


class BadMjml(ValueError):
    """The text is not MJML that may be sent; the message says what is in the way."""


def safe(source: str) -> str:
    """The same components, written anew. Raises BadMjml."""
    out, open_, end = [], [], 0
    for match in _TOKEN.finditer(source):
        out.append(_between(source[end : match.start()], open_))
        end = match.end()
        if match[2]:
            out.append(_tag(match, open_))
    out.append(_between(source[end:], open_))
    if open_:
        raise BadMjml(_("<%(tag)s> is not closed.") % {"tag": open_[-1]})
    return "".join(out)


def _tag(match, open_: list[str]) -> str:
    closes, name, attributes, is_empty = match.groups()
    if name not in KNOWN:
        raise BadMjml(_("<%(tag)s> may not stand here.") % {"tag": name})
    if closes:
        if not open_ or open_.pop() != name:
            raise BadMjml(_("</%(tag)s> closes nothing.") % {"tag": name})
        return f"</{name}>"
    if not open_ and name not in TOP:
        raise BadMjml(_("<%(tag)s> must stand in a <mj-section>.") % {"tag": name})
    if not is_empty:
        open_.append(name)
    return f"<{name}{_attributes(attributes)}{'/' if is_empty else ''}>"


def _attributes(text: str) -> str:
    written = []
    for name, value in _ATTRIBUTE.findall(text):
        value = unescape(value)  # noqa: PLW2901 -- read as written, and escaped anew below
        if name in ADDRESSES and not _WEB.match(value.strip()):
            raise BadMjml(
                _("“%(address)s” is no address for an e-mail: begin with https://.") % {"address": value[:60]}
            )
        written.append(f' {name}="{escape(value)}"')
    return "".join(written)


def _between(text: str, open_: list[str]) -> str:
    """What stands between two components: HTML inside words, nothing elsewhere."""
    if open_ and open_[-1] in WORDS:
        return nh3.clean(
            text,
            tags=HTML_TAGS,
            attributes=HTML_ATTRIBUTES,
            url_schemes={"https", "http", "mailto", "tel"},
            filter_style_properties=STYLES,
            link_rel=None,
            strip_comments=True,
        )
    stray = text.strip()
    if not stray:
        return ""
    strange = _STRANGE.search(stray)
    if strange:
        raise BadMjml(_("<%(tag)s> may not stand here.") % {"tag": strange[1]})
    raise BadMjml(_("Words stand outside <mj-text>: “%(words)s”.") % {"words": stray[:40]})
