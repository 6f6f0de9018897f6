"""The risk list, the interventions with their lift, and the rules with how many members they match."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import members.queries
from campaigns import verdicts
from campaigns.models import EarlyWarning, Intervention, RetentionRules
from campaigns.retention import finding, operations, queries
from campaigns.retention.models import Driver
from members import clock
from members.access import Role, has_role, staff_only

CHANGERS = (Role.MARKETER, Role.STORE_MANAGER)
READERS = (*CHANGERS, Role.APPROVER)
readers_only, changers_only = staff_only(*READERS), staff_only(*CHANGERS)
A_PAGE = 30


@readers_only
@require_GET
def risk_list(request):
    """Who is about to leave: what changed, what they feel beside what they spend, and what is suggested."""
    state = request.GET.get("state", "")
    state = state if state in EarlyWarning.State.values else ""
    found = queries.standing(state).prefetch_related("member__identifiers")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    rows = [(row, members.queries.masked(row.warning.member)) for row in queries.rows(page.object_list)]
    counts = queries.counts()
    context = {
        "rows": rows, "page": page, "state": state, "currency": settings.CURRENCY, "total": sum(counts.values()),
        "states": [(code, label, counts[code]) for code, label in EarlyWarning.State.choices],
        "may_decide": has_role(request.user, *CHANGERS), "opens_members": has_role(request.user, Role.SERVICE),
    }  # fmt: skip
    return TemplateResponse(request, "cms/retaining/list.html", context)


@changers_only
@require_POST
def decide(request, pk, act):
    """Yes to a suggestion, or no."""
    verbs = {"give": operations.act, "dismiss": operations.dismiss}
    if act not in verbs:
        raise Http404
    warning = get_object_or_404(EarlyWarning, pk=pk)
    try:
        verbs[act](warning=warning, by_user=request.user, at=clock.now())
    except operations.CannotAct as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("Done.") if act == "give" else _("Dismissed."))
    return redirect("cms_retention")


class RulesForm(forms.ModelForm):
    class Meta:
        model = RetentionRules
        fields = (
            "recent_days", "purchases_least", "drop_percent", "returns_least", "returns_percent", "feeling_low", "spends_much_percent",
            "lines_least", "price_percent", "service_contacts", "brand_percent",
        )  # fmt: skip


@readers_only
@require_http_methods(["GET", "POST"])
def rules(request):
    """The rules in force; “try” counts who would match before anything is kept."""
    may_change = has_role(request.user, *CHANGERS)
    form = RulesForm(request.POST or None, instance=RetentionRules.current())
    tried = None
    if request.method == "POST" and may_change and form.is_valid():
        if "try" in request.POST:
            tried = form.save(commit=False)
        else:
            form.instance.pk = 1
            form.save()
            messages.success(request, _("Saved. They count from the next run."))
            return redirect("cms_retention_rules")
    before = finding.drivers_by(RetentionRules.current())
    after = finding.drivers_by(tried) if tried else {}
    warned = len(finding.at_risk(rules=tried, at=clock.now())) if tried else None
    context = {
        "form": form, "may_change": may_change, "warned": warned, "warned_now": queries.standing().count(),
        "drivers": [(label, before[code], after.get(code)) for code, label in Driver.choices],
        "tried": tried is not None,
    }  # fmt: skip
    return TemplateResponse(request, "cms/retaining/rules.html", context)


@readers_only
@require_GET
def intervention_list(request):
    at = clock.now()
    rows = [
        (one, verdicts.of(read) if (read := queries.lift(one, at=at)) else None, operations.left_minor(one))
        for one in queries.interventions()
    ]
    context = {"rows": rows, "currency": settings.CURRENCY, "may_change": has_role(request.user, *CHANGERS)}
    return TemplateResponse(request, "cms/retaining/interventions.html", context)


class InterventionForm(forms.ModelForm):
    """Once somebody was drawn, the share that is left alone stands: changed shares would not be comparable."""

    class Meta:
        model = Intervention
        fields = (
            "name", "driver", "action", "percent_off", "most_off_minor", "valid_days", "team", "holdout_percent", "rest_days",
            "budget_minor", "cost_minor", "is_by_itself", "is_live",
        )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.experiment_id:
            for name in ("holdout_percent", "driver", "action"):
                self.fields[name].disabled = True

    def clean(self):
        said = super().clean()
        if said.get("driver") == Driver.SERVICE and said.get("action") == Intervention.Action.OFFER:
            self.add_error("action", _("Who stays for service is never given a discount."))
        return said


@readers_only
@require_http_methods(["GET", "POST"])
def intervention_edit(request, pk=None):
    """One intervention: what it does, its limits, and what it changed so far."""
    one = get_object_or_404(Intervention, pk=pk) if pk else None
    may_change, at = has_role(request.user, *CHANGERS), clock.now()
    form = InterventionForm(request.POST or None, instance=one)
    if request.method == "POST" and may_change and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("cms_interventions")
    read = queries.lift(one, at=at) if one else None
    context = {
        "form": form, "one": one, "may_change": may_change, "figures": read and read.figures,
        "verdict": read and verdicts.of(read), "currency": settings.CURRENCY,
    }  # fmt: skip
    return TemplateResponse(request, "cms/retaining/intervention.html", context)
