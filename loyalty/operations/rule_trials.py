"""Rules as experiments: some members do not get a rule, by chance and for good, so that what it changes can be measured.

The posting function holds a member out when their bucket under the rule's salt is below the held-out share; it asks nobody. The
experiment made here has exactly those buckets as its first arm, and every member's assignment is logged with propensity and
time: all who are there when the rule is published, before it can touch anyone, and who joins later within a minute.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from experiments import operations as experiments
from experiments import queries
from experiments.models import Experiment
from loyalty.authoring.models import RuleTrial
from loyalty.models import RuleSet
from members.models import Member

HELD_OUT = "Holdout"
OVERLAP = 1_000
"""Members looked at again: one who is enrolled slowly may commit after others that came later."""


@transaction.atomic
def open_trials(*, rule_set: RuleSet, at: datetime) -> list[RuleTrial]:
    """Make the experiments of a version's rules under trial, and assign all members: whoever publishes it, and by whatever way.

    Trials that run already go on.
    """
    opened = []
    for rule in rule_set.definition.get("rules", []):
        trial = rule.get("trial")
        if not trial or RuleTrial.objects.filter(experiment__salt=trial["salt"]).exists():
            continue
        share = trial["holdout_percent"] / 100
        experiment = experiments.create(
            name=str(rule.get("name") or rule["code"])[:200], kind=Experiment.Kind.RULES,
            arms=[(HELD_OUT, share, True), (str(rule.get("name") or rule["code"])[:100], 1 - share, False)], salt=trial["salt"],
        )  # fmt: skip
        opened.append(
            RuleTrial.objects.create(
                experiment=experiment,
                rule_set=rule_set,
                rule_code=rule["code"],
                rule_name=experiment.name[:100],
                holdout_percent=trial["holdout_percent"],
                starts_at=rule_set.live_from,
            )
        )
    for trial in opened:
        _assign(trial, at)
    return opened


def assign_trials(*, at: datetime) -> int:
    """Assign members who joined since the last time, for every trial whose rule may still be in force. How many are new."""
    return sum(_assign(trial, at) for trial in running(at=at))


def running(*, at: datetime):
    """Trials of rules that a version in force or still to come names by their salt."""
    in_force = RuleSet.objects.filter(live_from__lte=at).order_by("-live_from", "-version").first()
    versions = [in_force, *RuleSet.objects.filter(live_from__gt=at)]
    salts = [
        rule["trial"]["salt"]
        for version in versions
        if version
        for rule in version.definition.get("rules", [])
        if rule.get("trial")
    ]
    return RuleTrial.objects.filter(experiment__salt__in=salts).select_related("experiment") if salts else []


@transaction.atomic
def _assign(trial: RuleTrial, at: datetime) -> int:
    trial = RuleTrial.objects.select_for_update().select_related("experiment").get(pk=trial.pk)
    newest = Member.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if newest <= trial.assigned_member_id:
        return 0
    before = sum(queries.counts(trial.experiment).values())
    joined = Member.objects.active().filter(pk__gt=trial.assigned_member_id - OVERLAP, pk__lte=newest)
    after = experiments.assign(experiment=trial.experiment, members=joined, at=at)
    trial.assigned_member_id = newest
    trial.save(update_fields=["assigned_member_id"])
    return sum(after.values()) - before
