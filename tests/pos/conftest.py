"""A till: one store, its cashier, a member in the queue."""

from dataclasses import dataclass

import pytest
from django.utils import timezone

from members import operations
from sales.models import Store
from tests.signing_in import at_door


@dataclass
class Counter:
    """The cashier's world."""

    store: Store
    cashier: object
    maria: object

    @property
    def source(self):
        return f"till:{self.store.code}"


def make_counter() -> Counter:
    store = Store.objects.create(code="S1", name="Elm Street")
    cashier = operations.add_staff(email="casey@example.com", roles=["cashier"], given_name="Casey")
    store.staff.add(cashier)
    maria = operations.enrol(
        at=timezone.now(),
        source="test",
        given_name="Maria",
        family_name="Jones",
        email="maria@example.com",
        phone="+12125550123",
    )
    return Counter(store, cashier, maria)


@pytest.fixture
def counter(db):
    return make_counter()


@pytest.fixture
def till(counter, client):
    return at_door(client, counter.cashier, "pos")
