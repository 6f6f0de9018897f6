"""Tags of the design system: icons, form fields, money, points and dates as a reader expects them."""

import json
import re
import uuid
from functools import cache
from pathlib import Path

from babel.core import Locale
from babel.numbers import format_currency, get_currency_precision
from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import get_language

from config import modules

register = template.Library()

BABEL_LOCALES = {"zh-hans": Locale("zh", script="Hans", territory="CN"), "en": Locale("en", "US")}


@cache
def _drawn() -> frozenset[str]:
    """The icons of the sprite."""
    sprite = Path(finders.find("design/icons.svg")).read_text()
    return frozenset(re.findall(r'<symbol id="([\w-]+)"', sprite))


@register.filter
def leads_somewhere(address) -> bool:
    """Whether a link leads to a part of the house that is switched on."""
    return modules.leads_somewhere(address)


@register.simple_tag
def icon(name, size="", label=""):
    """An icon of the sprite; silent for screen readers unless it is given a label."""
    css = f"icon icon--{size}" if size else "icon"
    if name.startswith("cat-") and name not in _drawn():
        name = "cat-other"  # a category's icon is data, and may name what nobody drew
    address = f"{static('design/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, address)
    return format_html('<svg class="{}" aria-hidden="true" focusable="false"><use href="{}"/></svg>', css, address)


@register.inclusion_tag("components/field.html")
def field(bound_field, hint=""):
    """One form field: label, hint, control, error; the control names its hint and error to screen readers."""
    described = [f"{bound_field.auto_id}_hint"] if hint or bound_field.help_text else []
    described += [f"{bound_field.auto_id}_error"] if bound_field.errors else []
    attributes = {}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound_field.errors:
        attributes["aria-invalid"] = "true"
    return {
        "field": bound_field,
        "hint": hint or bound_field.help_text,
        "control": bound_field.as_widget(attrs=attributes),
        "is_check": getattr(bound_field.field.widget, "input_type", "") == "checkbox"
        and not hasattr(bound_field.field.widget, "option_template_name"),
    }


@register.filter
def money(minor, currency=None):
    """2460 → $24.60, in the reader's language; the currency is the shop's unless given."""
    if minor is None or minor == "":
        return "–"
    currency = currency or settings.CURRENCY
    amount = int(minor) / 10 ** get_currency_precision(currency)
    locale = BABEL_LOCALES.get(get_language() or "en", BABEL_LOCALES["en"])
    return format_currency(amount, currency, locale=locale).replace("-", "−")


@register.filter
def points(number):
    """1240 → 1,240; a minus sign that lines up with digits."""
    if number is None or number == "":
        return "–"
    return f"{int(number):,}".replace("-", "−")  # groups of three in both languages; Django's Chinese would make four


@register.filter
def signed(number):
    """24 → +24, -24 → −24, 0 → 0."""
    text = points(number)
    return f"+{text}" if number and int(number) > 0 else text


@register.filter
def times(percent):
    """300 → 3, 150 → 1.5: what a percent multiplies by."""
    return f"{int(percent) / 100:g}"


@register.filter
def percent(share, digits=1):
    """0.153 → 15.3%."""
    if share is None or share == "":
        return "–"
    return f"{float(share) * 100:.{int(digits)}f}%".replace("-", "−")


@register.filter
def initials(name):
    """Two letters for an avatar; one character for a Chinese name."""
    words = str(name).split()
    letters = "".join(word[0] for word in words[:2]).upper()
    return letters[:1] if letters and ord(letters[0]) > 0x2E80 else letters


@register.filter
def as_json(value):
    """A value for a data attribute; the template escapes it."""
    return json.dumps(value, default=str, ensure_ascii=False)


@register.simple_tag
def new_key():
    """A fresh name for an act, written into its form: the second press of the same button is the same act."""
    return uuid.uuid4().hex
