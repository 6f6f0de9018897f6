"""Deciding which offers a member is given, noting that they were shown, and obeying “not interested”."""

from dataclasses import replace
from datetime import datetime

from django.db import connection, transaction

from recommender.models import (
    Decision,
    Dismissal,
    Dropped,
    Exposure,
    ListState,
    MemberContext,
    Recommendation,
    Situation,
    Slot,
)
from recommender.operations import policies
from recommender.operations.choosing import Asked, by_sampling
from recommender.policy import DECIDE, Policy


@transaction.atomic
def decide(*, cause: str, members, slots: dict[str, int], at: datetime, policy: Policy | None = None) -> int:
    """Choose offers for each of `members` (a QuerySet) in each slot (slot → positions) and return how many were written.

    By the policy that is live, or, for the share of members it is tried on, by the one in an A/B test; by `policy` where one is named.
    Whoever has a decision of this cause in a slot keeps it, so asking again adds only who is new. A member with fewer eligible types
    than positions gets fewer. Members of a holdout may be among them: a decision is not yet an offer, and without theirs nobody could
    tell what an offer changed.
    """
    unknown = set(slots) - set(Slot.values)
    if unknown:
        raise ValueError(f"No such slot: {', '.join(sorted(unknown))}. There are: {', '.join(Slot.values)}.")
    asked = Asked(cause, members, slots, at)
    if policy:
        return _greedily(asked, policy)
    written = 0
    for version, some in policies.who_is_decided_by(members):
        part = replace(asked, members=some)
        written += by_sampling(part, version) if version and version.samples else _greedily(part, _policy(version))
    return written


def _policy(version) -> Policy:
    return Policy() if version is None else Policy(exploration=version.floor)


def _greedily(asked: Asked, policy: Policy) -> int:
    """One statement."""
    with connection.cursor() as cursor:
        query, parameters = asked.candidates()
        cursor.execute(
            DECIDE.format(members=query),
            [
                *parameters, asked.cause, asked.cause, policy.top_n, policy.exploration, asked.cause,
                asked.cause, policy.exploration, policy.exploration, policy.name, asked.at,
                list(asked.slots), list(asked.slots.values()),
            ],
        )  # fmt: skip
        return cursor.rowcount


@transaction.atomic
def record_exposures(*, cause: str, members, channel: str, at: datetime) -> int:
    """Note that the decisions of this cause were shown to `members` (ids or a QuerySet of ids); the first time counts."""
    shown = Decision.objects.filter(cause=cause, member__in=members).exclude(exposures__channel=channel)
    rows = (Exposure.of(decision, channel=channel, shown_at=at) for decision in shown.iterator(chunk_size=5000))
    return len(Exposure.objects.bulk_create(rows, batch_size=5000, ignore_conflicts=True))


_SHOWN = """
INSERT INTO recommender_exposure (decision_id, member_id, channel, slot, position, category_id, propensity, policy, eligible, shown_at)
SELECT id, member_id, %s, slot, position, category_id, propensity, policy, eligible, %s FROM recommender_decision WHERE id = ANY (%s)
    ON CONFLICT DO NOTHING
"""


def note_shown(decision_ids: list[int], *, channel: str, at: datetime) -> None:
    """Note that these decisions were shown just now; the first time counts. One statement."""
    if decision_ids:
        with connection.cursor() as cursor:
            cursor.execute(_SHOWN, [channel, at, decision_ids])


_SENT = """
INSERT INTO recommender_exposure (decision_id, member_id, channel, slot, position, category_id, propensity, policy, eligible, shown_at)
SELECT d.id, d.member_id, m.channel, d.slot, d.position, d.category_id, d.propensity, d.policy, d.eligible, m.sent_at
  FROM ({messages}) m JOIN recommender_decision d ON d.cause = m.cause AND d.member_id = m.member_id
    ON CONFLICT DO NOTHING
"""


def record_sent(*, messages) -> int:
    """Note that what was decided for these messages was shown, each when it was sent; the first time counts. One statement.

    `messages` is a QuerySet of sent messages with the fields cause, member_id, channel and sent_at. Safe to repeat.
    """
    query, parameters = messages.order_by().values("cause", "member_id", "channel", "sent_at").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_SENT.format(messages=query), parameters)
        return cursor.rowcount


def dismiss(*, member_id: int, category_id: int, at: datetime) -> None:
    """“Not interested”: from now on this type is neither recommended nor decided for this member. Repeatable."""
    Dismissal.objects.get_or_create(member_id=member_id, category_id=category_id, defaults={"at": at})


@transaction.atomic
def forget(*, member_id: int) -> None:
    """Forget everything the recommender knows of a member. What all members taught together stays."""
    for model in (Decision, Situation, MemberContext, Recommendation, Dismissal, Dropped, ListState):
        model.objects.filter(member_id=member_id).delete()


def carry_dismissals(*, from_member_id: int, to_member_id: int) -> None:
    """What one record of a person is not interested in, the other is not either."""
    theirs = Dismissal.objects.filter(member_id=from_member_id).values_list("category_id", "at")
    Dismissal.objects.bulk_create(
        [Dismissal(member_id=to_member_id, category_id=category_id, at=at) for category_id, at in theirs],
        ignore_conflicts=True,
    )
