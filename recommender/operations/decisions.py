"""Deciding which offers a member is given, noting that they were shown, and obeying “not interested”."""

from datetime import datetime

from django.db import connection, transaction

from recommender import queries
from recommender.models import Decision, Dismissal, Exposure, Recommendation, Slot
from recommender.policy import DECIDE, Policy


@transaction.atomic
def decide(*, cause: str, members, slots: dict[str, int], at: datetime, policy: Policy | None = None) -> int:
    """Choose offers for each of `members` (a QuerySet) in each slot (slot → positions) and return how many were written.

    One statement. Whoever has a decision of this cause in a slot keeps it, so asking again adds only who is new. A member
    with fewer eligible types than positions gets fewer. Members of a holdout may be among them: a decision is not yet an
    offer, and without theirs nobody could tell what an offer changed.
    """
    policy = policy or Policy()
    unknown = set(slots) - set(Slot.values)
    if unknown:
        raise ValueError(f"No such slot: {', '.join(sorted(unknown))}. There are: {', '.join(Slot.values)}.")
    chosen, chosen_parameters = members.order_by().values("pk").query.sql_with_params()
    offerable = [(slot, pk) for slot in slots for pk in queries.offerable_ids(slot)]
    with connection.cursor() as cursor:
        cursor.execute(
            DECIDE.format(members=chosen),
            [
                *chosen_parameters,
                [slot for slot, _ in offerable], [pk for _, pk in offerable],
                cause, cause, cause, policy.top_n,
                policy.exploration,
                cause, policy.exploration, policy.exploration, policy.name, at,
                list(slots), list(slots.values()),
            ],
        )  # fmt: skip
        return cursor.rowcount


@transaction.atomic
def record_exposures(*, cause: str, members, channel: str, at: datetime) -> int:
    """Note that the decisions of this cause were shown to `members` (ids or a QuerySet of ids); the first time counts."""
    shown = Decision.objects.filter(cause=cause, member__in=members).exclude(exposures__channel=channel)
    rows = (Exposure(decision_id=pk, channel=channel, shown_at=at) for pk in shown.values_list("pk", flat=True))
    return len(Exposure.objects.bulk_create(rows, batch_size=5000, ignore_conflicts=True))


def dismiss(*, member_id: int, category_id: int, at: datetime) -> None:
    """“Not interested”: from now on this type is neither recommended nor decided for this member. Repeatable."""
    Dismissal.objects.get_or_create(member_id=member_id, category_id=category_id, defaults={"at": at})


@transaction.atomic
def forget(*, member_id: int) -> None:
    """Forget everything the recommender knows of a member. What all members taught together stays."""
    for model in (Decision, Recommendation, Dismissal):
        model.objects.filter(member_id=member_id).delete()


def carry_dismissals(*, from_member_id: int, to_member_id: int) -> None:
    """What one record of a person is not interested in, the other is not either."""
    theirs = Dismissal.objects.filter(member_id=from_member_id).values_list("category_id", "at")
    Dismissal.objects.bulk_create(
        [Dismissal(member_id=to_member_id, category_id=category_id, at=at) for category_id, at in theirs],
        ignore_conflicts=True,
    )
