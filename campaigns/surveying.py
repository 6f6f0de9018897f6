"""Surveys that are asked by themselves: after a purchase, a closed case, a redeemed reward.

What happened is read from the rooms' own rows, some time back over again; an invitation is unique for its cause, and the days
between surveys keep anybody from being asked twice. An invitation that was not sent yet is sent, whatever was lost.
"""

from datetime import timedelta

from django.db import connection
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat, TruncDate

from care import operations as care
from care.models import Invitation, Survey
from delivery import operations as outbox
from members.models import Member

LOOKS_BACK = timedelta(hours=48)
"""What happened longer ago is asked about no more: nobody remembers."""
BY_ITSELF = "after:"
"""How the causes of such invitations begin."""

_HAPPENED = {
    Survey.Occasion.PURCHASE: """
        SELECT p.member_id, 'after:purchase:' || p.id FROM sales_purchase p
         WHERE p.kind = 1 AND p.member_id IS NOT NULL AND p.purchased_at > %(after)s AND p.purchased_at <= %(until)s""",
    Survey.Occasion.CASE_CLOSED: """
        SELECT c.member_id, 'after:case:' || c.id FROM care_case c
         WHERE c.member_id IS NOT NULL AND c.channel <> 'survey' AND c.outcome <> 'duplicate'
           AND c.closed_at > %(after)s AND c.closed_at <= %(until)s""",
    Survey.Occasion.REDEMPTION: """
        SELECT w.member_id, 'after:redemption:' || r.id FROM loyalty_redemption r JOIN loyalty_wallet w ON w.id = r.wallet_id
         WHERE w.member_id IS NOT NULL AND r.state = 'granted' AND r.redeemed_at > %(after)s AND r.redeemed_at <= %(until)s""",
}


def ask(*, at) -> dict[str, int]:
    """Invite by every live survey that has an occasion, and send what is not in the outbox yet. Repeatable."""
    live = Survey.objects.filter(is_live=True).exclude(occasion="").order_by("pk")
    asked = sum(care.invite_each(survey=survey, rows=_happened(survey, at), at=at) for survey in live)
    return {"asked": asked, "sent": send(at=at)}


def _happened(survey: Survey, at) -> list[tuple[int, str]]:
    """(member, cause) of each occasion whose hour has come, of members who let us ask by e-mail."""
    until = at - timedelta(hours=survey.wait_hours)
    with connection.cursor() as cursor:
        cursor.execute(_HAPPENED[survey.occasion], {"after": until - LOOKS_BACK, "until": until})
        rows = cursor.fetchall()
    reachable = Member.objects.reachable(channel="email", at=at, purpose="surveys")
    may = set(reachable.filter(pk__in={member_id for member_id, _cause in rows}).values_list("pk", flat=True))
    return [(member_id, cause) for member_id, cause in rows if member_id in may]


def invitations(*, since, at) -> QuerySet[Invitation]:
    """Invitations that came by themselves and can still be answered, with what the outbox names them by."""
    found = Invitation.objects.filter(
        cause__startswith=BY_ITSELF, invited_at__gt=since, invited_at__lte=at, expires_at__gt=at, answer__isnull=True
    )
    return found.annotate(
        day=TruncDate("invited_at"), content=Concat(Value("care.Invitation:"), Cast("pk", CharField()))
    )


def send(*, at) -> int:
    """Put the invitations of the last days into the outbox, once each. How many were not there."""
    waiting = invitations(since=at - LOOKS_BACK, at=at)
    groups = waiting.order_by("survey", "day").values_list("survey", "day").distinct()
    return sum(
        outbox.enqueue(
            messages=waiting.filter(survey=survey, day=day),
            cause=f"survey:{survey}:{day.isoformat()}", channel="email", at=at, purpose="surveys",
        )
        for survey, day in groups
    )  # fmt: skip
