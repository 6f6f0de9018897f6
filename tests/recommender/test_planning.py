"""Offers given under budgets and stock: what is given, what is taken from where, and what is only told."""

from datetime import timedelta

import pytest

from loyalty.models import Entitlement
from members.models import Member
from recommender import operations
from recommender.models import Offer, OfferBudget, OfferPlan, Recommendation
from recommender.operations import planning
from tests.recommender.conftest import NOW

UNTIL = NOW + timedelta(days=14)


@pytest.fixture
def market(shop):
    types = [shop.type(f"FOOD > GROUP {n} > TYPE {n}", name=f"Type {n}") for n in range(3)]
    people = shop.members(10)
    shop.recommend(people, "buy_again", types)
    Recommendation.objects.update(probability=0.2)
    Recommendation.objects.filter(category=types[2]).update(probability=0.9)  # bought anyway
    shop.buy([(people[0], NOW - timedelta(days=9), types)])
    shop.budget = OfferBudget.objects.create(name="Spring", currency="USD", limit_minor=7)
    Offer.objects.update(benefit="amount", amount=6, margin_percent=100)
    Offer.objects.filter(category=types[0]).update(budget=shop.budget)
    Offer.objects.filter(category=types[1]).update(stock=4)
    shop.people, shop.types = people, types
    return shop


def plan(market, cause="plan:1"):
    return operations.assign_offers(cause=cause, members=Member.objects.active(), at=NOW, valid_until=UNTIL)


def test_what_is_given_stays_within_stock_and_budget_and_is_an_entitlement(market):
    made = plan(market)
    given = Entitlement.objects.filter(cause__startswith="plan:1:")
    assert given.count() == made.offers > 0
    assert Offer.objects.get(category=market.types[1]).given == 4 == given.filter(category=market.types[1]).count()
    market.budget.refresh_from_db()
    assert 0 < market.budget.committed_minor <= market.budget.limit_minor
    assert made.gap <= 0.01
    assert [one["factor"] for one in made.what_if] == [0.8, 1.0, 1.2]


def test_what_is_bought_anyway_is_told_and_not_given(market):
    made = plan(market)
    assert made.reminders == len(market.people)
    assert not Entitlement.objects.filter(category=market.types[2]).exists()


def test_a_cause_is_planned_once(market):
    assert plan(market) == plan(market)
    assert OfferPlan.objects.count() == 1
    before = Entitlement.objects.count()
    plan(market)
    assert Entitlement.objects.count() == before


def test_without_anything_to_give_the_planner_says_what_to_do(shop):
    with pytest.raises(planning.CannotPlan, match="train_recommender"):
        plan(shop)
