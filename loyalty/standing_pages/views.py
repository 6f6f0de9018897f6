"""The ladder, the partners and the memberships: each page shows what is, and one form that changes it."""

from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loyalty import billing, operations, queries, settling
from loyalty.models import Membership, MembershipPlan, Partner, Tier, TierPolicy
from loyalty.programme.menu import managers_only, may_manage, readers_only
from loyalty.standing_pages.forms import PartnerForm, PlanForm, PolicyForm, TierForm
from members import clock

SHOWN_MAX = 200


@readers_only
@require_GET
def tiers(request):
    """Every tier with what reaches it, how it is counted and lost, and what it brings."""
    rule = TierPolicy.objects.first() or TierPolicy()
    totals = queries.members_by_tier()
    context = {
        "tiers": [
            (tier, percent, totals.get(tier.code, 0))
            for tier, percent in queries.ladder()
        ],
        "benefits": {tier.code: list(tier.benefits.all()) for tier in Tier.objects.prefetch_related("benefits")},
        "policy": rule,
        "policy_form": PolicyForm(initial={"currency": rule.currency, "falls_one_step": rule.falls_one_step}),
        "may_manage": may_manage(request.user),
    }  # fmt: skip
    return TemplateResponse(request, "loyalty/people/tiers.html", context)


@managers_only
@require_POST
def policy(request):
    form = PolicyForm(request.POST)
    if form.is_valid():
        operations.set_tier_policy(**form.cleaned_data)
        messages.success(request, _("Saved. It counts from the next purchase."))
    else:
        messages.error(request, _("A currency has three letters, such as USD."))
    return redirect("programme_tiers")


@managers_only
def tier(request, code):
    """Make a tier or change it. The new ladder counts from the next purchase, and tonight for everybody."""
    found = get_object_or_404(Tier, code=code) if code else None
    form = TierForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        facts = dict(form.cleaned_data)
        try:
            operations.change_tier(code=facts.pop("code"), benefits=facts.pop("benefits"), **facts)
        except operations.CannotChangeTiers as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved. It counts from the next purchase, and tonight for everybody."))
            return redirect("programme_tiers")
    return TemplateResponse(request, "loyalty/people/tier.html", {"form": form, "tier": found})


@readers_only
def partners(request):
    """Partners with their terms, and what is owed for a month, from the ledger."""
    form = PartnerForm(request.POST or None, initial={"valid_from": queries.day_of(clock.now())})
    if request.method == "POST":
        if not may_manage(request.user):
            raise PermissionDenied
        if form.is_valid() and _add_partner(form):
            messages.success(request, _("Saved. Give the partner a token of the source partner:code."))
            return redirect("programme_partners")
    month = _month(request)
    context = {
        "partners": [(one, list(one.terms.all())[-1:]) for one in Partner.objects.prefetch_related("terms")],
        "lines": settling.settlement(month=month), "month": month, "form": form, "may_manage": may_manage(request.user),
    }  # fmt: skip
    return TemplateResponse(request, "loyalty/people/partners.html", context)


def _add_partner(form: PartnerForm) -> bool:
    facts = dict(form.cleaned_data)
    code, name = facts.pop("code"), facts.pop("name")
    terms = operations.Terms(**facts)
    known = Partner.objects.filter(code=code).first()
    try:
        if known:
            operations.agree_terms(partner=known, terms=terms)
        else:
            operations.add_partner(code=code, name=name, terms=terms)
    except operations.CannotPartner as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _month(request) -> date:
    try:
        return date.fromisoformat(request.GET.get("month", "") + "-01")
    except ValueError:
        return queries.day_of(clock.now()).replace(day=1)


@readers_only
@require_GET
def settlement_csv(request):
    """The month's settlement as a file for the books."""
    month = _month(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="settlement-{month:%Y-%m}.csv"'
    settling.write_csv(settling.settlement(month=month), response)
    return response


@readers_only
def memberships(request):
    """Who pays for a tier, how each subscription stands, and at which prices it may be joined."""
    form = PlanForm(request.POST or None)
    if request.method == "POST":
        if not may_manage(request.user):
            raise PermissionDenied
        if form.is_valid():
            facts = dict(form.cleaned_data)
            operations.add_plan(tier_code=facts.pop("tier").code, **facts)
            messages.success(request, _("Saved. Members may join in the portal."))
            return redirect("programme_memberships")
    newest = Membership.objects.select_related("member", "plan__tier").order_by("-changed_at", "-pk")
    context = {
        "memberships": newest[:SHOWN_MAX], "plans": MembershipPlan.objects.select_related("tier").order_by("pk"), "form": form,
        "is_set_up": billing.is_set_up(), "may_manage": may_manage(request.user),
    }  # fmt: skip
    return TemplateResponse(request, "loyalty/people/memberships.html", context)
