"""From a month of the liability to the members who are owed it: as a figure's rows lead to theirs."""

from datetime import date, datetime
from functools import partial

from django.http import Http404
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty import liability as books
from reports import behind, readings
from reports.figures import sees_persons
from reports.liability import asked, readers
from reports.panels.tables import SMALL
from reports.waiting import begin, patient


@readers
@require_GET
@patient
def of_month(request, month):
    """The members who are owed points that they earned in one month; a group of under ten is closed to who may not open members."""
    found = asked(request)
    cohort = next((one for one in found.owed.cohorts if one.month.isoformat() == month and one.points), None)
    if cohort is None:
        raise Http404(_("There is no such figure."))
    question = _question(found.currency.code, cohort.month, found.owed.at)
    listed = behind.still_there(readings.read(question, at=found.owed.at, begin=begin).value)
    is_hidden = 0 < listed.count < SMALL and not sees_persons(request.user)
    query = urlencode({"currency": found.currency.code, "day": found.day})
    return behind.show(
        request, behind.Listed([], 0) if is_hidden else listed, is_hidden=is_hidden, at=found.owed.at,
        where=[(_("Earned in"), date_format(cohort.month, "YEAR_MONTH_FORMAT")), (_("Points owed"), f"{cohort.points:,}")],
        back=(f"{reverse('reports:liability')}?{query}", _("Liability")),
    )  # fmt: skip


def _question(code: str, month: date, moment: datetime) -> readings.Question:
    name = f"holders:{code} {month.isoformat()} {moment.isoformat()}"
    return readings.Question(name, partial(_ask, code, month, moment), is_settled=True)


def _ask(code: str, month: date, moment: datetime, _at) -> list[list]:
    currency = books.Currency.objects.get(code=code)
    return behind.listed(*books.holders(currency=currency, month=month, at=moment), at=moment)


def _named(rest: str) -> readings.Question | None:
    code, month, moment = rest.split(" ")
    if not books.Currency.objects.filter(code=code).exists():
        return None
    return _question(code, date.fromisoformat(month), datetime.fromisoformat(moment))


readings.KINDS["holders"] = _named
