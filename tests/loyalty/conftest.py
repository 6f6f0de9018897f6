"""A small shop: one store, a few products, a few members; and a purchase in one line."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from loyalty import operations, rules
from members.crypto import keyed_hash
from members.models import Identifier, Member
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores

MARCH = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
PRODUCTS = [
    ("milk", "Milk", "GROCERY > FLUID MILK PRODUCTS > FLUID MILK WHITE ONLY", "Larkfield", False),
    ("apples", "Apples", "PRODUCE > APPLES > APPLES GALA", "Orchard", False),
    ("cigarettes", "Cigarettes", "DRUG GM > CIGARETTES > CIGARETTES", "Smoke", False),
    ("bag", "Bag deposit", "SERVICE > FEES > BAG DEPOSIT", "", True),
]


class Shop:
    """Purchases and members in one line each; every act gets a key of its own unless one is given."""

    keys = itertools.count(1)

    def key(self):
        return f"act-{next(self.keys)}"

    def member(self, card=None):
        member = Member.objects.create(joined_at=timezone.now())
        if card:
            Identifier.objects.create(member=member, kind="card", value=card, value_hash=keyed_hash(card, kind="card"))
        return member

    def line(self, minor, product="milk"):
        return Line(product, Decimal(1), minor)

    def buy(self, member, minor, *, at=MARCH, key=None, product="milk", **others):
        amounts = minor if isinstance(minor, list) else [minor]
        lines = [amount if isinstance(amount, Line) else Line(product, Decimal(1), amount) for amount in amounts]
        return operations.record_purchase(
            source="till", client_key=key or self.key(), store_code="S1", purchased_at=at, currency="USD", lines=lines,
            **({"member_id": member.pk} if member else {}), **others,
        )  # fmt: skip

    def publish(self, rules, *, at=datetime(2001, 1, 1, tzinfo=UTC), **parts):
        earn = [{"currency": "USD", "points": 1, "per_minor": 100}]
        return operations.publish_rule_set(
            definition={"earn": earn, "rules": rules, **parts}, live_from=at, name="Test"
        )

    def refund(self, purchase, *lines, at=MARCH, key=None, store=None):
        return operations.refund(
            source="till", client_key=key or self.key(), purchase_id=purchase.purchase_id,
            lines=[(number, Decimal(0), minor) for number, minor in lines], refunded_at=at, store_code=store,
        )  # fmt: skip

    def redeem(self, member, points, *, at=MARCH, key=None):
        return operations.redeem(member_id=member.pk, points=points, source="till", client_key=key or self.key(), at=at)

    def adjust(self, member, points, *, at=MARCH, key=None, reason="Late delivery"):
        return operations.adjust(
            member_id=member.pk, points=points, reason=reason, source="desk", client_key=key or self.key(),
            by_user_id=None, at=at,
        )  # fmt: skip

    def hold(self, member, points, *, until, at=MARCH, key=None):
        return operations.hold(
            member_id=member.pk, points=points, source="till", client_key=key or self.key(), at=at, expires_at=until
        )

    def capture(self, hold_id, *, points, lets_rest_go=False, at=MARCH, key=None):
        return operations.capture(
            hold_id=hold_id,
            points=points,
            source="till",
            client_key=key or self.key(),
            at=at,
            lets_rest_go=lets_rest_go,
        )

    def void(self, hold_id, *, at=MARCH, key=None):
        return operations.void(hold_id=hold_id, source="till", client_key=key or self.key(), at=at)

    def give(self, giver, taker, points, *, at=MARCH, key=None):
        return operations.give_points(
            from_member_id=giver.pk, to_member_id=taker.pk, points=points, source="portal", client_key=key or self.key(), at=at
        )  # fmt: skip

    def merge(self, survivor, absorbed, *, at=MARCH):
        return operations.merge_members(
            survivor_id=survivor.pk, absorbed_id=absorbed.pk, by_user_id=None, reason="Two cards", at=at
        )

    def unmerge(self, made, *, at=MARCH):
        return operations.unmerge_members(merge=made, by_user_id=None, at=at)


@pytest.fixture(autouse=True)
def _forgetful_rules():
    """What a process remembers of rules ends with the test that published them."""
    rules.forget()


def open_shop():
    ensure_stores([("S1", "Main Street")])
    ensure_products(PRODUCTS)
    return Shop()


@pytest.fixture
def shop(db):
    return open_shop()


@pytest.fixture
def committed_shop(committed_db):
    return open_shop()
