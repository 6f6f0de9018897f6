"""A member with everything a page can show: rewards in and out of reach, vouchers, goals, offers, expiry, a household."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

import care.operations
import loyalty.operations
from care.models import Survey
from loyalty.models import Reward
from members.models import Member
from portal import starters
from portal.accounts import BACKEND, account_of
from tests.flows import world

RULES = [
    {"code": "coffee", "name": "Coffee card", "name_zh": "咖啡集章卡", "kind": "stamps", "every": 1000, "card_size": 9, "card_gives": {"points": 40}},
    {"code": "month", "name": "Big month", "name_zh": "购物月", "kind": "challenge", "target": 900_000, "gives": {"points": 150}},
    {"code": "start", "name": "First steps", "name_zh": "初来乍到", "kind": "challenge", "target": 100, "badge": "Regular", "badge_zh": "常客"},
    {"code": "friend", "name": "Friends", "name_zh": "好友推荐", "kind": "referral", "gives": {"points": 30}, "gives_referrer": {"points": 50}},
]  # fmt: skip
REWARDS = [
    ("Free coffee", "免费咖啡", "product", 1, 40, "Any size, at the counter.", "柜台现做，杯型任选。"),
    ("$5 off your basket", "立减 5 美元", "amount", 500, 90, "On any purchase.", "任意消费可用。"),
    ("Twice the points", "双倍积分", "multiply", 200, 120, "On your next purchase.", "下次消费生效。"),
    ("Gift card worth $20", "20 美元礼品卡", "gift_card", 2000, 4_000, "For you or a friend.", "自用或送朋友。"),
    ("10% off everything", "全场九折", "percent", 10, 6_000, "Once, up to $30.", "限一次，最多减 30 美元。"),
]  # fmt: skip


def make(*, members_count: int = 4):
    """A market whose hero has a life: goals, rewards, a voucher in hand, a question to answer, pages of words."""
    at = timezone.now()
    definition = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": RULES}
    loyalty.operations.publish_rule_set(definition=definition, live_from=at - timedelta(days=900), name="Scene")
    market = world.make(members_count=members_count)
    _rewards(at)
    starters.write()
    hero = market.hero
    loyalty.operations.adjust(
        member_id=hero.pk, points=300, reason="Thank you for waiting", source="scene", client_key="goodwill",
        by_user_id=None, at=at,
    )  # fmt: skip
    loyalty.operations.redeem_reward(
        member_id=hero.pk, reward_id=Reward.objects.get(name_en="$5 off your basket").pk, source="scene",
        client_key="voucher", at=at,
    )  # fmt: skip
    loyalty.operations.referral_code(member_id=hero.pk, at=at)
    survey = Survey.objects.create(
        name="Visit", kind="csat", question_en="How was your last visit?", question_zh="您最近一次光临感觉如何？"
    )
    care.operations.invite(survey=survey, members=Member.objects.filter(pk=hero.pk), cause="scene", at=at)
    return market


def _rewards(at):
    from sales.models import Product

    coffee = Product.objects.filter(code="coffee").first()
    for name, chinese, kind, amount, points, words, words_zh in REWARDS:
        Reward.objects.create(
            name_en=name, name_zh=chinese, kind=kind, amount=amount, points=points, words_en=words, words_zh=words_zh,
            valid_from=at - timedelta(days=1), product=coffee if kind == "product" else None,
        )  # fmt: skip


def cookie(member) -> tuple[str, str]:
    """The name and value of the portal's session cookie for a member who is signed in."""
    from importlib import import_module

    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    user = account_of(member)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}_portal", session.session_key
