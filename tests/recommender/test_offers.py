from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils.translation import override

from loyalty.models import Entitlement
from recommender import operations, queries, shelf
from recommender.models import Offer, OfferExclusion
from tests.recommender.conftest import NOW


def offered():
    return sorted(Offer.objects.values_list("category__path", flat=True))


def test_every_type_gets_one_offer_and_a_second_time_none(shop):
    shop.type("GROCERY > MILK > WHITE MILK")
    shop.type("GROCERY > BREAD > RYE BREAD")
    assert operations.make_offers() == 2
    assert operations.make_offers() == 0
    assert offered() == ["GROCERY > BREAD > RYE BREAD", "GROCERY > MILK > WHITE MILK"]


def test_a_shop_with_reviewed_names_offers_only_reviewed_types(shop):
    shop.type("GROCERY > MILK > FLUID MILK WHITE ONLY", name="Milk", name_zh="牛奶")
    shop.type("GROCERY > MISC > XYZ 12/OZ")
    operations.make_offers()
    assert offered() == ["GROCERY > MILK > FLUID MILK WHITE ONLY"]


def test_of_types_that_read_the_same_in_any_language_only_one_is_offered(shop):
    shop.type("GROCERY > MEALS > DINNERS/N", name="Frozen meals", name_zh="冷冻餐")
    shop.type("GROCERY > MEALS > DINNERS/T", name="frozen meals", name_zh="冷冻正餐")
    shop.type("GROCERY > MEALS > DINNERS/S", name="Frozen dinners", name_zh="冷冻餐")
    assert operations.make_offers() == 1
    shop.type("GROCERY > MEALS > DINNERS/X", name="Frozen meals", name_zh="冷冻大餐")
    assert operations.make_offers() == 0, "not even when the name is given later"


def test_what_staff_changed_stays_changed(shop):
    category = shop.type("GROCERY > MILK > WHITE MILK")
    operations.make_offers()
    Offer.objects.update(amount=500, is_active=False)
    operations.make_offers()
    assert Offer.objects.get(category=category).amount == 500
    assert shelf.read().offerable("buy_again") == []


@pytest.mark.parametrize(
    "path",
    [
        "DRUG GM > CIGARETTES > CIGARETTES",
        "GROCERY > BEERS/ALES > BEERALEMALT LIQUORS",
        "GROCERY > DOMESTIC WINE > POPULAR 750ML WINES",
        "SPIRITS > LIQUOR > TRADITIONAL VODKA",
        "FUEL > FUEL > GASOLINE-REG UNLEADED",
        "MISCELLANEOUS > COUPON/MISC ITEMS > ELECTRONIC GIFT CARDS ACTIVATI",
        "DRUG GM > LONG DISTANCE CALLING CARDS > PHONE CARDS",
        "DRUG GM > TICKETS > LOTTERY TICKETS",
        "DRUG GM > ANALGESICS > ADULT ANALGESICS",
        "DRUG GM > VITAMINS > VITAMIN - MINERALS",
        "DRUG GM > LAXATIVES > LAXATIVES",
        "DRUG GM > FEMININE HYGIENE > FEM. HYGN. TAMPONS",
        "DRUG GM > FAMILY PLANNING > PREGNANCY TEST KITS",
        "DRUG GM > ADULT INCONTINENCE > ADULT INCONTINENCE PADS",
        "DRUG GM > INFANT FORMULA > INFANT FORMULA SOY BASE",
        "GROCERY > BOTTLE DEPOSITS > BOTTLE DEPOSITS",
    ],
)
def test_what_every_shop_excludes_is_never_offered(shop, path):
    shop.type(path, name="Something")
    assert operations.make_offers() == 0
    assert shelf.read().offerable("buy_again") == []


@pytest.mark.parametrize(
    "path",
    [
        "GROCERY > FRUIT - SHELF STABLE > FRUIT COCKTAIL FRUIT SALAD",
        "GROCERY > CONDIMENTS/SAUCES > VINEGAR WINE/RICE",
        "GROCERY > BAKED BREAD/BUNS/ROLLS > DIET/LIGHT BREAD",
        "MEAT > SMOKED MEATS > HAM- NET WEIGHT",
        "DRUG GM > SOAP - LIQUID & BAR > BAR SOAP",
    ],
)
def test_what_only_sounds_like_it_is_offered(shop, path):
    shop.type(path)
    assert operations.make_offers() == 1


def test_nobody_is_told_that_they_might_have_a_baby(shop):
    diapers = shop.type("DRUG GM > DIAPERS & DISPOSABLES > BABY DIAPERS")
    operations.make_offers()
    assert shelf.read().offerable("buy_again") == [diapers.pk]
    assert shelf.read().offerable("new_for_you") == []


