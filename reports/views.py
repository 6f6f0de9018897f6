"""The analyst's pages. They read frozen reports and programme figures, and change nothing."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import programme_lift, verdicts
from campaigns import queries as campaigns
from campaigns.models import Campaign
from care import queries as care
from experiments import queries as experimented
from loyalty import liability as books
from members import clock
from members.access import Role, staff_only
from recommender import operations as recommender
from reports import definitions, exports, figures, lift, live, owed, programme, readings
from reports.panels import PANELS, read
from reports.waiting import begin, patient

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)


@readers
@require_GET
@patient
def overview(request):
    """The programme in tiles, then the panels this person arranged, each with its definition and the moment it was read."""
    at = clock.now()
    panels = figures.dashboard(request.user, at=at, begin=begin)
    tiles = readings.read(programme.TILES, at=at, begin=begin)
    context = {
        "at": at,
        "zone": settings.TIME_ZONE,
        "live": live.told(at),
        "tiles": tiles.value,
        "tiles_at": tiles.at,
        "definitions": definitions.TILES,
        "owed": _owed(at),
        "satisfaction": _satisfaction(at),
        "lift": _programme_lift(),
        "panels": panels,
        "history": programme.history(),
        "measured": campaigns.programme().filter(status=Campaign.Status.MEASURED).count(),
    }
    return render(request, "reports/overview.html", context)


def _owed(at):
    """What is owed for points, with breakage; None before the first wallet."""
    points = next((one for one in books.currencies() if one.code == "points"), None)
    return owed.read(points, at=at, begin=begin)[0] if points else None


def _satisfaction(at):
    """Net promoter score and satisfaction of the last 91 days; None while nobody answered."""
    since = at - timedelta(days=91)
    return {"nps": care.nps(start=since, end=at), "csat": care.csat(start=since, end=at)}


def _programme_lift() -> dict | None:
    last = programme_lift.latest()
    if last is None:
        return None
    first = verdicts.primary_of(last.figures)
    if last.figures["sample_ratio"]["verdict"] == "red" or not first or first.get("cannot"):
        return {"as_of": last.as_of, "verdict": verdicts.of(lift.Read(last.figures))}
    currency, ends = last.figures["currency"], verdicts.shown(first, last.figures)
    told = [lift.unbroken(verdicts.money(value, currency, is_signed=True)) for value in (first["absolute"], *ends)]
    return {
        "as_of": last.as_of,
        "size": told[0],
        "low": told[1],
        "high": told[2],
        "verdict": verdicts.of(lift.Read(last.figures)),
    }


@readers
@require_GET
def programme_page(request):
    """What all of marketing changed, as last read, in the shape of every lift report; and each day's reading."""
    last, at = programme_lift.latest(), clock.now()
    context = {"last": last, "at": at, "period": experimented.control_at(at)}
    if last:
        context |= lift.context(last.figures) | {
            "verdict": verdicts.of(lift.Read(last.figures)),
            "days": figures.drawn(PANELS["programme_lift"], request.user, at=at),
        }
    return render(request, "reports/programme.html", context)


@readers
@require_GET
@patient
def weeks_csv(request):
    table = read(PANELS["weeks"], at=clock.now(), begin=begin)
    rows = ([week.isoformat(), *told] for week, *told in table.rows) if table else ()
    return exports.csv_response("sales-per-week.csv", ["week", "total_minor", "purchases", "members"], rows)


def _last_of(campaign):
    """The final report among those that were loaded, or else the latest early look."""
    return max(campaign.reports.all(), key=lambda one: (one.is_final, one.as_of), default=None)


def listed():
    """Every campaign that went out, its last report, and what that says; a series says what its dates say together."""
    rows = campaigns.campaigns().exclude(status__in=[Campaign.Status.DRAFT, Campaign.Status.SCHEDULED])
    for campaign in rows.exclude(kind=Campaign.Kind.HISTORICAL):
        report = _last_of(campaign)
        if campaign.timing == Campaign.Timing.RECURRING:
            pooled, _broken = campaigns.pooled(campaign)
            yield campaign, None, verdicts.of_series(pooled) if pooled else None
        else:
            yield campaign, report, verdicts.of(report) if report else None


@readers
@require_GET
def campaign_list(request):
    return render(request, "reports/campaign_list.html", {"rows": list(listed())})


@readers
@require_GET
def campaigns_csv(request):
    header = ["campaign", "kind", "status", "launched_at", "audience", "is_final", "verdict"]
    rows = (
        [
            campaign.name, campaign.kind, campaign.status, campaign.launched_at and campaign.launched_at.isoformat(),
            campaign.audience_size, report.is_final if report else "", verdict.sentence if verdict else "",
        ]
        for campaign, report, verdict in listed()
    )  # fmt: skip
    return exports.csv_response("campaigns.csv", header, rows)


def _report(pk):
    campaign = get_object_or_404(Campaign.objects.select_related("audience"), pk=pk)
    return campaign, campaigns.latest_report(campaign)


@readers
@require_GET
def campaign(request, pk):
    """One campaign's lift report, or why there is none."""
    found, report = _report(pk)
    if found.timing == Campaign.Timing.RECURRING:
        return _series(request, found)
    learning = getattr(found, "learning", None)
    context = {
        "campaign": found,
        "report": report,
        "learning": learning and (recommender.lesson_of(found.cause) or learning),
    }
    if report:
        told = report.figures
        context |= lift.context(told) | {
            "verdict": verdicts.of(report),
            "histogram_chart": lift.histogram_chart(told),
            "histogram": lift.histogram_rows(told),
            "truth": lift.truth(told),
            "attributed": told.get("attributed"),
        }
    return render(request, "reports/campaign.html", context)


def _series(request, found):
    """All dates of a series as one, and each by itself."""
    pooled, broken = campaigns.pooled(found)
    dates = campaigns.campaigns().filter(series=found).order_by("-occurs_on", "-pk")
    rows = []
    for one in dates:
        report = _last_of(one)
        rows.append((one, report, verdicts.of(report) if report else None))
    context = {
        "campaign": found, "pooled": pooled, "broken": broken, "verdict": verdicts.of_series(pooled) if pooled else None,
        "rows": rows,
    }  # fmt: skip
    return render(request, "reports/series.html", context)


@readers
@require_GET
def campaign_csv(request, pk):
    _found, report = _report(pk)
    if report is None:
        raise Http404(_("This campaign has no report yet."))
    return exports.csv_response(f"campaign-{pk}.csv", lift.CSV_HEADER, lift.csv_rows(lift.published(report.figures)))


@readers
@require_GET
def campaign_json(request, pk):
    """The frozen figures themselves, as they were read: what the page and the CSV are made of."""
    found, report = _report(pk)
    if report is None:
        raise Http404(_("This campaign has no report yet."))
    told = {
        "campaign": found.name,
        "as_of": report.as_of.isoformat(),
        "zone": settings.TIME_ZONE,
        "is_final": report.is_final,
    }
    return JsonResponse(told | {"figures": lift.published(report.figures)})
