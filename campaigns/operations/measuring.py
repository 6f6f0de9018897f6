"""From outcomes to a frozen report, and from the report back to the recommender."""

from dataclasses import asdict

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import figures, outcomes, responses
from campaigns.models import Campaign, Learning, LiftReport
from insights import lift
from recommender import operations as recommender

RERANDOMISATIONS = 1000
RERANDOMISED_MEMBERS_MAX = 50_000
"""Beyond, chance needs no showing: the mean of so many members is normal, and drawing them anew takes minutes."""
MEASURABLE = (
    Campaign.Status.SENDING,
    Campaign.Status.PAUSED,
    Campaign.Status.SENT,
    Campaign.Status.CANCELLED,
    Campaign.Status.LIVE,
)
PRIMARY = figures.PRIMARY


class CannotMeasure(Exception):
    """There is nothing to read yet, or nothing that was randomised."""


@transaction.atomic
def measure(*, campaign: Campaign, at) -> LiftReport:
    """Read the outcomes so far and freeze them. At the window's end the report is final, made once, and taught from.

    Before that it is an early look, numbered and labelled so. Raises CannotMeasure.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    final = campaign.reports.filter(is_final=True).first()
    if final:
        return final
    _check(campaign)
    is_final = campaign.is_rehearsal or (campaign.outcome_ends_at is not None and at >= campaign.outcome_ends_at)
    report = LiftReport.objects.create(
        campaign=campaign, as_of=at, is_final=is_final, figures=_figures(campaign, at, is_final=is_final)
    )
    if is_final:
        _learn(campaign, at)
        campaign.status = Campaign.Status.MEASURED
        campaign.save()
    return report


def _check(campaign):
    if campaign.is_historical:
        raise CannotMeasure(_("This campaign was not randomised: its lift is unknown."))
    if campaign.timing == Campaign.Timing.RECURRING:
        raise CannotMeasure(_("Each date of a series is measured by itself."))
    if campaign.launched_at is None or campaign.status not in MEASURABLE:
        raise CannotMeasure(_("This campaign has not been launched, so there is no outcome yet."))
    if campaign.is_rehearsal and campaign.rehearsal.simulated_at is None:
        raise CannotMeasure(_("The responses of this rehearsal were not simulated yet."))


def _figures(campaign, at, *, is_final) -> dict:
    until = campaign.outcome_ends_at if is_final else at
    subject = outcomes.of_campaign(campaign)
    told = figures.read(subject, until=until, is_final=is_final, planned_end=campaign.outcome_ends_at)
    told["kind"] = campaign.kind
    told["window"]["days"] = campaign.outcome_days
    told["look"] = campaign.reports.count() + 1
    responded = responses.responses(campaign)
    for arm in told["arms"]:
        arm["responses"] = responded.get(arm["name"], {})
    if not campaign.is_rehearsal:
        told["attributed"] = responses.attributed(campaign, until=until)
    told["rerandomised"] = _rerandomised(campaign, subject, told, until)
    if campaign.is_rehearsal:
        told["truth"] = campaign.rehearsal.effect | {"seed": campaign.rehearsal.seed}
    return told


def _rerandomised(campaign, subject, told, until) -> dict | None:
    """Chance's own p-values for the primary comparison, with the seed that was drawn before launch."""
    arms = list(campaign.experiment.arms.all())
    pairs = figures.pairs(arms)
    members = sum(arm["n"] for arm in told["arms"])
    if not pairs or not any(arm.is_holdout for arm in arms) or not 4 <= members <= RERANDOMISED_MEMBERS_MAX:
        return None
    first = figures.first_of(told["comparisons"], PRIMARY)
    found = lift.rerandomised_p_values(
        outcomes.values(subject, PRIMARY, until=until), tuple(sum(arm.share for arm in side) for side in pairs[0]),
        RERANDOMISATIONS, campaign.analysis_seed, observed=(first["plain"] or first)["absolute"] if first else None,
    )  # fmt: skip
    return {
        "draws": RERANDOMISATIONS,
        "seed": found.seed,
        "histogram": found.histogram(),
        "share_below_alpha": found.share_below_alpha,
        "p_value": found.p_value,
    }


def _learn(campaign, at):
    rows = responses.of_offers(campaign, until=campaign.outcome_ends_at)
    learned = recommender.learn(
        cause=campaign.cause,
        outcomes=[recommender.Outcome(m, c, is_success, is_held) for m, c, is_held, is_success in rows],
        at=at,
    )
    Learning.objects.create(
        campaign=campaign,
        verdict=str(learned.sentence),
        changes=[asdict(change) | {"sentence": str(change.sentence)} for change in learned.changes],
        learned_at=at,
    )
