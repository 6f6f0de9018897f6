"""What-ifs: ask, watch, read."""

from datetime import date

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from loyalty import operations, tasks
from loyalty.authoring.fields import DayField, PicksField
from loyalty.authoring.models import RuleDraft, Simulation
from loyalty.earning import InvalidRuleSet
from loyalty.models import RuleSet, Tier
from loyalty.programme.menu import managers_only, may_manage, readers_only
from loyalty.simulating import wording
from members import clock
from sales.models import Purchase

SHOWN = 25


class WhatIfForm(forms.Form):
    about = forms.ChoiceField(label=gettext_lazy("Rules to try"))
    since = DayField(label=gettext_lazy("First day"))
    until = DayField(label=gettext_lazy("Last day"))
    stores = PicksField(
        "stores", label=gettext_lazy("Stores"), required=False, help_text=gettext_lazy("Empty: every store.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        drafts = RuleDraft.objects.filter(state__in=[RuleDraft.State.OPEN, RuleDraft.State.SUBMITTED])
        self.fields["about"].choices = [
            (_("Drafts"), [(f"d{draft.pk}", draft.name) for draft in drafts]),
            (_("Versions"), [(f"v{row.version}", str(row)) for row in RuleSet.objects.order_by("-version")]),
        ]

    def chosen(self) -> dict:
        kind, number = self.cleaned_data["about"][:1], self.cleaned_data["about"][1:]
        if kind == "d":
            return {"draft": RuleDraft.objects.get(pk=number)}
        return {"rule_set": RuleSet.objects.get(version=number)}


@readers_only
@require_GET
def what_ifs(request):
    rows = Simulation.objects.select_related("draft", "rule_set", "by_user")[:SHOWN]
    return TemplateResponse(
        request, "loyalty/authoring/what_ifs.html", {"rows": rows, "may_manage": may_manage(request.user)}
    )


@managers_only
def ask(request):
    form = WhatIfForm(request.POST or None, initial=_stretch() | {"about": request.GET.get("about", "")})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            asked = operations.ask_what_if(
                since=date.fromisoformat(said["since"]), until=date.fromisoformat(said["until"]), store_codes=said["stores"] or [],
                by_user_id=request.user.pk, at=clock.now(), **form.chosen(),
            )  # fmt: skip
        except operations.CannotSimulate as reason:
            form.add_error("until", str(reason))
        except InvalidRuleSet as invalid:
            messages.error(request, " ".join(fault.words(_) for fault in invalid.problems))
        else:
            tasks.run_what_if.delay(asked.pk)
            return redirect("programme_what_if", asked.pk)
    return TemplateResponse(request, "loyalty/authoring/what_if_ask.html", {"form": form})


def _stretch() -> dict:
    """The last twelve months there are purchases of."""
    newest = Purchase.objects.order_by("-purchased_at").values_list("purchased_at", flat=True).first() or clock.now()
    oldest = Purchase.objects.order_by("purchased_at").values_list("purchased_at", flat=True).first() or newest
    since = max(oldest.date(), newest.date().replace(year=newest.year - 1, day=min(newest.day, 28)))
    return {"since": since, "until": newest.date()}


@readers_only
@require_GET
def what_if(request, pk):
    asked = get_object_or_404(Simulation.objects.select_related("draft", "rule_set"), pk=pk)
    return TemplateResponse(request, "loyalty/authoring/what_if.html", _context(asked))


@readers_only
@require_GET
def progress(request, pk):
    """The part of the page that asks again until the result is there."""
    asked = get_object_or_404(Simulation, pk=pk)
    if not request.headers.get("HX-Request"):
        raise Http404
    response = TemplateResponse(request, "loyalty/authoring/what_if_progress.html", {"asked": asked})
    if asked.state in {Simulation.State.DONE, Simulation.State.FAILED}:
        response["HX-Refresh"] = "true"
    return response


def _context(asked: Simulation) -> dict:
    tiers = {tier.code: tier.name for tier in Tier.objects.all()}
    return {"asked": asked, "said": wording.of(asked.result, tiers=tiers) if asked.result else None}
