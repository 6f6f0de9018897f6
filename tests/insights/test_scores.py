from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from insights import churn, operations, queries, rfm, telling_scores
from insights.models import Score, ScoreRun
from insights.regression import auc
from members.models import Consent
from tests.recommender.conftest import Shop

AT = datetime(2026, 3, 2, tzinfo=UTC)
TODAY = int(AT.timestamp() // 86_400)


def test_fifths_are_of_members_and_equals_stand_together():
    assert rfm.fifths(np.arange(10)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert set(rfm.fifths(np.zeros(7))) == {3}
    assert rfm.cells([1, 100], [9, 1], [50, 2]).tolist() == [444, 222]


def test_auc_counts_ties_half():
    assert auc(np.array([3, 2, 1]), np.array([True, False, False])) == 1.0
    assert auc(np.array([1, 1]), np.array([True, False])) == 0.5
    assert auc(np.array([1, 2]), np.array([True, False])) == 0.0


def leavers(members=600, *, seed=1, days=400):
    """Members with rhythms of their own, of whom some leave: recency says little, lateness against one's rhythm much."""
    chance = np.random.default_rng(seed)
    rows = []
    for member in range(members):
        gap, end = chance.choice([4, 15, 45]), days
        if chance.random() < 0.5:
            end = chance.integers(150, days)
        day = chance.integers(0, 60)
        while day < end:
            rows.append((member, day, 20.0, int(chance.random() < 0.02)))
            day += max(1, round(chance.normal(gap, gap / 8)))
    member, day, spent, returns = map(np.array, zip(*rows, strict=True))
    return churn.Days(member, day, spent, returns)


def test_a_members_own_rhythm_tells_leavers_better_than_recency():
    verdict = churn.judge(leavers(), at=400, horizon=28, seed=1)
    assert verdict.is_better
    assert verdict.auc > verdict.rival_auc + 0.02
    assert verdict.low < verdict.auc - verdict.rival_auc < verdict.high


def test_nothing_is_said_where_there_is_too_little_past():
    assert churn.judge(leavers(20), at=400, horizon=28, seed=1) is None


def test_reasons_name_what_stands_out():
    of = churn.Rhythm(
        *(np.array(column) for column in (
            [1, 2, 3, 4], [1, 10, 10, 10], [50, 40, 5, 6], [50, 300, 300, 300], [30.0, 9.0, 20.0, 9.0], [0, 0, 1, 1],
            [0, 2, 4, 1], [0, 0.1, 0.0, 0.4], [5, 5, 5, 5],
        ))
    )  # fmt: skip
    told = [telling_scores.words(*why) for why in churn.reasons(of)]
    assert told == [
        "Came once, 50 days ago", "Last came 40 days ago, usually after 9", "Came 1 times lately, 4 times before that",
        "Brought something back on 40 % of visits",
    ]  # fmt: skip
    assert telling_scores.words("", {}) == ""


@pytest.fixture
def town(db):
    """Forty members with rhythms; every fifth stopped coming. One refused profiling, one never bought."""
    shop = Shop()
    shop.milk = shop.type("A > B > MILK")
    people = shop.members(42)
    chance = np.random.default_rng(5)
    rows = []
    for n, member in enumerate(people[:41]):
        gap = (5, 11, 21)[n % 3]
        days = range(TODAY - 300 + n % 7, TODAY - (90 if n % 5 == 0 else 0), gap)
        rows += [(member, day + int(chance.integers(0, 2)), [shop.milk]) for day in days]
    shop.buy(rows)
    Consent.objects.create(
        member=people[40], channel="email", purpose="profiling", is_granted=False, at=AT, source="portal"
    )
    shop.people = people
    return shop


def test_every_member_is_scored_and_history_is_kept(town):
    first = operations.refresh_scores(at=AT - timedelta(days=7), currency="USD", horizon_days=28)
    runs = operations.refresh_scores(at=AT, currency="USD", horizon_days=28)
    ann, silent, refused, stranger = town.people[1], town.people[0], town.people[40], town.people[41]
    assert set(runs) >= {"rfm", "purchases", "alive", "value", "next_purchase", "replenishment"}
    said = {score.run.kind: score for score in queries.profile(ann.pk)}
    assert said["purchases"].low <= said["purchases"].value <= said["purchases"].high
    assert said["next_purchase"].on == (AT + timedelta(days=said["next_purchase"].value)).date()
    assert said["replenishment"].category_id == town.milk.pk
    assert telling_scores.words(said["next_purchase"].reason_code, said["next_purchase"].reason_params).startswith(
        "Usually every"
    )
    alive = {score.member_id: score.value for score in queries.scores("alive")}
    assert alive[ann.pk] > alive[silent.pk]
    for nobody in (refused, stranger):
        assert not Score.objects.filter(member=nobody).exists()
    earlier = queries.history(ann.pk, "rfm")
    assert [score.run for score in earlier] == [runs["rfm"], first["rfm"]]
    assert queries.live("rfm") == runs["rfm"]
    assert ScoreRun.objects.get(pk=first["rfm"].pk).status == "retired"
    assert list(queries.members_scored("rfm", at_least=111, at_most=111).values_list("member_id", flat=True)) == [
        s.member_id for s in queries.scores("rfm") if s.value == 111
    ]


def test_a_refused_run_is_kept_and_not_read(town, monkeypatch):
    monkeypatch.setattr(churn.Verdict, "is_better", False)
    run = operations.refresh_scores(at=AT, currency="USD")["churn"]
    assert run.status == "refused"
    assert run.scores.count() == 40
    assert queries.live("churn") is None
    assert "of the rule of recency" in run.verdict


def test_look_alikes_are_scored_beside_the_chosen(town):
    chosen = [member.pk for n, member in enumerate(town.people[:40]) if n % 3 == 0]
    others = [member.pk for n, member in enumerate(town.people[:40]) if n % 3]
    with pytest.raises(operations.NothingToScore, match="At least 20"):
        operations.score_look_alikes(subject="audience:1", member_ids=chosen, at=AT, currency="USD")
    run = operations.score_look_alikes(subject="audience:1", member_ids=others[:20], at=AT, currency="USD")
    assert run.scores.count() == 40
    assert run.metrics["chosen"] == 20


def test_the_command_says_what_is_read(town, capsys):
    call_command("refresh_scores", at="2026-03-02")
    assert "rfm            Live" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No member bought anything in EUR"):
        call_command("refresh_scores", currency="EUR")
