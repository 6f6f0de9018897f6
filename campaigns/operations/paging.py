"""Short messages on the members' own pages: rows that the portal shows from their moment on. Nothing leaves the house.

A campaign that is paused takes back what was still to come: such a note is closed before its moment, which no member can do,
and a resume opens it again.
"""

from datetime import timedelta

from django.db.models import F, Q

from campaigns.models import PortalNote
from emails.fields import PERSONAL
from members.models import Member
from push.models import FrozenPush
from push.wording import fill_in

CHUNK = 2_000
DAYS_SHOWN = 14
TEXT_MAX, TITLE_MAX = 500, 120


def put(campaign, frozen, recipients, *, cause, at):
    """Write the notes of the recipients of one variant and language, each from the moment its message is due. Repeatable."""
    said = FrozenPush.objects.get(pk=frozen.content.rpartition(":")[2])
    mine = recipients.filter(variant=frozen.variant, language=frozen.language).order_by("pk")
    days = timedelta(days=max(campaign.outcome_days, DAYS_SHOWN))
    rows = list(mine.values_list("member_id", "values", "send_at"))
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        names = _names(said, [member_id for member_id, _values, _due in chunk])
        PortalNote.objects.bulk_create(
            (
                PortalNote(
                    member_id=member_id, cause=cause, at=due or at, until=(due or at) + days, url=said.links[0],
                    title=fill_in(said.title, told | names.get(member_id, {}))[:TITLE_MAX],
                    text=fill_in(said.body, told | names.get(member_id, {}))[:TEXT_MAX],
                )
                for member_id, told, due in chunk
            ),
            ignore_conflicts=True,
        )  # fmt: skip


def _names(said: FrozenPush, member_ids: list[int]) -> dict[int, dict]:
    """The names a note speaks of. They are stored with it, and go with the member when they are erased."""
    if not PERSONAL.intersection(said.fields_used):
        return {}
    people = Member.objects.filter(pk__in=member_ids).only("given_name", "family_name")
    return {one.pk: {"given_name": one.given_name, "family_name": one.family_name} for one in people}


def of(campaign):
    """Every note of a campaign and of its members' later times."""
    return PortalNote.objects.filter(Q(cause=campaign.cause) | Q(cause__startswith=f"{campaign.cause}:"))


def coming(campaign, *, at):
    """Notes whose moment is still to come."""
    return of(campaign).filter(at__gt=at, closed_at=None)


def shown(notes, *, at):
    """Of these notes, those that have been seen or could be: their moment has come, and they were not held back."""
    return notes.filter(at__lte=at).filter(Q(closed_at=None) | Q(closed_at__gte=F("at")))


def hold_back(campaign, *, at):
    """Take back what is still to come."""
    coming(campaign, at=at).update(closed_at=at)


def held_back(campaign):
    return of(campaign).filter(closed_at__lt=F("at"))


def bring_back(campaign, *, at, until=None, drops: bool = False):
    """What was held back is to come again; what fell due meanwhile appears now, at `until`, or not at all."""
    due = held_back(campaign).filter(at__lte=at)
    if not drops:
        moment = until or at
        due.update(at=moment, until=moment + timedelta(days=DAYS_SHOWN), closed_at=None)
    held_back(campaign).filter(at__gt=at).update(closed_at=None)
