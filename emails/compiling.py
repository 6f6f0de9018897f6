"""From blocks to the three Liquid texts of an e-mail: subject, HTML and text, with values escaped by where they stand.

A value in text or in an attribute is escaped by the renderer. A value in an address is different: alone it must be a
whole address (`| link`), inside one it is percent-encoded (`| part`). Every link gets an index, so that a message needs
one token and stores no address.
"""

import re
from dataclasses import dataclass, field
from html import escape, unescape

from django.utils import translation
from django.utils.translation import gettext as _
from mjml import mjml2html

from emails.blocks import ADDRESS_MARKS, CLOSED, Look
from emails.fields import ADDRESSES, OFFER_SLOTS
from emails.styles import style_sheet

PIXEL = '{% if pixel_url != blank %}\n<img\nsrc="{{ pixel_url }}"\nwidth="1" height="1" alt="" style="display:block;border:0;">\n{% endif %}\n'
# A link that no reader sees: who follows it is a scanner that follows every link (delivery.views.trap). It is put in after
# the other links have got their numbers, because it has none.
TRAP = (
    '{% if pixel_url != blank %}\n<a\nhref="{{ click_base }}h"\n'
    'rel="nofollow" tabindex="-1" aria-hidden="true" style="display:none;"></a>\n{% endif %}\n'
)
HTML_LANGUAGES = {"zh-hans": "zh-Hans"}


@dataclass
class Source:
    """An e-mail as Liquid."""

    subject: str
    preheader: str
    html: str
    text: str
    links: list[dict] = field(default_factory=list)


def compile_source(template, look: Look, *, is_tracked: bool = True) -> Source:
    """Lay out the blocks, compile MJML, index the links. `is_tracked=False` keeps the links as they are, for a preview."""
    with translation.override(look.language):
        html = mjml2html(_mjml(template, look))
        paragraphs = [line for child in template.body for line in child.block.lines(child.value, look)]
    links = _Links(look.vault, is_tracked=is_tracked)
    html = links.in_html(_spread(html.replace("</body>", f"\n{look.vault.hide(PIXEL)}</body>")))
    text = links.in_text(look.vault.hide(_joined(paragraphs)))
    trap = TRAP if is_tracked else ""
    return Source(
        subject=" ".join(template.subject.split()),
        preheader=template.preheader,
        html=look.vault.restore(html).replace("\r\n", "\n").rstrip("\n").replace("</body>", f"{trap}</body>") + "\n",
        text=look.vault.restore(text).replace("\r\n", "\n"),
        links=links.found,
    )


def _joined(paragraphs: list[str]) -> str:
    text = "\n\n".join(p.replace("\r\n", "\n") for p in paragraphs) + "\n"
    return text.replace(f"{CLOSED}\n", "")


def _mjml(template, look: Look) -> str:
    body = "".join(child.block.mjml(child.value, look) for child in template.body)
    brand = look.brand
    preview = look.text(template.preheader) + "\n" + "&#847;&zwnj;&nbsp;" * 40 if template.preheader else ""
    return (
        f'<mjml lang="{HTML_LANGUAGES.get(look.language, look.language)}" dir="ltr"><mj-head>'
        f"<mj-title>{look.text(template.subject)}</mj-title><mj-preview>{preview}</mj-preview>"
        '<mj-raw><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        '<meta name="format-detection" content="telephone=no,date=no,address=no,email=no"></mj-raw>'
        f'<mj-attributes><mj-all font-family="{look.sans}"/><mj-text font-size="16px" line-height="1.6" color="#22302a"/></mj-attributes>'
        f"<mj-style>{style_sheet(brand)}</mj-style></mj-head>"
        f'<mj-body background-color="{brand.paper}" css-class="paper">{_header(look)}'
        f'<mj-wrapper css-class="sheet" padding="0">{body}</mj-wrapper></mj-body></mjml>'
    )


def _header(look: Look) -> str:
    brand = look.brand
    if brand.logo_url:
        mark = _logo(look, brand.logo_url, "logo") + (
            _logo(look, brand.dark_logo_url, "logo-dark") if brand.has_dark and brand.dark_logo_url else ""
        )
    else:
        mark = (
            f'<mj-text padding="22px 32px 16px" font-family="{look.serif}" font-size="24px" line-height="1.2">'
            f'<a href="{escape(brand.shop_url)}" class="brand" style="color:{brand.link};text-decoration:none;">'
            f'<span class="brand" style="color:{brand.link};font-weight:bold;">{look.text(brand.name)}</span></a>'
            f'<span class="muted" style="font-family:{look.sans};font-size:13px;color:#5b6a62;"> &nbsp;{look.text(brand.tagline)}</span></mj-text>'
        )
    return f'<mj-section padding="0"><mj-column>{mark}</mj-column></mj-section>'


