"""The programme of the fictional shop: rules with a memory, a rule on trial, rewards and voucher codes. All of it invented.

The rules go live on the day of the campaign, so that the real purchases of the last four weeks fill cards and streaks and
the trial has something to measure. Rewards are there all year. None has a stock, because nobody knows any.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from demo import operations, people_of_demo, queries
from demo.roles import BY_CODE
from loyalty import operations as loyalty
from loyalty.models import Reward, RuleDraft, Tier, VoucherPool
from loyalty.queries import live_rule_set
from loyalty.rewards import on_offer
from members.queries import by_public_id
from sales.models import Product

TRIAL_SALT = "larkfield-fresh-tuesday"
RULES = [
    {
        "code": "fresh_tuesday", "name": "Double points on produce, Tuesdays", "name_zh": "周二果蔬双倍积分", "multiply_percent": 200,
        "when": {"categories": ["PRODUCE"], "weekdays": [2]}, "trial": {"salt": TRIAL_SALT, "holdout_percent": 30},
    },
    {
        "code": "visit_card", "name": "Basket card", "name_zh": "购物印花卡", "kind": "stamps", "by": "visits", "every": 1,
        "card_size": 8, "card_gives": {"points": 80}, "minimum_minor": 1500,
    },
    {
        "code": "weekly", "name": "Three weeks in a row", "name_zh": "连续三周到店", "kind": "streak", "length": 3, "unit": "week",
        "gives": {"points": 30}, "badge": "Weekly regular", "badge_zh": "每周常客",
    },
    {
        "code": "explorer", "name": "Explorer of the month", "name_zh": "本月探索家", "kind": "challenge", "measure": "categories",
        "target": 25, "gives": {"points": 50}, "badge": "Explorer", "badge_zh": "探索家",
    },
    {
        "code": "birthday", "name": "Birthday treat", "name_zh": "生日礼", "kind": "birthday", "gives": {"points": 100},
        "days_before": 3, "days_after": 3,
    },
    {
        "code": "friends", "name": "Bring a friend", "name_zh": "邀请好友", "kind": "referral", "gives": {"points": 50},
        "gives_referrer": {"points": 100}, "minimum_minor": 1000,
    },
]  # fmt: skip
REWARDS = [
    {"name_en": "$5 off your basket", "name_zh": "立减 $5", "kind": "amount", "amount": 500, "points": 500},
    {
        "name_en": "10% off a basket", "name_zh": "整单九折", "kind": "percent", "amount": 10, "max_minor": 1500, "points": 600,
        "words_en": "On one purchase, up to $15.", "words_zh": "限用一次，最多优惠 $15。",
    },
    {"name_en": "A bunch of bananas", "name_zh": "一把香蕉", "kind": "product", "amount": 1, "points": 150},
    {
        "name_en": "$10 gift card", "name_zh": "$10 礼品卡", "kind": "gift_card", "amount": 1000, "points": 1000, "per_member_max": 2,
        "per_member_days": 30, "words_en": "For you, or for somebody you like.", "words_zh": "自用或赠人均可。",
    },
    {
        "name_en": "$20 off, for Gold", "name_zh": "金卡专享立减 $20", "kind": "amount", "amount": 2000, "points": 1500,
        "tiers": ["gold"], "words_en": "What is left stays for the next purchase.", "words_zh": "未用完的金额可留待下次使用。",
        "is_partial": True,
    },
]  # fmt: skip
BANANAS = "PRODUCE > TROPICAL FRUIT > BANANAS"
POOL = "Doorstep leaflet"
CODES = 200


def publish_rules(*, live_from: datetime) -> int:
    """Clone the rules every installation starts with, add the shop's own, and publish; the number of rules in force."""
    name = "Larkfield Market, with cards and a trial"
    live = live_rule_set(at=live_from)
    if live.name == name:
        return len(live.definition["rules"])
    by = people_of_demo.user_for(BY_CODE["marketer"]).pk
    draft = RuleDraft.objects.filter(name=name).first() or loyalty.create_draft(
        name=name, definition=live.definition | {"rules": RULES}, by_user_id=by, at=live_from, based_on=live
    )
    loyalty.submit_draft(draft_id=draft.pk, by_user_id=by, at=live_from)
    made = loyalty.publish_draft(draft_id=draft.pk, live_from=live_from, by_user_id=by, at=live_from)
    return len(made.definition["rules"])


def stock_catalogue(*, since: datetime) -> int:
    """The rewards, on offer from that moment; how many there are."""
    for told in REWARDS:
        _make_reward(dict(told), since)
    return Reward.objects.count()


def print_codes(*, since: datetime) -> None:
    """A pool of codes for the first reward."""
    if not VoucherPool.objects.filter(name=POOL).exists():
        first = Reward.objects.get(name_en=REWARDS[0]["name_en"])
        until = timezone.now() + timedelta(days=120)
        made = loyalty.create_pool(name=POOL, reward=first, count=CODES, valid_from=since, valid_until=until)
        operations.remember(voucher_code=made.codes[0])


def _make_reward(told: dict, since: datetime) -> None:
    tiers = told.pop("tiers", [])
    if told["kind"] == "product":
        told["product"] = Product.objects.filter(category__path=BANANAS).order_by("pk").first()
        if told["product"] is None:
            return
    name = told.pop("name_en")
    reward, is_new = Reward.objects.get_or_create(name_en=name, defaults=told | {"valid_from": since})
    if is_new and tiers:
        reward.tiers.set(Tier.objects.filter(code__in=tiers))


def treat_featured(*, at: datetime) -> list[str]:
    """The members one meets first have taken the dearest reward they could, so that their rewards are not empty."""
    taken = []
    for featured in queries.fact("featured", {}).values():
        member = by_public_id(featured["public_id"])
        affordable = [offered.reward for offered in on_offer(member_id=member.pk, at=at) if offered.is_affordable]
        vouchers = [reward for reward in affordable if reward.kind != Reward.Kind.GIFT_CARD]
        if vouchers:
            loyalty.redeem_reward(
                member_id=member.pk, reward_id=vouchers[-1].pk, source="demo-rewards", client_key=f"first-of-{member.public_id}",
                at=at,
            )  # fmt: skip
            taken.append(vouchers[-1].name_en)
    return taken
