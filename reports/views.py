"""The analyst's pages. They read frozen reports and programme figures, and change nothing."""

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import queries as campaigns
from campaigns import verdicts
from campaigns.models import Campaign
from loyalty import queries as loyalty
from members import clock
from members.access import Role, staff_only
from members.models import Member
from reports import charts, exports, lift, programme

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)


@readers
@require_GET
def overview(request):
    """Members, sales and points on one page, each with its definition and the moment it was read."""
    at = clock.now()
    stages, weeks = programme.stages(), programme.weekly(at=at)
    stage_rows = [{"name": str(Member.LifecycleStage(stage).label), "value": n} for stage, n in stages.items()]
    totals = loyalty.programme_totals(at=at)
    tier_names = {tier.code: tier.name for tier, _percent in loyalty.ladder()}
    context = {
        "at": at,
        "members": sum(stages.values()),
        "stages": stage_rows,
        "stage_chart": charts.bars(stage_rows, title=_("Members"), label=_("Members by life-cycle stage")),
        "weeks": weeks,
        "week_chart": _week_chart(weeks),
        "totals": totals,
        "tiers": [(tier_names.get(code, code), n) for code, n in totals.members_by_tier.items()],
        "repeat": programme.repeat_rate(at=at),
        "history": programme.history(),
        "measured": campaigns.programme().filter(status=Campaign.Status.MEASURED).count(),
    }
    return render(request, "reports/overview.html", context)


def _week_chart(weeks) -> str:
    whole = weeks[1:-1]  # the first and the last week are cut off by the year's ends
    rows = [{"week": one.week.isoformat(), "value": one.total_minor / 100} for one in whole]
    return charts.weeks(rows, title=_("Sales"), label=_("Sales per week")) if rows else ""


@readers
@require_GET
def weeks_csv(request):
    rows = (
        [one.week.isoformat(), one.total_minor, one.purchases, one.members] for one in programme.weekly(at=clock.now())
    )
    return exports.csv_response("sales-per-week.csv", ["week", "total_minor", "purchases", "members"], rows)


def _listed():
    rows = campaigns.campaigns().exclude(status__in=[Campaign.Status.DRAFT, Campaign.Status.SCHEDULED])
    for campaign in rows.exclude(kind=Campaign.Kind.HISTORICAL):
        report = max(campaign.reports.all(), key=lambda one: (one.is_final, one.as_of), default=None)
        yield campaign, report, verdicts.of(report) if report else None


@readers
@require_GET
def campaign_list(request):
    return render(request, "reports/campaign_list.html", {"rows": list(_listed())})


@readers
@require_GET
def campaigns_csv(request):
    header = ["campaign", "kind", "status", "launched_at", "audience", "is_final", "verdict"]
    rows = (
        [
            campaign.name, campaign.kind, campaign.status, campaign.launched_at and campaign.launched_at.isoformat(),
            campaign.audience_size, report.is_final if report else "", verdict.sentence if verdict else "",
        ]
        for campaign, report, verdict in _listed()
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
    context = {"campaign": found, "report": report, "learning": getattr(found, "learning", None)}
    if report:
        figures = report.figures
        context |= lift.context(figures) | {
            "verdict": verdicts.of(report),
            "histogram_chart": lift.histogram_chart(figures),
            "histogram": lift.histogram_rows(figures),
            "truth": lift.truth(figures),
            "attributed": figures.get("attributed"),
        }
    return render(request, "reports/campaign.html", context)


@readers
@require_GET
def campaign_csv(request, pk):
    _found, report = _report(pk)
    if report is None:
        raise Http404(_("This campaign has no report yet."))
    return exports.csv_response(f"campaign-{pk}.csv", lift.CSV_HEADER, lift.csv_rows(report.figures))
