"""What is asked of points: balance, what is about to expire, tier, rewards had for them."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import (
    AT_LEAST,
    DAYS,
    DAYS_MAX,
    DID,
    Condition,
    Field,
    Rows,
    compared,
    days_words,
    labels,
    name_of,
    tell_choice,
    tell_day,
    tell_number,
    window,
)  # fmt: skip
from loyalty.models import Reward, Tier

POINTS = "points"
_WALLETS = """loyalty_wallet w WHERE w.member_id IS NOT NULL AND w.merged_into_id IS NULL
    AND w.currency_id = (SELECT id FROM loyalty_currency WHERE code = 'points')"""


def _wallets(found: str, **given) -> dict:
    return {"source": _WALLETS, "given": given, "found": found, "member": "w.member_id", "is_single": True}


def _balance(at, op, points):
    return compared(_wallets("w.available"), op, points)


def _balance_words(op, points):
    if op == "at_least":
        return _("Has at least %(points)s points") % {"points": f"{points:,}"}
    return _("Has at most %(points)s points") % {"points": f"{points:,}"}


_EXPIRING = """(SELECT COALESCE(sum(lot.points), 0) FROM unnest(w.lot_expires_on, w.lot_points) AS lot (expires_on, points)
    WHERE lot.expires_on BETWEEN %(today)s::date AND %(today)s::date + %(days)s::int)"""


def _expiring(at, points, days):
    return compared(_wallets(_EXPIRING, today=at.date(), days=days), "at_least", points)


def _expiring_words(points, days):
    return _("At least %(points)s points expire within %(days)s") % {"points": f"{points:,}", "days": days_words(days)}


def _tiers():
    return [(tier.code, tier.name) for tier in Tier.objects.order_by("rank")]


def _tier(at, tiers):
    code = "(SELECT t.code FROM loyalty_tier t WHERE t.id = w.tier_id)"
    test = "w.tier_id IN (SELECT id FROM loyalty_tier WHERE code = ANY(%(tiers)s))"
    return Rows(**_wallets(code, tiers=tiers), test=test)


def _tier_words(tiers):
    return _("Tier is %(tiers)s") % {"tiers": labels(_tiers(), tiers)}


def _rewards():
    return [(str(reward.pk), str(reward)) for reward in Reward.objects.order_by("pk")]


def _rewarded(at, op, reward, days):
    source = """loyalty_redemption r JOIN loyalty_wallet w ON w.id = r.wallet_id
        WHERE w.member_id IS NOT NULL AND r.state = 'granted' AND r.redeemed_at > %(since)s AND r.redeemed_at <= %(until)s"""
    given = window(at, days)
    if reward:
        source, given = f"{source} AND r.reward_id = %(reward)s", given | {"reward": int(reward)}
    return Rows(source, given, found="max(r.redeemed_at)", member="w.member_id", is_absent=op == "no", is_merged=True)


def _rewarded_words(op, reward, days):
    shown = {"reward": name_of(_rewards(), reward, _("any reward")), "days": days_words(days)}
    if op == "no":
        return _("Did not redeem %(reward)s in the last %(days)s") % shown
    return _("Redeemed %(reward)s in the last %(days)s") % shown


CONDITIONS = (
    Condition(
        "points_balance", gettext_lazy("Points balance"), (AT_LEAST, Field("points", gettext_lazy("points"), "number", 100)), _balance,
        _balance_words, tell_number,
    ),
    Condition(
        "points_expiring", gettext_lazy("Points about to expire"),
        (
            Field("points", gettext_lazy("at least this many points"), "number", 1, low=1),
            Field("days", gettext_lazy("within days"), "number", 30, low=0, high=DAYS_MAX),
        ),
        _expiring, _expiring_words, tell_number,
    ),
    Condition("tier", gettext_lazy("Tier"), (Field("tiers", gettext_lazy("tiers"), "choices", [], _tiers),), _tier, _tier_words, tell_choice(_tiers)),
    Condition(
        "reward", gettext_lazy("Reward redeemed"),
        (DID, Field("reward", gettext_lazy("reward"), "choice", "", _rewards, is_optional=True), DAYS), _rewarded, _rewarded_words,
        tell_day,
    ),
)  # fmt: skip
