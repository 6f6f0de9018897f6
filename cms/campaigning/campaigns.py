"""Campaigns in the admin. Each view makes one call and puts the answer on a page."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import audiences, checks, goals, happenings, lately, operations, queries, reach, verdicts
from campaigns.models import Campaign, CampaignRules, Entry
from campaigns.operations import choosing, keeping, repeating
from campaigns.power import power_of
from cms.campaigning.campaign_forms import CampaignForm, ResumeForm
from cms.campaigning.comparing import differences
from cms.campaigning.forms import ScheduleForm, VariantFormSet
from delivery.queries import is_archived
from members import clock
from members import queries as members
from members.access import Role, access_member, has_role, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)
PER_PAGE = 25
DATES_SHOWN = 5
OF_VARIANTS = (
    "name",
    "weight",
    "email_template",
    "push_template",
    "push_by",
    "send_time",
    "at_own_hour",
    "offers_buy_again",
    "offers_new_for_you",
)
REFUSALS = (operations.CannotLaunch, operations.CannotMeasure, operations.CannotEdit)


@marketers_only
@require_GET
def campaign_list(request):
    page = Paginator(queries.campaigns(), PER_PAGE).get_page(request.GET.get("p"))
    return TemplateResponse(
        request, "cms/campaigning/campaign_list.html", {"page": page, "campaigns": page.object_list}
    )


# -- editing -----------------------------------------------------------------------------------------------------------


@marketers_only
def campaign_edit(request, pk=None):
    campaign = get_object_or_404(Campaign, pk=pk) if pk else None
    if campaign and not campaign.is_draft:
        messages.error(request, _("Only a draft can be edited. Clone it to make a new one."))
        return redirect("cms_campaign", pk)
    chosen = {} if campaign else {"audience": request.GET.get("audience")}
    form = CampaignForm(request.POST or None, instance=campaign, initial=chosen)
    variants = VariantFormSet(request.POST or None, initial=_variants(campaign), prefix="v")
    context = {"campaign": campaign, "form": form, "variants": variants, "learning": queries.latest_learning()}
    context |= _unsaved(request, campaign)
    if request.method == "POST" and form.is_valid() and variants.is_valid():
        try:
            saved = _save(request, campaign, form, variants.chosen())
        except operations.Overtaken as other:
            context |= {"other": other.current, "differences": differences(other.current, form, variants.chosen())}
        else:
            keeping.drop(campaign=campaign, author=request.user)
            messages.success(request, _("Campaign “%(name)s” saved.") % {"name": saved})
            return redirect("cms_campaign", saved.pk)
    return TemplateResponse(request, "cms/campaigning/campaign_edit.html", context)


def _unsaved(request, campaign) -> dict:
    """What the author typed and did not save; none on the answer to a save, whose form says it already."""
    here = reverse("cms_campaign_draft", args=[campaign.pk]) if campaign else reverse("cms_campaign_new_draft")
    draft = keeping.draft_of(campaign, request.user) if request.method == "GET" else None
    if draft is None:
        return {"draft_url": here}
    can_redo = draft.place + 1 < len(draft.steps)
    return {"draft_url": here, "draft": draft, "unsaved": draft.steps[draft.place], "can_redo": can_redo}


def _variants(campaign) -> list[dict]:
    if campaign is None:
        return []
    return [{name: getattr(one, name) for name in OF_VARIANTS} for one in campaign.variants.all()]


def _save(request, campaign, form, variants):
    if campaign is None:
        return operations.create(variants=variants, edited_by=request.user, **form.cleaned_data)
    version = form.data.get("version")
    version = int(version) if str(version).isdigit() else None
    return operations.edit(campaign=campaign, variants=variants, version=version, by=request.user, **form.cleaned_data)


# -- one campaign ------------------------------------------------------------------------------------------------------


@marketers_only
@require_GET
def campaign(request, pk):
    found = get_object_or_404(Campaign.objects.select_related("audience", "experiment", "cloned_from", "series"), pk=pk)
    now = clock.now()
    is_open = found.status in (Campaign.Status.DRAFT, Campaign.Status.MISSED, Campaign.Status.SCHEDULED)
    report = queries.latest_report(found)
    context = {
        "campaign": found,
        "variants": found.variants.select_related("email_template", "push_template"),
        "is_open": is_open,
        "funnel": _funnel(found),
        "report": report,
        "verdict": verdicts.of(report) if report else None,
        "fires": found.fires.all()[:5],
        "learning": queries.latest_learning() if is_open else getattr(found, "learning", None),
        "now": now,
        "choosing": _choosing(found, now),
        "dates": _dates(found, now),
        "may_archive": bool(
            found.launched_at and not found.is_rehearsal and found.variants.exclude(email_template=None)
        ),
        "is_archived": is_archived(found.cause),
        "trigger_words": happenings.words(found.trigger) if found.trigger else "",
        **_approval(request, found),
        **(_problems(found, now) if is_open else {}),
        **(_resuming(found, now) if found.status == Campaign.Status.PAUSED else {}),
    }
    return TemplateResponse(request, "cms/campaigning/campaign.html", context)


def _problems(found, now) -> dict:
    problems = checks.run(found, at=now)
    is_blocked = any(problem.level == checks.STOP for problem in problems)
    return {"problems": [(problem, _fix(found, problem)) for problem in problems], "is_blocked": is_blocked}


def _resuming(found, now) -> dict:
    return {"past_due": operations.past_due(found, at=now), "resume": ResumeForm()}


def _approval(request, found) -> dict:
    rule = CampaignRules.current().approval
    return {
        "needs_approval": rule != CampaignRules.Approval.NONE,
        "may_approve": has_role(request.user, Role.APPROVER),
    }


FIXES = {"audience": "cms_audience_edit", "settings": "cms_campaign_edit", "variants": "cms_campaign_edit"}


def _fix(found, problem) -> str:
    if problem.fix_url:
        return problem.fix_url
    if problem.fix == "approval":
        return f"{reverse('cms_campaign', args=[found.pk])}#approval"
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
        ("audience", _("Entered"), told.audience),
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


def _choosing(found, now) -> dict | None:
    """What the variants reached so far, where the campaign chooses between them itself."""
    if found.launched_at is None or found.choice == Campaign.Choice.SPLIT:
        return None
    rows = goals.reached(found, until=now)
    names = {one.pk: one.name for one in found.variants.all()}
    standing = choosing.standing(found, at=now) if found.choice == Campaign.Choice.WINNER else None
    return {
        "rows": rows,
        "is_share": found.goal in (Campaign.Goal.CLICKED, Campaign.Goal.BUYERS),
        "standing": standing,
        "proposed": names.get(found.decision.get("proposed")),
        "waits": found.choice == Campaign.Choice.WINNER and found.winner_id is None and found.status == "sending",
        "waves": [
            (wave, [(names.get(int(pk), "?"), share) for pk, share in wave.shares.items()])
            for wave in found.waves.all()
        ],
    }


def _dates(found, now):
    """Of a series: what came of its dates, and the next ones."""
    if found.timing != Campaign.Timing.RECURRING or not (found.repeat and found.local_time):
        return None
    first = now.astimezone(repeating.zone_of(found)).date()
    coming = [
        day for day, drawn in repeating.upcoming(found, first=first, last=first + timedelta(days=100)) if drawn >= now
    ]
    pooled, broken = queries.pooled(found)
    return {"pooled": pooled, "sentence": verdicts.of_series(pooled) if pooled else "", "broken": broken} | {
        "past": found.occurrences.order_by("-occurs_on")[:20],
        "coming": coming[:DATES_SHOWN],
    }


# -- going live --------------------------------------------------------------------------------------------------------


@marketers_only
@require_GET
def campaign_go_live(request, pk):
    """The last page before: exactly how many, what it may cost, and whether a difference could be seen."""
    found = get_object_or_404(Campaign.objects.select_related("audience"), pk=pk)
    now = clock.now()
    context = _problems(found, now) | {
        "campaign": found,
        "schedule": ScheduleForm(use_required_attribute=False),
        "now": now,
    }
    if found.audience and not context["is_blocked"]:
        told = reach.reach(found, at=now)
        power = power_of(found, at=now)
        rules = CampaignRules.current()
        context |= {
            "reach": told,
            "skipped": [(verdicts.skip_words(reason), n) for reason, n in told.skipped.items()],
            "must_type": _is_counted(found) and told.eligible > rules.confirm_above,
            "power": power,
            "arms": _arms(power) if power else [],
            "dates": _dates(found, now),
        }
    return TemplateResponse(request, "cms/campaigning/go_live.html", context)


def _arms(power) -> list[tuple[str, int, bool]]:
    """Arm in words, its members, and whether they are as many as it takes."""
    return [
        (verdicts.arm_words([arm.name]), arm.members, bool(power.needed) and arm.members >= power.needed)
        for arm in power.arms
    ]


def _is_counted(found) -> bool:
    return found.timing != Campaign.Timing.TRIGGERED


def _confirmed(request, found):
    """Whoever goes live to many has typed how many. Raises CannotLaunch."""
    limit = CampaignRules.current().confirm_above
    if found.status == Campaign.Status.PLANNED or not _is_counted(found) or found.audience is None:
        return
    try:
        eligible = reach.reach(found, at=clock.now()).eligible
    except audiences.Invalid:
        return  # the launch itself says what is wrong
    typed = request.POST.get("number", "").replace(",", "").replace(" ", "")
    if eligible > limit and typed != str(eligible):
        raise operations.CannotLaunch(
            _("Type the number of members, %(n)s, to go live to so many.") % {"n": f"{eligible:,}"}
        )


ACTS = {
    "launch": operations.launch,
    "pause": operations.pause,
    "cancel": operations.cancel,
    "unschedule": operations.unschedule,
    "measure": operations.measure,
    "archive": operations.show_in_archive,
    "unarchive": operations.take_from_archive,
}
BY_PERSON = {"submit": operations.submit, "approve": operations.approve, "send_back": operations.send_back}


@marketers_only
@require_POST
def campaign_act(request, pk, act):
    found = get_object_or_404(Campaign, pk=pk)
    try:
        if act == "clone":
            copied = operations.clone(campaign=found)
            messages.success(request, _("Cloned. This is the copy."))
            return redirect("cms_campaign_edit", copied.pk)
        _do(request, found, act)
    except REFUSALS as reason:
        messages.error(request, str(reason))
    return redirect("cms_campaign", pk)


def _do(request, found, act):
    if act in ("launch", "schedule"):
        _confirmed(request, found)
    if act == "schedule":
        _schedule(request, found)
    elif act == "resume":
        _resume(request, found)
    elif act == "choose":
        variant = get_object_or_404(found.variants, pk=request.POST.get("variant"))
        operations.choose(campaign=found, variant=variant, at=clock.now())
        messages.success(request, _("“%(name)s” goes to the rest.") % {"name": variant})
    elif act in BY_PERSON:
        _by_person(request, found, act)
    elif act in ACTS:
        ACTS[act](campaign=found, at=clock.now())
        messages.success(request, _("Done."))
    else:
        raise Http404


def _by_person(request, found, act):
    if act != "submit" and not has_role(request.user, Role.APPROVER):
        raise operations.CannotLaunch(_("Only an approver says yes to a campaign."))
    BY_PERSON[act](campaign=found, by=request.user, at=clock.now())
    messages.success(request, _("Done."))


def _resume(request, found):
    form = ResumeForm(request.POST)
    told = form.cleaned_data if form.is_valid() else {}
    operations.resume(
        campaign=found, at=clock.now(), past_due=told.get("past_due") or operations.SEND, until=told.get("until")
    )
    messages.success(request, _("Done."))


def _schedule(request, found):
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give a date and a time for the launch."))
        return
    operations.schedule(campaign=found, launch_at=form.cleaned_data["launch_at"], at=clock.now())
    messages.success(request, _("Scheduled."))


# -- its people --------------------------------------------------------------------------------------------------------


@marketers_only
@require_GET
def campaign_people(request, pk, fate):
    """The people behind one number, masked; and of one member, why they did or did not get it."""
    found = get_object_or_404(Campaign, pk=pk, experiment__isnull=False)
    rows = queries.people(found, fate).prefetch_related("member__identifiers")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    text = request.GET.get("q", "").strip()
    context = {
        "campaign": found,
        "fate": fate,
        "words": verdicts.fate_words(fate),
        "page": page,
        "rows": [_person(row) for row in page],
        "text": text,
        "found": [members.masked(member) for member in members.find(text, limit=8)] if text else [],
    }
    if key := request.GET.get("member"):
        member = access_member(request.user, key)
        context |= {"chosen": members.masked(member), "story": queries.story_of(found, member.pk, at=clock.now())}
    return TemplateResponse(request, "cms/campaigning/people.html", context)


@marketers_only
@require_GET
def campaign_lately(request, pk):
    """The last times that what sets it off happened, each with a tick or a cross and the reason; those of any one member, too."""
    found = get_object_or_404(Campaign, pk=pk, timing=Campaign.Timing.TRIGGERED)
    text, key = request.GET.get("q", "").strip(), request.GET.get("member")
    chosen = access_member(request.user, key) if key else None
    context = {
        "campaign": found,
        "text": text,
        "found": [members.masked(member) for member in members.find(text, limit=8)] if text else [],
        "chosen": members.masked(chosen) if chosen else None,
        "happening": happenings.words(found.trigger),
    }
    try:
        told = lately.last(found, at=clock.now(), member_id=chosen.pk if chosen else None)
    except audiences.Invalid as reason:
        context |= {"problem": str(reason)}
    else:
        context |= {"moments": [(members.masked(one.member), one) for one in told]}
    return TemplateResponse(request, "cms/campaigning/lately.html", context)


def _person(row) -> tuple:
    """(masked member, arm in words, since when, what became of it) of an assignment, or of an entry of a triggered campaign."""
    if isinstance(row, Entry):
        return members.masked(row.member), row.key, row.occurred_at, verdicts.fate_words(row.fate)
    return (
        members.masked(row.member),
        verdicts.arm_words([row.arm.name]),
        row.assigned_at,
        verdicts.fate_words(row.fate),
    )
