"""Campaigns. Each view makes one call and puts the answer on a page."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import audiences, checks, operations, queries, verdicts
from campaigns.models import Campaign
from cms.campaigning.forms import CampaignForm, ScheduleForm, VariantFormSet
from members import clock
from members import queries as members
from members.access import Role, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)
PER_PAGE = 25


# -- campaigns ---------------------------------------------------------------------------------------------------------


@marketers_only
@require_GET
def campaign_list(request):
    page = Paginator(queries.campaigns(), PER_PAGE).get_page(request.GET.get("p"))
    return TemplateResponse(
        request, "cms/campaigning/campaign_list.html", {"page": page, "campaigns": page.object_list}
    )


@marketers_only
def campaign_edit(request, pk=None):
    campaign = get_object_or_404(Campaign, pk=pk) if pk else None
    if campaign and not campaign.is_draft:
        messages.error(request, _("Only a draft can be edited. Clone it to make a new one."))
        return redirect("cms_campaign", pk)
    chosen = {} if campaign else {"audience": request.GET.get("audience")}
    form = CampaignForm(request.POST or None, instance=campaign, initial=chosen)
    variants = VariantFormSet(request.POST or None, initial=_variants(campaign), prefix="v")
    if request.method == "POST" and form.is_valid() and variants.is_valid():
        saved = _save(campaign, form.cleaned_data, variants.chosen())
        messages.success(request, _("Campaign “%(name)s” saved.") % {"name": saved})
        return redirect("cms_campaign", saved.pk)
    context = {"campaign": campaign, "form": form, "variants": variants, "learning": queries.latest_learning()}
    return TemplateResponse(request, "cms/campaigning/campaign_edit.html", context)


def _variants(campaign) -> list[dict]:
    if campaign is None:
        return []
    return [
        {"name": v.name, "weight": v.weight, "email_template": v.email_template_id, "push_template": v.push_template_id}
        for v in campaign.variants.all()
    ]


def _save(campaign, settings, variants):
    if campaign is None:
        return operations.create(variants=variants, **settings)
    return operations.edit(campaign=campaign, variants=variants, **settings)


FIXES = {"audience": "cms_audience_edit", "settings": "cms_campaign_edit", "variants": "cms_campaign_edit"}


@marketers_only
@require_GET
def campaign(request, pk):
    found = get_object_or_404(Campaign.objects.select_related("audience", "experiment", "cloned_from"), pk=pk)
    now = clock.now()
    is_open = found.status in (Campaign.Status.DRAFT, Campaign.Status.MISSED, Campaign.Status.SCHEDULED)
    report = queries.latest_report(found)
    problems = checks.run(found, at=now) if is_open else []
    context = {
        "campaign": found,
        "variants": found.variants.select_related("email_template", "push_template"),
        "problems": [(problem, _fix(found, problem)) for problem in problems],
        "is_blocked": any(problem.level == checks.STOP for problem in problems),
        "is_open": is_open,
        "funnel": _funnel(found),
        "report": report,
        "verdict": verdicts.of(report) if report else None,
        "schedule": ScheduleForm(),
        "fires": found.fires.all()[:5],
        "learning": queries.latest_learning() if is_open else getattr(found, "learning", None),
        "audience_now": _audience_size(found, now) if is_open else None,
        "now": now,
    }
    return TemplateResponse(request, "cms/campaigning/campaign.html", context)


def _audience_size(found, now):
    try:
        return audiences.count(found.audience.conditions, at=now) if found.audience else None
    except audiences.Invalid:
        return None


def _fix(found, problem) -> str:
    if problem.fix_url:
        return problem.fix_url
    name = FIXES.get(problem.fix)
    if name is None:
        return ""
    return reverse(name, args=[found.audience_id if problem.fix == "audience" else found.pk])


def _funnel(found):
    """The funnel as tiles: (key of the people behind it, its words, how many)."""
    if found.experiment is None:
        return []
    told = queries.funnel(found)
    tiles = [
        ("audience", _("Audience"), told.audience),
        ("sent", _("Sent"), told.sent),
        ("held_out", _("Held out"), told.held_out),
        ("waiting", _("Waiting"), told.waiting),
    ]
    tiles += [(f"skipped:{reason}", verdicts.skip_words(reason), n) for reason, n in sorted(told.skipped.items())]
    tiles += [
        (key, words, n)
        for key, words, n in (("failed", _("Failed"), told.failed), ("in_doubt", _("In doubt"), told.in_doubt))
        if n
    ]
    return tiles


ACTS = {
    "launch": operations.launch,
    "pause": operations.pause,
    "resume": operations.resume,
    "cancel": operations.cancel,
    "unschedule": operations.unschedule,
    "measure": operations.measure,
}


@marketers_only
@require_POST
def campaign_act(request, pk, act):
    found = get_object_or_404(Campaign, pk=pk)
    try:
        if act == "clone":
            copied = operations.clone(campaign=found)
            messages.success(request, _("Cloned. This is the copy."))
            return redirect("cms_campaign_edit", copied.pk)
        if act == "schedule":
            _schedule(request, found)
        elif act in ACTS:
            ACTS[act](campaign=found, at=clock.now())
            messages.success(request, _("Done."))
        else:
            raise Http404
    except (operations.CannotLaunch, operations.CannotMeasure, operations.CannotEdit) as reason:
        messages.error(request, str(reason))
    return redirect("cms_campaign", pk)


def _schedule(request, found):
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give a date and a time for the launch."))
        return
    operations.schedule(campaign=found, launch_at=form.cleaned_data["launch_at"], at=clock.now())
    messages.success(request, _("Scheduled."))


@marketers_only
@require_GET
def campaign_people(request, pk, fate):
    """The people behind one number, masked."""
    found = get_object_or_404(Campaign, pk=pk, experiment__isnull=False)
    rows = queries.people(found, fate).prefetch_related("member__identifiers")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    context = {
        "campaign": found,
        "fate": fate,
        "words": verdicts.fate_words(fate),
        "page": page,
        "rows": [(row, members.masked(row.member), verdicts.fate_words(row.fate)) for row in page],
    }
    return TemplateResponse(request, "cms/campaigning/people.html", context)
