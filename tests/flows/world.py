"""A small market made through the real operations: two stores, a few products, members who shop, and what they may like."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from loyalty.operations import PurchaseIn, record_purchases
from members import operations as members
from members.models import Member
from recommender.models import Offer, RankerVersion, Recommendation
from recommender.operations import make_offers
from sales.lines import Line
from sales.models import Category, Product
from sales.operations import ensure_products, ensure_stores

SHELF = [
    ("milk", "GROCERY > MILK > WHOLE MILK", "Whole milk", "牛奶", "milk", 349),
    ("bread", "GROCERY > BREAD > MAINSTREAM WHITE BREAD", "White bread", "白面包", "bread", 279),
    ("bananas", "PRODUCE > TROPICAL FRUIT > BANANAS", "Bananas", "香蕉", "fruit", 129),
    ("coffee", "GROCERY > COFFEE > GROUND COFFEE", "Ground coffee", "咖啡粉", "coffee", 899),
    ("yogurt", "GROCERY > YOGURT > YOGURT NOT MULTI-PACKS", "Yogurt", "酸奶", "milk", 99),
    ("chicken", "MEAT > CHICKEN > CHICKEN BREAST", "Chicken breast", "鸡胸肉", "poultry", 1049),
    ("cookies", "GROCERY > COOKIES > TRAY PACK COOKIES", "Cookies", "曲奇饼干", "sweets", 329),
    ("tulips", "FLORAL > BOUQUET > CUT FLOWERS", "Cut flowers", "鲜切花", "flower", 799),
]
GIVEN = ["Ada", "Bruno", "Clara", "Diego", "Elsa", "Farah", "Gil", "Hana", "Iris", "Jonas"]
FAMILY = ["Alvarez", "Bloom", "Carver", "Doyle", "Ellis", "Frost"]


@dataclass
class World:
    at: datetime
    member_ids: list[int]
    hero: Member  # the member of the tour: near the next tier, reads English
    hero_email: str
    hero_card: str


def make(*, members_count: int = 60, at: datetime | None = None, seed: int = 20) -> World:
    at = at or datetime.now(UTC).replace(microsecond=0)
    chance = random.Random(seed)
    stock()
    people = [person(number, at) for number in range(members_count)]
    done = members.enrol_many(people, at=at - timedelta(days=400), source="test")
    assert not done.errors
    ids = done.member_ids
    record_purchases([shopping(number, ids, at, chance) for number in range(members_count * 6)])
    recommend(ids, chance)
    hero = Member.objects.get(pk=ids[0])
    cards = {one.kind: one.value for one in hero.identifiers.all()}
    return World(at, ids, hero, cards["email"], cards["card"])


def stock():
    ensure_stores([("292", "Store 292"), ("367", "Store 367")])
    ensure_products([(code, path.rpartition(" > ")[2], path) for code, path, *_ in SHELF])
    for _code, path, english, chinese, icon, _price in SHELF:
        Category.objects.filter(path=path).update(name_en=english, name_zh=chinese, icon=icon)
    make_offers()


def person(number: int, at: datetime) -> dict:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
    return {
        "given_name": given, "family_name": family, "email": f"{given}.{family}.{number}@example.com".lower(),
        "phone": f"+121255501{number:02d}", "language": "zh-hans" if number % 10 == 9 else "en",
        "joined_at": at - timedelta(days=400 - number), "consents": [("email", "marketing", True), ("email", "profiling", True)],
    }  # fmt: skip


def shopping(number: int, ids: list[int], at: datetime, chance: random.Random) -> PurchaseIn:
    who = number % len(ids)
    basket = chance.sample(SHELF, chance.randint(1, 5))
    times = chance.randint(1, 3) * (9 if who == 0 else 2)  # the hero shops for a big household
    return PurchaseIn(
        source="test", client_key=f"receipt-{number}", member_id=ids[who], store_code=chance.choice(["292", "367"]),
        purchased_at=at - timedelta(days=200 - number * 190 // (len(ids) * 6), hours=chance.randint(1, 9)), currency="USD",
        lines=[Line(code, Decimal(times), price * times) for code, _path, _en, _zh, _icon, price in basket],
    )  # fmt: skip


def recommend(ids: list[int], chance: random.Random):
    """Recommendations as a refresh writes them: two slots from two published rankers."""
    types = list(Category.objects.filter(offer__in=Offer.objects.all()).order_by("pk"))
    assert Product.objects.count() >= len(types) > 4
    live = {slot: RankerVersion.objects.create(**version_of(slot)) for slot in REASONS}
    rows = []
    for member_id in ids:
        chosen = chance.sample(types, 7)
        for slot, picked in (("buy_again", chosen[:4]), ("new_for_you", chosen[4:])):
            for rank, category in enumerate(picked, start=1):
                code, params = chance.choice(REASONS[slot])
                rows.append(
                    Recommendation(
                        member_id=member_id, slot=slot, rank=rank, category=category, score=1 / rank, reason_code=code,
                        reason_params=params, version=live[slot],
                    )
                )  # fmt: skip
    Recommendation.objects.bulk_create(rows)


def version_of(slot: str) -> dict:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "slot": slot, "ranker": "popular", "status": RankerVersion.Status.LIVE, "artifact": "", "checksum": "",
        "trained_from": when, "trained_until": when, "evaluated_until": when, "seed": 1,
    }  # fmt: skip


REASONS = {
    "buy_again": [("bought_every", {"days": 14}), ("bought_times", {"times": 5})],
    "new_for_you": [("members_like_you", {}), ("popular", {})],
}
