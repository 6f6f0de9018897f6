"""Showing a member their offers: made fresh, chosen by the policy that decides, and noted as shown. For portal, till, desk and API."""

from datetime import datetime

from django.db import transaction

from members import queries as queries_of_members
from members.models import Member
from recommender import queries, shelf
from recommender.models import Decision, Dismissal, Exposure
from recommender.operations.decisions import decide
from recommender.operations.lists import keep_fresh
from recommender.policy import TOP_N
from recommender.queries import Recommended

PERSONAL = ("email", "profiling")
MENTIONED = {"buy_again": 2, "new_for_you": 1}  # what a colleague can say in passing
CHANNELS = ("portal", "till", "desk", "api")


@transaction.atomic
def show(*, member_id: int, slots: dict[str, int], channel: str, at: datetime) -> dict[str, list[Recommended]]:
    """What this member is shown now in each slot (slot → how many), in the reader's language; noted as exposures of this channel.

    The choice of one day on one channel stands: whoever looks twice sees the same. What was excluded or dismissed since is left
    out at once. A purchase since the lists were written is in them. Whoever said no to personal recommendations is shown none.
    """
    if channel not in CHANNELS:
        raise ValueError(f"No such channel: {channel}. There are: {', '.join(CHANNELS)}.")
    if not queries_of_members.consent_now(member_id, at=at).get(PERSONAL, True):
        return {slot: [] for slot in slots}
    keep_fresh(at=at, member_ids=[member_id])
    cause = cause_of(channel, at)
    who = Member.objects.filter(pk=member_id)
    decide(cause=cause, members=who, slots=dict.fromkeys(slots, TOP_N), at=at)
    shown = _decided(cause, member_id, slots)
    rows = (Exposure.of(one, channel=channel, shown_at=at) for found in shown.values() for one in found)
    Exposure.objects.bulk_create(rows, ignore_conflicts=True)
    return {slot: queries.in_words(shown.get(slot, [])) for slot in slots}


def mention(*, member_id: int, channel: str, at: datetime) -> list[Recommended]:
    """A few offers for a colleague to mention at the till or the desk."""
    shown = show(member_id=member_id, slots=MENTIONED, channel=channel, at=at)
    return [one for found in shown.values() for one in found]


def cause_of(channel: str, at: datetime) -> str:
    """What such decisions are called: the channel and the day."""
    return f"{channel}:{at:%Y-%m-%d}"


def _decided(cause: str, member_id: int, slots: dict[str, int]) -> dict[str, list[Decision]]:
    dismissed = Dismissal.objects.filter(member_id=member_id).values("category")
    rows = queries.decisions(cause).filter(member_id=member_id).exclude(category__in=dismissed)
    found: dict[str, list[Decision]] = {}
    for row in rows.select_related("category").order_by("slot", "position"):
        found.setdefault(row.slot, []).append(row)
    now = shelf.read()
    offerable = {slot: set(now.offerable(slot)) for slot in found}
    return {
        slot: [row for row in rows if row.category_id in offerable[slot]][: slots.get(slot, 0)]
        for slot, rows in found.items()
    }
