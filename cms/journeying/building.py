"""Conditions of a branch, a goal, an exit or an entry, built in place with the audiences' builder."""

import json

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import audiences
from campaigns.journeys import flow, operations
from campaigns.journeys.kinds import meaning
from campaigns.journeys.models import Journey
from cms.audiencing import building
from cms.audiencing.views import counted
from cms.journeying.views import RULES, marketers_only, seen


@marketers_only
def conditions(request, pk, where):
    """The builder, for one place of a journey. A button named `act` changes the tree and shows it again; the save button saves."""
    found = get_object_or_404(Journey, pk=pk)
    holder = _holder(found.draft, where)
    if request.method != "POST":
        return _page(request, found, where, holder.get("own") or meaning.EMPTY)
    tree, past = building.after(request.POST)
    if request.POST.get("act"):
        return _page(request, found, where, tree, past)
    try:
        cleaned = meaning.conditions_of({"audience": meaning.OWN, "own": tree})
        told = {**holder, "audience": meaning.OWN, "own": cleaned}
        operations.save_draft(journey=found, definition=_put(found.draft, where, told), seen=seen(request))
    except (audiences.Invalid, operations.DraftConflict, operations.WrongStatus) as reason:
        messages.error(request, str(reason))
        return _page(request, found, where, tree, past)
    if where in RULES:
        return redirect("cms_journey_rules", pk)
    return redirect(reverse("cms_journey", args=[pk]) + f"#{where}")


def _holder(draft: dict, where: str) -> dict:
    if where in RULES:
        return draft[where] or {}
    try:
        step = flow.find(draft, where)
    except flow.BadPlace:
        raise Http404 from None
    if "audience" not in step:
        raise Http404
    return step


def _put(draft: dict, where: str, told: dict) -> dict:
    return {**draft, where: told} if where in RULES else flow.replace(draft, where, told)


def _page(request, found: Journey, where: str, tree: dict, past=()):
    headings = {
        "entry": _("Whom the journey lets in"),
        "goal": _("Who has reached the goal"),
        "exit": _("Who leaves early"),
    }
    context = counted(tree) | {
        "journey": found, "where": where, "heading": headings.get(where) or _("Whom the branch sends to “Yes”"),
        "root": building.shown(tree), "groups": building.groups(), "past": json.dumps(list(past)) if past else "",
        "focus": building.focus_after(tree, request.POST.get("act", "")),
        "back": reverse("cms_journey_rules", args=[found.pk]) if where in RULES else reverse("cms_journey_step", args=[found.pk, where]),
    }  # fmt: skip
    page = "cms/audiencing/builder.html" if request.headers.get("HX-Request") else "cms/journeying/conditions.html"
    return TemplateResponse(request, page, context)
