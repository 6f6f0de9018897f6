"""The last times that what sets off a campaign happened, and what came of each: of a draft what would, of a live one what did.

A marketer looks here before going live (does it happen at all, and would the right people come in?) and after (why not her?).
Nothing is written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from campaigns import audiences, eligibility, happenings, queries, verdicts
from campaigns.models import Campaign
from campaigns.operations.listening import NOT_MEANT
from members.models import Member

MANY, DAYS = 10, (1, 7, 30, 365)
"""So many are shown, looked for in ever longer spans: mostly the last day has enough of them."""

WOULD, TOO_EARLY, AGAIN, UNHEARD = "would", "too_early", "again", "unheard"


@dataclass(frozen=True)
class Moment:
    """One time it happened to one member. `fate`: what became of their entry (queries.people); without one, why there is none."""

    member: Member
    occurred_at: datetime
    fate: str

    @property
    def is_in(self) -> bool:
        return self.fate not in {TOO_EARLY, AGAIN} and not self.fate.startswith(queries.SKIPPED)

    @property
    def words(self) -> str:
        told = {
            WOULD: _("Would come in; chance decides who is held out"),
            TOO_EARLY: _("Not taken: it happened before the campaign was live"),
            AGAIN: _("Not taken: the member was in before, and the rule for coming again keeps them out"),
            UNHEARD: _("Will be taken up within a minute"),
        }
        return told.get(self.fate) or verdicts.fate_words(self.fate)


def last(campaign: Campaign, *, at: datetime, member_id: int | None = None) -> list[Moment]:
    """The newest first, at most ten; of one member alone if one is named. Raises Invalid where the trigger is not set up yet."""
    rows = _happened(campaign, at, member_id)
    ids = [who for who, _key, _moment in rows]
    known = Member.objects.prefetch_related("identifiers").in_bulk(ids)
    fates = _entered(campaign, ids) if campaign.launched_at else {}
    refused = {} if campaign.launched_at else _refused(campaign, ids, at)
    return [
        Moment(known[who], moment, fates.get((who, key)) or _without_entry(campaign, moment, refused.get(who, "")))
        for who, key, moment in rows
    ]


def _happened(campaign, at, member_id) -> list[tuple]:
    """(member, key, moment) of active members."""
    for days in DAYS:
        asked = happenings.happened(
            campaign.trigger, campaign.trigger_settings, after=at - timedelta(days=days), until=at
        )
        rows = _newest(asked, member_id) if asked else []
        if len(rows) == MANY:
            break
    return rows


def _newest(asked: happenings.Asked, member_id: int | None) -> list[tuple]:
    statement, given = asked
    only = "" if member_id is None else "AND h.member_id = %(only)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT h.member_id, h.key, h.occurred_at FROM ({statement}) AS h (member_id, key, occurred_at)
                  JOIN members_member m ON m.id = h.member_id AND m.status = 'active' {only}
                 ORDER BY h.occurred_at DESC, h.member_id, h.key LIMIT {MANY}""",  # noqa: S608 - our own text
            dict(given) | {"only": member_id},
        )
        return cursor.fetchall()


def _entered(campaign, ids) -> dict[tuple, str]:
    rows = queries.people(campaign, "audience").filter(member__in=ids)
    return {(entry.member_id, entry.key): entry.fate for entry in rows}


def _refused(campaign, ids, at) -> dict[int, str]:
    """Who of these would not come in, and the first reason, in the order in which a live campaign asks."""
    meant = set(audiences.compile(campaign.audience.conditions, at=at, among=ids).values_list("pk", flat=True))
    found = {who: f"{queries.SKIPPED}:{NOT_MEANT}" for who in ids if who not in meant}
    these = Member.objects.filter(pk__in=ids)
    reasons = eligibility.held_by_control(these, at=at) | eligibility.skipped(
        list(campaign.variants.all()), these, at=at
    )
    for reason, members in reasons.items():
        for who in members.values_list("pk", flat=True):
            found.setdefault(who, f"{queries.SKIPPED}:{reason}")
    return found


def _without_entry(campaign, moment, refused: str) -> str:
    if not campaign.launched_at:
        return refused or WOULD
    if moment < campaign.launched_at:
        return TOO_EARLY
    return UNHEARD if moment > campaign.heard_until else AGAIN
