import numpy as np
import pytest
from django.core.management import CommandError, call_command

from members.models import Consent, Member
from recommender import artifacts, operations, purchases, queries
from recommender.models import Offer, RankerVersion, Recommendation
from recommender.purchases import day_of, moment_of
from sales.models import Purchase
from tests.recommender import planted
from tests.recommender.conftest import NOW

WEEKS = 1


@pytest.fixture
def year(shop, artifacts_folder):
    """The planted shop, in the database, with one member who never bought anything."""
    plan = planted.shop(members=60, weeks=20, judged_weeks=WEEKS)
    seen = plan.seen
    people = shop.members(seen.shape[0])
    types = [
        shop.type(f"GROCERY > GROUP {n // 6} > TYPE {n}", name=f"Type {n}", name_zh=f"类型 {n}")
        for n in range(seen.shape[1])
    ]
    baskets = {}
    for member, item, day in zip(seen.member.tolist(), seen.item.tolist(), seen.day.tolist(), strict=True):
        baskets.setdefault((member, day), []).append(types[item])
    shop.buy((people[member], day, bought) for (member, day), bought in baskets.items())
    shop.plan, shop.people, shop.types = plan, people, types
    (shop.newcomer,) = shop.members(1)
    shop.cutoff = moment_of(plan.cutoff)
    return shop


def everything_read(until_day):
    return purchases.read(until=moment_of(until_day), types=purchases.types_to_learn_from())


def test_one_statement_reads_the_purchases_as_they_were_made(year):
    seen, stores = everything_read(year.plan.seen.until)
    np.testing.assert_array_equal(seen.member, year.plan.seen.member)
    np.testing.assert_array_equal(seen.item, year.plan.seen.item)
    np.testing.assert_array_equal(seen.day, year.plan.seen.day)
    assert set(stores.tolist()) == {year.store.pk}
    early, _ = everything_read(year.plan.cutoff)
    assert early.day.max() < year.plan.cutoff


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


def test_training_publishes_what_beats_counting_and_writes_reasons(year):
    operations.make_offers()
    said = []
    versions = operations.train(cutoff=year.cutoff, weeks=WEEKS, progress=said.append)
    assert {slot: version.ranker for slot, version in versions.items()}["buy_again"] == "due"
    assert versions["new_for_you"].ranker in {"item_to_item", "implicit_als"}
    for version in versions.values():
        assert version.status == "live"
        assert version.metrics["difference"]["low"] > 0
        assert "95 % interval" in version.verdict
        assert version.trained_until == year.cutoff
    assert any("before the cut-off" in line for line in said)
    written = operations.refresh_recommendations(at=year.cutoff)
    assert written == Recommendation.objects.count() > 0
    bought = set(
        Purchase.objects.filter(purchased_at__lt=year.cutoff).values_list("member", "lines__product__category")
    )
    for row in Recommendation.objects.exclude(member=year.newcomer):
        assert ((row.member_id, row.category_id) in bought) == (row.slot == "buy_again")
    assert {r.reason for r in queries.recommendations(year.people[0].pk, "buy_again")} != set()
    newcomers = queries.recommendations(year.newcomer.pk, "new_for_you")
    assert {found.reason for found in newcomers} == {"Popular with our members"}
    assert queries.recommendations(year.newcomer.pk, "buy_again") == []
    again = sorted(Recommendation.objects.values_list("member", "slot", "rank", "category", "reason_code"))
    operations.refresh_recommendations(at=year.cutoff)
    assert sorted(Recommendation.objects.values_list("member", "slot", "rank", "category", "reason_code")) == again


def test_a_rhythm_that_is_told_is_the_members_own(year):
    operations.make_offers()
    operations.train(cutoff=year.cutoff, weeks=WEEKS)
    operations.refresh_recommendations(at=year.cutoff)
    told = Recommendation.objects.filter(reason_code="bought_every").order_by("pk").first()
    moments = sorted(
        Purchase.objects.filter(member=told.member, lines__product__category=told.category, purchased_at__lt=year.cutoff)
        .values_list("purchased_at", flat=True)
    )  # fmt: skip
    days = [day_of(moment) for moment in moments]
    assert told.reason_params["days"] == round((days[-1] - days[0]) / (len(days) - 1))
    complement = Recommendation.objects.filter(reason_code="goes_with").first()
    if complement is not None:
        assert Purchase.objects.filter(
            member=complement.member, lines__product__category=complement.reason_params["category"]
        ).exists()


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


def test_an_artifact_that_was_changed_is_refused_and_the_old_lists_stay(year, artifacts_folder):
    operations.make_offers()
    versions = operations.train(cutoff=year.cutoff, weeks=WEEKS)
    operations.refresh_recommendations(at=year.cutoff)
    before = Recommendation.objects.count()
    file = artifacts_folder / versions["buy_again"].artifact
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(artifacts.BrokenArtifact, match="not the file that was stored"):
        operations.refresh_recommendations(at=year.cutoff)
    file.unlink()
    with pytest.raises(artifacts.BrokenArtifact, match="cannot be read"):
        operations.refresh_recommendations(at=year.cutoff)
    assert Recommendation.objects.count() == before


def test_a_refresh_of_one_member_leaves_the_others_as_they_are(year):
    operations.make_offers()
    operations.train(cutoff=year.cutoff, weeks=WEEKS)
    operations.refresh_recommendations(at=year.cutoff)
    ann = year.people[0]
    year.buy([(ann, year.plan.seen.until, [year.types[0]])])
    others = list(Recommendation.objects.exclude(member=ann).order_by("pk").values())
    operations.refresh_recommendations(at=moment_of(year.plan.seen.until + 1), member_ids=[ann.pk])
    assert list(Recommendation.objects.exclude(member=ann).order_by("pk").values()) == others
    assert Recommendation.objects.filter(member=ann).exists()


def test_a_dismissed_type_is_not_written_again(year):
    operations.make_offers()
    operations.train(cutoff=year.cutoff, weeks=WEEKS)
    operations.refresh_recommendations(at=year.cutoff)
    row = Recommendation.objects.filter(slot="buy_again").first()
    operations.dismiss(member_id=row.member_id, category_id=row.category_id, at=NOW)
    operations.refresh_recommendations(at=year.cutoff)
    assert not Recommendation.objects.filter(member=row.member_id, category=row.category_id).exists()


def test_the_commands_train_print_and_say_what_is_missing(year, capsys):
    call_command("train_recommender", weeks=WEEKS)
    told = capsys.readouterr().out
    assert "buy_again: due serves" in told
    assert "recommendations as of" in told
    assert Offer.objects.count() == len(year.types)
    call_command("evaluate_recommender", weeks=WEEKS, k=5)
    table = capsys.readouterr().out
    for name in (
        "popular",
        "personal_top",
        "recent",
        "due",
        "item_to_item",
        "implicit_als",
        "upcf",
        "two_stage_logistic",
    ):
        assert f"\n{name} " in table
    assert "repeat" in table
    assert "explore" in table
    with pytest.raises(CommandError, match="is not a date"):
        call_command("train_recommender", cutoff="soon")
    with pytest.raises(CommandError, match="Choose an earlier --cutoff"):
        call_command("train_recommender", cutoff="2030-01-01")


def test_without_purchases_or_a_ranker_the_remedy_is_named(shop):
    with pytest.raises(CommandError, match="import_purchases"):
        call_command("train_recommender")
    with pytest.raises(operations.NothingToServe, match="train_recommender"):
        operations.refresh_recommendations(at=NOW)
