"""The pages of panels: the library, one panel with its definition, its exports, and the dashboard each person arranges."""

from django.db import transaction
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from members import clock
from members.access import SEES_MEMBERS, Role, has_role, staff_only
from reports import charts, exports
from reports.models import Dashboard
from reports.panels import PANELS, read
from reports.readings import StillCounting
from reports.templatetags.report_cells import told_rows
from reports.waiting import begin, patient

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)
START = ("new_and_lost", "programme_lift", "sales_trends", "earn_and_burn", "retention", "stages", "tier_flow", "weeks")
GROUPS = {
    "programme": gettext_lazy("Programme"), "customers": gettext_lazy("Members"), "shop": gettext_lazy("Shop"),
    "service": gettext_lazy("Service"), "models": gettext_lazy("Models"),
}  # fmt: skip


def sees_persons(user) -> bool:
    """Whether small groups may be shown: to who may open members' pages anyway."""
    return has_role(user, *SEES_MEMBERS)


def seen(panel, user, *, at, begin=None):
    """The panel's table as this reader may see it, or None."""
    table = read(panel, at=at, begin=begin)
    return table.for_eyes(sees_persons=sees_persons(user)) if table else None


def drawn(panel, user, *, at, begin=None) -> dict:
    """What a template needs of one panel. A chart is drawn of what the reader may see, never of more; its bars lead where its rows do."""
    table = seen(panel, user, at=at, begin=begin)
    chart = panel.chart(table) if table and panel.chart else ""
    if chart:
        chart = charts.leading(chart, [_leads(row) for row in told_rows(table, panel)])
    return {"panel": panel, "table": table, "chart": chart}


def _leads(row: list[dict]) -> str:
    """Where a row of a table leads: the first of its cells that leads anywhere."""
    return next((cell["url"] for cell in row if cell.get("url")), "")


def arranged(user) -> list[str]:
    kept = Dashboard.objects.filter(user=user).first()
    return [code for code in (kept.panels if kept else START) if code in PANELS]


def dashboard(user, *, at, begin=None) -> list[dict]:
    """The panels of a person's first page. One that has nothing to show yet says so on its own page only."""
    found, waiting = [], None
    for code in arranged(user):
        try:
            found.append(drawn(PANELS[code], user, at=at, begin=begin))
        except StillCounting as reason:  # the others are begun as well
            waiting = reason
    if waiting:
        raise waiting
    return [one for one in found if one["table"]]


@readers
@require_GET
def library(request):
    groups = [(label, [panel for panel in PANELS.values() if panel.group == group]) for group, label in GROUPS.items()]
    return render(request, "reports/library.html", {"groups": groups})


def _panel(code):
    if code not in PANELS:
        raise Http404(_("There is no such figure."))
    return PANELS[code]


@readers
@require_GET
@patient
def panel(request, code):
    at = clock.now()
    return render(request, "reports/panel.html", drawn(_panel(code), request.user, at=at, begin=begin) | {"at": at})


@readers
@require_GET
@patient
def export(request, code, kind):
    """A panel as CSV, Parquet or JSON: the very table of the page."""
    table = seen(_panel(code), request.user, at=clock.now(), begin=begin)
    if table is None:
        raise Http404(_("There is nothing to export yet."))
    if kind == "json":
        return JsonResponse({"panel": code} | table.as_dict())
    return exports.table_csv(f"{code}.csv", table) if kind == "csv" else exports.table_parquet(f"{code}.parquet", table)


@readers
@require_GET
def arrange(request):
    codes = arranged(request.user)
    context = {
        "chosen": [PANELS[code] for code in codes],
        "others": [panel for code, panel in PANELS.items() if code not in codes],
    }
    return render(request, "reports/arrange.html", context)


@readers
@require_POST
def move(request):
    """One step of arranging: a panel up, down, off the page or onto it. A button each, so that a keyboard does it all."""
    code, act = request.POST.get("panel", ""), request.POST.get("act", "")
    _panel(code)
    with transaction.atomic():
        codes = arranged(request.user)
        Dashboard.objects.update_or_create(
            user=request.user, defaults={"panels": moved(codes, code, act), "changed_at": clock.now()}
        )
    return redirect("reports:arrange")


def moved(codes: list[str], code: str, act: str) -> list[str]:
    """The order after one act; what makes no sense changes nothing."""
    if act == "add":
        return codes if code in codes else [*codes, code]
    if code not in codes:
        return codes
    place, rest = codes.index(code), [one for one in codes if one != code]
    if act == "remove":
        return rest
    to = {"up": max(0, place - 1), "down": min(len(rest), place + 1), "first": 0}.get(act, place)
    return [*rest[:to], code, *rest[to:]]
