"""Tags of the member's pages."""

import re

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal import articles

register = template.Library()

REWARD_ICONS = {
    "product": "bag", "amount": "tag", "percent": "tag", "shipping": "store", "multiply": "sparkle", "bonus": "coins",
    "gift_card": "card", "cashback": "wallet",
}  # fmt: skip
ACTS = {
    "purchase": _("Shopping"), "refund": _("Refund"), "expiry": _("Expired"), "inactivity": _("Expired"),
    "redemption": _("Points spent"), "payment": _("Paid with points"), "restored": _("Given back"), "hold": _("Set aside"),
    "release": _("No longer set aside"), "reinstated": _("Given back"), "debt_paid": _("Made up after a refund"),
    "write_off": _("Made up after a refund"), "bonus": _("Bonus"), "bonus_back": _("Bonus taken back"),
    "maturity": _("Ready to spend"), "goodwill": _("A gift from us"), "review": _("Being checked"), "gift": _("Gift"),
    "pool": _("Household"), "opening": _("Brought along"), "partner": _("From a partner"), "merge": _("Two cards made one"),
    "loaded": _("Loaded"),
}  # fmt: skip
TINTS = {"product": "plum", "multiply": "marigold", "bonus": "marigold", "gift_card": "sky", "cashback": "sky"}


@register.simple_tag
def footer_menu():
    """Terms, privacy: what stands at the foot of every page."""
    return articles.in_footer()


@register.simple_tag
def part_of_page(page: str):
    """What the shop wrote for the top of this page."""
    return articles.part_of(page)


@register.filter
def columns(value) -> list:
    return [value[name] for name in ("first", "second", "third") if value.get(name)]


_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@register.filter
def plain_words(text: str) -> str:
    """A block's words on a page: pages know no fields, which only messages fill in."""
    return " ".join(_LIQUID.sub("", text or "").split())


@register.filter
def portal_address(url: str) -> str:
    """Where a block's link leads from a page; `{{ portal_url }}` is the home page, as in a message."""
    own = re.fullmatch(r"\{\{\s*portal_url\s*\}\}([\w/?=&#.-]*)", (url or "").strip())
    if own:
        return reverse("portal:home") + own[1]
    return url if re.match(r"(?:https?://|mailto:|tel:|/(?!/))", url or "", re.IGNORECASE) else "#"


@register.filter
def act_name(reason: str) -> str:
    """What an act of the ledger is called on a member's page."""
    return ACTS.get(reason, _("Correction"))


@register.filter
def reward_icon(kind: str) -> str:
    return REWARD_ICONS.get(kind, "gift")


@register.filter
def reward_tint(kind: str) -> str:
    return TINTS.get(kind, "pine")


@register.filter
def category_icon(name: str) -> str:
    """The sprite's name of a category's icon."""
    return f"cat-{name}"


@register.simple_tag
def icon_url(name: str) -> str:
    """An icon's address within the sprite, for drawings that place it themselves."""
    return f"{static('design/icons.svg')}#{name}"


@register.filter
def places(number: int) -> range:
    """1 … number: the places of a card for stamps."""
    return range(1, number + 1)
