"""Verbs of experiments: create one, assign members to it."""

import uuid
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Max

from experiments import queries
from experiments.buckets import BUCKET_SQL, boundaries
from experiments.models import Arm, Assignment, ControlPeriod, Experiment
from members.models import Member


@transaction.atomic
def create(*, name: str, kind: str, arms: list[tuple[str, float, bool]], salt: str | None = None) -> Experiment:
    """Create an experiment with its arms: (name, share of members, is holdout). Raises ValueError for impossible shares."""
    cuts = boundaries([share for _, share, _ in arms])
    experiment = Experiment.objects.create(name=name, kind=kind, salt=salt or uuid.uuid4().hex)
    Arm.objects.bulk_create(
        Arm(experiment=experiment, name=arm, is_holdout=is_holdout, bucket_from=low, bucket_to=high)
        for (arm, _, is_holdout), (low, high) in zip(arms, cuts, strict=True)
    )
    return experiment


@transaction.atomic
def assign(*, experiment: Experiment, members, at, skipped: dict | None = None) -> dict[str, int]:
    """Assign every member of a QuerySet in one statement, and return the experiment's counts per arm name.

    `skipped` maps a reason to the QuerySet of members it holds for; the first that fits is written. Held-out members are
    assigned and skipped like all others, so that the arms stay comparable. Assigning again adds only who is new.
    """
    enlist(experiment=experiment, members=members, at=at, skipped=skipped)
    return queries.counts(experiment)


def enlist(*, experiment: Experiment, members, at, skipped: dict | None = None) -> int:
    """Assign as `assign` does, and answer how many are new: who assigns a few at a time does not count them all each time."""
    insert, params = _insert_select(experiment, members, at, skipped or {})
    with connection.cursor() as cursor:
        cursor.execute(insert, params)
        return cursor.rowcount


HELD_OUT, ADDRESSED = "Holdout", "Addressed"
OVERLAP = 1_000
"""Members looked at again: one who is enrolled slowly may commit after others that came later."""


@transaction.atomic
def open_control(*, percent: int, starts_at, days: int = 182) -> ControlPeriod:
    """Begin a standing control group: `percent` of all members (1–20) get no marketing until it rotates after `days`.

    Raises ValueError when a period already covers the moment: two groups at once would hold out twice as many as was said.
    """
    if not 1 <= percent <= 20:
        raise ValueError("A standing control group holds 1 to 20 per cent of the members.")
    if queries.control_at(starts_at):
        raise ValueError("There is a standing control group at that time; it rotates on its stated date.")
    experiment = create(
        name=f"Control group from {starts_at:%Y-%m-%d}", kind=Experiment.Kind.GLOBAL_CONTROL,
        arms=[(HELD_OUT, percent / 100, True), (ADDRESSED, 1 - percent / 100, False)],
    )  # fmt: skip
    return ControlPeriod.objects.create(
        experiment=experiment, percent=percent, starts_at=starts_at, rotates_at=starts_at + timedelta(days=days)
    )


@transaction.atomic
def keep_control(*, at) -> int:
    """Rotate the standing control group when its date has come, and assign who joined since. How many are new; 0 without one.

    Repeatable, and safe to run late: the next period begins at the stated date's first run, as large and as long as the last.
    """
    last = ControlPeriod.objects.select_for_update().first()
    if last is None or at < last.starts_at:
        return 0
    if at >= last.rotates_at:
        last = open_control(percent=last.percent, starts_at=at, days=(last.rotates_at - last.starts_at).days)
    newest = Member.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if newest <= last.assigned_member_id:
        return 0
    before = sum(queries.counts(last.experiment).values())
    joined = Member.objects.active().filter(pk__gt=last.assigned_member_id - OVERLAP, pk__lte=newest)
    after = assign(experiment=last.experiment, members=joined, at=at)
    ControlPeriod.objects.filter(pk=last.pk).update(assigned_member_id=newest)
    return sum(after.values()) - before


def _insert_select(experiment, members, at, skipped) -> tuple[str, list]:
    drawn, drawn_params = members.order_by().values("pk", "public_id").query.sql_with_params()
    reason, reason_params = _reason(skipped)
    bucket = BUCKET_SQL.format(salt="%s::text", member="public_id")
    insert = f"""
        WITH drawn AS MATERIALIZED (  -- so that each member is hashed once, not for both ends of every arm
            SELECT id, {bucket} AS bucket FROM ({drawn}) AS audience (id, public_id)
        )
        INSERT INTO {Assignment._meta.db_table}
            (experiment_id, member_id, arm_id, bucket, propensity, assigned_at, skipped_reason)
        SELECT %s, drawn.id, arm.id, drawn.bucket, (arm.bucket_to - arm.bucket_from) / 10000.0, %s, {reason}
          FROM drawn
          JOIN {Arm._meta.db_table} arm
            ON arm.experiment_id = %s AND drawn.bucket >= arm.bucket_from AND drawn.bucket < arm.bucket_to
         ORDER BY drawn.id
            ON CONFLICT (experiment_id, member_id) DO NOTHING
    """  # noqa: S608 - the pieces are our own SQL and Django's; every value is a parameter
    return insert, [experiment.salt, *drawn_params, experiment.pk, at, *reason_params, experiment.pk]


def _reason(skipped) -> tuple[str, list]:
    """The CASE that names why planning skips a member, empty for who is eligible."""
    if not skipped:
        return "''", []
    whens, params = [], []
    for reason, members in skipped.items():
        chosen, chosen_params = members.order_by().values("pk").query.sql_with_params()
        whens.append(f"WHEN drawn.id IN ({chosen}) THEN %s")
        params += [*chosen_params, reason]
    return f"CASE {' '.join(whens)} ELSE '' END", params