def test_an_exclusion_is_obeyed_before_the_next_display(shop):
    milk, rye = shop.type("GROCERY > MILK > WHITE MILK"), shop.type("GROCERY > MILKY > RYE")
    (member,) = shop.members(1)
    shop.recommend([member], "buy_again", [milk, rye])
    OfferExclusion.objects.create(kind="path", value="GROCERY > MILK", reason="other")
    assert [found.category_id for found in queries.recommendations(member.pk, "buy_again")] == [rye.pk]
    operations.decide(cause="c:1", members=type(member).objects.all(), slots={"buy_again": 2}, at=NOW)
    assert [d.category_id for d in queries.decisions("c:1")] == [rye.pk]
    OfferExclusion.objects.update(is_active=False)
    assert len(queries.recommendations(member.pk, "buy_again")) == 2


def test_not_interested_is_obeyed_at_once(shop):
    milk, rye = shop.type("GROCERY > MILK > WHITE MILK"), shop.type("GROCERY > BREAD > RYE")
    ann, ben = shop.members(2)
    shop.recommend([ann, ben], "buy_again", [milk, rye])
    for _ in range(2):
        operations.dismiss(member_id=ann.pk, category_id=milk.pk, at=NOW)
    assert [found.category_id for found in queries.recommendations(ann.pk, "buy_again")] == [rye.pk]
    assert [found.category_id for found in queries.recommendations(ben.pk, "buy_again")] == [milk.pk, rye.pk]
    operations.decide(cause="c:1", members=type(ann).objects.filter(pk=ann.pk), slots={"buy_again": 2}, at=NOW)
    assert [d.category_id for d in queries.decisions("c:1")] == [rye.pk]


def test_reasons_and_benefits_are_said_in_the_readers_language(shop):
    milk = shop.type("GROCERY > MILK > WHITE MILK", name="Milk", name_zh="牛奶", icon="milk")
    (member,) = shop.members(1)
    shop.recommend([member], "buy_again", [milk], reason=("bought_every", {"days": 20}))
    (english,) = queries.recommendations(member.pk, "buy_again")
    assert (english.name, english.reason, english.benefit, english.icon) == (
        "Milk", "You buy it about every 3 weeks", "×3 points", "milk",
    )  # fmt: skip
    with override("zh-hans"):
        (chinese,) = queries.recommendations(member.pk, "buy_again")
    assert (chinese.name, chinese.reason, chinese.benefit) == ("牛奶", "您大约每 3 周买一次", "3 倍积分")


def test_a_type_excluded_since_is_named_in_no_reason(shop):
    beer, chips = (
        shop.type("GROCERY > CIDER > HARD", name="Hard cider"),
        shop.type("GROCERY > CHIPS > CHIPS", name="Chips"),
    )
    (member,) = shop.members(1)
    shop.recommend([member], "new_for_you", [chips], reason=("goes_with", {"category": beer.pk}))
    (before,) = queries.recommendations(member.pk, "new_for_you")
    assert before.reason == "Goes with “Hard cider” that you bought"
    OfferExclusion.objects.create(kind="path", value="GROCERY > CIDER", reason="alcohol")
    (after,) = queries.recommendations(member.pk, "new_for_you")
    assert after.reason == "Members who buy what you buy like it"


def test_an_offer_gives_something(shop):
    category = shop.type("GROCERY > MILK > WHITE MILK")
    with pytest.raises(IntegrityError, match="an_offer_gives_something"):
        Offer.objects.create(category=category, amount=0)


@pytest.mark.parametrize("members", [1, 3])
def test_lists_take_the_same_number_of_queries_however_long(shop, django_assert_num_queries, members):
    types = [shop.type(f"GROCERY > A > T{n}") for n in range(members)]
    people = shop.members(members)
    shop.recommend(people, "buy_again", types)
    operations.decide(cause="c:1", members=type(people[0]).objects.all(), slots={"buy_again": 3}, at=NOW)
    with django_assert_num_queries(2):
        assert len(queries.recommendations(people[0].pk, "buy_again")) == members
    with django_assert_num_queries(2):
        assert len(queries.offer_values("c:1", [person.pk for person in people], "en")) == members


def test_an_assignment_becomes_entitlements_and_a_reminder_none(shop):
    milk, rye, beer = (shop.type(path) for path in ("A > B > MILK", "A > B > RYE", "GROCERY > BEERS/ALES > BEERALE"))
    ann, ben = shop.members(2)
    for category in (milk, rye, beer):
        Offer.objects.create(category=category, amount=200)
    said = {
        "given": [(ann.pk, milk.pk), (ann.pk, rye.pk), (ben.pk, milk.pk), (ben.pk, beer.pk)], "cause": "plan:1",
        "valid_from": NOW, "valid_until": NOW + timedelta(days=14), "reminders": {(ann.pk, rye.pk)},
    }  # fmt: skip
    assert operations.give_offers(**said) == 2
    assert operations.give_offers(**said) == 0
    given = Entitlement.objects.values_list("member_id", "category_id", "benefit", "amount", "cause").order_by(
        "member_id"
    )
    assert list(given) == [
        (ann.pk, milk.pk, "multiply", 200, f"plan:1:{milk.pk}"), (ben.pk, milk.pk, "multiply", 200, f"plan:1:{milk.pk}"),
    ]  # fmt: skip
