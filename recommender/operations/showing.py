"""Showing a member their offers: made fresh, chosen by the policy that decides, and noted as shown. For portal, till, desk and API."""

from datetime import datetime

from django.db import transaction

from members.models import Member
from recommender import queries
from recommender.models import Decision, Dismissal
from recommender.operations.decisions import decide, record_exposures
from recommender.operations.lists import keep_fresh
from recommender.queries import Recommended

CHANNELS = ("portal", "till", "desk", "api")


@transaction.atomic
def show(*, member_id: int, slots: dict[str, int], channel: str, at: datetime) -> dict[str, list[Recommended]]:
    """What this member is shown now in each slot (slot → how many), in the reader's language; noted as exposures of this channel.

    The choice of one day on one channel stands: whoever looks twice sees the same. What was excluded or dismissed since is left
    out at once. A purchase since the lists were written is in them.
    """
    if channel not in CHANNELS:
        raise ValueError(f"No such channel: {channel}. There are: {', '.join(CHANNELS)}.")
    keep_fresh(at=at, member_ids=[member_id])
    cause = cause_of(channel, at)
    who = Member.objects.filter(pk=member_id)
    decide(cause=cause, members=who, slots=slots, at=at)
    shown = _decided(cause, member_id, slots)
    record_exposures(cause=cause, members=[member_id], channel=channel, at=at)
    return {slot: queries.in_words(shown.get(slot, [])) for slot in slots}


def cause_of(channel: str, at: datetime) -> str:
    """What such decisions are called: the channel and the day."""
    return f"{channel}:{at:%Y-%m-%d}"


def _decided(cause: str, member_id: int, slots: dict[str, int]) -> dict[str, list[Decision]]:
    dismissed = Dismissal.objects.filter(member_id=member_id).values("category")
    rows = queries.decisions(cause).filter(member_id=member_id).exclude(category__in=dismissed)
    found: dict[str, list[Decision]] = {}
    for row in rows.select_related("category").order_by("slot", "position"):
        found.setdefault(row.slot, []).append(row)
    offerable = {slot: set(queries.offerable_ids(slot)) for slot in found}
    return {
        slot: [row for row in rows if row.category_id in offerable[slot]][: slots.get(slot, 0)]
        for slot, rows in found.items()
    }
