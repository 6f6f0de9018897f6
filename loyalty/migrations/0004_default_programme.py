"""The programme every installation starts with: points, a ladder of three, and one published rule set."""

from datetime import UTC, datetime

from django.db import migrations

LADDER = [("member", "Member", "会员", 0), ("silver", "Silver", "银卡", 1000), ("gold", "Gold", "金卡", 3000)]
RULES = {
    "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
    "expiry": {"months": 12},
    "tiers": {"silver": 125, "gold": 150},
    "exclude": [
        {"code": "tobacco", "name": "Tobacco", "when": {"categories": ["CIGARETTES", "CIGARS", "TOBACCO", "TOBACCO OTHER"]}},
        {
            "code": "alcohol",
            "name": "Alcohol",
            "when": {
                "categories": [
                    "ALCOHOL", "BEER", "BEERS/ALES", "WINE", "DOMESTIC WINE", "IMPORTED WINE", "MISC WINE", "LIQUOR", "SPIRITS",
                ]
            },
        },
        {"code": "fuel", "name": "Fuel", "when": {"categories": ["FUEL"]}},
        {
            "code": "gift_cards",
            "name": "Gift and prepaid cards",
            "when": {"categories": ["GIFT CARDS", "PREPAID WIRELESS&ACCESSORIES"]},
        },
    ],
    "rules": [],
}


def begin(apps, schema_editor):
    # ids are part of the posting path: points are currency 1
    apps.get_model("loyalty", "Currency").objects.get_or_create(id=1, defaults={"code": "points", "name": "Points"})
    for code, name_en, name_zh, points_from in LADDER:
        apps.get_model("loyalty", "Tier").objects.get_or_create(
            code=code, defaults={"name_en": name_en, "name_zh": name_zh, "points_from": points_from}
        )
    apps.get_model("loyalty", "RuleSet").objects.get_or_create(
        version=1,
        defaults={"name": "1 point per $1", "definition": RULES, "live_from": datetime(2000, 1, 1, tzinfo=UTC)},
    )
    apps.get_model("sales", "Source").objects.get_or_create(code="ledger", defaults={"name": "The ledger itself"})


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0003_posting_functions")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
