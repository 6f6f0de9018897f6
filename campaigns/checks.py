"""What is looked at before a launch. A stop names where to fix it; a caution is said and lets pass."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.models import TaskState

from campaigns import audiences, budgets, happenings, noticing
from campaigns.models import Campaign, CampaignRules
from campaigns.power import power_of
from members import modules

STOP, CAUTION = "stop", "caution"
ONCE, SPLIT = Campaign.Timing.ONCE, Campaign.Choice.SPLIT
FULL = 100
OWN_NAMES = ("Holdout", "Rest", "Addressed")
"""Names that arms of the house's own bear: a variant cannot have them."""


@dataclass(frozen=True)
class Problem:
    """One finding. `fix` says where: audience, variants, settings, or the template's own `fix_url`."""

    level: str
    message: str
    fix: str
    fix_url: str = ""


def blocking(campaign: Campaign, *, at) -> list[Problem]:
    return [problem for problem in run(campaign, at=at) if problem.level == STOP]


def run(campaign: Campaign, *, at) -> list[Problem]:
    """Every finding, stops first. Reads only; renders nothing to members."""
    found = dict.fromkeys(
        [
            *_audience(campaign, at),
            *_variants(campaign),
            *_settings(campaign, at),
            *_timing(campaign, at),
            *_choosing(campaign),
        ]
    )  # each finding once
    return sorted(found, key=lambda problem: problem.level != STOP)


def _audience(campaign, at):
    if campaign.audience is None:
        yield Problem(STOP, _("Choose an audience."), "settings")
        return
    try:
        size = audiences.count(campaign.audience.conditions, at=at)
    except audiences.Invalid as reason:
        yield Problem(STOP, str(reason), "audience")
        return
    if not size and campaign.timing == ONCE:
        yield Problem(STOP, _("Nobody is in the audience right now."), "audience")
        return
    yield from _power(campaign, at)


def _power(campaign, at):
    try:
        power = power_of(campaign, at=at)
    except audiences.Invalid:
        return  # said by the check of when it goes out
    if power and power.needed is None:
        words = _("Nobody in the audience bought lately, so the members needed cannot be estimated.")
        yield Problem(CAUTION, words, "settings")
    elif power and not power.is_enough and campaign.timing == ONCE:
        yield Problem(CAUTION, power.sentence, "settings")


def _variants(campaign):
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    if not variants:
        yield Problem(STOP, _("Add a variant with an e-mail or a push message."), "variants")
    for variant in variants:
        if variant.name in OWN_NAMES:
            yield Problem(
                STOP,
                _("“%(name)s” is a name of our own; call the variant something else.") % {"name": variant},
                "variants",
            )
        yield from _template(variant.email_template)
        yield from _push(variant.push_template)


def _template(template):
    if template is None:
        return
    from emails import checks as emails  # late: the lint brings the MJML compiler with it

    yield from _approval(template, "email")
    for problem in emails.problems(template):
        level = STOP if problem.level == "error" else CAUTION
        words = _("E-mail “%(name)s”: %(problem)s") % {"name": template, "problem": problem.message}
        yield Problem(level, words, "email", problem.fix_url)


def _approval(template, fix):
    """Where the rules ask for it: somebody approved the very version that would be sent."""
    from emails.models import MessageRules

    if not MessageRules.load().needs_approval:
        return
    approved = TaskState.objects.filter(revision=template.live_revision_id, status=TaskState.STATUS_APPROVED)
    if template.live_revision_id is None or not approved.exists():
        words = _("“%(name)s” needs an approval: submit it, and let a colleague approve it.") % {"name": template}
        yield Problem(STOP, words, fix, AdminURLFinder().get_edit_url(template) or "")


def _push(template):
    if template is not None:
        yield from _approval(template, "push")
    if template is not None and not template.wordings.exists():
        yield Problem(STOP, _("Push “%(name)s” has no wording yet.") % {"name": template}, "push")


def _settings(campaign, at):
    if not campaign.holdout_percent:
        yield Problem(CAUTION, _("Nobody is held out: the lift of this campaign will stay unknown."), "settings")
    if campaign.is_rehearsal and settings.PRODUCTION:
        yield Problem(STOP, _("A rehearsal would write to real members; it runs in the demo only."), "settings")
    if campaign.is_rehearsal and (campaign.timing != ONCE or campaign.choice != SPLIT):
        yield Problem(STOP, _("A rehearsal goes out once, and shares members as the weights say."), "settings")
    needs = CampaignRules.current().approval != CampaignRules.Approval.NONE
    if needs and not campaign.is_approved and campaign.series_id is None:
        yield Problem(STOP, _("Nobody has approved it yet as it stands."), "approval")
    variants = list(campaign.variants.all())
    if campaign.budget_minor is not None and variants and budgets.affordable(campaign, variants) == 0:
        yield Problem(STOP, _("The budget does not reach a single member."), "settings")


def _choosing(campaign):
    n = campaign.variants.count()
    if campaign.choice == SPLIT or not n:
        return
    if n < 2:
        yield Problem(STOP, _("To choose between variants there have to be two at least."), "variants")
    if campaign.timing == Campaign.Timing.TRIGGERED:
        yield Problem(STOP, _("A campaign that waits for an event shares members as the weights say."), "settings")
    if campaign.choice == Campaign.Choice.LEARNING and n * campaign.floor_percent > FULL:
        yield Problem(STOP, _("The least shares of all variants come to more than everybody."), "settings")
    if campaign.goal == Campaign.Goal.CLICKED and any(not v.channels for v in campaign.variants.all()):
        yield Problem(STOP, _("A variant without a message can have no link followed."), "variants")


def _timing(campaign, at):
    """What a campaign that repeats or is triggered still lacks."""
    if campaign.ends_on and campaign.ends_on < at.date():
        yield Problem(STOP, _("Its last day has passed."), "settings")
    if campaign.timing == Campaign.Timing.RECURRING:
        if not campaign.repeat or campaign.local_time is None:
            yield Problem(STOP, _("Say how often it repeats, and at what time of day."), "settings")
        if campaign.repeat == Campaign.Repeat.WEEKLY and not campaign.weekdays:
            yield Problem(STOP, _("Choose the days of the week."), "settings")
        if campaign.repeat == Campaign.Repeat.MONTHLY and not campaign.month_day:
            yield Problem(STOP, _("Choose the day of the month."), "settings")
    if campaign.timing == Campaign.Timing.TRIGGERED:
        try:
            happenings.clean(campaign.trigger, campaign.trigger_settings)
        except audiences.Invalid as reason:
            yield Problem(STOP, str(reason), "settings")
        if campaign.trigger in noticing.TRIGGERS and modules.is_on(noticing.MODULE):
            yield Problem(
                CAUTION,
                _("Members hear of this in a notice too. A manager switches notices off under Settings → Modules."),
                "",
            )
