"""Journeys: the list, the flow, and the forms that change it. Each view makes one call and puts the answer on a page."""

import json

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import happenings
from campaigns.journeys import checking, flow, kinds, operations, queries, starters
from campaigns.journeys.kinds import KINDS, Invalid, meaning
from campaigns.journeys.models import Journey
from campaigns.journeys.queries import FATES
from cms.journeying import showing
from members.access import Role, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)


@marketers_only
@require_GET
def journey_list(request):
    context = {"journeys": queries.journeys(), "starters": starters.STARTERS.values()}
    return TemplateResponse(request, "cms/journeying/list.html", context)


@marketers_only
@require_POST
def journey_new(request):
    """From a ready one, or empty with a name."""
    code = request.POST.get("starter", "")
    if code and code not in starters.STARTERS:
        raise Http404
    if code:
        made = starters.start(code)
        messages.success(request, _("This journey is ready. Look it over, change what you like, and publish it."))
    else:
        made = operations.create(name=request.POST.get("name", "").strip()[:120] or _("New journey"))
    return redirect("cms_journey", made.pk)


@marketers_only
@require_GET
def journey(request, pk):
    """The flow with its counts, what stands in the way, and what can be done."""
    found = get_object_or_404(queries.journeys(), pk=pk)
    return TemplateResponse(request, "cms/journeying/journey.html", _context(found))


def _context(found: Journey) -> dict:
    problems = checking.problems(found.draft)
    counts = queries.funnel(found) if found.version else {}
    return {
        "journey": found,
        "flow": showing.shown(found.draft, problems, counts),
        "palette": showing.palette(),
        "problems": problems,
        "is_blocked": any(problem.is_blocking for problem in problems),
        "entry_words": checking.words_of_entry(found.draft["entry"]),
        "rule_words": checking.words_of_rules(found.draft),
        "whole": queries.whole(found) if found.version else None,
        "is_changed": found.version is not None and _plain(found.version.definition) != _plain(found.draft),
        "can_edit": found.status != Journey.Status.ENDED,
        "fates": FATES,
    }


WRITTEN_IN = {"conditions", "experiment", "arm_name", "last_id"}


def _plain(definition):
    """A definition without what publishing writes into it, every value as a form gives it."""
    if isinstance(definition, dict):
        return {
            key: json.dumps(value, sort_keys=True) if key == "own" else _plain(value)
            for key, value in definition.items()
            if key not in WRITTEN_IN
        }
    if isinstance(definition, list):
        return [_plain(one) for one in definition]
    return str(definition)


# -- changing the flow -------------------------------------------------------------------------------------------------


BACK = {"undo": operations.undo, "redo": operations.redo}


@marketers_only
@require_POST
def change(request, pk):
    """One button: add:<place>:<kind>, up:<step>, down:<step>, remove:<step>, undo, redo, rename. Answers the flow, or the added step's form."""
    found = get_object_or_404(Journey, pk=pk)
    if request.POST.get("name", "").strip():
        Journey.objects.filter(pk=pk).update(name=request.POST["name"].strip()[:120])
        return redirect("cms_journey", pk)
    verb, _sep, rest = request.POST.get("act", "").partition(" ")
    made = None
    try:
        if verb in BACK:
            BACK[verb](journey=found, seen=seen(request))
        else:
            edited, made = _changed(found.draft, verb, rest)
            operations.save_draft(journey=found, definition=edited, seen=seen(request))
    except flow.BadPlace:
        messages.error(request, _("There is no room for a step there, or the place is gone."))
    except (operations.DraftConflict, operations.WrongStatus) as reason:
        messages.error(request, str(reason))
    else:
        if made and KINDS[flow.find(edited, made)["type"]].asks:
            return redirect("cms_journey_step", pk, made)
    if request.headers.get("HX-Request"):
        fresh = queries.journeys().get(pk=pk)
        return TemplateResponse(request, "cms/journeying/body.html", _context(fresh))
    return redirect("cms_journey", pk)


def _changed(draft: dict, verb: str, rest: str) -> tuple[dict, str | None]:
    if verb == "add":
        place, _sep, code = rest.partition(" ")
        if code not in KINDS:
            raise flow.BadPlace(rest)
        return flow.insert(draft, place, KINDS[code].blank())
    if verb in ("up", "down"):
        return flow.move(draft, rest, -1 if verb == "up" else 1), None
    if verb == "remove":
        return flow.remove(draft, rest), None
    raise flow.BadPlace(verb)


def seen(request) -> int | None:
    text = request.POST.get("seen", "")
    return int(text) if text.isdigit() else None


