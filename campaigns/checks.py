"""What is looked at before a launch. A stop names where to fix it; a caution is said and lets pass."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Avg, Count, FloatField, OuterRef, StdDev, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from campaigns import audiences
from campaigns.models import Campaign
from insights import lift
from sales.models import Purchase

STOP, CAUTION = "stop", "caution"
DETECTABLE = 0.1


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
    found = dict.fromkeys([*_audience(campaign, at), *_variants(campaign), *_settings(campaign)])  # each finding once
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
    if not size:
        yield Problem(STOP, _("Nobody is in the audience right now."), "audience")
        return
    if power := power_of(campaign, at=at):
        if power.needed is None:
            yield Problem(
                CAUTION,
                _("Nobody in the audience bought lately, so the members needed cannot be estimated."),
                "settings",
            )
        elif power.smallest_arm < power.needed:
            yield Problem(CAUTION, power.sentence, "settings")


def _variants(campaign):
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    if not variants:
        yield Problem(STOP, _("Add a variant with an e-mail or a push message."), "variants")
    for variant in variants:
        yield from _template(variant.email_template)
        yield from _push(variant.push_template)


def _template(template):
    if template is None:
        return
    from emails import checks as emails  # late: the lint brings the MJML compiler with it

    for problem in emails.problems(template):
        level = STOP if problem.level == "error" else CAUTION
        words = _("E-mail “%(name)s”: %(problem)s") % {"name": template, "problem": problem.message}
        yield Problem(level, words, "email", problem.fix_url)


def _push(template):
    if template is not None and not template.wordings.exists():
        yield Problem(STOP, _("Push “%(name)s” has no wording yet.") % {"name": template}, "push")


def _settings(campaign):
    if not campaign.holdout_percent:
        yield Problem(CAUTION, _("Nobody is held out: the lift of this campaign will stay unknown."), "settings")
    if campaign.is_rehearsal and settings.PRODUCTION:
        yield Problem(STOP, _("A rehearsal would write to real members; it runs in the demo only."), "settings")


@dataclass(frozen=True)
class Power:
    """Whether the campaign can see a difference of 10 %: members per arm needed, and those of its smallest compared arm."""

    audience: int
    smallest_arm: int
    needed: int | None

    @property
    def sentence(self) -> str:
        return _(
            "Detecting 10 %% needs about %(needed)s members per arm; the smaller side will have about %(have)s. "
            "Expect a wide interval."
        ) % {"needed": f"{self.needed:,}", "have": f"{self.smallest_arm:,}"}


def power_of(campaign: Campaign, *, at) -> Power | None:
    """From what the audience spent in a window of the same length just before; None without a holdout."""
    if not campaign.holdout_percent or campaign.audience is None:
        return None
    before = Purchase.objects.filter(
        member=OuterRef("pk"), purchased_at__gt=at - timedelta(days=campaign.outcome_days), purchased_at__lte=at
    )
    spent = before.order_by().values("member").annotate(n=Sum("total_minor")).values("n")
    members = audiences.compile(campaign.audience.conditions, at=at)
    rows = members.annotate(spent=Coalesce(Subquery(spent), 0, output_field=FloatField()))
    found = rows.aggregate(n=Count("pk"), mean=Avg("spent"), sd=StdDev("spent", sample=True))
    held = round(found["n"] * campaign.holdout_percent / 100)
    needed = lift.members_needed(found["mean"] or 0, found["sd"] or 0, DETECTABLE)
    return Power(found["n"], min(held, found["n"] - held), needed)
