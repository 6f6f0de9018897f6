"""What is asked of messages and offers: received, opened, clicked; given, shown, used."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import DAYS, DID, Condition, Field, Rows, days_words, labels, name_of, tell_day, window
from campaigns.conditions.purchases import below, category_choices, category_name
from campaigns.models import Campaign
from delivery.models import Channel

_CAUSE = "({0}.cause = %(cause)s OR {0}.cause LIKE %(causes)s)"


def _campaigns():
    return [(str(pk), name) for pk, name in Campaign.objects.exclude(planned_at=None).values_list("pk", "name")]


def _of_campaign(alias: str, campaign: str) -> tuple[str, dict]:
    """A condition on the cause of a row: the campaign's own, and those below it."""
    if not campaign:
        return "true", {}
    return _CAUSE.format(alias), {"cause": f"campaign:{campaign}", "causes": f"campaign:{campaign}:%"}


# -- messages ----------------------------------------------------------------------------------------------------------


def _fates():
    return [("sent", _("received")), ("opened", _("opened")), ("clicked", _("followed a link"))]


def _channels():
    return Channel.choices


def _message(at, *, op, fate, campaign, channel, days):
    """Machines that open and follow everything are not readers, and are left out."""
    of, given = _of_campaign("d", campaign)
    by = "d.channel = %(channel)s" if channel else "true"
    given |= window(at, days) | ({"channel": channel} if channel else {})
    if fate == "sent":
        source, when = "delivery_message d WHERE d.state = 'sent' AND d.member_id IS NOT NULL", "d.sent_at"
    else:
        source, when = (
            (
                "delivery_messageevent e JOIN delivery_message d ON d.id = e.message_id"
                " WHERE e.kind = %(fate)s AND NOT e.is_machine AND d.member_id IS NOT NULL"
            ),
            "e.at",
        )
        given |= {"fate": fate}
    source = f"{source} AND d.purpose = 'marketing' AND {when} > %(since)s AND {when} <= %(until)s AND {by} AND {of}"
    return Rows(source, given, found=f"max({when})", member="d.member_id", is_absent=op == "no", is_merged=True)


def _message_words(op, fate, campaign, channel, days):
    shown = {
        "what": name_of(_campaigns(), campaign, _("any campaign")), "days": days_words(days),
        "by": labels(_channels(), [channel]) if channel else _("any channel"),
    }  # fmt: skip
    words = {
        ("yes", "sent"): _("Received a message of %(what)s by %(by)s in the last %(days)s"),
        ("no", "sent"): _("Received no message of %(what)s by %(by)s in the last %(days)s"),
        ("yes", "opened"): _("Opened a message of %(what)s by %(by)s in the last %(days)s"),
        ("no", "opened"): _("Opened no message of %(what)s by %(by)s in the last %(days)s"),
        ("yes", "clicked"): _("Followed a link of %(what)s by %(by)s in the last %(days)s"),
        ("no", "clicked"): _("Followed no link of %(what)s by %(by)s in the last %(days)s"),
    }
    return words[op, fate] % shown


# -- offers ------------------------------------------------------------------------------------------------------------


def _uses():
    return [("given", _("was given one")), ("shown", _("was shown one")), ("used", _("used one"))]


_OFFERS = {
    "given": ("recommender_decision d WHERE true", "d", "d.decided_at"),
    "shown": ("recommender_decision d JOIN recommender_exposure x ON x.decision_id = d.id WHERE true", "d", "x.shown_at"),
    # An entitlement that nobody paid points for: offers and vouchers that were given, not rewards that were bought.
    "used": (
        "loyalty_entitlement d WHERE NOT EXISTS (SELECT FROM loyalty_redemption r WHERE r.entitlement_id = d.id)", "d", "d.used_at",
    ),
}  # fmt: skip


def _offer(at, *, op, use, category, campaign, days):
    source, alias, when = _OFFERS[use]
    of, given = _of_campaign(alias, campaign)
    given |= window(at, days)
    if category != "":
        of, given = f"{of} AND {alias}.category_id = ANY(%(categories)s)", given | below(category)
    source = f"{source} AND {when} > %(since)s AND {when} <= %(until)s AND {of}"
    return Rows(source, given, found=f"max({when})", member=f"{alias}.member_id", is_absent=op == "no", is_merged=True)


def _offer_words(op, use, category, campaign, days):
    shown = {
        "what": category_name(category) if category != "" else _("anything"),
        "campaign": name_of(_campaigns(), campaign, _("any campaign")), "days": days_words(days),
    }  # fmt: skip
    words = {
        ("yes", "given"): _("Was given an offer on %(what)s by %(campaign)s in the last %(days)s"),
        ("no", "given"): _("Was given no offer on %(what)s by %(campaign)s in the last %(days)s"),
        ("yes", "shown"): _("Was shown an offer on %(what)s by %(campaign)s in the last %(days)s"),
        ("no", "shown"): _("Was shown no offer on %(what)s by %(campaign)s in the last %(days)s"),
        ("yes", "used"): _("Used an offer on %(what)s by %(campaign)s in the last %(days)s"),
        ("no", "used"): _("Used no offer on %(what)s by %(campaign)s in the last %(days)s"),
    }
    return words[op, use] % shown


_CAMPAIGN = Field("campaign", gettext_lazy("campaign"), "choice", "", _campaigns, is_optional=True)

CONDITIONS = (
    Condition(
        "message", gettext_lazy("Messages"),
        (
            DID,
            Field("fate", gettext_lazy("what became of it"), "choice", "opened", _fates),
            _CAMPAIGN,
            Field("channel", gettext_lazy("channel"), "choice", "", _channels, is_optional=True),
            DAYS,
        ),
        _message, _message_words, tell_day,
    ),
    Condition(
        "offer", gettext_lazy("Offers"),
        (
            DID,
            Field("use", gettext_lazy("what became of it"), "choice", "used", _uses),
            Field("category", gettext_lazy("category"), "category", "", category_choices, is_optional=True),
            _CAMPAIGN,
            DAYS,
        ),
        _offer, _offer_words, tell_day,
    ),
)  # fmt: skip