def _logo(look: Look, url: str, name: str) -> str:
    return (
        f'<mj-image css-class="{name}" src="{escape(url)}" alt="{look.attribute(look.brand.name)}" href="{escape(look.brand.shop_url)}"'
        ' width="160px" align="left" padding="20px 32px 16px"/>'
    )


_OPENING = re.compile(r"(<(?:title|div|p|h1|h2|h3|td|tr|table|tbody|li|ul|ol)\b[^>]*>)(?=[^\n])")
_CLOSING = re.compile(r"(?<=[^\n])(</(?:title|div|p|h1|h2|h3|td|tr|table|tbody|li|ul|ol)>)")
_ADDRESS = re.compile(r'\s(href|src)="([^"]*)"\s?')


def _spread(html: str) -> str:
    """Line breaks where HTML ignores them: around blocks, and around addresses inside a tag. A line that holds a value
    is encoded anew for each member; short lines keep that cheap.
    """
    html = _CLOSING.sub(r"\n\1", _OPENING.sub(r"\1\n", html))
    return _ADDRESS.sub(r'\n\1="\2"\n', html)


_SCAN_HTML = re.compile(r'lqz(?P<piece>\d+)zql|(?P<name>\bhref|\bsrc)="(?P<url>[^"]*)"')
_SCAN_TEXT = re.compile(rf"lqz(?P<piece>\d+)zql|{ADDRESS_MARKS[0]}(?P<url>.*?){ADDRESS_MARKS[1]}")
_TAG = re.compile(r"\{%-?\s*(\w+)\s*(.*?)\s*-?%\}", re.DOTALL)
_FOR = re.compile(r"(\w+)\s+in\s+(\w+)$")


class _Links:
    """Walks a text in order, knows which loop each address stands in, and gives each link its index."""

    def __init__(self, vault, *, is_tracked: bool):
        self.vault, self.is_tracked = vault, is_tracked
        self.found: list[dict] = []
        self._index: dict = {}
        self._open: list[tuple[str, tuple | None]] = []

    def in_html(self, html: str) -> str:
        return _SCAN_HTML.sub(self._in_html, html)

    def in_text(self, text: str) -> str:
        return _SCAN_TEXT.sub(self._in_text, text)

    def _in_html(self, match):
        if match["piece"]:
            return self._note_tag(match)
        address = unescape(match["url"])
        if match["name"] == "href":
            return f'href="{self._link(address) or escape(self._by_context(address))}"'
        return f'src="{escape(self._by_context(address))}"'

    def _in_text(self, match):
        if match["piece"]:
            return self._note_tag(match)
        return self._link(match["url"]) or self._by_context(match["url"])

    def _note_tag(self, match):
        tag = _TAG.fullmatch(self.vault.pieces[int(match["piece"])])
        if tag:
            word, rest = tag.groups()
            loop = _FOR.match(rest) if word == "for" else None
            if word in ("if", "unless", "case", "for"):
                self._open.append((word, loop.groups() if loop else None))
            elif word.startswith("end") and self._open:
                self._open.pop()
            elif word == "else" and self._open and self._open[-1][0] == "for":
                self._open[-1] = ("for", None)  # what follows is shown when there is nothing to repeat
        return match.group()

    def _link(self, address: str) -> str:
        """The tracked form of a link; empty for one that is not tracked."""
        if not self.is_tracked or not _is_trackable(self.vault.restore(address)):
            return ""
        loops = [loop for _word, loop in self._open if loop]
        if len(loops) > 1 or any(slot not in OFFER_SLOTS for _name, slot in loops):
            return ""
        source = self.vault.restore(self._by_context(address))
        key = (source, *loops)
        if key not in self._index:
            self._index[key] = len(self.found)
            name, slot = loops[0] if loops else ("", "")
            self.found.append({"url": source, "as": name, "each": slot})
        position = "-" + self.vault.hide("{{ forloop.index0 }}") if loops else ""
        return f"{self.vault.hide('{{ click_base }}')}{self._index[key]}{position}"

    def _by_context(self, address: str) -> str:
        """Add the filter that fits to each value of an address."""

        def with_filter(match):
            piece = self.vault.pieces[int(match.group(1))]
            if not piece.startswith("{{"):
                return match.group()
            name = "link" if match.start() == 0 else "part"
            return self.vault.hide(f"{{{{ {piece[2:-2].strip()} | {name} }}}}")

        return re.sub(r"lqz(\d+)zql", with_filter, address.strip())


def _is_trackable(address: str) -> bool:
    """Whether an address, as Liquid, is a link of ours to follow: the web, and not the unsubscribe or view-online address."""
    if re.match(r"https?://", address, re.IGNORECASE):
        return True
    field_name = re.match(r"\{\{\s*([\w.]+)", address)
    return bool(field_name) and field_name.group(1) not in ADDRESSES


def describe_link(link: dict) -> str:
    """A link in words, for a list of clicks."""
    return _("each offer's link") if link["each"] else link["url"]
