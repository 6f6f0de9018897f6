"""The calendar over all campaigns, the ready flows, and the house's rules."""

from datetime import date

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import calendar, flows
from campaigns.journeys import starters
from campaigns.models import CampaignRules
from members import clock
from members.access import Role, has_role, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)
YEARS = range(2000, 2100)


@marketers_only
@require_GET
def calendar_page(request):
    """A month of campaigns, with what wants the same members and how many messages that makes."""
    at = clock.now()
    shown = _month(request.GET.get("month", ""), at)
    before, after = _shifted(shown, -1), _shifted(shown, 1)
    context = {
        "weeks": calendar.month(shown.year, shown.month, at=at),
        "shown": shown, "before": before, "after": after, "today": at.date(),
        "always_on": calendar.always_on(), "conflicts": calendar.conflicts(at=at), "fatigue": calendar.fatigue(at=at),
    }  # fmt: skip
    return TemplateResponse(request, "cms/campaigning/calendar.html", context)


def _month(text: str, at) -> date:
    year, _dash, month = text.partition("-")
    if year.isdigit() and month.isdigit() and int(year) in YEARS and 1 <= int(month) <= 12:
        return date(int(year), int(month), 1)
    return at.date().replace(day=1)


def _shifted(first: date, months: int) -> str:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return f"{year:04d}-{month + 1:02d}"


@marketers_only
@require_GET
def flow_list(request):
    """Everything one can start from, campaigns and journeys side by side: which of the two is the first thing to choose."""
    context = {"flows": flows.FLOWS.values(), "journeys": starters.STARTERS.values()}
    return TemplateResponse(request, "cms/campaigning/flow_list.html", context)


@marketers_only
@require_POST
def flow_start(request, code):
    """Make the campaign of a ready flow, with its audience and its e-mails in both languages."""
    try:
        made = flows.make(code, by=request.user)
    except flows.NoSuchFlow as reason:
        messages.error(request, str(reason))
        return redirect("cms_campaign_flows")
    messages.success(request, _("Made. Read it through; it goes out only when you say so."))
    return redirect("cms_campaign", made.pk)


class RulesForm(forms.ModelForm):
    class Meta:
        model = CampaignRules
        fields = ["approval", "confirm_above"]


@marketers_only
def rules(request):
    """What this house asks of every campaign. Only an approver changes it."""
    may = has_role(request.user, Role.APPROVER)
    form = RulesForm(request.POST or None, instance=CampaignRules.current())
    if request.method == "POST" and may and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("cms_campaign_rules")
    return TemplateResponse(request, "cms/campaigning/rules.html", {"form": form, "may": may})
