"""Questions about experiments: who is in which arm, and how many."""

from django.db.models import Count, Q

from experiments.models import Assignment, ControlPeriod


def arm_members(experiment):
    """Every assignment of the experiment with its arm: held-out and skipped members included."""
    return Assignment.objects.filter(experiment=experiment).select_related("arm")


def eligible(experiment):
    """The assignments that are analysed: all that planning did not skip, whatever came of their message."""
    return arm_members(experiment).filter(skipped_reason="")


def counts(experiment) -> dict[str, int]:
    """Members assigned to each arm, by the arm's name, skipped ones included."""
    return {arm.name: arm.n for arm in experiment.arms.annotate(n=Count("assignments"))}


def eligible_counts(experiment) -> dict[str, int]:
    """Members assigned to each arm whom planning did not skip: what the sample-ratio check reads."""
    asked = Count("assignments", filter=Q(assignments__skipped_reason=""))
    return {arm.name: arm.n for arm in experiment.arms.annotate(n=asked)}


def skipped_counts(experiment) -> dict[str, int]:
    """Members of the arms that are sent something whom planning skipped, by reason."""
    rows = arm_members(experiment).filter(arm__is_holdout=False).exclude(skipped_reason="")
    return dict(rows.order_by("skipped_reason").values_list("skipped_reason").annotate(n=Count("pk")))


def control_at(at) -> ControlPeriod | None:
    """The standing control group in force at a moment, if the shop keeps one."""
    return ControlPeriod.objects.filter(starts_at__lte=at, rotates_at__gt=at).select_related("experiment").first()


def held_out_by_control(at):
    """Ids of the members whom no marketing may reach at a moment, as a QuerySet: the standing control group's.

    Who sends marketing by any way asks here; transactional messages are not concerned.
    """
    held = Assignment.objects.filter(arm__is_holdout=True, skipped_reason="")
    period = control_at(at)
    return (held.filter(experiment=period.experiment) if period else held.none()).values("member")
