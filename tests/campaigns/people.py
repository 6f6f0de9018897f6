"""A small shop with members of every kind, the same at every run."""

import uuid
from datetime import UTC, date, datetime, timedelta

import numpy as np

from loyalty.models import Currency, Tier, Wallet
from members.models import Consent, Identifier, Member
from sales.models import Category, Product, Purchase, PurchaseLine, Source, Store

AT = datetime(2017, 12, 1, 12, tzinfo=UTC)


def catalogue():
    grocery = Category.objects.create(level=1, path="GROCERY", raw_name="GROCERY", name_en="Grocery", name_zh="食品")
    dairy = Category.objects.create(level=2, path="GROCERY > DAIRY", raw_name="DAIRY", name_en="Dairy", parent=grocery)
    milk = Category.objects.create(
        level=3, path="GROCERY > DAIRY > MILK", raw_name="MILK", name_en="Milk", parent=dairy
    )
    tea = Category.objects.create(level=3, path="GROCERY > TEA", raw_name="TEA", name_en="Tea", parent=grocery)
    products = [Product.objects.create(code=c.raw_name, category=c) for c in (milk, tea)]
    return {"grocery": grocery, "dairy": dairy, "milk": milk, "tea": tea}, products


def shop():
    return Source.objects.create(code="till"), Store.objects.create(code="1", name="Elm Street")


def tiers():
    ladder = (("member", "Member", 0), ("silver", "Silver", 500), ("gold", "Gold", 2000))
    return [
        Tier.objects.update_or_create(code=code, defaults={"name_en": name, "points_from": points})[0]
        for code, name, points in ladder
    ]


def points_currency():
    return Currency.objects.get_or_create(code="points", defaults={"name": "Points"})[0]


def sell(member, at, total_minor, product, *, place, key):
    source, store = place
    purchase = Purchase.objects.create(
        source=source, client_key=key, body_hash=b"x" * 16, member=member, store=store, purchased_at=at, currency="USD",
        total_minor=total_minor,
    )  # fmt: skip
    PurchaseLine.objects.create(purchase=purchase, line_no=1, product=product, quantity=1, total_minor=total_minor)
    return purchase


def consent(member, channel, at, *, is_granted=True):
    Consent.objects.create(member=member, channel=channel, is_granted=is_granted, at=at, source="portal")


def address(member, email):
    Identifier.objects.create(
        member=member, kind="email", value=email, value_hash=uuid.uuid4().bytes, email_domain="example.com"
    )


def neighbourhood(count=60, seed=7):
    """Members with purchases, wallets, consents and languages drawn from a seed; returns them."""
    rng = np.random.default_rng(seed)
    _categories, products = catalogue()
    place, steps, currency = shop(), tiers(), points_currency()
    people = []
    for i in range(count):
        member = Member.objects.create(
            public_id=uuid.uuid5(uuid.NAMESPACE_URL, f"n{i}"),
            language=["en", "zh-hans"][i % 3 == 0],
            lifecycle_stage=Member.LifecycleStage.values[i % 7],
            joined_at=AT - timedelta(days=int(rng.integers(1, 700))),
            status=Member.Status.ERASED if i == 5 else Member.Status.ACTIVE,
            given_name=f"Given{i}",
            family_name=f"Family{i}",
        )
        people.append(member)
        for n in range(int(rng.integers(0, 6))):
            product = products[int(rng.integers(0, 2))]
            when = AT - timedelta(days=float(rng.uniform(0, 200)))
            bought = sell(member, when, int(rng.integers(100, 9000)), product, place=place, key=f"{i}-{n}")
            if n == 3:
                Purchase.objects.create(
                    source=place[0], client_key=f"r{i}-{n}", body_hash=b"x" * 16, kind=2, refunds=bought, member=member,
                    store=place[1], purchased_at=when + timedelta(hours=1), currency="USD", total_minor=-bought.total_minor,
                )  # fmt: skip
        if i % 7:
            lots = sorted({int(d) for d in rng.integers(-5, 90, 2)})
            Wallet.objects.create(
                currency=currency, member=member, available=int(rng.integers(0, 900)), tier=steps[i % 3],
                lot_expires_on=[date(2017, 12, 1) + timedelta(days=d) for d in lots],
                lot_points=[int(p) for p in rng.integers(1, 200, len(lots))],
            )  # fmt: skip
        if i % 4:
            consent(member, "email", AT - timedelta(days=50))
        if i % 8 == 1:
            consent(member, "email", AT - timedelta(days=2), is_granted=False)
        if i % 5 == 0:
            consent(member, "push", AT - timedelta(days=9))
    return people
