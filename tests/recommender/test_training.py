import copy
import shutil

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings

from recommender import artifacts, operations, purchases, queries, tasks
from recommender.models import Offer, Recommendation
from recommender.purchases import day_of, moment_of
from sales.models import Purchase
from tests.recommender import planted
from tests.recommender.conftest import NOW, Shop

WEEKS = 1


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """The planted shop in the database, with one member who never bought anything, trained on and listed once for all tests here.

    All of it stands in one transaction around those of the tests, and is undone after the last.
    """
    folder = tmp_path_factory.mktemp("artifacts")
    with django_db_blocker.unblock(), override_settings(ARTIFACTS=folder), transaction.atomic():
        shop = Shop()
        shop.plan = plan = planted.shop(members=60, weeks=20, judged_weeks=WEEKS)
        shop.people = shop.members(plan.seen.shape[0])
        shop.types = [
            shop.type(f"GROCERY > GROUP {n // 6} > TYPE {n}", name=f"Type {n}", name_zh=f"类型 {n}")
            for n in range(plan.seen.shape[1])
        ]
        baskets = {}
        for member, item, day in zip(
            plan.seen.member.tolist(), plan.seen.item.tolist(), plan.seen.day.tolist(), strict=True
        ):
            baskets.setdefault((member, day), []).append(shop.types[item])
        shop.buy((shop.people[member], day, bought) for (member, day), bought in baskets.items())
        (shop.newcomer,) = shop.members(1)
        shop.cutoff, shop.said = moment_of(plan.cutoff), []
        operations.make_offers()
        shop.versions = operations.train(cutoff=shop.cutoff, weeks=WEEKS, progress=shop.said.append)
        shop.written = operations.refresh_recommendations(at=shop.cutoff)
        shop.folder = folder
        yield shop
        transaction.set_rollback(True)


@pytest.fixture
def year(made, db, settings, tmp_path):
    """The shop, with files of its own: a test may spoil them."""
    settings.ARTIFACTS = shutil.copytree(made.folder, tmp_path / "artifacts")
    return copy.copy(made)


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


def test_training_publishes_what_beats_counting_and_writes_reasons(year):
    versions = year.versions
    assert {slot: version.ranker for slot, version in versions.items()}["buy_again"] == "due"
    assert versions["new_for_you"].ranker in {"item_to_item", "implicit_als"}
    for version in versions.values():
        assert version.status == "live"
        assert version.metrics["difference"]["low"] > 0
        assert "95 % interval" in version.verdict
        assert version.trained_until == year.cutoff
    assert any("before the cut-off" in line for line in year.said)
    assert year.written == Recommendation.objects.count() > 0
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


def test_an_artifact_that_was_changed_is_refused_and_the_old_lists_stay(year, settings):
    versions = year.versions
    before = Recommendation.objects.count()
    file = settings.ARTIFACTS / versions["buy_again"].artifact
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(artifacts.BrokenArtifact, match="not the file that was stored"):
        operations.refresh_recommendations(at=year.cutoff)
    file.unlink()
    with pytest.raises(artifacts.BrokenArtifact, match="cannot be read"):
        operations.refresh_recommendations(at=year.cutoff)
    assert Recommendation.objects.count() == before


def test_a_door_goes_on_with_the_stored_lists_where_the_ranker_cannot_be_read(year, settings, caplog):
    ann, at = year.people[0], moment_of(year.plan.seen.until + 1)
    year.buy([(ann, year.plan.seen.until, [year.types[0]])])
    (settings.ARTIFACTS / year.versions["buy_again"].artifact).unlink()
    before = list(Recommendation.objects.filter(member=ann).order_by("pk").values())
    assert operations.keep_fresh(at=at, member_ids=[ann.pk]) == 0
    assert list(Recommendation.objects.filter(member=ann).order_by("pk").values()) == before
    assert "trained again" in caplog.text


def test_a_refresh_of_one_member_leaves_the_others_as_they_are(year):
    ann = year.people[0]
    year.buy([(ann, year.plan.seen.until, [year.types[0]])])
    others = list(Recommendation.objects.exclude(member=ann).order_by("pk").values())
    operations.refresh_recommendations(at=moment_of(year.plan.seen.until + 1), member_ids=[ann.pk])
    assert list(Recommendation.objects.exclude(member=ann).order_by("pk").values()) == others
    assert Recommendation.objects.filter(member=ann).exists()


def test_a_dismissed_type_is_not_written_again(year):
    row = Recommendation.objects.filter(slot="buy_again").first()
    operations.dismiss(member_id=row.member_id, category_id=row.category_id, at=NOW)
    operations.refresh_recommendations(at=year.cutoff)
    assert not Recommendation.objects.filter(member=row.member_id, category=row.category_id).exists()


def test_the_commands_train_print_and_say_what_is_missing(year, capsys, short_lessons):
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


def test_on_sundays_the_two_stages_compete_and_at_night_nobody_does(year, monkeypatch):
    asked = []
    monkeypatch.setattr(operations, "train", lambda **said: asked.append(said) or {})
    monkeypatch.setattr(operations, "refresh_recommendations", lambda **_: 0)
    tasks.train_cold()
    tasks.train_warm()
    assert [(one["two_stages"], one["is_warm"]) for one in asked] == [(True, False), (False, True)]
