"""Publishing, pausing, test runs, and the people behind every number."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.journeys import checking, flow, kinds, operations, queries, rehearsing
from campaigns.journeys.models import Journey
from cms.journeying.views import marketers_only
from members import clock
from members import queries as members
from members.access import access_member

PER_PAGE = 25


@marketers_only
def publish(request, pk):
    """Who is affected, and what becomes of them; then it is live."""
    found = get_object_or_404(Journey, pk=pk)
    if request.method == "POST":
        moves = request.POST.get("inside") == "move"
        try:
            version = operations.publish(journey=found, at=clock.now(), by_user=request.user, moves_inside=moves)
        except (operations.CannotPublish, operations.WrongStatus) as reason:
            messages.error(request, str(reason))
            return redirect("cms_journey", pk)
        messages.success(request, _("Version %(n)s is live.") % {"n": version.number})
        return redirect("cms_journey", pk)
    affected = operations.affected(found)
    problems = checking.problems(found.draft)
    context = {
        "journey": found, "affected": affected, "inside": sum(one.members for one in affected), "problems": problems,
        "is_blocked": any(problem.is_blocking for problem in problems),
        "entry_words": checking.words_of_entry(found.draft["entry"]),
    }  # fmt: skip
    return TemplateResponse(request, "cms/journeying/publish.html", context)


@marketers_only
@require_POST
def act(request, pk, act):
    """Pause, resume, end, copy."""
    found, at = get_object_or_404(Journey, pk=pk), clock.now()
    try:
        if act == "copy":
            return redirect("cms_journey", operations.copy(journey=found).pk)
        if act == "resume":
            operations.resume(journey=found, at=at, waits_go_on=request.POST.get("past_due") != "now")
        elif act in ("pause", "end"):
            {"pause": operations.pause, "end": operations.end}[act](journey=found, at=at)
        else:
            raise Http404
        messages.success(request, _("Done."))
    except operations.WrongStatus as reason:
        messages.error(request, str(reason))
    return redirect("cms_journey", pk)


@marketers_only
@require_GET
def test_run(request, pk):
    """What would happen to one member."""
    found = get_object_or_404(Journey.objects.select_related("version"), pk=pk)
    text = request.GET.get("q", "").strip()
    context = {
        "journey": found, "text": text,
        "found": [members.masked(one) for one in members.find(text, limit=8)] if text else [],
    }  # fmt: skip
    if key := request.GET.get("member"):
        member = access_member(request.user, key)
        context["chosen"] = members.masked(member)
        context["run"] = rehearsing.rehearse(found, member, at=clock.now())
    return TemplateResponse(request, "cms/journeying/test_run.html", context)


@marketers_only
@require_GET
def people(request, pk, fate):
    """The people behind one number, masked."""
    found = get_object_or_404(Journey, pk=pk)
    step = request.GET.get("step", "")
    rows = queries.people(found, fate, step).prefetch_related("member__identifiers")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    context = {
        "journey": found, "page": page, "step_words": _step_words(found, step), "fate_words": _fate_words(fate),
        "rows": [(row, members.masked(row.member), queries.why_words(row.why)) for row in page],
    }  # fmt: skip
    return TemplateResponse(request, "cms/journeying/people.html", context)


def _fate_words(fate: str) -> str:
    if fate.startswith("way:"):
        return queries.outcome_words(fate.removeprefix("way:"))
    return {
        "entered": _("Came"), "waiting": _("Waiting here"), "inside": _("Inside"), "done": _("Done"), "left": _("Left"),
        "goal": _("Goal reached"),
    }.get(fate, fate)  # fmt: skip


def _step_words(found: Journey, step: str) -> str:
    for version in found.versions.all():
        node = flow.nodes(version.definition).get(step)
        if node:
            return kinds.words_of(node.step)
    return ""


@marketers_only
@require_GET
def member_way(request, pk, member):
    """One member's way through a journey: where, since when, why, what next."""
    found = get_object_or_404(Journey, pk=pk)
    who = access_member(request.user, member)
    context = {
        "journey": found, "who": members.masked(who),
        "ways": [(way, queries.why_words(way.enrolment.why) or queries.why_here(way)) for way in queries.ways_of(who.pk, journey=found)],
    }  # fmt: skip
    return TemplateResponse(request, "cms/journeying/member.html", context)
