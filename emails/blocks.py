"""What an e-mail is made of. Each block gives MJML for the HTML part and lines for the text part, and names no neighbour.

Text an author writes is Liquid; it is hidden (`look.vault`) before any HTML tool touches it. In the text part an address
is written as `look.address(url)`, so that it can be tracked like its twin in the HTML.
"""

from dataclasses import dataclass, field
from html import escape

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import blocks
from wagtail.images.blocks import ImageChooserBlock

from emails.brand import Brand
from emails.richtext import as_lines, as_safe_html
from emails.templating import Vault

SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Helvetica,Arial,'PingFang SC','Microsoft YaHei',sans-serif"
SERIF = "Georgia,'Times New Roman','Songti SC','Noto Serif CJK SC',serif"
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

    @cached_property
    def accent_ink(self) -> str:
        return "#2b2008"


class EmailBlock(blocks.StructBlock):
    """A block that can be sent."""

    def mjml(self, value, look: Look) -> str:
        raise NotImplementedError

    def lines(self, value, look: Look) -> list[str]:
        """Paragraphs of the text part, as Liquid."""
        raise NotImplementedError


def liquid_char(**options):
    return blocks.CharBlock(max_length=300, **options)


class LinkBlock(blocks.CharBlock):
    """An address: https://…, mailto:, tel:, or a field such as {{ portal_url }}. Checked by the lint, which knows fields."""


BUTTON_HELP = gettext_lazy("https://… or a field, for example {{ portal_url }}offers/")


def _button(look: Look, label: str, url: str, *, on_primary=False, align="left") -> str:
    """A filled button. On the brand's own colour it wears the accent."""
    background, ink, name = (
        (look.brand.accent, look.accent_ink, "btn-accent") if on_primary else (look.brand.primary, "#ffffff", "btn")
    )
    return (
        f'<mj-button css-class="{name}" align="{align}" href="{look.attribute(url)}" background-color="{background}" color="{ink}"'
        f' border-radius="24px" font-size="16px" font-weight="700" inner-padding="14px 28px" padding="8px 32px 16px">'
        f"{look.text(label)}</mj-button>"
    )


def _card(content: str, *, padding="0 0 12px", background="#ffffff", name="card") -> str:
    return (
        f'<mj-section css-class="{name}" background-color="{background}" padding="{padding}">'
        f"<mj-column>{content}</mj-column></mj-section>"
    )


