"""Recommended actions name their data, rule and value; a yes makes a draft that a marketer only has to open."""

from datetime import timedelta

import pytest
from django.core.cache.backends.locmem import LocMemCache

from campaigns import audiences, checks
from campaigns.advice import ideas
from campaigns.advice import operations as advice
from campaigns.advice.gains import Gain, expected
from campaigns.models import Audience, Campaign, LiftReport, MemberDriver
from campaigns.series import Pooled
from campaigns.tasks import look_for_actions
from insights.trends import trends
from loyalty.models import Reward, Wallet
from members import clock
from members.models import Member
from sales.models import Category, Product, Purchase, PurchaseLine
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT, points_currency

pytestmark = pytest.mark.django_db


def of(code: str) -> advice.Recommended:
    return next(one for one in advice.recommended(at=AT) if one.idea.code == code)


def test_without_a_measured_campaign_the_value_is_an_assumption_and_says_so():
    assert expected(members=1000, holdout_percent=10, basket_minor=2000, measured=None) == Gain(
        900, 18_000, 0, 36_000, 0
    )
    assert not expected(members=10, holdout_percent=10, basket_minor=1, measured=None).is_measured


def test_measured_campaigns_say_what_the_next_one_should_bring_with_their_interval():
    pooled = Pooled(3, 500, 4500, 120.0, -15.0, 255.0)
    assert expected(members=200, holdout_percent=10, basket_minor=1, measured=pooled) == Gain(
        180, 21_600, -2_700, 45_900, 3
    )


def test_who_is_at_risk_is_recommended_with_figures_counted_by_hand_and_never_who_stays_for_service(town):
    people, _place, _products = town(30)
    Member.objects.filter(pk__in=[one.pk for one in people[:12]]).update(lifecycle_stage="at_risk")
    MemberDriver.objects.create(member=people[0], driver="service", since=AT)
    one = of("at_risk")
    assert one.members.count == 11
    mean = sum(1000 + 37 * i for i in range(1, 12)) / 11
    assert one.basket_minor == round(mean)
    assert (one.gain.sent, one.gain.expected_minor) == (9, round(9 * mean / 100))
    assert "three of their own gaps" in one.idea.rule


def test_a_yes_makes_one_draft_with_everything_filled_in_and_nothing_goes_out(town):
    people, _place, _products = town(30)
    Member.objects.filter(pk__in=[one.pk for one in people[:20]]).update(lifecycle_stage="at_risk")
    made = advice.accept("at_risk", at=AT)
    assert advice.accept("at_risk", at=AT) == made
    assert Campaign.objects.count() == 1
    assert (made.status, made.holdout_percent, made.offers_buy_again, made.offers_new_for_you) == ("draft", 10, 2, 1)
    assert audiences.count(made.audience.conditions, at=AT) == 20
    assert made.offer_cost_minor == of("at_risk").offer_minor > 0
    assert made.budget_minor >= 20 * 3 * made.offer_cost_minor
    assert made.variants.get().email_template.live
    assert of("at_risk").draft == made
    assert not [
        problem for problem in checks.run(made, at=AT) if problem.level == checks.STOP and problem.fix == "audience"
    ]


def test_an_audience_that_was_changed_since_is_left_alone(town):
    people, _place, _products = town(10)
    Member.objects.filter(pk=people[0].pk).update(lifecycle_stage="at_risk")
    mine = Audience.objects.create(name=of("at_risk").idea.name, conditions={"match": "all", "conditions": []})
    made = advice.accept("at_risk", at=AT)
    mine.refresh_from_db()
    assert mine.conditions == {"match": "all", "conditions": []}
    assert (made.audience.name, audiences.count(made.audience.conditions, at=AT)) == (f"{mine.name} (2)", 1)


def test_what_is_not_recommended_cannot_be_said_yes_to(town):
    town(5)
    with pytest.raises(advice.NothingToDo):
        advice.accept("at_risk", at=AT)
    assert not Campaign.objects.exists()


def test_newcomers_who_came_once_and_points_that_lie_still_are_seen(town):
    people, place, _products = town(6)
    Purchase.objects.create(**sale_of(people[0], 30, place, "again"))
    Reward.objects.create(name_en="Coffee", kind="amount", amount=300, points=200, valid_from=AT - timedelta(days=9))
    for one, points in ((people[1], 250), (people[2], 199)):
        Wallet.objects.update_or_create(member=one, currency=points_currency(), defaults={"available": points})
    assert of("second_visit").members.count == 5  # all but the one who came twice
    assert of("points_unused").members.count == 1


