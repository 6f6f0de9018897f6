"""What the variants of a running campaign have reached: one statement, counted over everybody who was to get a variant.

Links count only when a person followed them; opens count nowhere. Purchases count from the hour a member's part went out.
"""

from django.db import connection

from campaigns.models import Campaign
from campaigns.winning import Reached
from delivery import queries as outbox
from delivery.models import MessageEvent

_READ = """
SELECT variant_id, count(*), coalesce(sum(x), 0)::float8, coalesce(sum(x * x), 0)::float8
  FROM (SELECT r.variant_id, {value} AS x
          FROM campaigns_recipient r
          LEFT JOIN campaigns_wave w ON w.campaign_id = r.campaign_id AND w.number = r.wave
          {joined}
         WHERE r.campaign_id = %(campaign)s AND (%(wave)s::int IS NULL OR r.wave = %(wave)s) {per_member}) AS one
 GROUP BY variant_id
"""
_BOUGHT = """
LEFT JOIN sales_purchase p ON p.member_id = r.member_id AND p.purchased_at >= coalesce(w.sent_at, %(begin)s) AND p.purchased_at < %(until)s
"""
_VALUES = {
    Campaign.Goal.SPEND: "coalesce(sum(p.total_minor), 0)::float8",
    Campaign.Goal.ORDERS: "(count(*) FILTER (WHERE p.kind = 1))::float8",
    Campaign.Goal.BUYERS: "(count(*) FILTER (WHERE p.kind = 1) > 0)::int::float8",
}
_PER_MEMBER = "GROUP BY r.id, r.variant_id"


def reached(campaign: Campaign, *, until, wave: int | None = None) -> list[Reached]:
    """Each variant's members, Σ and Σ² of the campaign's goal so far, in the variants' order; of one part if asked."""
    given = {"campaign": campaign.pk, "wave": wave, "begin": campaign.launched_at, "until": until}
    if campaign.goal == Campaign.Goal.CLICKED:
        clicked, params = outbox.responders(campaign.cause, "clicked").order_by().query.sql_with_params()
        named = {f"p{i}": value for i, value in enumerate(params)}
        clicked %= tuple(f"%({name})s" for name in named)
        statement = _READ.format(value=f"(r.member_id IN ({clicked}))::int::float8", joined="", per_member="")
        given |= named
    else:
        statement = _READ.format(value=_VALUES[campaign.goal], joined=_BOUGHT, per_member=_PER_MEMBER)
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        rows = {variant: held for variant, *held in cursor.fetchall()}
    return [Reached(one.pk, one.name, *rows.get(one.pk, (0, 0.0, 0.0))) for one in campaign.variants.all()]


def harmed(campaign: Campaign) -> tuple[int, int]:
    """Of the members a message was sent to: how many unsubscribed or complained, and how many there are."""
    sent = outbox.messages(campaign.cause).filter(state="sent")
    kinds = (MessageEvent.Kind.UNSUBSCRIBED, MessageEvent.Kind.COMPLAINED)
    left = sent.filter(events__kind__in=kinds, events__is_machine=False)
    return left.values("member_id").distinct().count(), sent.values("member_id").distinct().count()
