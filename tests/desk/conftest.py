"""A service desk: a member with two purchases, and somebody to help them."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

import loyalty.operations
from members import operations
from sales.lines import Line
from sales.models import Store
from sales.operations import ensure_products
from tests.signing_in import at_door


@dataclass
class Help:
    agent: object
    maria: object
    bought: object

    @property
    def page(self):
        return f"/desk/members/{self.maria.public_id}/"

    @property
    def receipt(self):
        return f"{self.page}purchases/{self.bought.public_id}/"


def make_help() -> Help:
    Store.objects.create(code="S1", name="Elm Street")
    ensure_products(
        [("milk", "Whole milk", "GROCERY > DAIRY > MILK"), ("apples", "Apples", "PRODUCE > FRUIT > APPLES")]
    )
    agent = operations.add_staff(email="sam@example.com", roles=["service"], given_name="Sam")
    now = timezone.now()
    maria = operations.enrol(
        at=now - timedelta(days=400), source="test", given_name="Maria", family_name="Jones", email="maria@example.com",
        phone="+12125550123", consents=["email"],
    )  # fmt: skip
    bought = loyalty.operations.record_purchase(
        source="till:S1", client_key="r-1", store_code="S1", purchased_at=now - timedelta(days=2), currency="USD",
        member_id=maria.pk, lines=[Line("milk", Decimal(3), 900), Line("apples", Decimal("1.5"), 1560)],
    )  # fmt: skip
    return Help(agent, maria, bought)


@pytest.fixture
def help_desk(db):
    return make_help()


@pytest.fixture
def desk(help_desk, client):
    return at_door(client, help_desk.agent, "desk")