def sale_of(member, days_ago, place, key):
    made = sale(member, AT - timedelta(days=days_ago), 500, place, key)
    return {
        f.attname: getattr(made, f.attname)
        for f in Purchase._meta.fields
        if f.attname not in ("id", "public_id", "recorded_at")
    }


def cheese_falls(people, place, milk, *, sold_before: bool):
    """Cheese falls to nothing while all else goes on; the shop is half a year older than that, with or without cheese."""
    Member.objects.update(joined_at=AT - timedelta(days=400))
    shelf = Category.objects.create(level=2, path="GROCERY > CHEESE", raw_name="CHEESE", name_en="Cheese")
    cheese = Product.objects.create(code="CHEESE", category=shelf)
    rows = [(one, 90, cheese) for one in people] + [(one, day, milk) for one in people for day in (91, 30)]
    rows += [(one, day, milk) for one in people[:30] for day in (150, 210)] + [(people[0], 20, cheese)]
    rows += [(one, day, cheese) for one in people[:20] for day in (150, 210) if sold_before]
    receipts = Purchase.objects.bulk_create(
        sale(one, AT - timedelta(days=day), 900 + 10 * (n % 40), place, f"c{n}")
        for n, (one, day, _product) in enumerate(rows)
    )
    PurchaseLine.objects.bulk_create(
        PurchaseLine(purchase=receipt, line_no=1, product=product, quantity=1, total_minor=receipt.total_minor)
        for receipt, (_one, _day, product) in zip(receipts, rows, strict=True)
    )
    return shelf


def test_a_category_that_fell_more_than_the_shop_is_spoken_of_with_its_figures(town):
    """Who bought it before and does not now is the audience."""
    people, place, (milk, _tea) = town(60)
    shelf = cheese_falls(people, place, milk, sold_before=True)
    one = of(f"falling_{shelf.pk}")
    assert one.members.count == 59
    assert "Sales of Cheese: −" in one.idea.data[0]
    made = advice.accept(one.idea.code, at=AT)
    assert (made.name, made.offers_buy_again) == ("Bring back buyers of Cheese", 3)


def test_the_end_of_a_season_is_no_reason_to_bring_anybody_back(town):
    people, place, (milk, _tea) = town(60)
    shelf = cheese_falls(people, place, milk, sold_before=False)
    assert f"falling_{shelf.pk}" not in {one.idea.code for one in advice.recommended(at=AT)}


def test_rehearsals_and_broken_splits_teach_nothing_of_what_to_expect(town, draft):
    town(10)
    figures = {
        "primary": "spend", "sample_ratio": {"verdict": "green"},
        "comparisons": [{"metric": "spend", "absolute": 100.0, "standard_error": 10.0, "n_control": 100, "n_treated": 900, "mean_control": 500.0}],
    }  # fmt: skip
    for kind, verdict in (("ordinary", "green"), ("rehearsal", "green"), ("ordinary", "red")):
        told = figures | {"sample_ratio": {"verdict": verdict}}
        LiftReport.objects.create(
            campaign=draft(name=f"{kind} {verdict}", kind=kind), as_of=AT, is_final=True, figures=told
        )
    pooled = advice.measured_lift()
    assert (pooled.dates, pooled.absolute) == (1, 100.0)
    assert pooled.low < 100 < pooled.high


def test_in_a_day_the_trends_are_looked_at_once_and_by_night(town, settings, monkeypatch):
    people, place, (milk, _tea) = town(60)
    shelf = cheese_falls(people, place, milk, sold_before=True)
    looks = []
    monkeypatch.setattr(ideas, "cache", LocMemCache("fallen", {}))
    monkeypatch.setattr(ideas, "trends", lambda *, at: looks.append(at) or trends(at=at))
    monkeypatch.setattr(clock, "now", lambda: AT)
    settings.REPORTS_ARE_KEPT = True
    assert look_for_actions() == 1
    for _look in range(2):
        assert of(f"falling_{shelf.pk}").members.count == 59
    assert looks == [AT]
    assert ideas.fallen(AT + timedelta(days=1)) is not None
    assert len(looks) == 2, "another day is looked at anew"
