"""What every block shares: the look it is given, and the few shapes that e-mail clients show alike."""

from dataclasses import dataclass, field
from html import escape

from django.utils.translation import gettext_lazy
from wagtail import blocks

from emails.brand import Brand
from emails.templating import Vault

ADDRESS_MARKS = "\ue000", "\ue001"
CLOSED = "\ue002"  # ends a paragraph whose last line already has its line break


@dataclass
class Look:
    """What every block is given: the brand, the language, and the vault for its Liquid."""

    brand: Brand
    language: str
    site_url: str
    vault: Vault = field(default_factory=Vault)

    def text(self, source: str) -> str:
        """An author's plain text as HTML text, its Liquid hidden."""
        return escape(self.vault.hide(source or ""), quote=False).replace("\n", "<br>")

    def attribute(self, source: str) -> str:
        return escape(self.vault.hide(source or ""))

    @staticmethod
    def address(url: str) -> str:
        return f"{ADDRESS_MARKS[0]}{url.strip()}{ADDRESS_MARKS[1]}"

    def absolute(self, url: str) -> str:
        return f"{self.site_url}{url}" if url.startswith("/") else url

    @property
    def accent_ink(self) -> str:
        return self.brand.accent_ink

    @property
    def sans(self) -> str:
        return self.brand.text_family

    @property
    def serif(self) -> str:
        return self.brand.heading_family


class EmailBlock(blocks.StructBlock):
    """A block that can be sent. `inner` is what it puts into a column; most blocks are one column of one section."""

    padding = "0"

    def inner(self, value, look: Look) -> str:
        """MJML components for one column."""
        raise NotImplementedError

    def mjml(self, value, look: Look) -> str:
        """MJML sections."""
        return card(self.inner(value, look), padding=self.padding)

    def lines(self, value, look: Look) -> list[str]:
        """Paragraphs of the text part, as Liquid."""
        raise NotImplementedError


def liquid_char(**options):
    return blocks.CharBlock(max_length=300, **options)


class LinkBlock(blocks.CharBlock):
    """An address: https://…, mailto:, tel:, or a field such as {{ portal_url }}. Checked by the lint, which knows fields."""


class PickBlock(blocks.ChoiceBlock):
    """A choice among rows of the database, kept as text. Reading a template asks for no row: only the form and the lint do."""

    def normalize_choice(self, value):
        return "" if value is None else str(value)

    class Meta:
        required = True


BUTTON_HELP = gettext_lazy("https://… or a field, for example {{ portal_url }}offers/")
ALT_HELP = gettext_lazy("For people who do not see it.")


def button(look: Look, label: str, url: str, *, on_primary=False, align="left") -> str:
    """A filled button. On the brand's own colour it wears the accent."""
    brand = look.brand
    background, ink, name = (
        (brand.accent, brand.accent_ink, "btn-accent") if on_primary else (brand.primary, brand.primary_ink, "btn")
    )
    return (
        f'<mj-button css-class="{name}" align="{align}" href="{look.attribute(url)}" background-color="{background}" color="{ink}"'
        f' border-radius="24px" font-size="16px" font-weight="700" inner-padding="14px 28px" padding="8px 32px 16px">'
        f"{look.text(label)}</mj-button>"
    )


def button_lines(value, look: Look) -> list[str]:
    return [f"{value['button_text']}: {look.address(value['button_url'])}"] if value.get("button_text") else []


def card(content: str, *, padding="0 0 12px", background="#ffffff", name="card") -> str:
    return (
        f'<mj-section css-class="{name}" background-color="{background}" padding="{padding}">'
        f"<mj-column>{content}</mj-column></mj-section>"
    )


def heading(look: Look, words: str, *, padding="28px 32px 8px") -> str:
    """A heading of the second order; nothing for no words."""
    if not words:
        return ""
    return (
        f'<mj-text css-class="ink" font-family="{look.serif}" font-size="24px" line-height="1.25" padding="{padding}">'
        f'<h2 style="margin:0;font-size:inherit;font-weight:normal;line-height:inherit;">{look.text(words)}</h2></mj-text>'
    )


def paragraph(look: Look, words: str, *, padding="4px 32px 12px", name="ink") -> str:
    colour = ' color="#5b6a62"' if name == "muted" else ""
    return f'<mj-text css-class="{name}"{colour} padding="{padding}">{look.text(words)}</mj-text>' if words else ""


def panel(look: Look, content: str) -> str:
    """A raised field on the card, for one fact about the member."""
    return (
        f'<mj-table padding="20px 32px" cellpadding="0" cellspacing="0" width="100%">\n<tr>\n<td class="panel" style="background:{look.brand.paper};'
        f'border-radius:16px;padding:20px 24px;font-family:{look.sans};line-height:1.5;">\n{content}</td>\n</tr>\n</mj-table>'
    )


def raw(liquid: str, look: Look) -> str:
    """Liquid between sections. It stands on a line of its own, so that what it chooses between is encoded once for all."""
    return f"<mj-raw>\n{look.vault.hide(liquid)}\n</mj-raw>"


def picture(image, alt, look: Look, *, padding="8px 32px", url="", width=600) -> str:
    """An image of the library, twice as wide as it is shown, with its words."""
    if not image:
        return ""
    rendition = image.get_rendition(f"width-{width * 2}|format-jpeg")
    href = f' href="{look.attribute(url)}"' if url else ""
    return (
        f'<mj-image src="{escape(look.absolute(rendition.url))}" alt="{look.attribute(alt or "")}"{href}'
        f' padding="{padding}" width="{width}px" fluid-on-mobile="true"/>'
    )


def upper(words: str) -> str:
    """A heading of the text part."""
    return words.upper() if words.isascii() and "{" not in words else words
