"""Seed the exclusions that every shop starts with: texts that name a kind of product anywhere, and nodes of grocery trees."""

from django.db import migrations

TEXTS = {
    "tobacco": ["CIGAR", "TOBACCO", "SMOKING CESSATION", "SNUFF"],
    "alcohol": ["BEERS/ALES", "BEERALE", "WINE > ", "WINES", "LIQUOR", "SPIRITS > ", "COCKTAIL MIX", "COCKTAILS", "CKTLS", "VODKA", "WHISKEY", "ALCOHOL"],
    "fuel": ["GASOLINE", "FUEL", "PROPANE"],
    "gift_card": ["GIFT CARD", "CALLING CARD", "PHONE CARD", "PREPAID WIRELESS", "MONEY ORDER"],
    "lottery": ["LOTTERY", "LOTTO"],
    "health": [
        "ANALGESIC", "PHARMACY", "RX ", "VITAMIN", "COLD AND FLU", "SINUS AND ALLERGY", "ANTACID", "ANTI-ACID", "LAXATIVE",
        "FIRST AID", "FOOT CARE", "EYE AND EAR", "VISION AIDS", "HOME HEALTH", "DIETARY AID", "DIET CNTRL", "FITNESS&DIET",
        "RESTRICTED DIET", "MEDICATED", "MEDICATION", "DENTURE", "HYDROCORT", "NUT SUPP", "SLEEPING AID", "PEDIATRIC",
    ],
    "intimate": ["FEMININE HYGIENE", "FEM. HYGN", "FEM HYGN", "FAMILY PLANNING", "INCONTINENCE", "PREGNANCY", "PROPHYLACTIC"],
    "infant": ["INFANT FORMULA"],
    "service": ["COUPON", "DEPOSIT", "PHOTOFINISHING", "TICKETS", "MISC SALES TRANS", "SUPPLIES > MEAT", "CONTINUITIES", "DONATION"],
    "other": ["FIREWORKS"],
}  # fmt: skip
PATHS = {
    "service": ["MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "GM MERCH EXP", "DELI > DELI SUPPLIES"],
}
# Nobody who never bought for an infant is told that they might.
ONLY_NEW = {"infant": ["BABY", "DIAPERS", "INFANT CARE"]}


def seed(apps, schema_editor):
    exclusion = apps.get_model("recommender", "OfferExclusion")
    rows = [("name", TEXTS, False), ("path", PATHS, False), ("name", ONLY_NEW, True)]
    exclusion.objects.bulk_create(
        exclusion(kind=kind, value=value, reason=reason, is_only_new=is_only_new)
        for kind, values_of, is_only_new in rows
        for reason, values in values_of.items()
        for value in values
    )


def unseed(apps, schema_editor):
    apps.get_model("recommender", "OfferExclusion").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("recommender", "0001_offers_rankers_and_decisions")]

    operations = [migrations.RunPython(seed, unseed)]
