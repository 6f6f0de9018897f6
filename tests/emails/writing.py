"""E-mails written in a line, without a database."""

import itertools
from types import SimpleNamespace

from wagtail.models import Locale

from emails import compiling, operations
from emails.blocks import Look
from emails.brand import Brand
from emails.models import EmailTemplate

BRAND = Brand(
    name="Larkfield & Sons", tagline="Good food", shop_url="https://shop.example.com/", postal_address="1 Lane",
    primary="#1d5c3f", accent="#f4b740", paper="#f5f1e8",
)  # fmt: skip
FOOTER = ("footer", {"why": "Because you joined."})


def email(*blocks, subject="Hello", preheader="Read me", language="en") -> EmailTemplate:
    """An unsaved template of these (type, value) blocks."""
    stream = EmailTemplate._meta.get_field("body").stream_block
    body = stream.to_python([{"type": kind, "value": value, "id": f"b{i}"} for i, (kind, value) in enumerate(blocks)])
    template = EmailTemplate(name="t", subject=subject, preheader=preheader, body=body)
    template._state.fields_cache["locale"] = Locale(language_code=language)
    return template


def text(html: str):
    return ("text", {"text": html})


_SERIAL = itertools.count(1)  # renderers keep what they compiled by this hash: no two may be equal


def frozen(template, *, is_tracked=True):
    """As `operations.build`, with a brand of the test's own instead of the database's."""
    look = Look(brand=BRAND, language=template.language, site_url="https://regulars.example.com")
    source = compiling.compile_source(template, look, is_tracked=is_tracked)
    segments, notice = operations._segments(source)
    return SimpleNamespace(
        subject=source.subject, html=source.html, text=source.text, links=source.links, program=segments, notice=notice,
        is_fast=segments is not None, language=template.language, content_hash=f"{next(_SERIAL):064x}",
        constants={"shop_name": BRAND.name, "shop_url": BRAND.shop_url, "portal_url": "https://regulars.example.com/portal/"},
    )  # fmt: skip
