"""Rich text of the admin's editor, made safe for an e-mail, and as plain lines."""

from html.parser import HTMLParser

import nh3

_TAGS = {"p", "br", "h2", "h3", "b", "strong", "i", "em", "a", "ul", "ol", "li"}
_INLINE_STYLE = {
    "p": "margin:0 0 14px;",
    "h2": "margin:8px 0 10px;font-size:22px;line-height:1.3;",
    "h3": "margin:8px 0 8px;font-size:18px;line-height:1.3;",
    "ul": "margin:0 0 14px;padding-left:22px;",
    "ol": "margin:0 0 14px;padding-left:22px;",
    "li": "margin:0 0 6px;",
}


def as_safe_html(source: str, look) -> str:
    """Only what a text may hold, with the styles e-mail clients need on each tag; its Liquid hidden."""
    safe = nh3.clean(
        look.vault.hide(source),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"https", "http", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )
    for tag, style in _INLINE_STYLE.items():
        safe = safe.replace(f"<{tag}>", f'<{tag} style="{style}">')
    return safe.replace("<a ", f'<a class="link" style="color:{look.brand.link};text-decoration:underline;" ')


class _Lines(HTMLParser):
    """Paragraphs of text out of an editor's HTML: lists get their marks, links their address."""

    def __init__(self, look):
        super().__init__(convert_charrefs=True)
        self.look, self.paragraphs, self.current, self.lists, self.href = look, [], "", [], ""

    def flush(self):
        if self.current.strip():
            self.paragraphs.append(self.current.strip())
        self.current = ""

    def handle_starttag(self, tag, attrs):
        if tag in ("p", "h2", "h3"):
            self.flush()
        elif tag in ("ul", "ol"):
            self.flush()
            self.lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "br":
            self.current += "\n"
        elif tag == "a":
            self.href = dict(attrs).get("href") or ""

    def _item(self):
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        mark = "- " if number is None else f"{number + 1}. "
        self.current += ("\n" if self.current.strip() else "") + "  " * (len(self.lists) - 1) + mark

    def handle_endtag(self, tag):
        if tag in ("p", "h2", "h3"):
            self.flush()
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            if not self.lists:
                self.flush()
        elif tag == "a" and self.href:
            if not self.current.rstrip().endswith(self.href):
                self.current += f" ({self.look.address(self.href)})"
            self.href = ""

    def handle_data(self, data):
        self.current += data.replace("\xa0", " ")


def as_lines(source: str, look) -> list[str]:
    """The same text as paragraphs for the text part, as Liquid."""
    parser = _Lines(look)
    parser.feed(as_safe_html(source, look))
    parser.close()
    parser.flush()
    return [look.vault.restore(paragraph) for paragraph in parser.paragraphs]


class _Addresses(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")


def links_of(source: str) -> list[str]:
    """The addresses of the links in an editor's HTML."""
    parser = _Addresses()
    parser.feed(source)
    parser.close()
    return parser.found
