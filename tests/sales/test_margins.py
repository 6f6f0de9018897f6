"""What is kept of the price of goods, as managers state it."""

import pytest
from django.urls import reverse

from members.operations import add_staff
from sales.models import Margin
from sales.queries import margins
from tests.campaigns.people import catalogue
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


def test_what_lies_below_has_the_nearest_margin_above_it():
    tree, _products = catalogue()
    assert margins() == {}
    Margin.objects.create(category=tree["dairy"], percent=12)
    assert margins() == {tree["dairy"].pk: 12, tree["milk"].pk: 12}
    Margin.objects.create(category=tree["grocery"], percent=-3)
    assert margins() == {tree["grocery"].pk: -3, tree["dairy"].pk: 12, tree["milk"].pk: 12, tree["tea"].pk: -3}


def address(act, *args):
    return reverse(f"wagtailsnippets_sales_margin:{act}", args=args)


def entered(client, role):
    return at_door(client, add_staff(email=f"{role}@example.com", roles=[role]), "cms")


def test_a_manager_states_a_margin_of_a_department_or_category_by_its_path(client):
    tree, _products = catalogue()
    manager = entered(client, "store_manager")
    page = manager.get(address("add")).content.decode()
    assert "GROCERY &gt; DAIRY" in page
    assert "GROCERY &gt; TEA" not in page  # a type has its category's
    manager.post(address("add"), {"category": tree["dairy"].pk, "percent": 140})
    assert not Margin.objects.exists()
    manager.post(address("add"), {"category": tree["dairy"].pk, "percent": -8})
    assert list(Margin.objects.values_list("category__path", "percent")) == [("GROCERY > DAIRY", -8)]
    assert "GROCERY &gt; DAIRY" in manager.get(address("list")).content.decode()


def test_a_marketer_states_none(client):
    catalogue()
    assert entered(client, "marketer").get(address("add")).status_code in {302, 403}
