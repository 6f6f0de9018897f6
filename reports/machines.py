"""The analyst's figures for machines: the very tables and frozen reports that the pages show. Mounted under /api/v1/ by config/urls.py.

A token sees what an analyst sees: no persons, and no figures of groups under ten people. Broken splits show no difference.
"""

from datetime import date, datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from campaigns import programme_lift, verdicts
from campaigns import queries as campaigns
from campaigns.models import Campaign
from loyalty.models import RuleTrial
from members import clock
from reports import lift, rule_trials
from reports.panels import PANELS, read
from reports.views import listed

SCOPE = "reports:read"
router = Router(tags=["reports"])


class PanelOut(Schema):
    code: str
    title: str
    definition: str
    group: str


class ColumnOut(Schema):
    code: str
    label: str
    unit: str = Field(
        description="text, date, month, count, points, money (minor units), percent (a share of one) or number"
    )


class FigureOut(PanelOut):
    as_of: datetime
    zone: str
    currency: str
    columns: list[ColumnOut]
    rows: list[list[Any]] = Field(
        description="A cell is null where it is unknown, or where so few people would be told."
    )
    total: list[Any] | None
    hidden_rows: list[int] = Field(description="Places of rows kept back: groups of under ten people.")


class ReportLine(Schema):
    number: int
    name: str
    status: str
    launched_at: datetime | None
    as_of: datetime | None
    is_final: bool | None
    verdict: str | None = Field(description="The first sentence of its report; null while there is none.")


class DayOut(Schema):
    day: date
    as_of: datetime
    verdict: str


class LiftOut(Schema):
    name: str
    as_of: datetime
    zone: str
    is_final: bool
    verdict: str
    figures: dict[str, Any] = Field(
        description="Arms, comparisons with intervals, sample ratio, plan, worth; see docs/lift.md."
    )


class SeriesOut(Schema):
    name: str
    dates: int = Field(description="Final reports pooled.")
    left_out: int = Field(description="Dates whose split is broken.")
    verdict: str | None
    per_member_and_date: dict[str, float] | None = Field(
        description="absolute, low and high, in minor units; the interval is always valid."
    )
    in_all: dict[str, float] | None
    members: dict[str, int] | None = Field(description="Times held out and times sent, over all dates.")


def _allow(request):
    if SCOPE not in request.auth.scopes:
        raise HttpError(403, _("This needs the scope %(scope)s. Ask for a token that has it.") % {"scope": SCOPE})


# -- figures -----------------------------------------------------------------------------------------------------------


@router.get("/figures", response=list[PanelOut], summary="The figures of the house")
def figures(request):
    _allow(request)
    return [_named(panel) for panel in PANELS.values()]


@router.get("/figures/{str:code}", response=FigureOut, summary="One figure: the table of its page")
def figure(request, code: str):
    """Money is in minor units, a share is a number from 0 to 1. 404 where nothing can be shown yet."""
    _allow(request)
    table = read(PANELS[code], at=clock.now()) if code in PANELS else None
    if table is None:
        raise Http404
    said = {"zone": settings.TIME_ZONE, "currency": settings.CURRENCY}
    return _named(PANELS[code]) | said | table.for_eyes(sees_persons=False).as_dict()


def _named(panel) -> dict[str, str]:
    return {
        "code": panel.code, "title": str(panel.title), "definition": str(panel.definition), "group": panel.group,
    }  # fmt: skip


# -- lift --------------------------------------------------------------------------------------------------------------


@router.get("/lift/campaigns", response=list[ReportLine], summary="Campaigns with the verdict of their last report")
def lift_of_campaigns(request):
    _allow(request)
    return [
        {
            "number": campaign.pk, "name": campaign.name, "status": campaign.status, "launched_at": campaign.launched_at,
            "as_of": report and report.as_of, "is_final": report and report.is_final, "verdict": verdict and verdict.sentence,
        }
        for campaign, report, verdict in listed()
    ]  # fmt: skip


@router.get("/lift/campaigns/{int:number}", response=LiftOut, summary="A campaign's report, as it was frozen")
def lift_of_campaign(request, number: int):
    """The final report, or else the latest early look; 404 while there is none."""
    _allow(request)
    campaign = get_object_or_404(Campaign, pk=number)
    report = campaigns.latest_report(campaign)
    if report is None:
        raise Http404
    return _told(campaign.name, report.as_of, report.figures, is_final=report.is_final)


@router.get("/lift/series/{int:number}", response=SeriesOut, summary="All dates of a recurring campaign as one")
def lift_of_series(request, number: int):
    _allow(request)
    campaign = get_object_or_404(Campaign, pk=number, timing=Campaign.Timing.RECURRING)
    pooled, broken = campaigns.pooled(campaign)
    told = {"name": campaign.name, "dates": 0, "left_out": broken}
    if pooled is None:
        return told | dict.fromkeys(("verdict", "per_member_and_date", "in_all", "members"))
    return told | {
        "dates": pooled.dates, "verdict": verdicts.of_series(pooled).sentence,
        "per_member_and_date": {"absolute": pooled.absolute, "low": pooled.low, "high": pooled.high},
        "in_all": {"absolute": pooled.total, "low": pooled.total_low, "high": pooled.total_high},
        "members": {"held_out": pooled.n_control, "sent": pooled.n_treated},
    }  # fmt: skip


@router.get("/lift/rules/{int:number}", response=LiftOut, summary="A points rule under trial, read now")
def lift_of_rule(request, number: int):
    _allow(request)
    trial = get_object_or_404(RuleTrial.objects.select_related("rule_set", "experiment"), pk=number)
    at = clock.now()
    return _told(trial.experiment.name, at, rule_trials.figures_of(trial, at=at), is_final=False)


@router.get(
    "/lift/programme", response=list[DayOut], summary="Days on which the programme's lift was read, the latest first"
)
def lift_of_programme(request, limit: Annotated[int, Query(ge=1, le=400)] = 90):
    """Against the standing control group, once each business day; each as it was read then."""
    _allow(request)
    return [
        {"day": one.day, "as_of": one.as_of, "verdict": verdicts.of(lift.Read(one.figures)).sentence}
        for one in programme_lift.days(limit=limit)
    ]


@router.get(
    "/lift/programme/{day}", response=LiftOut, summary="What all of marketing changed, as it was read on one day"
)
def lift_of_programme_on(request, day: date):
    _allow(request)
    found = programme_lift.of_day(day)
    if found is None:
        raise Http404
    return _told(_("Programme"), found.as_of, found.figures, is_final=False)


def _told(name: str, as_of: datetime, held: dict, *, is_final: bool) -> dict:
    return {
        "name": name, "as_of": as_of, "zone": settings.TIME_ZONE, "is_final": is_final,
        "verdict": verdicts.of(lift.Read(held)).sentence, "figures": lift.published(held),
    }  # fmt: skip
