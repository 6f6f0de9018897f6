import numpy as np
import pytest
from django.core.management import CommandError, call_command

from members.models import Consent, Member
from recommender import operations, purchases, queries
from recommender.models import RankerVersion
from recommender.purchases import moment_of
from tests.recommender.conftest import NOW


def everything_read(until_day):
    return purchases.read(until=moment_of(until_day), types=purchases.types_to_learn_from())


def test_what_was_brought_back_or_may_not_be_looked_at_is_not_read(shop):
    milk, rye, beer = (shop.type(path) for path in ("A > B > MILK", "A > B > RYE", "GROCERY > BEERS/ALES > BEERALE"))
    ann, ben, cat = shop.members(3)
    (_, returned, *_) = shop.buy(
        [(ann, 100, [milk, rye, beer]), (ann, 101, [rye]), (ben, 100, [milk]), (cat, 100, [rye])]
    )
    shop.buy([(ann, 102, [rye])], refunds=returned)
    Consent.objects.create(member=ben, channel="email", purpose="profiling", is_granted=False, at=NOW, source="portal")
    Consent.objects.create(member=cat, channel="email", purpose="profiling", is_granted=False, at=NOW, source="portal")
    Consent.objects.create(member=cat, channel="email", purpose="profiling", is_granted=True, at=NOW, source="portal")
    seen, _ = everything_read(200)
    found = [
        (int(seen.member_ids[m]), int(seen.item_ids[i]), int(d))
        for m, i, d in zip(seen.member, seen.item, seen.day, strict=True)
    ]
    assert found == [(ann.pk, milk.pk, 100), (ann.pk, rye.pk, 100), (cat.pk, rye.pk, 100)]
    Member.objects.filter(pk=ann.pk).update(status="erased")
    assert everything_read(200)[0].member_ids.tolist() == [cat.pk]


def test_where_nothing_beats_counting_the_humble_rival_serves_and_it_is_said(shop, artifacts_folder):
    chance = np.random.default_rng(3)
    types = [shop.type(f"GROCERY > GROUP > TYPE {n}", name=f"Type {n}") for n in range(12)]
    people = shop.members(25)
    rows = [
        (person, 17_000 + 2 * day, list(chance.choice(types, 2, replace=False)))
        for person in people
        for day in range(20)
    ]
    shop.buy(rows)
    operations.make_offers()
    versions = operations.train(cutoff=moment_of(17_033), weeks=1)
    assert versions["new_for_you"].ranker == "popular"
    assert "the humble rival, serves" in versions["new_for_you"].verdict
    assert RankerVersion.objects.filter(slot="new_for_you", status="candidate").count() == 1


def test_a_version_can_be_rolled_back(shop):
    first, second = shop.version("buy_again"), None
    second = RankerVersion.objects.create(
        slot="buy_again",
        ranker="due",
        artifact="x",
        checksum="y",
        trained_from=NOW,
        trained_until=NOW,
        evaluated_until=NOW,
        seed=1,
    )
    operations.publish(version=second)
    assert queries.live("buy_again") == second
    assert operations.roll_back(slot="buy_again") == first
    assert queries.live("buy_again") == first
    with pytest.raises(operations.NothingToServe, match="No version served new_for_you before"):
        operations.roll_back(slot="new_for_you")


def test_without_purchases_or_a_ranker_the_remedy_is_named(shop):
    with pytest.raises(CommandError, match="import_purchases"):
        call_command("train_recommender")
    with pytest.raises(operations.NothingToServe, match="train_recommender"):
        operations.refresh_recommendations(at=NOW)