class HeroBlock(EmailBlock):
    """The opening: a picture if there is one, a headline on the brand's colour, one thing to do."""

    image = ImageChooserBlock(required=False, label=gettext_lazy("Image"))
    image_alt = liquid_char(
        required=False, label=gettext_lazy("Image, in words"), help_text=gettext_lazy("For people who do not see it.")
    )
    heading = liquid_char(label=gettext_lazy("Heading"))
    text = blocks.TextBlock(required=False, label=gettext_lazy("Text"))
    button_text = liquid_char(required=False, label=gettext_lazy("Button"))
    button_url = LinkBlock(required=False, label=gettext_lazy("Button leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "title"
        label = gettext_lazy("Hero")

    def mjml(self, value, look):
        picture = _picture(value.get("image"), value.get("image_alt"), look, padding="0")
        text = value.get("text")
        paragraph = (
            f'<mj-text color="#ffffff" css-class="on-primary" font-size="17px" line-height="1.55" padding="0 32px 12px">{look.text(text)}</mj-text>'
            if text
            else ""
        )
        button = (
            _button(look, value["button_text"], value["button_url"], on_primary=True)
            if value.get("button_text")
            else ""
        )
        heading = (
            f'<mj-text css-class="on-primary" color="#ffffff" font-family="{SERIF}" font-size="34px" line-height="1.2" padding="36px 32px 12px">'
            f'<h1 style="margin:0;font-size:inherit;font-weight:normal;line-height:inherit;">{look.text(value["heading"])}</h1></mj-text>'
        )
        body = _card(heading + paragraph + button, padding="0 0 24px", background=look.brand.primary, name="hero")
        return (_card(picture, padding="0", name="hero") if picture else "") + body

    def lines(self, value, look):
        return [
            value["heading"].upper()
            if value["heading"].isascii() and "{" not in value["heading"]
            else value["heading"],
            *([value["text"]] if value.get("text") else []),
            *_button_lines(value, look),
        ]


def _button_lines(value, look):
    return [f"{value['button_text']}: {look.address(value['button_url'])}"] if value.get("button_text") else []


def _picture(image, alt, look, *, padding="8px 32px", url="") -> str:
    if not image:
        return ""
    rendition = image.get_rendition("width-1200|format-jpeg")
    href = f' href="{look.attribute(url)}"' if url else ""
    return (
        f'<mj-image src="{escape(look.absolute(rendition.url))}" alt="{look.attribute(alt or "")}"{href}'
        f' padding="{padding}" width="600px" fluid-on-mobile="true"/>'
    )


class TextBlock(EmailBlock):
    """Paragraphs, headings, lists and links."""

    text = blocks.RichTextBlock(
        features=["h2", "h3", "bold", "italic", "link", "ol", "ul"],
        label=gettext_lazy("Text"),
        help_text=gettext_lazy('Name a field as {{ given_name | default: "there" }}.'),
    )

    class Meta:
        icon = "pilcrow"
        label = gettext_lazy("Text")

    def mjml(self, value, look):
        inner = as_safe_html(value["text"].source, look)
        return _card(f'<mj-text css-class="ink" padding="20px 32px 4px">{inner}</mj-text>', padding="0")

    def lines(self, value, look):
        return as_lines(value["text"].source, look)


class ImageBlock(EmailBlock):
    image = ImageChooserBlock(label=gettext_lazy("Image"))
    alt = liquid_char(
        required=False, label=gettext_lazy("Image, in words"), help_text=gettext_lazy("For people who do not see it.")
    )
    url = LinkBlock(required=False, label=gettext_lazy("Leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "image"
        label = gettext_lazy("Image")

    def mjml(self, value, look):
        return _card(_picture(value.get("image"), value.get("alt"), look, url=value.get("url") or ""), padding="8px 0")

    def lines(self, value, look):
        words = f"[{value['alt']}]" if value.get("alt") else ""
        where = look.address(value["url"]) if value.get("url") else ""
        return [" ".join(part for part in (words, where) if part)] if words or where else []


class ButtonBlock(EmailBlock):
    button_text = liquid_char(label=gettext_lazy("Button"))
    button_url = LinkBlock(label=gettext_lazy("Leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "link"
        label = gettext_lazy("Button")

    def mjml(self, value, look):
        return _card(_button(look, value["button_text"], value["button_url"]))

    def lines(self, value, look):
        return _button_lines(value, look)


class DividerBlock(EmailBlock):
    class Meta:
        icon = "horizontalrule"
        label = gettext_lazy("Divider")

    def mjml(self, value, look):
        return _card(
            '<mj-divider css-class="rule" border-width="1px" border-color="#e3ddd0" padding="16px 32px"/>', padding="0"
        )

    def lines(self, value, look):
        return ["* * *"]


class OffersBlock(EmailBlock):
    """What the recommender chose for this member in one slot; words of the author's where it chose nothing."""

    slot = blocks.ChoiceBlock(
        choices=[("buy_again", gettext_lazy("Buy again")), ("new_for_you", gettext_lazy("New for you"))],
        default="buy_again",
        label=gettext_lazy("Offers"),
    )
    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    fallback = blocks.TextBlock(
        label=gettext_lazy("Text when there are no offers"),
        help_text=gettext_lazy("A member without offers reads this instead, under the same heading."),
    )

    class Meta:
        icon = "pick"
        label = gettext_lazy("Offers")

    def mjml(self, value, look):
        hide = look.vault.hide
        slot = value["slot"]
        heading = (
            f'<mj-text css-class="ink" font-family="{SERIF}" font-size="24px" line-height="1.25" padding="28px 32px 8px">'
            f'<h2 style="margin:0;font-size:inherit;font-weight:normal;line-height:inherit;">{look.text(value["heading"])}</h2></mj-text>'
            if value.get("heading")
            else ""
        )
        name = f'class="ink" style="color:#22302a;font-size:17px;font-weight:700;text-decoration:none;">\n{hide("{{ offer.name }}")}\n'
        row = (
            # Values stand on lines of their own: what is around them is then encoded once for all members.
            f'<tr>\n<td width="72" valign="top" style="padding:12px 0;">\n{hide("{% if offer.icon_url != blank %}")}<img src="'
            f'{hide("{{ offer.icon_url }}")}" alt="" width="56" height="56" class="tile" style="display:block;width:56px;height:56px;'
            f'border-radius:12px;background:{look.brand.paper};">\n{hide("{% endif %}")}</td>\n'
            f'<td valign="top" style="padding:12px 0;font-family:{SANS};line-height:1.4;">\n{hide("{% if offer.url != blank %}")}'
            f'<a href="{hide("{{ offer.url }}")}" {name}</a>\n{hide("{% else %}")}<span {name}</span>\n{hide("{% endif %}")}'
            f'<div class="muted" style="color:#5b6a62;font-size:14px;">\n{hide("{{ offer.reason }}")}\n</div>\n'
            f'{hide("{% if offer.benefit != blank %}")}<div style="padding-top:6px;">\n<span class="pill" style="display:inline-block;'
            f"background:{look.brand.accent};color:{look.accent_ink};font-size:13px;font-weight:700;line-height:1.3;padding:3px 10px;"
            f'border-radius:12px;">\n{hide("{{ offer.benefit }}")}\n</span></div>\n{hide("{% endif %}")}</td>\n</tr>\n'
        )
        empty = f'<tr>\n<td class="muted" style="padding:8px 0;font-family:{SANS};font-size:15px;line-height:1.55;color:#5b6a62;">{look.text(value["fallback"])}</td>\n</tr>\n'
        loop = "{% for offer in " + slot + " %}"
        table = f'<mj-table padding="0 32px 12px" cellpadding="0" cellspacing="0" width="100%">\n{hide(loop)}{row}{hide("{% else %}")}{empty}{hide("{% endfor %}")}</mj-table>'
        return _card(heading + table, padding="0 0 8px")

    def lines(self, value, look):
        link = look.address("{{ offer.url }}")
        loop = (
            "{% for offer in " + value["slot"] + " %}"
            "- {{ offer.name }}{% if offer.benefit != blank %} ({{ offer.benefit }}){% endif %}\n"
            "{% if offer.reason != blank %}  {{ offer.reason }}\n{% endif %}"
            "{% if offer.url != blank %}  " + link + "\n{% endif %}"
            "{% else %}" + value["fallback"].strip() + "\n{% endfor %}"
        )
        heading = value["heading"] + "\n" if value.get("heading") else ""
        return [heading + loop + CLOSED]


class PointsBlock(EmailBlock):
    """The member's balance, tier, way to the next tier, and what expires next."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    shows_tier = blocks.BooleanBlock(required=False, default=True, label=gettext_lazy("Show tier and progress"))
    shows_expiry = blocks.BooleanBlock(required=False, default=True, label=gettext_lazy("Show points that expire"))

    class Meta:
        icon = "success"
        label = gettext_lazy("Points balance")

    def mjml(self, value, look):
        hide = look.vault.hide
        heading = (
            f'<div class="muted" style="font-size:14px;color:#5b6a62;padding-bottom:4px;">{look.text(value["heading"])}</div>'
            if value.get("heading")
            else ""
        )
        number = (
            f'<div class="ink" style="font-family:{SERIF};font-size:44px;line-height:1.1;color:{look.brand.primary};">{hide("{{ points | default: 0 | number }}")}\n'
            f'<span style="font-family:{SANS};font-size:16px;">{_("points")}</span></div>'
        )
        table = (
            f'<mj-table padding="20px 32px" cellpadding="0" cellspacing="0" width="100%">\n<tr>\n<td class="panel" style="background:{look.brand.paper};border-radius:16px;'
            f'padding:20px 24px;font-family:{SANS};line-height:1.5;">\n{heading}\n{number}\n'
            f"{self._tier(look) if value.get('shows_tier') else ''}{self._expiry(look) if value.get('shows_expiry') else ''}</td>\n</tr>\n</mj-table>"
        )
        return _card(table, padding="0")

    def _tier(self, look):
        hide = look.vault.hide
        chip = (
            f'{hide("{% if tier != blank %}")}<div style="padding-top:8px;"><span class="chip" style="display:inline-block;background:{look.brand.primary};color:#ffffff;font-size:13px;font-weight:700;'
            f'padding:3px 12px;border-radius:12px;">\n{hide("{{ tier }}")}\n</span></div>\n{hide("{% endif %}")}'
        )
        bar = (
            f'{hide("{% if next_tier != blank and points_to_next_tier > 0 %}")}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:14px 0 6px;">'
            f'<tr><td class="track" style="background:#ddd6c6;border-radius:6px;font-size:0;line-height:0;" height="8">'
            f'<div class="bar" style="background:{look.brand.accent};border-radius:6px;height:8px;width:{hide("{{ tier_progress | default: 0 }}")}%;font-size:0;line-height:0;">&nbsp;</div></td></tr></table>\n'
            f'<div class="muted" style="font-size:14px;color:#5b6a62;">{look.text(self._progress_source())}</div>\n{hide("{% endif %}")}'
        )
        return chip + bar

    @staticmethod
    def _progress_source():
        return _("%(points)s more points to %(tier)s") % {
            "points": "{{ points_to_next_tier | number }}",
            "tier": "{{ next_tier }}",
        }

    @staticmethod
    def _expiry_words():
        return _("%(points)s points expire on %(day)s") % {
            "points": "{{ expiring_points | number }}",
            "day": "{{ expiring_on }}",
        }

    def _expiry(self, look):
        hide = look.vault.hide
        return (
            f'{hide("{% if expiring_points > 0 and expiring_on != blank %}")}<div class="ink" style="font-size:14px;padding-top:10px;color:#22302a;">'
            f"{look.text(self._expiry_words())}</div>\n{hide('{% endif %}')}"
        )

    def lines(self, value, look):
        rows = f"{value['heading']}\n" if value.get("heading") else ""
        rows += "{{ points | default: 0 | number }} " + _("points")
        if value.get("shows_tier"):
            rows += " {% if tier != blank %}· {{ tier }}{% endif %}\n"
            words = self._progress_source()
            rows += "{% if next_tier != blank and points_to_next_tier > 0 %}" + words + "\n{% endif %}"
        else:
            rows += "\n"
        if value.get("shows_expiry"):
            rows += "{% if expiring_points > 0 and expiring_on != blank %}" + self._expiry_words() + "\n{% endif %}"
        return [rows + CLOSED]


class FooterBlock(EmailBlock):
    """What the law and good manners ask for. No e-mail is sent without it."""

    why = blocks.TextBlock(
        label=gettext_lazy("Why the member gets this"),
        help_text=gettext_lazy("One sentence, for example: You get this because you joined and said yes to e-mails."),
    )

    class Meta:
        icon = "info-circle"
        label = gettext_lazy("Legal footer")

    def mjml(self, value, look):
        hide, brand = look.vault.hide, look.brand
        style = 'class="muted" style="color:#5b6a62;text-decoration:underline;"'
        links = " &nbsp;·&nbsp; ".join(
            f'<a href="{hide(url)}" {style}>{words}</a>'
            for url, words in (
                ("{{ unsubscribe_url }}", _("Unsubscribe")),
                ("{{ view_online_url }}", _("View online")),
                ("{{ portal_url }}preferences/", _("Preferences")),
            )
        )
        return (
            '<mj-section css-class="foot" padding="20px 0 32px"><mj-column>'
            f'<mj-text css-class="muted" align="center" font-size="13px" line-height="1.6" color="#5b6a62" padding="4px 32px">{look.text(value["why"])}</mj-text>'
            f'<mj-text css-class="muted" align="center" font-size="13px" line-height="1.6" color="#5b6a62" padding="4px 32px">{links}</mj-text>'
            f'<mj-text css-class="muted" align="center" font-size="13px" line-height="1.6" color="#5b6a62" padding="4px 32px">{look.text(brand.name)}<br>{look.text(brand.postal_address)}</mj-text>'
            "</mj-column></mj-section>"
        )

    def lines(self, value, look):
        return [
            "-- ",
            value["why"],
            f"{_('Unsubscribe')}: {{{{ unsubscribe_url }}}}\n{_('View online')}: {{{{ view_online_url }}}}\n{_('Preferences')}: "
            + look.address("{{ portal_url }}preferences/"),
            f"{look.brand.name}\n{look.brand.postal_address}",
        ]


class BodyBlock(blocks.StreamBlock):
    hero = HeroBlock()
    text = TextBlock()
    image = ImageBlock()
    button = ButtonBlock()
    divider = DividerBlock()
    offers = OffersBlock()
    points = PointsBlock()
    footer = FooterBlock()

    class Meta:
        block_counts = {"footer": {"max_num": 1}}
