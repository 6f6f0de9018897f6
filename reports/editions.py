"""Frozen monthly editions: made by the clockwork, each once."""

from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import translation

from reports.letters import local
from reports.models import Edition
from reports.panels import PANELS, read


def month_before(at: datetime) -> date:
    """The first day of the last month that is over."""
    return (local(at).date().replace(day=1) - timedelta(days=1)).replace(day=1)


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
