"""Rule sets to begin from: three well-known mechanics, and nothing but points. Each becomes a draft like any other."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

EARN = [{"currency": "USD", "points": 1, "per_minor": 100}]


@dataclass(frozen=True)
class Starter:
    code: str
    name: str
    says: str
    definition: dict


STARTERS = (
    Starter(
        "plain",
        _("Points, plain"),
        _("A point for every $1, spent within a year. Nothing else; add your own rules."),
        {"earn": EARN, "expiry": {"months": 12}},
    ),
    Starter(
        "six_months",
        _("Coffee-house style: stars that live six months"),
        _("Two points for every $1. Points live six months after the month they were earned in, oldest spent first; a treat around the birthday and double points on quiet Mondays."),
        {
            "earn": [{"currency": "USD", "points": 2, "per_minor": 100}],
            "expiry": {"months": 6},
            "tiers": {"gold": 125},
            "rules": [
                {"code": "double_monday", "name": "Double points on Mondays", "name_zh": "周一双倍积分", "multiply_percent": 200, "when": {"weekdays": [1]}},
                {"code": "birthday_treat", "name": "Birthday treat", "name_zh": "生日礼", "kind": "birthday", "gives": {"points": 150}, "days_before": 0, "days_after": 6},
            ],
        },
    ),
    Starter(
        "calendar_tiers",
        _("Beauty-counter style: tiers by calendar year"),
        _("Tiers multiply points, and a credit towards the tier is earned for every $1 of the calendar year. Points never expire."),
        {
            "earn": EARN,
            "expiry": None,
            "tiers": {"silver": 125, "gold": 150},
            "rules": [
                {"code": "tier_credit", "name": "Tier credits of the year", "name_zh": "年度等级积分", "kind": "spend", "every_minor": 100, "gives": {"tier_credits": 1}, "period": "year"},
                {"code": "birthday_gift", "name": "Birthday gift", "name_zh": "生日礼", "kind": "birthday", "gives": {"points": 250}, "days_before": 14, "days_after": 14},
            ],
        },
    ),
    Starter(
        "visit_stamps",
        _("Corner-shop style: a stamp for every visit"),
        _("One stamp for each visit of at least $5; ten stamps fill a card, which gives 500 points. Nothing for the amount spent."),
        {
            "earn": [{"currency": "USD", "points": 0, "per_minor": 100}],
            "expiry": {"months": 12},
            "rules": [
                {"code": "visit_stamp", "name": "A stamp for every visit", "name_zh": "每次到店一枚印花", "kind": "stamps", "by": "visits", "every": 1, "card_size": 10, "card_gives": {"points": 500}, "minimum_minor": 500},
                {"code": "welcome", "name": "Welcome", "name_zh": "新会员礼", "kind": "first_purchase", "gives": {"points": 50}},
            ],
        },
    ),
)  # fmt: skip
BY_CODE = {starter.code: starter for starter in STARTERS}
