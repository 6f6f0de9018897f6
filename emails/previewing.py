"""Previews: the same compiler and renderer as the send, for a sample member, for one we know nothing about, or for a real one.

Who a real member is, and what their values are, only a higher floor knows: it registers itself as `source_of_values`.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from django.conf import settings
from django.http import HttpResponse
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from liquid.exceptions import LiquidError

from emails import drawing, enclosures, slow
from emails.checks import Problem, problems
from emails.facts import MessageFacts
from emails.fields import CODE, FIELDS
from emails.raw_mjml import BadMjml
from emails.styles import DARK_QUERY
from emails.templating import FALLBACK_MARKS, marks_fallbacks, parse

SAMPLE_OFFERS = {
    "buy_again": (
        ("Whole milk", "全脂牛奶", "You buy it about every nine days", "您大约每九天买一次", "2× points", "双倍积分", "milk"),
        ("Sourdough bread", "酸面包", "On your list most weekends", "您周末常买", "+50 points", "加 50 积分", "bread"),
        ("Free-range eggs", "散养鸡蛋", "Last bought three weeks ago", "上次购买在三周前", "$1.00 off", "减 $1.00", "eggs"),
    ),
    "new_for_you": (
        ("Greek yogurt", "希腊酸奶", "People who buy your muesli like it", "买同款麦片的顾客也喜欢", "3× points", "三倍积分", "yogurt"),
        ("Blood oranges", "血橙", "In season, and you like citrus", "当季水果，您喜欢柑橘类", "+80 points", "加 80 积分", "fruit"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """A template as one member would get it. Links lead where they really lead; nothing is tracked."""

    subject: str
    preheader: str
    html: str
    text: str
    problems: list[Problem]
    size_bytes: int
    is_fast: bool
    notice: str
    fallbacks: int  # how many values were missing and shown as their fallback; marked in the HTML


def sample_values(language: str, *, site_url: str = "", needs: enclosures.Needs | None = None) -> dict:
    """A member as one would wish them: every field known, and in every audience that is asked for."""
    values = {enclosures.flag(str(pk)): True for pk in (needs.audiences if needs else ())}
    values |= {name: field.sample_in(language) for name, field in FIELDS.items() if field.sample is not None}
    is_chinese = language.startswith("zh")
    site_url = site_url or settings.SITE_URL
    for slot, rows in SAMPLE_OFFERS.items():
        values[slot] = [
            {
                "name": row[is_chinese],
                "reason": row[2 + is_chinese],
                "benefit": row[4 + is_chinese],
                "icon_url": f"{site_url}{static(f'emails/samples/{row[6]}.png')}",
                "url": f"{site_url}/portal/offers/",
            }
            for row in rows
        ]
    return values


def example_facts(*, to: str = "amelia@example.com") -> MessageFacts:
    site = settings.SITE_URL
    return MessageFacts(
        message_id="<preview@larkfield.example.com>",
        to=to,
        from_=settings.MARKETING_FROM,
        date=datetime(2027, 1, 4, 9, 0, tzinfo=UTC),
        token="preview",  # noqa: S106 -- not a secret: it names no message
        link_base=f"{site}/m",
        unsubscribe_url=f"{site}/m/u/preview",
        view_online_url=f"{site}/m/v/preview",
    )


def example_context(frozen, sample: str) -> dict:
    from emails.rendering import context_of

    values = sample_values(frozen.language) if sample == "sample" else {}
    return context_of(frozen, values, message=example_facts())


def preview(template, values: dict, *, language: str = "") -> Preview:
    """Render a template, saved or not, for these values. Raises `LiquidError` where it cannot be read."""
    from emails.operations import build
    from emails.rendering import context_of

    language = language or template.language
    frozen = build(template=template, language=language, site_url=settings.SITE_URL, is_tracked=False)
    context = context_of(frozen, values, message=example_facts())
    marking = marks_fallbacks.set(True)
    try:
        html, text, subject = slow.html(frozen, context), slow.text(frozen, context), slow.subject(frozen, context)
        preheader = parse(template.preheader, is_html=False).render(context)
    finally:
        marks_fallbacks.reset(marking)
    return Preview(
        subject=_unmarked(subject),
        preheader=_unmarked(preheader),
        html=_with_qr(_highlighted(html), values.get(CODE) or ""),
        text=_unmarked(text),
        problems=problems(template, site_url=settings.SITE_URL),
        size_bytes=len(_unmarked(html).encode()),
        is_fast=frozen.is_fast,
        notice=frozen.notice,
        fallbacks=_TAGS_AND_COMMENTS.sub("", html).count(FALLBACK_MARKS[0]),
    )


_TAGS_AND_COMMENTS = re.compile(r"<head>.*?</head>|<[^>]*>", re.DOTALL)


def _unmarked(text: str) -> str:
    return text.replace(FALLBACK_MARKS[0], "").replace(FALLBACK_MARKS[1], "")


def _highlighted(html: str) -> str:
    """Fallbacks underlined where they are read; in attributes and in the head they stand as they are."""
    html = _TAGS_AND_COMMENTS.sub(lambda m: _unmarked(m.group()), html)
    opening = '<span style="border-bottom:2px dotted #d9822b;" title="{}">'.format(
        escape(_("Fallback: the value is missing"))
    )
    return html.replace(FALLBACK_MARKS[0], opening).replace(FALLBACK_MARKS[1], "</span>")


def _with_qr(html: str, code: str) -> str:
    """A preview has no message whose code could be fetched: the picture comes along."""
    address = f"{example_facts().click_base}qr.png"
    if not code or address not in html:
        return html
    return html.replace(address, f"data:image/png;base64,{b64encode(drawing.qr_png(code)).decode()}")


# -- Wagtail's preview panel -------------------------------------------------------------------------------------------

MODES = [
    ("sample", gettext_lazy("Sample member")),
    ("empty", gettext_lazy("A member we know nothing about")),
    ("member", gettext_lazy("The member chosen in the preview studio")),
    ("dark", gettext_lazy("Sample member, dark mode")),
    ("text", gettext_lazy("Plain text")),
]

_source_of_values: list[Callable] = []


def source_of_values(function: Callable) -> Callable:
    """Decorator: `function(request, language, needs) -> dict | None` gives the values of the member chosen in this session."""
    _source_of_values[:] = [function]
    return function


def _values_for(request, mode: str, template) -> dict:
    if mode == "empty":
        return {}
    language, needs = template.language, enclosures.needs(template)
    author = getattr(request, "author_request", request)
    if mode == "member" and _source_of_values and hasattr(author, "session"):
        values = _source_of_values[0](author, language, needs)
        if values is not None:
            return values
    return sample_values(language, needs=needs)


def in_the_dark(html: str) -> str:
    """The same e-mail as a client in dark mode shows it."""
    return html.replace(DARK_QUERY, "@media all")


def as_page(shown: Preview, mode: str) -> str:
    """One HTML page for a frame: the e-mail itself, or its text part."""
    if mode == "text":
        subject = escape(_("Subject: %(subject)s") % {"subject": shown.subject})
        return (
            '<!doctype html><meta charset="utf-8"><body style="margin:0;background:#fff;color:#222;">'
            '<pre style="font:15px/1.6 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;max-width:640px;margin:0 auto;padding:24px;">'
            f"{subject}\n\n{escape(shown.text)}</pre>"
        )
    return in_the_dark(shown.html) if mode == "dark" else shown.html


def serve(request, template, mode: str) -> HttpResponse:
    """What Wagtail shows beside the editor while an author types."""
    mode = mode or "sample"
    try:
        shown = preview(template, _values_for(request, mode, template))
    except (LiquidError, BadMjml) as error:
        reason = escape(str(error).split("\n")[0])
        return HttpResponse(
            f'<!doctype html><meta charset="utf-8"><p style="font:16px sans-serif;padding:24px">{reason}</p>'
        )
    return HttpResponse(as_page(shown, mode))
