"""Warn, suggest, and act: each member once at a time, within caps and budgets, with a holdout drawn by chance."""

import contextlib
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import EarlyWarning, Intervention, MemberDriver, RetentionRules
from campaigns.retention import finding, reasons
from care import operations as care
from experiments import operations as experiments
from experiments import queries as assigned
from experiments.buckets import bucket
from loyalty import operations as loyalty
from members import modules
from members import operations as members
from members.models import Member

State, Why, Action = EarlyWarning.State, EarlyWarning.Why, Intervention.Action
HELD_OUT, TREATED = "Left alone", "Approached"
EARLY_ACCESS = "early_access"
"""The tag that early access is known by in audiences, e-mails and the shop's own systems."""
CALL_WITHIN = timedelta(days=3)


class CannotAct(ValueError):
    """The warning is not one that something can be done about any more; the message says why."""


def watch(*, at) -> dict[str, int]:
    """The whole round: what holds whom, who is about to leave, what to do for them. Repeatable; answers how many of each."""
    rules = RetentionRules.current()
    drivers = finding.keep_drivers(rules=rules, at=at)
    noted, ended = warn(rules=rules, at=at)
    return {"drivers": drivers, "noted": noted, "ended": ended, **suggest(at=at)}


@transaction.atomic
def warn(*, rules: RetentionRules, at) -> tuple[int, int]:
    """Open a warning for each member who is newly at risk, and end those of who is not any more."""
    found = {one.member_id: one for one in finding.at_risk(rules=rules, at=at)}
    standing = EarlyWarning.objects.select_for_update().filter(ended_at=None)
    ended = standing.exclude(member__in=found).update(ended_at=at)
    known = set(standing.filter(member__in=found).values_list("member_id", flat=True))
    drivers = dict(MemberDriver.objects.filter(member__in=found).values_list("member_id", "driver"))
    new = [
        EarlyWarning(
            member_id=one.member_id, reasons=one.reasons, spend_minor=one.spend_minor, noticed_at=at,
            driver=drivers.get(one.member_id, "none"),
        )
        for one in found.values() if one.member_id not in known
    ]  # fmt: skip
    EarlyWarning.objects.bulk_create(new, ignore_conflicts=True)
    return len(new), ended


def suggest(*, at) -> dict[str, int]:
    """Find an intervention for every warning that has none yet, the biggest spenders first."""
    told = {"suggested": 0, "held_out": 0}
    waiting = EarlyWarning.objects.filter(ended_at=None, state=State.NOTED)
    for intervention in Intervention.objects.filter(is_live=True).order_by("pk"):
        with transaction.atomic():
            locked = Intervention.objects.select_for_update(of=("self",)).get(pk=intervention.pk)
            suggested, held = draw(locked, waiting.filter(driver=locked.driver), at)
        told = {"suggested": told["suggested"] + suggested, "held_out": told["held_out"] + held}
    drivers = Intervention.objects.filter(is_live=True).values("driver")
    waiting.exclude(driver__in=drivers).update(why_not=Why.NO_INTERVENTION)
    return told


def draw(intervention: Intervention, waiting, at) -> tuple[int, int]:
    """Suggest an intervention to who waits, within its budget: how many, and how many chance left alone.

    Chance decides before anybody is told anything; who is drawn to be left alone costs nothing. The intervention is locked.
    """
    waiting = waiting.filter(intervention=None)
    waiting.filter(member__in=assigned.held_out_by_control(at)).update(why_not=Why.CONTROL)
    resting = _lately(at, intervention.rest_days)
    waiting.filter(member__in=resting).update(why_not=Why.RESTING)
    free = waiting.exclude(member__in=assigned.held_out_by_control(at)).exclude(member__in=resting)
    left = left_minor(intervention)
    experiment = _experiment(intervention, at)
    is_held_out = _chance(experiment, free)
    drawn, alone = [], []
    for one in free.select_related("member").order_by("-spend_minor", "pk"):
        if left < intervention.reserves_minor:
            break
        if is_held_out(one.member):
            alone.append(one)
        else:
            drawn.append(one)
            left -= intervention.reserves_minor
    met = [one.member_id for one in (*drawn, *alone)]
    if not met:
        free.update(why_not=Why.BUDGET)
        return 0, 0
    experiments.enlist(experiment=experiment, members=Member.objects.filter(pk__in=met), at=at)
    _write({State.SUGGESTED: drawn, State.HELD_OUT: alone}, intervention, at)
    free.filter(intervention=None).update(why_not=Why.BUDGET)
    if intervention.is_by_itself:
        for one in drawn:
            with contextlib.suppress(CannotAct):  # it stays suggested, for a person; the others are served
                act(warning=one, by_user=None, at=at)
    return len(drawn), len(alone)


def _lately(at, days: int):
    """Members for whom an intervention of any kind was meant in the last days, the held-out included."""
    since = at - timedelta(days=days)
    meant = EarlyWarning.objects.filter(intervention__isnull=False, decided_at__gt=since)
    return meant.exclude(state=State.DISMISSED).values("member")


