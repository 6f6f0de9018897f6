"""Freezing: what a marketer wrote becomes what members get, once, for ever."""

import hashlib
import json

from django.db import transaction
from django.utils.translation import gettext as _
from liquid.exceptions import LiquidError

from emails import brand as brands
from emails import enclosures
from emails.blocks import Look
from emails.checks import Problem, problems
from emails.compiling import Source, compile_source
from emails.fields import is_known, prepare
from emails.models import EmailTemplate, FrozenEmail
from emails.raw_mjml import BadMjml
from emails.segments import CannotBeFast, program
from emails.templating import parse


class CannotFreeze(Exception):
    """The template has errors that would reach members; `problems` lists them, each with its remedy."""

    def __init__(self, found: list[Problem]):
        super().__init__(" ".join(str(problem.message) for problem in found))
        self.problems = found


def look_for(*, language: str, site_url: str) -> Look:
    return Look(brand=brands.current(site_url=site_url), language=language, site_url=site_url)


def build(*, template: EmailTemplate, language: str, site_url: str, is_tracked: bool = True) -> FrozenEmail:
    """The frozen e-mail, not yet saved. Previews and the lint use it as it is."""
    look = look_for(language=language, site_url=site_url)
    source = compile_source(template, look, is_tracked=is_tracked)
    constants = {"shop_name": look.brand.name, "shop_url": look.brand.shop_url, "portal_url": f"{site_url}/portal/"}
    if needed := enclosures.needs(template):
        constants[enclosures.NEEDS] = needed.frozen()
    segments, notice = _segments(source)
    frozen = FrozenEmail(
        template=template,
        revision_id=template.live_revision_id,
        language=language,
        subject=source.subject,
        html=source.html,
        text=source.text,
        program=segments,
        links=source.links,
        fields=names_used(source),
        constants=constants,
        is_fast=segments is not None,
        notice=notice,
        size_bytes=len(source.html.encode()),
    )
    frozen.content_hash = _hash(frozen)
    return frozen


def _segments(source: Source) -> tuple[dict | None, str]:
    try:
        return {
            "subject": program(parse(source.subject, is_html=False), encoded=False),
            "text": program(parse(source.text, is_html=False), encoded=True),
            "html": program(parse(source.html, is_html=True), encoded=True),
        }, ""
    except CannotBeFast as reason:
        return None, (_("Sent by the slow renderer, because of %(what)s.") % {"what": reason})[:300]


def names_used(source: Source) -> list[str]:
    """The fields this e-mail names, for whoever collects the values."""
    names = {
        str(name)
        for text, is_html in ((source.subject, False), (source.html, True), (source.text, False))
        for name in parse(text, is_html=is_html).analyze().globals
    }
    names |= {link["each"] for link in source.links if link["each"]}
    return sorted(name for name in names if is_known(name))


def _hash(frozen: FrozenEmail) -> str:
    what = [
        frozen.template_id, frozen.language, frozen.subject, frozen.html, frozen.text, frozen.program, frozen.links,
        frozen.constants,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def freeze(*, template: EmailTemplate, language: str, site_url: str) -> FrozenEmail:
    """Freeze the template's published text in this language. The same text gives the same row. Raises `CannotFreeze`."""
    template = template.in_language(language)
    errors = [problem for problem in problems(template, site_url=site_url) if problem.is_error]
    if errors:
        raise CannotFreeze(errors)
    frozen = build(template=template, language=language, site_url=site_url)
    FrozenEmail.objects.bulk_create([frozen], ignore_conflicts=True)
    return FrozenEmail.objects.get(content_hash=frozen.content_hash)


class CannotRead(Exception):
    """A draft holds Liquid or MJML that nobody can read; the message says where."""


@transaction.atomic
def freeze_test(*, template: EmailTemplate, site_url: str) -> FrozenEmail:
    """Freeze a draft for a colleague's eyes: marked [Test], its links untracked, whatever the lint says of it.

    Raises `CannotRead` for a draft that cannot be read at all.
    """
    try:
        frozen = build(template=template, language=template.language, site_url=site_url, is_tracked=False)
        mark = f"[{_('Test')}] "
        if frozen.program:
            frozen.program["subject"] = program(parse(mark + frozen.subject, is_html=False), encoded=False)
        frozen.subject = mark + frozen.subject
    except (LiquidError, BadMjml) as error:
        raise CannotRead(str(error).split("\n")[0]) from error
    frozen.content_hash = _hash(frozen)
    FrozenEmail.objects.bulk_create([frozen], ignore_conflicts=True)
    return FrozenEmail.objects.get(content_hash=frozen.content_hash)


def link_target(frozen: FrozenEmail, index: str, values: dict) -> str | None:
    """Where a tracked link leads, from what was stored when the message was made. Nothing else is ever followed."""
    number, _dash, position = index.partition("-")
    if not (number.isdecimal() and number.isascii() and int(number) < len(frozen.links)):
        return None
    link = frozen.links[int(number)]
    context = prepare(values, language=frozen.language, fixed=frozen.constants)
    if link["each"]:
        items = context[link["each"]]
        if not (position.isdecimal() and position.isascii() and int(position) < len(items)):
            return None
        context[link["as"]] = items[int(position)]
    elif position:
        return None
    url = parse(link["url"], is_html=False).render(context)
    return url if url.lower().startswith(("https://", "http://")) else None
