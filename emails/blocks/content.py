"""Blocks that say the same to everybody, apart from the fields in their words."""

from html import escape

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail import blocks
from wagtail.images.blocks import ImageChooserBlock

from emails import raw_mjml
from emails.blocks.base import (
    ALT_HELP,
    BUTTON_HELP,
    EmailBlock,
    LinkBlock,
    button,
    button_lines,
    card,
    heading,
    liquid_char,
    paragraph,
    picture,
    upper,
)
from emails.richtext import as_lines, as_safe_html


class HeroBlock(EmailBlock):
    """The opening: a picture if there is one, a headline on the brand's colour, one thing to do."""

    image = ImageChooserBlock(required=False, label=gettext_lazy("Image"))
    image_alt = liquid_char(required=False, label=gettext_lazy("Image, in words"), help_text=ALT_HELP)
    heading = liquid_char(label=gettext_lazy("Heading"))
    text = blocks.TextBlock(required=False, label=gettext_lazy("Text"))
    button_text = liquid_char(required=False, label=gettext_lazy("Button"))
    button_url = LinkBlock(required=False, label=gettext_lazy("Button leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "title"
        label = gettext_lazy("Hero")

    def mjml(self, value, look):
        ink, text = look.brand.primary_ink, value.get("text")
        shown = picture(value.get("image"), value.get("image_alt"), look, padding="0")
        words = (
            f'<mj-text color="{ink}" css-class="on-primary" font-size="17px" line-height="1.55" padding="0 32px 12px">{look.text(text)}</mj-text>'
            if text
            else ""
        )
        act = (
            button(look, value["button_text"], value["button_url"], on_primary=True) if value.get("button_text") else ""
        )
        title = (
            f'<mj-text css-class="on-primary" color="{ink}" font-family="{look.serif}" font-size="34px" line-height="1.2" padding="36px 32px 12px">'
            f'<h1 style="margin:0;font-size:inherit;font-weight:normal;line-height:inherit;">{look.text(value["heading"])}</h1></mj-text>'
        )
        body = card(title + words + act, padding="0 0 24px", background=look.brand.primary, name="hero")
        return (card(shown, padding="0", name="hero") if shown else "") + body

    def lines(self, value, look):
        return [
            upper(value["heading"]),
            *([value["text"]] if value.get("text") else []),
            *button_lines(value, look),
        ]


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

    def inner(self, value, look):
        return f'<mj-text css-class="ink" padding="20px 32px 4px">{as_safe_html(value["text"].source, look)}</mj-text>'

    def lines(self, value, look):
        return as_lines(value["text"].source, look)


class ImageBlock(EmailBlock):
    padding = "8px 0"

    image = ImageChooserBlock(label=gettext_lazy("Image"))
    alt = liquid_char(required=False, label=gettext_lazy("Image, in words"), help_text=ALT_HELP)
    url = LinkBlock(required=False, label=gettext_lazy("Leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "image"
        label = gettext_lazy("Image")

    def inner(self, value, look):
        return picture(value.get("image"), value.get("alt"), look, url=value.get("url") or "")

    def lines(self, value, look):
        words = f"[{value['alt']}]" if value.get("alt") else ""
        where = look.address(value["url"]) if value.get("url") else ""
        return [" ".join(part for part in (words, where) if part)] if words or where else []


class ButtonBlock(EmailBlock):
    padding = "0 0 12px"

    button_text = liquid_char(label=gettext_lazy("Button"))
    button_url = LinkBlock(label=gettext_lazy("Leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "link"
        label = gettext_lazy("Button")

    def inner(self, value, look):
        return button(look, value["button_text"], value["button_url"])

    def lines(self, value, look):
        return button_lines(value, look)


class DividerBlock(EmailBlock):
    class Meta:
        icon = "horizontalrule"
        label = gettext_lazy("Divider")

    def inner(self, value, look):
        return '<mj-divider css-class="rule" border-width="1px" border-color="#e3ddd0" padding="16px 32px"/>'

    def lines(self, value, look):
        return ["* * *"]


class ColumnBlock(blocks.StreamBlock):
    """What may stand in a column."""

    text = TextBlock()
    image = ImageBlock()
    button = ButtonBlock()

    class Meta:
        required = False


class ColumnsBlock(EmailBlock):
    """Two or three columns side by side; below each other on a phone."""

    first = ColumnBlock(label=gettext_lazy("First column"), min_num=1)
    second = ColumnBlock(label=gettext_lazy("Second column"), min_num=1)
    third = ColumnBlock(required=False, label=gettext_lazy("Third column"))

    class Meta:
        icon = "grip"
        label = gettext_lazy("Columns")

    @staticmethod
    def _columns(value):
        return [value[name] for name in ("first", "second", "third") if value.get(name)]

    def mjml(self, value, look):
        columns = "".join(
            "<mj-column>" + "".join(child.block.inner(child.value, look) for child in column) + "</mj-column>"
            for column in self._columns(value)
        )
        return f'<mj-section css-class="card" background-color="#ffffff" padding="0 0 8px">{columns}</mj-section>'

    def lines(self, value, look):
        return [
            line for column in self._columns(value) for child in column for line in child.block.lines(child.value, look)
        ]


class ProductBlock(blocks.StructBlock):
    """One thing on show."""

    image = ImageChooserBlock(required=False, label=gettext_lazy("Image"))
    alt = liquid_char(required=False, label=gettext_lazy("Image, in words"), help_text=ALT_HELP)
    name = liquid_char(label=pgettext_lazy("of a thing", "Name"))
    text = blocks.TextBlock(required=False, label=gettext_lazy("Text"))
    price = blocks.CharBlock(required=False, max_length=40, label=gettext_lazy("Price"))
    url = LinkBlock(required=False, label=gettext_lazy("Leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "tag"
        label = gettext_lazy("Product")


class ProductsBlock(EmailBlock):
    """Products the author picked, two beside each other; the same for everybody."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    products = blocks.ListBlock(ProductBlock(), min_num=1, max_num=8, label=gettext_lazy("Products"))

    class Meta:
        icon = "tag"
        label = gettext_lazy("Products")

    def mjml(self, value, look):
        products = list(value["products"])
        rows = [products[i : i + 2] for i in range(0, len(products), 2)]
        title = heading(look, value.get("heading"))
        return (card(title, padding="0") if title else "") + "".join(
            '<mj-section css-class="card" background-color="#ffffff" padding="0 0 8px">'
            + "".join(f'<mj-column vertical-align="top">{self._product(one, look)}</mj-column>' for one in row)
            + "</mj-section>"
            for row in rows
        )

    @staticmethod
    def _product(one, look):
        shown = picture(one.get("image"), one.get("alt"), look, url=one.get("url") or "", width=300)
        name = look.text(one["name"])
        if one.get("url"):
            name = f'<a class="ink" href="{look.attribute(one["url"])}" style="color:#22302a;text-decoration:underline;">{name}</a>'
        price = f'<br><span class="ink">{escape(one["price"])}</span>' if one.get("price") else ""
        return (
            f'{shown}<mj-text css-class="ink" font-size="17px" padding="8px 32px 0"><strong>{name}</strong>{price}</mj-text>'
            + paragraph(look, one.get("text"), padding="2px 32px 8px", name="muted")
        )

    def lines(self, value, look):
        def told(one):
            price = f" ({one['price']})" if one.get("price") else ""
            rows = [f"- {one['name']}{price}", *([f"  {one['text']}"] if one.get("text") else [])]
            return "\n".join([*rows, *([f"  {look.address(one['url'])}"] if one.get("url") else [])])

        rows = "\n".join(map(told, value["products"]))
        return [f"{value['heading']}\n{rows}" if value.get("heading") else rows]


class CouponBlock(EmailBlock):
    """One code for everybody, with its last day. A code of the member's own is the voucher block."""

    heading = liquid_char(label=gettext_lazy("Heading"))
    code = blocks.CharBlock(
        max_length=40, label=gettext_lazy("Code"), help_text=gettext_lazy("The same for everybody.")
    )
    text = blocks.TextBlock(required=False, label=gettext_lazy("Terms"))
    valid_until = blocks.DateBlock(required=False, label=gettext_lazy("Last day"))
    button_text = liquid_char(required=False, label=gettext_lazy("Button"))
    button_url = LinkBlock(required=False, label=gettext_lazy("Button leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "cut"
        label = gettext_lazy("Coupon")

    @staticmethod
    def _until(value):
        day = value.get("valid_until")
        return _("Valid until %(day)s") % {"day": date_format(day, "DATE_FORMAT")} if day else ""

    def inner(self, value, look):
        until = self._until(value)
        small = "<br>".join(part for part in (look.text(value.get("text") or ""), until) if part)
        ticket = (
            f'<mj-table padding="20px 32px 8px" cellpadding="0" cellspacing="0" width="100%">\n<tr>\n<td class="panel" align="center" '
            f'style="background:{look.brand.paper};border:2px dashed {look.brand.primary};border-radius:16px;padding:20px 24px;'
            f'font-family:{look.sans};line-height:1.5;">\n<div class="ink" style="font-size:18px;font-weight:700;color:#22302a;">{look.text(value["heading"])}</div>\n'
            f'<div class="ink" style="font-family:ui-monospace,Menlo,Consolas,monospace;font-size:28px;letter-spacing:3px;padding:8px 0;color:#22302a;">{escape(value["code"])}</div>\n'
            f'<div class="muted" style="font-size:14px;color:#5b6a62;">{small}</div>\n</td>\n</tr>\n</mj-table>'
        )
        act = (
            button(look, value["button_text"], value["button_url"], align="center") if value.get("button_text") else ""
        )
        return ticket + act

    def lines(self, value, look):
        rows = [value["heading"], f"{_('Code')}: {value['code']}", value.get("text"), self._until(value)]
        return ["\n".join(row for row in rows if row), *button_lines(value, look)]


class SocialBlock(EmailBlock):
    """Where else the shop is to be found. The addresses stand in the brand, once for all e-mails."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))

    class Meta:
        icon = "group"
        label = gettext_lazy("Social links")

    def inner(self, value, look):
        style = f'class="link" style="color:{look.brand.link};text-decoration:underline;font-weight:700;"'
        links = " &nbsp;·&nbsp; ".join(
            f'<a href="{escape(url)}" {style}>{escape(name)}</a>' for name, url in look.brand.social
        )
        words = f"{look.text(value['heading'])}<br>" if value.get("heading") else ""
        return (
            f'<mj-text css-class="ink" align="center" font-size="15px" padding="16px 32px">{words}{links}</mj-text>'
            if links
            else ""
        )

    def mjml(self, value, look):
        return super().mjml(value, look) if look.brand.social else ""

    def lines(self, value, look):
        rows = [f"{name}: {look.address(url)}" for name, url in look.brand.social]
        return ["\n".join([*([value["heading"]] if value.get("heading") else []), *rows])] if rows else []


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
        small = 'css-class="muted" align="center" font-size="13px" line-height="1.6" color="#5b6a62" padding="4px 32px"'
        return (
            '<mj-section css-class="foot" padding="20px 0 32px"><mj-column>'
            f"<mj-text {small}>{look.text(value['why'])}</mj-text><mj-text {small}>{links}</mj-text>"
            f"<mj-text {small}>{look.text(brand.name)}<br>{look.text(brand.postal_address)}</mj-text>"
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


class RawMjmlBlock(EmailBlock):
    """MJML written by hand: sections and what stands in them, nothing that runs or loads. Its words for the text part beside it."""

    mjml_source = blocks.TextBlock(
        rows=12,
        label=gettext_lazy("MJML"),
        help_text=gettext_lazy("One or more <mj-section>. Fields work as everywhere; scripts and includes do not."),
    )
    text = blocks.TextBlock(
        label=gettext_lazy("The same in plain text"), help_text=gettext_lazy("For readers whose mail shows no HTML.")
    )

    class Meta:
        icon = "code"
        label = gettext_lazy("MJML (for experts)")

    def mjml(self, value, look):
        return raw_mjml.safe(look.vault.hide(value["mjml_source"]))

    def lines(self, value, look):
        return [value["text"]]
