"""What the variants of a running campaign have reached: one statement, counted over everybody who was to get a variant.

Links count only when a person followed them; opens count nowhere. Purchases count from the hour a member's part went out. Where
there are several parts, variants are compared within each (winning.within_parts): a later part had less time and other days.
"""

from django.db import connection

from campaigns import winning
from campaigns.models import Campaign
from delivery import queries as outbox
from delivery.models import MessageEvent

_READ = """
SELECT variant_id, wave, count(*), coalesce(sum(x), 0)::float8, coalesce(sum(x * x), 0)::float8, coalesce(avg(propensity), 1)
  FROM (SELECT r.variant_id, r.wave, r.propensity, {value} AS x
          FROM campaigns_recipient r
          LEFT JOIN campaigns_wave w ON w.campaign_id = r.campaign_id AND w.number = r.wave
          {joined}
         WHERE r.campaign_id = %(campaign)s AND (%(wave)s::int IS NULL OR r.wave = %(wave)s) {per_member}) AS one
 GROUP BY variant_id, wave
"""
_BOUGHT = """
LEFT JOIN sales_purchase p ON p.member_id = r.member_id AND p.purchased_at >= coalesce(w.sent_at, %(begin)s) AND p.purchased_at < %(until)s
"""
_VALUES = {
    Campaign.Goal.SPEND: "coalesce(sum(p.total_minor), 0)::float8",
    Campaign.Goal.ORDERS: "(count(*) FILTER (WHERE p.kind = 1))::float8",
    Campaign.Goal.BUYERS: "(count(*) FILTER (WHERE p.kind = 1) > 0)::int::float8",
}
_PER_MEMBER = "GROUP BY r.id, r.variant_id, r.wave, r.propensity"


def reached(campaign: Campaign, *, until, wave: int | None = None) -> list[winning.Reached]:
    """Each variant's members, Σ and Σ² of the campaign's goal so far, in the variants' order; of one part if asked.

    Read from who was given which variant with which chance, and what they did: exposures, propensities and outcomes, nothing else.
    """
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
        found = winning.within_parts([winning.InPart(*row) for row in cursor.fetchall()])
    return [winning.Reached(one.pk, one.name, *found.get(one.pk, (0, 0.0, 0.0))) for one in campaign.variants.all()]


def harmed(campaign: Campaign) -> tuple[int, int]:
    """Of the members a message was sent to: how many unsubscribed or complained, and how many there are."""
    sent = outbox.messages(campaign.cause).filter(state="sent")
    kinds = (MessageEvent.Kind.UNSUBSCRIBED, MessageEvent.Kind.COMPLAINED)
    left = sent.filter(events__kind__in=kinds, events__is_machine=False)
    return left.values("member_id").distinct().count(), sent.values("member_id").distinct().count()
