"""Writing digests and handing them to the outbox: each reader gets each period's once, whoever runs this and however often."""

from dataclasses import asdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils import translation
from django.utils.translation import gettext as _

from delivery import contents
from delivery import operations as outbox
from delivery import queries as sent
from emails import notices
from members.access import has_role, roles_of
from members.models import User
from reports.digests.kinds import KINDS, Asked, Kind, Section, stores_for
from reports.models import DigestChoice, DigestIssue

Every = DigestChoice.Every
HOUR = 7
LENGTH = {Every.DAY: timedelta(days=1), Every.WEEK: timedelta(days=7)}
LATE = timedelta(days=1)
"""A digest that could not be made within a day after its hour is left out: the next one is nearer."""


def period_end(every: str, *, at: datetime) -> datetime:
    """Seven in the morning, the programme's time, of the last day (or Monday) that has come: a period ends then."""
    zone = ZoneInfo(settings.TIME_ZONE)
    local = at.astimezone(zone)
    day = local.date() if local.hour >= HOUR else local.date() - timedelta(days=1)
    if every == Every.WEEK:
        day -= timedelta(days=day.weekday())
    return datetime.combine(day, time(HOUR), tzinfo=zone)


def choices_of(user) -> dict[str, str]:
    """Each digest the user may take → how often they get it: their own word, else their role's usual."""
    said = dict(DigestChoice.objects.filter(user=user).values_list("kind", "every"))
    may = [kind for kind in KINDS.values() if has_role(user, *kind.roles)]
    return {kind.code: said.get(kind.code, _usual(kind, user)) for kind in may}


def _usual(kind: Kind, user) -> str:
    return Every.WEEK if roles_of(user) & {str(role) for role in kind.is_own} else Every.NEVER


def sections(kind: Kind, asked: Asked) -> list[Section]:
    """Everything the digest says, in the language that is switched on."""
    return [found for ask in kind.sections if (found := ask(asked))]


def send_due(*, at: datetime) -> int:
    """Write and enqueue what is due; how many readers get one now. Repeatable."""
    readers = (
        User.objects.filter(is_active=True, is_staff=True).exclude(email="").prefetch_related("groups").order_by("pk")
    )
    return sum(
        _send(user, code, every, at)
        for user in readers
        for code, every in choices_of(user).items()
        if every != Every.NEVER
    )


def _send(user, code: str, every: str, at) -> int:
    ends = period_end(every, at=at)
    cause = f"digest:{code}:{every}:{ends.date().isoformat()}:{user.pk}"
    if at - ends > LATE or sent.known_causes([cause]):
        return 0
    issue = _issue(KINDS[code], every, user, ends, at)
    if not issue.sections:
        return 0
    reader = User.objects.filter(pk=user.pk).annotate(user_id=models.F("pk"))
    return outbox.enqueue(
        messages=reader,
        cause=cause,
        channel="email",
        at=at,
        content=f"reports.DigestIssue:{issue.pk}",
        purpose="transactional",
    )


def _issue(kind: Kind, every: str, user, ends, at) -> DigestIssue:
    """The period's digest for the reader's stores and language, written once however many read it."""
    stores, language = stores_for(kind, user), user.language or settings.LANGUAGE_CODE
    begins = ends - LENGTH[every]
    named = {
        "kind": kind.code, "every": every, "period_begins": begins, "language": language,
        "stores": "" if stores is None else ",".join(map(str, stores)) or "0",
    }  # fmt: skip
    known = DigestIssue.objects.filter(**named).first()
    if known:
        return known
    with translation.override(language):
        told = [asdict(one) for one in sections(kind, Asked(begins, ends, stores))]
    return DigestIssue.objects.get_or_create(**named, defaults={"made_at": at, "sections": told})[0]


class DigestContent:
    """How the outbox writes a digest: the frozen sections in the shop's colours, to a colleague."""

    @staticmethod
    def load(pk: int) -> DigestIssue:
        found = DigestIssue.objects.filter(pk=pk).first()
        if found is None:
            raise ObjectDoesNotExist(pk)
        return found

    def writer(self, issue: DigestIssue):
        with translation.override(issue.language):
            title = f"{KINDS[issue.kind].title} · {issue.period_begins.date().isoformat()}"
            text = _("What happened, from %(site)s. Choose what you get, and how often: %(address)s") % {
                "site": settings.SHOP_NAME, "address": f"{settings.SITE_URL}/staff/digests/",
            }  # fmt: skip
        told = tuple((one["title"], tuple(one["lines"]), one["url"]) for one in issue.sections)

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            said = notices.Notice(
                title, text, values.get("given_name", ""), issue.language, is_automatic=True, sections=told
            )
            return notices.render(said, to=to, message_id=contents.internet_name(token), date=date)

        return write

    @staticmethod
    def names(_issue) -> frozenset[str]:
        return frozenset()

    def page(self, issue, values: dict, facts) -> None:
        return None

    def target(self, issue, link: str, values: dict) -> None:
        return None