def left_minor(intervention: Intervention) -> int:
    """What is left of the budget, in minor units: what is suggested counts as given."""
    many = intervention.warnings.filter(state__in=[State.SUGGESTED, State.GIVEN]).count()
    return intervention.budget_minor - many * intervention.reserves_minor


def _experiment(intervention: Intervention, at):
    """The intervention's experiment, made when the first member is met. Its share stays as it was then."""
    if intervention.experiment is None:
        share = intervention.holdout_percent / 100
        intervention.experiment = experiments.create(
            name=intervention.name, kind="intervention", arms=[(HELD_OUT, share, True), (TREATED, 1 - share, False)]
        )
        intervention.starts_at = at
        intervention.save(update_fields=["experiment", "starts_at"])
    return intervention.experiment


def _chance(experiment, free) -> Callable[[Member], bool]:
    """Who of them is left alone: as drawn before, else by their bucket. Two queries, however many they are."""
    known = assigned.arm_members(experiment).filter(member__in=free.values("member"))
    drawn_before = dict(known.values_list("member_id", "arm__is_holdout"))
    holdouts = [range(arm.bucket_from, arm.bucket_to) for arm in experiment.arms.filter(is_holdout=True)]

    def is_held_out(member: Member) -> bool:
        if member.pk in drawn_before:
            return drawn_before[member.pk]
        place = bucket(experiment.salt, member.public_id)
        return any(place in buckets for buckets in holdouts)

    return is_held_out


def _write(decided: dict[str, list[EarlyWarning]], intervention: Intervention, at) -> None:
    for state, warnings in decided.items():
        for one in warnings:
            one.intervention, one.state, one.why_not, one.decided_at = intervention, state, "", at
    met = [one for warnings in decided.values() for one in warnings]
    EarlyWarning.objects.bulk_update(met, ["intervention", "state", "why_not", "decided_at"], batch_size=1000)


@transaction.atomic
def act(*, warning: EarlyWarning, by_user, at) -> EarlyWarning:
    """Do what was suggested, once. Raises CannotAct."""
    warning = EarlyWarning.objects.select_for_update(of=("self",)).select_related("intervention").get(pk=warning.pk)
    if warning.state == State.GIVEN:
        return warning
    if warning.state != State.SUGGESTED or warning.ended_at is not None:
        raise CannotAct(_("Nothing is suggested for this member now."))
    do(warning.intervention, [warning], at)
    warning.state, warning.decided_at, warning.by_user = State.GIVEN, at, by_user
    warning.save(update_fields=["state", "decided_at", "by_user"])
    return warning


@transaction.atomic
def dismiss(*, warning: EarlyWarning, by_user, at) -> None:
    """Somebody knows better: nothing is done, and what was reserved is free again. The member stays in the comparison."""
    changed = EarlyWarning.objects.filter(pk=warning.pk, state__in=[State.SUGGESTED, State.NOTED], ended_at=None)
    if not changed.update(state=State.DISMISSED, decided_at=at, by_user=by_user):
        raise CannotAct(_("Nothing is suggested for this member now."))


def do(chosen: Intervention, warnings: list[EarlyWarning], at) -> None:
    """Do what an intervention does for each of these, without writing down that it was. Raises CannotAct and then does nothing."""
    _ACTIONS[chosen.action](chosen, warnings, at)


def _offer(chosen: Intervention, warnings: list[EarlyWarning], at) -> None:
    if any(warning.driver == "service" for warning in warnings):
        raise CannotAct(_("Who stays for service is never given a discount."))
    loyalty.entitle(
        loyalty.EntitlementIn(
            member_id=warning.member_id, category_id=None, benefit="percent", amount=chosen.percent_off, valid_from=at,
            valid_until=at + timedelta(days=chosen.valid_days), cause=f"{chosen.cause}:{warning.pk}",
            max_minor=chosen.most_off_minor, budget=chosen.cause, budget_minor=chosen.budget_minor,
        )
        for warning in warnings
    )  # fmt: skip


def _call(chosen: Intervention, warnings: list[EarlyWarning], at) -> None:
    if not modules.is_on("tasks"):
        raise CannotAct(_("Tasks are switched off here, so nobody would call."))
    for warning in warnings:
        care.add_task(
            title=_("Call: about to leave, stays for service"), text=reasons.words(warning.reasons), at=at,
            cause=f"{chosen.cause}:{warning.pk}", member_id=warning.member_id, due_at=at + CALL_WITHIN,
            team=chosen.team.code if chosen.team else "service",
        )  # fmt: skip


def _access(chosen: Intervention, warnings: list[EarlyWarning], at) -> None:
    only = Member.objects.filter(pk__in=[warning.member_id for warning in warnings])
    members.tag_members(code=EARLY_ACCESS, members=only, source=chosen.cause, at=at)


_ACTIONS = {Action.OFFER: _offer, Action.CALL: _call, Action.ACCESS: _access}
