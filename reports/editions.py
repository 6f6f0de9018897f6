"""Frozen monthly editions and reports by mail: made by the clockwork, each once."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from members.access import Role, has_role
from reports import exports, figures
from reports.models import Edition, Mailing
from reports.panels import PANELS, read


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(settings.TIME_ZONE))


def month_before(at: datetime) -> date:
    """The first day of the last month that is over."""
    return (_local(at).date().replace(day=1) - timedelta(days=1)).replace(day=1)


def make_edition(*, at: datetime) -> Edition | None:
    """Freeze the month that ended, once; None when it is frozen already. Names stay in English, the source of all words."""
    month = month_before(at)
    if Edition.objects.filter(month=month).exists():
        return None
    with translation.override("en"):
        tables = {code: read(panel, at=at) for code, panel in PANELS.items()}
        held = {
            code: {"title": str(PANELS[code].title), "definition": str(PANELS[code].definition)}
            | table.for_eyes(sees_persons=False).as_dict()
            for code, table in tables.items() if table
        }  # fmt: skip
    try:
        with transaction.atomic():
            return Edition.objects.create(month=month, made_at=at, panels=held)
    except IntegrityError:  # another worker froze it at the same moment
        return None


def next_due(every: str, *, at: datetime) -> datetime:
    """Seven in the morning, the programme's time, of the next day, Monday or first of the month."""
    day = _local(at).date() + timedelta(days=1)
    while (every == Mailing.Every.WEEK and day.weekday()) or (every == Mailing.Every.MONTH and day.day != 1):
        day += timedelta(days=1)
    return datetime.combine(day, time(7), tzinfo=ZoneInfo(settings.TIME_ZONE))


def send_due(*, at: datetime) -> int:
    """Mail every report that is due to its reader, if they may still read it. How many went out.

    The next time is committed before the mail leaves: a worker that dies in between costs one mail, never sends two.
    """
    sent = 0
    for pk in list(Mailing.objects.filter(due_at__lte=at).values_list("pk", flat=True)):
        with transaction.atomic():
            row = Mailing.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
            mailing = row.filter(pk=pk, due_at__lte=at).first()
            if mailing is None:
                continue
            Mailing.objects.filter(pk=pk).update(due_at=next_due(mailing.every, at=at))
        if has_role(mailing.user, Role.ANALYST, Role.MARKETER, Role.APPROVER):
            _mail(mailing.user, at)
            sent += 1
    return sent


def _mail(user, at):
    with translation.override(getattr(user, "language", "") or settings.LANGUAGE_CODE):
        panels = figures.dashboard(user, at=at)
        body = render_to_string(
            "reports/mail.txt",
            {"panels": panels, "at": _local(at), "site_url": settings.SITE_URL, "zone": settings.TIME_ZONE},
        )
        subject = _("Report of %(day)s") % {"day": _local(at).date().isoformat()}
        mail = EmailMessage(subject, body, to=[user.email])
        for one in panels:
            table = one["table"]
            rows = [[exports.plain_cell(cell) for cell in row] for row in table.rows]
            mail.attach(
                f"{one['panel'].code}.csv",
                exports.csv_bytes([c.code for c in table.columns], rows),
                "text/csv; charset=utf-8",
            )
        mail.send()
