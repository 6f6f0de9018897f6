"""From outcomes to a frozen report, and from the report back to the recommender."""

from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import outcomes
from campaigns.models import Campaign, Learning, LiftReport
from experiments import queries as assigned
from insights import lift
from recommender import operations as recommender

RERANDOMISATIONS = 1000
MEASURABLE = (Campaign.Status.SENDING, Campaign.Status.PAUSED, Campaign.Status.SENT, Campaign.Status.CANCELLED)
PRIMARY = next(iter(outcomes.METRICS))


class CannotMeasure(Exception):
    """There is nothing to read yet, or nothing that was randomised."""


@transaction.atomic
def measure(*, campaign: Campaign, at) -> LiftReport:
    """Read the outcomes so far and freeze them. At the window's end the report is final, made once, and taught from.

    Before that it is an early look, labelled so. Raises CannotMeasure.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    final = campaign.reports.filter(is_final=True).first()
    if final:
        return final
    _check(campaign)
    is_final = campaign.is_rehearsal or at >= campaign.outcome_ends_at
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
    if campaign.launched_at is None or campaign.status not in MEASURABLE:
        raise CannotMeasure(_("This campaign has not been launched, so there is no outcome yet."))
    if campaign.is_rehearsal and campaign.rehearsal.simulated_at is None:
        raise CannotMeasure(_("The responses of this rehearsal were not simulated yet."))


def _figures(campaign, at, *, is_final) -> dict:
    until = campaign.outcome_ends_at if is_final else at
    sums = outcomes.per_arm(campaign, until=until)
    arms = list(campaign.experiment.arms.all())
    comparisons = _comparisons(arms, sums)
    figures = {
        "kind": campaign.kind,
        "currency": settings.CURRENCY,
        "window": {
            "begin": campaign.launched_at.isoformat(),
            "end": campaign.outcome_ends_at.isoformat(),
            "days": campaign.outcome_days,
        },
        "read_until": until.isoformat(),
        "arms": [_arm(arm, sums, outcomes.responses(campaign).get(arm.name, {})) for arm in arms],
        "sample_ratio": _sample_ratio(campaign, arms),
        "comparisons": comparisons,
        "primary": PRIMARY,
        "members_needed": _needed(arms, sums),
        "rerandomised": _rerandomised(campaign, arms, comparisons, until),
    }
    if campaign.is_rehearsal:
        figures["truth"] = campaign.rehearsal.effect | {"seed": campaign.rehearsal.seed}
    return figures


def _arm(arm, sums, responses) -> dict:
    told = {"name": arm.name, "is_holdout": arm.is_holdout, "share": arm.share, "n": sums[PRIMARY][arm.name].n}
    for metric in outcomes.METRICS:
        one = sums[metric][arm.name]
        told[metric] = {"mean": one.mean, "sum": one.total, "sd": one.sd}
    return told | {"responses": responses}


def _sample_ratio(campaign, arms) -> dict:
    counts = assigned.eligible_counts(campaign.experiment)
    return asdict(lift.sample_ratio(counts, {arm.name: arm.share for arm in arms}))


def _pairs(arms):
    """What is compared with what: all variants together with the holdout first, then each variant; without one, variants."""
    held = [arm for arm in arms if arm.is_holdout]
    sent = [arm for arm in arms if not arm.is_holdout]
    if not held:
        return [([sent[0]], [other]) for other in sent[1:]]
    pairs = [(held, sent)]
    if len(sent) > 1:
        pairs += [(held, [one]) for one in sent] + [([sent[0]], [other]) for other in sent[1:]]
    return pairs


def _together(arms, stats) -> lift.ArmStats:
    whole = stats[arms[0].name]
    for arm in arms[1:]:
        whole += stats[arm.name]
    return whole


def _comparisons(arms, sums) -> list[dict]:
    found = []
    for metric in outcomes.METRICS:
        for control, treated in _pairs(arms):
            named = {"metric": metric, "control": [a.name for a in control], "treated": [a.name for a in treated]}
            try:
                result = asdict(lift.difference(_together(control, sums[metric]), _together(treated, sums[metric])))
            except lift.CannotCompare:
                result = {
                    "cannot": True,
                    "n_control": _together(control, sums[metric]).n,
                    "n_treated": _together(treated, sums[metric]).n,
                }
            found.append(named | result)
    return found


def _needed(arms, sums) -> int | None:
    pairs = _pairs(arms)
    control = _together(pairs[0][0], sums[PRIMARY]) if pairs else None
    return lift.members_needed(control.mean, control.sd, 0.1) if control else None


def _rerandomised(campaign, arms, comparisons, until) -> dict | None:
    """Chance's own p-values for the primary comparison, with the seed that was drawn before launch."""
    pairs = _pairs(arms)
    if not pairs or not any(arm.is_holdout for arm in arms):
        return None
    values = outcomes.values(campaign, PRIMARY, until=until)
    if len(values) < 4:
        return None
    shares = tuple(sum(arm.share for arm in side) for side in pairs[0])
    found = lift.rerandomised_p_values(
        values, shares, RERANDOMISATIONS, campaign.analysis_seed, observed=comparisons[0].get("absolute")
    )
    return {
        "draws": RERANDOMISATIONS,
        "seed": found.seed,
        "histogram": found.histogram(),
        "share_below_alpha": found.share_below_alpha,
        "p_value": found.p_value,
    }


def _learn(campaign, at):
    rows = outcomes.of_offers(campaign, until=campaign.outcome_ends_at)
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
