"""The analyst's page of what the programme owes, and its figures for the books."""

from datetime import datetime
from typing import NamedTuple

from babel.numbers import get_currency_precision
from django.http import Http404
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty import liability as books
from members import clock
from members.access import Role, has_role, staff_only
from reports import charts, exports, owed
from reports.waiting import begin, patient

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER, Role.STORE_MANAGER)

COHORT_HEADER = [
    "currency", "earned_in", "available_points", "pending_points", "held_points", "expired_not_posted", "points_owed",
    "money", "minor_per_1000_points", "liability_minor", "breakage_share", "breakage_low", "breakage_high",
    "breakage_minor", "net_liability_minor",
]  # fmt: skip
MONTH_HEADER = ["currency", "month", "opening", "issued", "redeemed", "expired", "cancelled", "owed_more", "closing"]


class Asked(NamedTuple):
    """The currency a page is about and all there are, what is owed in it and its months; `day` as the address names it, or empty."""

    currency: books.Currency
    known: list[books.Currency]
    owed: books.Liability
    months: list[books.Month]
    day: str


def asked(request) -> Asked:
    """What the address asks for: as of now unless it names a day that is past."""
    known = books.currencies()
    code = request.GET.get("currency", "points")
    chosen = next((one for one in known if one.code == code), None)
    if chosen is None:
        raise Http404(_("There is no such currency."))
    now, ends = clock.now(), _end_of_day(request.GET.get("day", ""))
    is_past = ends is not None and ends < now
    found, months = (
        owed.read(chosen, at=now, day=ends.date().isoformat(), moment=ends, begin=begin)
        if is_past
        else owed.read(chosen, at=now, begin=begin)
    )
    return Asked(chosen, known, found, months, request.GET.get("day", ""))


def _end_of_day(said: str) -> datetime | None:
    """The last moment of the programme's day that was asked for; None where none was."""
    try:
        day = parse_date(said)
    except ValueError:
        day = None
    if day is None:
        return None
    return owed.end_of_day(day)


@readers
@require_GET
@patient
def liability(request):
    """Points and money owed by the month they were earned in, with breakage and its doubt, and each month's movements."""
    currency, known, found, months, day = asked(request)
    is_guest = not has_role(request.user, Role.ANALYST, Role.MARKETER, Role.APPROVER)  # of this one page
    context = {
        "at": found.at,
        "currencies": known,
        "currency": currency,
        "day": day,
        "is_guest": is_guest,
    }
    context |= {"owed": found, "chart": _chart(found), "months": months[::-1], "is_equal": _is_equal(found, months)}
    return render(request, "reports/liability.html", context)


def _is_equal(owed, months) -> bool:
    return not owed.difference and (months[-1].closing if months else 0) == owed.ledger_points


def _chart(owed) -> str:
    if not owed.cohorts:
        return ""
    expected, unclaimed = _("Expected to be claimed"), _("Expected never to be claimed")
    if owed.why_unknown:
        expected = _("Owed, breakage unknown")
    unit = 10 ** get_currency_precision(owed.value.money) if owed.value else 1
    rows = []
    for cohort in owed.cohorts:
        net, gone = (cohort.net_minor, cohort.breakage_minor or 0) if owed.value else (cohort.points, 0)
        month = cohort.month.isoformat()
        rows += [
            {"month": month, "kind": expected, "value": net / unit, "place": 0},
            {"month": month, "kind": unclaimed, "value": gone / unit, "place": 1},
        ]
    title = owed.value.money if owed.value else _("Points")
    kinds = (expected,) if owed.why_unknown else (expected, unclaimed)
    rows = [row for row in rows if row["kind"] in kinds]
    return charts.stacked_months(rows, title=title, label=_("What is owed by month of earning"), kinds=kinds)


@readers
@require_GET
@patient
def liability_csv(request):
    """Cohorts with control totals: the sum of the rows, the ledger's own figure, and their difference, which is 0."""
    found = asked(request).owed
    value = [found.value.money, found.value.minor_per_1000] if found.value else ["", ""]
    rows = [
        [
            found.currency, c.month.isoformat(), c.available, c.pending, c.held, c.expired_not_posted, c.points, *value,
            c.minor, *_shares(c.breakage), c.breakage_minor, c.net_minor,
        ]
        for c in found.cohorts
    ]  # fmt: skip
    total = [sum(column) for column in zip(*(row[2:7] for row in rows), strict=True)] or [0] * 5
    money = [found.minor, *_shares(found.breakage), found.breakage_minor, found.net_minor]
    rows += [
        [found.currency, "TOTAL", *total, *value, *money],
        [found.currency, "LEDGER", *[""] * 4, found.ledger_points],
        [found.currency, "DIFFERENCE", *[""] * 4, found.difference],
        [found.currency, "OWED BY MEMBERS", *[""] * 4, found.debt],
        [found.currency, "AS OF", found.at.isoformat()],
        *([[found.currency, "BREAKAGE UNKNOWN", found.why_unknown]] if found.why_unknown else []),
    ]
    return exports.csv_response(f"liability-{found.currency.replace(':', '-')}.csv", COHORT_HEADER, rows)


def _shares(estimate) -> list:
    return ["" if one is None else round(one, 6) for one in (estimate.share, estimate.low, estimate.high)]


@readers
@require_GET
@patient
def movements_csv(request):
    """Each month's movements with control totals: the sums, and the ledger's closing figure."""
    currency, _known, found, months, _day = asked(request)
    rows = [
        [
            currency.code,
            m.month.isoformat(),
            m.opening,
            m.issued,
            m.redeemed,
            m.expired,
            m.cancelled,
            m.owed_more,
            m.closing,
        ]
        for m in months
    ]
    total = [sum(column) for column in zip(*(row[3:8] for row in rows), strict=True)] or [0] * 5
    closing = months[-1].closing if months else 0
    rows += [
        [currency.code, "TOTAL", 0, *total, closing],
        [currency.code, "LEDGER", *[""] * 6, found.ledger_points],
        [currency.code, "DIFFERENCE", *[""] * 6, closing - found.ledger_points],
    ]
    return exports.csv_response(f"movements-{currency.code.replace(':', '-')}.csv", MONTH_HEADER, rows)