@marketers_only
def step(request, pk, step_id):
    """The form of one step."""
    found = get_object_or_404(Journey, pk=pk)
    try:
        stored = flow.find(found.draft, step_id)
    except flow.BadPlace:
        raise Http404 from None
    asks, given, wrong = showing.asks_of(found.draft, stored), stored, None
    if request.method == "POST":
        given = {"type": stored["type"], **showing.read(asks, request.POST), "own": stored.get("own")}
        if stored["type"] == "split":
            given["paths"] = showing.read_paths(request.POST)
        elif "paths" in stored:
            given["paths"] = stored["paths"]
        wrong = _save_step(request, found, step_id, given)
        if wrong is None:
            if meaning.is_own(given):
                return redirect("cms_journey_conditions", pk, step_id)
            return redirect(reverse("cms_journey", args=[pk]) + f"#{step_id}")
    kind = KINDS[stored["type"]]
    context = {
        "journey": found, "step": stored, "kind": kind, "fields": showing.form_of(asks, given, wrong), "wrong": wrong,
        "paths": _split_rows(given) if stored["type"] == "split" else [], "happenings": _happenings(kind),
        "template_link": _template_link(kind, stored), "secret": found.webhook_secret if kind.code == "webhook" else "",
    }  # fmt: skip
    return TemplateResponse(request, "cms/journeying/step.html", context)


def _save_step(request, found: Journey, step_id: str, given: dict) -> Invalid | None:
    """Store a step's form; what is wrong with it, if anything."""
    try:
        cleaned = checking.clean_step(given)
        operations.save_draft(journey=found, definition=flow.replace(found.draft, step_id, cleaned), seen=seen(request))
    except Invalid as wrong:
        return wrong
    except (operations.DraftConflict, operations.WrongStatus) as reason:
        return Invalid(str(reason))
    return None


def _split_rows(given: dict) -> list[dict]:
    return [*given["paths"], *({"name": "", "weight": 1} for _n in range(flow.PATHS_MAX - len(given["paths"])))]


def _happenings(kind) -> list[dict]:
    """What each event may be asked more exactly, for the hint beside the field."""
    if not any(ask.name == "event" for ask in kind.asks):
        return []
    return happening_hints()


def happening_hints() -> list[dict]:
    return [
        {"label": one.label, "asks": one.which.label, "choices": one.which.choices() if one.which.choices else []}
        for one in happenings.waited_for()
        if one.which
    ]


def _template_link(kind, stored: dict) -> str:
    if kind.code in ("email", "push") and stored.get("template"):
        return reverse(f"cms_{kind.code}_studio", args=[stored["template"]])
    return ""


@marketers_only
def rules(request, pk):
    """How members come in, who may come again, the goal, and who leaves early."""
    found = get_object_or_404(Journey, pk=pk)
    told, wrong = found.draft, None
    if request.method == "POST":
        told = {**found.draft, **_read_rules(request.POST, found.draft)}
        try:
            cleaned = {
                "entry": checking.clean_entry(told["entry"]), "reentry": checking.clean_reentry(told["reentry"]),
                "goal": checking.clean_goal(told["goal"]), "exit": checking.clean_exit(told["exit"]),
            }  # fmt: skip
            operations.save_draft(journey=found, definition={**found.draft, **cleaned}, seen=seen(request))
        except Invalid as reason:
            wrong = reason
        except (operations.DraftConflict, operations.WrongStatus) as reason:
            wrong = Invalid(str(reason))
        else:
            empty = [
                where for where in RULES if meaning.is_own(cleaned[where]) and not cleaned[where]["own"]["conditions"]
            ]
            return redirect("cms_journey_conditions", pk, empty[0]) if empty else redirect("cms_journey", pk)
    context = {
        "journey": found, "told": told, "wrong": wrong, "events": kinds.events(), "audiences": meaning.choices(),
        "own": {where: meaning.words(told[where]) for where in RULES if meaning.is_own(told[where])},
        "dates": checking.dates(), "happenings": happening_hints(),
    }  # fmt: skip
    return TemplateResponse(request, "cms/journeying/rules.html", context)


RULES = ("entry", "goal", "exit")


def _read_rules(data, draft: dict) -> dict:
    """What the form says; conditions of its own are edited elsewhere and stay."""

    def told(prefix: str, *names: str) -> dict:
        return {name: data.get(f"{prefix}_{name}", "").strip() for name in names}

    entry = {
        "kind": data.get("kind", ""),
        **told(data.get("kind", ""), "event", "which", "audience", "every", "minutes", "at", "date", "days"),
    }
    read = {
        "entry": {name: value for name, value in entry.items() if value},
        "reentry": told("reentry", "rule", "days"),
        "goal": told("goal", "event", "which") if data.get("goal_event") else told("goal", "audience"),
        "exit": told("exit", "audience"),
    }  # fmt: skip
    for where in RULES:
        read[where] |= {"own": (draft[where] or {}).get("own")} if meaning.is_own(read[where]) else {}
    return read
