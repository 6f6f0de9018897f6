"""A planted trend is found and named, a season is not one, and pure noise raises an alert in at most one shop of twenty."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pytest

from insights.trends import Sums, Whole, judge, trends
from members.models import Member
from sales.models import Category, Product, Purchase, PurchaseLine, Source, Store

AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
GROUPS, MEMBERS = 12, 200


def judged(before, now):
    """`before`, `now`: what each member (row) spent in each group (column)."""
    ratio = now.sum() / before.sum()
    turned = now.sum(1) - ratio * before.sum(1)
    moved = now - ratio * before
    sums = [
        Sums(
            "category", str(one), int(((before + now)[:, one] > 0).sum()), before[:, one].sum(), now[:, one].sum(),
            (moved[:, one] ** 2).sum(), (moved[:, one] * turned).sum(),
        )
        for one in range(before.shape[1])
    ]  # fmt: skip
    return judge(Whole(len(before), before.sum(), now.sum(), (turned**2).sum()), sums)


def shop_of_noise(seed: int, *, season: float = 1.3, members: int = MEMBERS):
    """Members with tastes of their own, who buy by chance: as much in one window as in the other, but for a season of the whole shop."""
    rng = np.random.default_rng(seed)
    taste = rng.dirichlet(np.full(GROUPS, 0.5), members) * rng.lognormal(0, 0.8, (members, 1)) * 12
    before, now = (rng.poisson(taste) * rng.lognormal(3, 0.7, taste.shape) for _window in range(2))
    return before, season * now


@lru_cache(maxsize=1)
def alerts_among(shops: int) -> float:
    return sum(any(one.is_found for one in judged(*shop_of_noise(seed))) for seed in range(shops)) / shops


def test_pure_noise_raises_an_alert_in_at_most_one_shop_of_twenty():
    """Four hundred shops of twelve groups each, all of them with a season of 30 %: the family's error is Holm's."""
    assert 0 < alerts_among(400) <= 0.05


def test_a_planted_trend_is_found_and_only_that():
    found = []
    for seed in range(40):
        before, now = shop_of_noise(1000 + seed, members=800)
        now[:, 3] *= 1.8
        found.append([one.key for one in judged(before, now) if one.is_rising])
    assert found.count(["3"]) >= 36


def test_its_interval_covers_what_was_planted():
    hits = 0
    for seed in range(200):
        before, now = shop_of_noise(5000 + seed, season=1.0)
        (first,) = (one for one in judged(before, now) if one.key == "0")
        hits += first.low <= 0 <= first.high
    assert 180 <= hits <= 200


def test_a_season_of_the_whole_shop_is_no_trend_of_anything():
    before, _now = shop_of_noise(7)
    assert not [one for one in judged(before, before * 2 + 1e-6) if one.is_judged and abs(one.change) > 0.01]


@pytest.mark.django_db
def test_of_what_is_sold_the_planted_category_and_its_brand_are_found_by_the_same_sums():
    """Coffee doubles, all else goes on: the statement's sums are those of arrays, and the shop's own rise is no trend."""
    place, rng = (
        (Source.objects.create(code="till"), Store.objects.create(code="1", name="Elm Street")),
        np.random.default_rng(5),
    )
    top = Category.objects.create(level=1, path="G", raw_name="G")
    shelves = [
        Category.objects.create(level=2, path=f"G > {n}", raw_name=n, parent=top)
        for n in ("Coffee", "Milk", "Bread", "Tea")
    ]
    deep = Category.objects.create(level=3, path="G > Coffee > Ground", raw_name="Ground", parent=shelves[0])
    goods = [
        Product.objects.create(
            code=one.raw_name, category=deep if one.raw_name == "Coffee" else one, brand=f"{one.raw_name} Co"
        )
        for one in shelves
    ]
    people = Member.objects.bulk_create(Member(joined_at=AT - timedelta(days=400)) for _n in range(60))
    late = Member.objects.create(joined_at=AT - timedelta(days=30))
    spent = rng.integers(300, 900, (2, len(people), len(goods)))
    spent[1, :, 0] *= 2
    rows = [
        (people[i], goods[g], int(spent[w, i, g]), AT - timedelta(days=90 - 60 * w))
        for w in range(2) for i in range(len(people)) for g in range(len(goods))
    ]  # fmt: skip
    sold(
        [*rows, (late, goods[1], 10**7, AT - timedelta(days=5)), (None, goods[2], 10**7, AT - timedelta(days=5))], place
    )
    found = {(one.kind, one.key): one for one in trends(at=AT)}
    assert {key for key, one in found.items() if one.is_rising} == {
        ("category", str(shelves[0].pk)),
        ("brand", "Coffee Co"),
    }
    by_hand = {one.key: one for one in judged(spent[0].astype(float), spent[1].astype(float))}
    for place_, shelf in enumerate(shelves):
        one = found["category", str(shelf.pk)]
        assert (one.before, one.now, one.members) == (by_hand[str(place_)].before, by_hand[str(place_)].now, 60)
        assert one.change == pytest.approx(by_hand[str(place_)].change)
        assert one.high - one.low == pytest.approx(by_hand[str(place_)].high - by_hand[str(place_)].low)


def sold(rows, place):
    receipts = Purchase.objects.bulk_create(
        Purchase(
            source=place[0], client_key=f"t{n}", body_hash=b"x" * 16, member=member, store=place[1], purchased_at=at, currency="USD",
            total_minor=minor,
        )
        for n, (member, _product, minor, at) in enumerate(rows)
    )  # fmt: skip
    PurchaseLine.objects.bulk_create(
        PurchaseLine(purchase=receipt, line_no=1, product=product, quantity=1, total_minor=minor)
        for receipt, (_member, product, minor, _at) in zip(receipts, rows, strict=True)
    )


@pytest.mark.django_db
def test_with_nothing_sold_there_is_nothing_to_say():
    assert trends(at=AT) == []


def test_a_group_of_few_members_or_with_nothing_sold_before_is_not_judged_and_stands_last():
    whole = Whole(100, 1000.0, 1000.0, 50.0)
    few, new = (
        Sums("store", "1", 29, 500.0, 900.0, 90_000.0, 10.0),
        Sums("brand", "new", 80, 0.0, 900.0, 90_000.0, 10.0),
    )
    judged_ = Sums("store", "2", 60, 500.0, 600.0, 9_000.0, 10.0)
    assert [(one.key, one.is_judged) for one in judge(whole, [few, new, judged_])] == [
        ("2", True),
        ("new", False),
        ("1", False),
    ]


@pytest.mark.parametrize("residue", [-1e-7, 0.0, 1e-7])
def test_a_group_that_is_the_whole_shop_is_not_judged_by_what_rounding_left(residue):
    squared = 12_345_678.9
    whole = Whole(40, 80_000.0, 82_000.0, squared)
    only = Sums("store", "1", 40, 80_000.0, 82_000.0, squared + residue, squared)
    assert not judge(whole, [only])[0].is_judged
