"""Showing a member their offers: made fresh, chosen by the policy that decides, and noted as shown. For portal, till, desk and API."""

from collections.abc import Iterable
from datetime import datetime

from members import queries as queries_of_members
from members.models import Member
from recommender import shelf, stored
from recommender.models import Recommendation
from recommender.operations.decisions import decide, note_shown
from recommender.operations.lists import keep_fresh
from recommender.policy import TOP_N
from recommender.stored import Recommended

PERSONAL = ("email", "profiling")
MENTIONED = {"buy_again": 2, "new_for_you": 1}  # what a colleague can say in passing
CHANNELS = ("portal", "till", "desk", "api")


def show(*, member_id: int, slots: dict[str, int], channel: str, at: datetime) -> dict[str, list[Recommended]]:
    """What this member is shown now in each slot (slot → how many), in the reader's language; noted as exposures of this channel.

    The choice of one day on one channel stands: whoever looks twice sees the same, read in one statement. What was excluded or
    dismissed since is left out at once. A purchase since the lists were written is in what is chosen. Whoever said no to personal
    recommendations is shown none.
    """
    if channel not in CHANNELS:
        raise ValueError(f"No such channel: {channel}. There are: {', '.join(CHANNELS)}.")
    if not queries_of_members.consent_now(member_id, at=at).get(PERSONAL, True):
        return {slot: [] for slot in slots}
    on, cause = shelf.read(), cause_of(channel, at)
    rows = stored.chosen(cause, member_id, channel, on)
    missing = slots.keys() - {row.slot for row in rows}
    if missing and _choose(cause, member_id, missing, at):
        rows = stored.chosen(cause, member_id, channel, on)
    shown = {slot: [row for row in rows if row.slot == slot][:most] for slot, most in slots.items()}
    note_shown([row.unnoted for found in shown.values() for row in found if row.unnoted], channel=channel, at=at)
    silent = on.excluded()
    return {slot: [row.told(silent) for row in found] for slot, found in shown.items()}


def _choose(cause: str, member_id: int, slots: Iterable[str], at: datetime) -> int:
    """Decide what these slots show, from lists that know the last purchase; how many were decided."""
    keep_fresh(at=at, member_ids=[member_id])
    if not Recommendation.objects.filter(member_id=member_id, slot__in=slots).exists():
        return 0
    return decide(cause=cause, members=Member.objects.filter(pk=member_id), slots=dict.fromkeys(slots, TOP_N), at=at)


def mention(*, member_id: int, channel: str, at: datetime) -> list[Recommended]:
    """A few offers for a colleague to mention at the till or the desk."""
    shown = show(member_id=member_id, slots=MENTIONED, channel=channel, at=at)
    return [one for found in shown.values() for one in found]


def cause_of(channel: str, at: datetime) -> str:
    """What such decisions are called: the channel and the day."""
    return f"{channel}:{at:%Y-%m-%d}"
