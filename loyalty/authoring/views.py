"""Rule sets: versions, drafts, their parts, their differences. Each view makes one call and puts the answer on a page."""

from itertools import zip_longest

from django import forms
from django.contrib import messages
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from loyalty import operations, queries
from loyalty.authoring import choosing, differences, faults, starters, wording
from loyalty.authoring.fields import PICKED
from loyalty.authoring.forms import BasicsForm, RuleForm, money_of
from loyalty.authoring.models import RuleAct, RuleDraft
from loyalty.earning import InvalidRuleSet, compile_rule_set
from loyalty.earning.kinds import BY_CODE, KINDS, kind_of
from loyalty.models import RuleSet
from loyalty.operations.rule_drafts import BASICS, mark_of, part_of
from loyalty.programme.menu import managers_only, may_manage, readers_only
from members import clock

ACTS_SHOWN = 30


class PublishForm(forms.Form):
    live_from = forms.DateTimeField(
        label=gettext_lazy("In force from"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


# -- versions ----------------------------------------------------------------------------------------------------------


@readers_only
@require_GET
def rule_sets(request):
    now = clock.now()
    versions = list(RuleSet.objects.order_by("-version"))
    in_force = queries.live_rule_set(at=now)
    drafts = RuleDraft.objects.filter(state__in=[RuleDraft.State.OPEN, RuleDraft.State.SUBMITTED])
    context = {
        "versions": [(row, _standing(row, versions, in_force, now)) for row in versions],
        "drafts": drafts.select_related("based_on"),
        "starters": starters.STARTERS,
        "in_force": in_force,
        "approver_differs": operations.approver_differs(),
        "may_manage": may_manage(request.user),
    }
    return TemplateResponse(request, "loyalty/authoring/rule_sets.html", context)


def _standing(row: RuleSet, versions: list[RuleSet], in_force: RuleSet | None, now) -> str:
    """Whether a version is in force, scheduled, past, or was replaced before it ever counted."""
    if row == in_force:
        return "in_force"
    if any(other.live_from == row.live_from and other.version > row.version for other in versions):
        return "replaced"
    return "scheduled" if row.live_from > now else "past"


@managers_only
@require_POST
def policy(request):
    """Whether a second person publishes what one has submitted."""
    operations.set_rule_policy(approver_differs="approver_differs" in request.POST)
    messages.success(request, _("Saved. It counts from the next publication."))
    return redirect("programme_rules")


@readers_only
@require_GET
def version(request, version):
    row = get_object_or_404(RuleSet, version=version)
    now = clock.now()
    standing = _standing(row, list(RuleSet.objects.all()), queries.live_rule_set(at=now), now)
    context = _in_words(row.definition) | {
        "row": row,
        "standing": standing,
        "acts": _history(RuleAct.objects.filter(rule_set=row)),
        "others": RuleSet.objects.exclude(pk=row.pk).order_by("-version"),
        "may_manage": may_manage(request.user),
    }
    return TemplateResponse(request, "loyalty/authoring/version.html", context)


@managers_only
@require_POST
def call_off(request, version):
    try:
        made = operations.call_off(version=version, by_user_id=request.user.pk, at=clock.now())
    except RuleSet.DoesNotExist:
        raise Http404 from None
    except operations.CannotPublish as reason:
        messages.error(request, str(reason))
        return redirect("programme_version", version)
    messages.success(
        request,
        _("Version %(old)s will never be in force. Version %(new)s keeps today's rules.")
        % {"old": version, "new": made.version},
    )
    return redirect("programme_rules")


@readers_only
@require_GET
def difference(request):
    """Between any two versions or drafts: `?from=v2&to=d7`."""
    sides = [_side(request.GET.get(name, "")) for name in ("from", "to")]
    choices = [(f"v{row.version}", str(row)) for row in RuleSet.objects.order_by("-version")]
    choices += [
        (f"d{row.pk}", _("Draft: %(name)s") % {"name": row}) for row in RuleDraft.objects.exclude(state="discarded")
    ]
    changes = differences.compare(sides[0].definition, sides[1].definition) if all(sides) else None
    context = {"sides": sides, "choices": choices, "changes": changes}
    context |= {"chosen_from": request.GET.get("from", ""), "chosen_to": request.GET.get("to", "")}
    return TemplateResponse(request, "loyalty/authoring/difference.html", context)


def _side(text: str) -> RuleSet | RuleDraft | None:
    kind, number = text[:1], text[1:]
    if kind not in {"v", "d"} or not number.isdecimal():
        return None
    return get_object_or_404(RuleSet, version=number) if kind == "v" else get_object_or_404(RuleDraft, pk=number)


def _in_words(definition: dict) -> dict:
    """A definition as the pages show it: basics, and each rule with its sentence, by priority."""
    names, currency = wording.Names(definition), money_of(definition)
    rules = sorted(definition.get("rules", []), key=lambda rule: rule.get("priority", 100))
    return {
        "basics": wording.basics(definition, names=names).values(),
        "rules": [_one(rule, names, currency) for rule in rules],
        "exclusions": [_one(rule, names, currency, excludes=True) for rule in definition.get("exclude", [])],
    }


def _one(rule: dict, names, currency: str, *, excludes: bool = False) -> dict:
    return {
        "code": rule["code"],
        "name": wording.name_of(rule),
        "kind": wording.kind_label(rule, excludes=excludes),
        "priority": rule.get("priority", 100),
        "stacks": rule.get("stacks", False),
        "sentence": wording.summary(rule, names=names, currency=currency, excludes=excludes),
    }


# -- drafts ------------------------------------------------------------------------------------------------------------


@managers_only
@require_POST
def new_draft(request):
    """From a template (`starter`), a version (`version`), or another draft (`draft`)."""
    if code := request.POST.get("version"):
        source = get_object_or_404(RuleSet, version=code if code.isdecimal() else 0)
        name, definition, based_on = source.name, source.definition, source
    elif code := request.POST.get("draft"):
        source = get_object_or_404(RuleDraft, pk=code if code.isdecimal() else 0)
        name, definition, based_on = _("%(name)s (copy)") % {"name": source.name}, source.definition, source.based_on
    else:
        starter = starters.BY_CODE.get(request.POST.get("starter", ""))
        if starter is None:
            raise Http404
        name, definition, based_on = str(starter.name), starter.definition, None
    made = operations.create_draft(
        name=name[:100], definition=definition, based_on=based_on, by_user_id=request.user.pk, at=clock.now()
    )
    return redirect("programme_draft", made.pk)


@readers_only
@require_GET
def draft(request, pk):
    found = get_object_or_404(RuleDraft.objects.select_related("based_on", "published_as"), pk=pk)
    in_force = queries.live_rule_set(at=clock.now())
    context = _in_words(found.definition) | {
        "draft": found,
        "problems": _problems(found.definition),
        "kinds": [(kind.code, _(kind.label), _(kind.help)) for kind in KINDS],
        "acts": _history(found.acts),
        "in_force": in_force,
        "changes": differences.compare(in_force.definition, found.definition) if in_force else [],
        "publish": PublishForm(),
        "simulations": found.simulations.all()[:5],
        "may_manage": may_manage(request.user) and found.is_editable,
        "may_clone": may_manage(request.user),
    }
    return TemplateResponse(request, "loyalty/authoring/draft.html", context)


def _problems(definition: dict) -> list[str]:
    try:
        compile_rule_set(definition)
    except InvalidRuleSet as invalid:
        return [faults.in_words(fault, definition) for fault in invalid.problems]
    return []


def _history(acts) -> list[dict]:
    """Who did what, newest first, with the changes each save made in words."""
    rows = list(acts.select_related("by_user", "rule_set").order_by("-at", "-pk")[: ACTS_SHOWN + 1])
    found = []
    for row, before in zip_longest(rows, rows[1:]):
        has_both = before is not None and row.act == RuleAct.Act.CHANGED and row.definition and before.definition
        found.append(
            {"row": row, "changes": differences.compare(before.definition, row.definition) if has_both else []}
        )
    return found[:ACTS_SHOWN]


@managers_only
@require_POST
def act(request, pk, act):
    """Submit, take back, publish, discard or rename a draft."""
    found = get_object_or_404(RuleDraft, pk=pk)
    said = {"draft_id": found.pk, "by_user_id": request.user.pk, "at": clock.now()}
    verbs = {
        "submit": operations.submit_draft, "withdraw": operations.withdraw_draft, "discard": operations.discard_draft,
    }  # fmt: skip
    try:
        if act == "publish":
            return _publish(request, found, said)
        if act == "rename":
            operations.rename_draft(name=request.POST.get("name", "").strip()[:100] or found.name, **said)
        elif act in verbs:
            verbs[act](**said)
        else:
            raise Http404
    except InvalidRuleSet as invalid:
        messages.error(request, " ".join(faults.in_words(fault, found.definition) for fault in invalid.problems))
    except operations.LedgerRefusal as reason:
        messages.error(request, str(reason))
    return redirect("programme_rules") if act == "discard" else redirect("programme_draft", pk)


def _publish(request, found, said):
    form = PublishForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say from when the rules are to be in force."))
        return redirect("programme_draft", found.pk)
    made = operations.publish_draft(live_from=form.cleaned_data["live_from"], **said)
    messages.success(request, _("Version %(version)s is published.") % {"version": made.version})
    return redirect("programme_version", made.version)


# -- parts of a draft --------------------------------------------------------------------------------------------------


@managers_only
def edit_basics(request, pk):
    found = get_object_or_404(RuleDraft, pk=pk)
    form = BasicsForm(definition=found.definition, data=request.POST or None)
    return _edit(request, found, BASICS, form, heading=_("Basics"))


@managers_only
def add_rule(request, pk, kind):
    found = get_object_or_404(RuleDraft, pk=pk)
    if kind != "exclude" and kind not in BY_CODE:
        raise Http404
    form = RuleForm(kind=kind, definition=found.definition, data=request.POST or None)
    heading = _("New exclusion") if kind == "exclude" else _("New rule: %(kind)s") % {"kind": _(BY_CODE[kind].label)}
    section = "exclude" if kind == "exclude" else "rules"
    hint = _("Goods that earn nothing.") if kind == "exclude" else _(BY_CODE[kind].help)
    return _edit(request, found, section, form, heading=heading, hint=hint)


@managers_only
def edit_rule(request, pk, section, code):
    found = get_object_or_404(RuleDraft, pk=pk)
    if section not in {"rules", "exclude"}:
        raise Http404
    entry = part_of(found.definition, f"{section}.{code}")
    if entry is None:
        raise Http404(_("The draft has no such rule any more."))
    part = f"{section}.{code}"
    if request.method == "POST" and "remove" in request.POST:
        return _save(request, found, part, None) or redirect("programme_draft_rule", pk, section, code)
    kind = "exclude" if section == "exclude" else kind_of(entry)
    form = RuleForm(kind=kind, definition=found.definition, entry=entry, data=request.POST or None)
    hint = _("Goods that earn nothing.") if kind == "exclude" else _(BY_CODE[kind].help)
    return _edit(request, found, part, form, heading=str(entry.get("name") or code), hint=hint)


def _edit(request, found, part: str, form, *, heading: str, hint: str = ""):
    """Show the form of one part, or save it; a conflict shows both versions and what was typed is kept."""
    context = {
        "draft": found,
        "form": form,
        "heading": heading,
        "hint": hint,
        "is_new": "." not in part and part != BASICS,
    }
    context["seen"] = request.POST.get("seen") or mark_of(
        None if context["is_new"] else part_of(found.definition, part)
    )
    if request.method == "POST" and form.is_valid():
        value = form.value()
        named = part if not context["is_new"] else f"{part}.{value['code']}"
        try:
            if saved := _save(request, found, named, value):
                return saved
        except operations.DraftConflict as conflict:
            context |= _conflict(conflict, named, value, found)
    return TemplateResponse(
        request, "loyalty/authoring/edit.html", context, status=409 if "conflict" in context else 200
    )


def _save(request, found, part: str, value):
    """Save a part and go back to the draft; None after a refusal, which the page then tells. Raises DraftConflict."""
    try:
        operations.save_part(
            draft_id=found.pk, part=part, value=value, seen=request.POST.get("seen", ""), by_user_id=request.user.pk,
            at=clock.now(),
        )  # fmt: skip
    except operations.DraftConflict as conflict:
        if value is not None:
            raise
        messages.error(request, str(conflict))
        return None
    except operations.CannotChange as reason:
        messages.error(request, str(reason))
        return None
    return redirect("programme_draft", found.pk)


def _conflict(conflict, part: str, mine, found) -> dict:
    """Both versions side by side; saving again with the new mark keeps mine."""
    return {
        "conflict": conflict,
        "seen": mark_of(conflict.theirs),
        "conflict_changes": differences.of_part(part, conflict.theirs, mine, definition=found.definition),
        "theirs_is_gone": conflict.theirs is None,
    }


@readers_only
@require_GET
def search(request, what):
    """What a picker offers for a few letters."""
    if what not in PICKED:
        raise Http404
    found = choosing.search(what, request.GET.get("q", "")[:100])
    return JsonResponse({"found": [{"value": value, "label": label} for value, label in found]})
