"""The report by mail: a person's own first page, frozen when it is due and handed to the outbox in the same transaction.

So a worker that dies has sent nothing or handed it over once, and what was mailed can be read again.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from delivery import contents
from delivery import operations as outbox
from emails import notices
from members.access import Role, has_role
from members.models import User
from reports import exports, figures
from reports.models import Mailing, ReportLetter
from reports.templatetags.report_cells import told_lines

LINES_MOST = 12


def local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE))


def next_due(every: str, *, at: datetime) -> datetime:
    """Seven in the morning, the programme's time, of the next day, Monday or first of the month."""
    day = local(at).date() + timedelta(days=1)
    while (every == Mailing.Every.WEEK and day.weekday()) or (every == Mailing.Every.MONTH and day.day != 1):
        day += timedelta(days=1)
    return datetime.combine(day, time(7), tzinfo=ZoneInfo(settings.TIME_ZONE))


def send_due(*, at: datetime) -> int:
    """Hand every report that is due to the outbox, for readers who may still read it; how many. Repeatable."""
    due = list(Mailing.objects.filter(due_at__lte=at).order_by("pk").values_list("pk", flat=True))
    return sum(_send(pk, at) for pk in due)


@transaction.atomic
def _send(pk: int, at: datetime) -> int:
    row = Mailing.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    mailing = row.filter(pk=pk, due_at__lte=at).first()
    if mailing is None:
        return 0  # another worker has it
    Mailing.objects.filter(pk=pk).update(due_at=next_due(mailing.every, at=at))
    if not has_role(mailing.user, Role.ANALYST, Role.MARKETER, Role.APPROVER):
        return 0
    letter = _written(mailing.user, at)
    reader = User.objects.filter(pk=mailing.user_id).annotate(user_id=models.F("pk"))
    return outbox.enqueue(
        messages=reader, cause=f"report:{letter.pk}", channel="email", at=at, content=f"reports.ReportLetter:{letter.pk}",
        purpose="transactional",
    )  # fmt: skip


def _written(user, at: datetime) -> ReportLetter:
    """What this reader's first page says now, in their language, as they may see it."""
    language = user.language or settings.LANGUAGE_CODE
    with translation.override(language):
        sections = [_section(one["panel"], one["table"]) for one in figures.dashboard(user, at=at)]
    return ReportLetter.objects.create(user=user, as_of=at, language=language, sections=sections)


def _section(panel, table) -> dict:
    rows = [[exports.plain_cell(cell) for cell in row] for row in table.rows]
    return {
        "code": panel.code, "title": str(panel.title), "lines": told_lines(table, LINES_MOST),
        "url": f"{settings.SITE_URL}/reports/figures/{panel.code}/",
        "csv": exports.csv_bytes([column.code for column in table.columns], rows).decode(),
    }  # fmt: skip


class LetterContent:
    """How the outbox writes a report: the frozen sections in the shop's colours, each table beside them as CSV."""

    @staticmethod
    def load(pk: int) -> ReportLetter:
        found = ReportLetter.objects.filter(pk=pk).first()
        if found is None:
            raise ObjectDoesNotExist(pk)
        return found

    def writer(self, letter: ReportLetter):
        moment = local(letter.as_of)
        with translation.override(letter.language):
            title = _("Report of %(day)s") % {"day": moment.date().isoformat()}
            text = _("Your page as of %(at)s (%(zone)s). Choose what it shows, and when it comes: %(address)s") % {
                "at": date_format(moment, "DATETIME_FORMAT"), "zone": settings.TIME_ZONE,
                "address": f"{settings.SITE_URL}/reports/editions/",
            }  # fmt: skip
        sections = tuple((one["title"], tuple(one["lines"]), one["url"]) for one in letter.sections)
        tables = tuple((f"{one['code']}.csv", one["csv"].encode(), "text/csv") for one in letter.sections)

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            said = notices.Notice(
                title, text, values.get("given_name", ""), letter.language, is_automatic=True, sections=sections,
                attachments=tables,
            )  # fmt: skip
            return notices.render(said, to=to, message_id=contents.internet_name(token), date=date)

        return write

    @staticmethod
    def names(_letter) -> frozenset[str]:
        return frozenset()

    def page(self, letter, values: dict, facts) -> None:
        return None

    def target(self, letter, link: str, values: dict) -> None:
        return None
