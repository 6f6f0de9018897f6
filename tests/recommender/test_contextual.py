"""A policy that knows the member: what is known is written with the lists, kept with each choice, learned from, judged, and decides."""

import random
from collections import Counter
from datetime import timedelta
from math import log, log2

import numpy as np
import pytest

from insights.models import Score, ScoreRun
from members import personal_data
from members.models import Consent, Member
from members.signals import consent_changed, member_erased
from recommender import operations, queries, tasks, teaching
from recommender.models import (
    Decision,
    Exposure,
    MemberContext,
    PolicyVersion,
    Situation,
    Taste,
    TasteEvidence,
)
from recommender.offpolicy import gate
from recommender.operations import Outcome, contexts, policies, tastes
from recommender.operations.judging import judge
from recommender.policy import Policy
from recommender.tastes import BASELINES
from tests.recommender.conftest import NOW

DAY = timedelta(days=1)
LEAVING, LOYAL = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture
def types(shop):
    """Four types, each in a group of its own."""
    return [shop.type(f"FOOD > GROUP {n} > TYPE {n}", name=f"Type {n}") for n in range(4)]


def known(people, *, every_second=LEAVING):
    """Half of them are leaving, half are loyal; nobody has a habit."""
    MemberContext.objects.bulk_create(
        MemberContext(member=one, traits=LOYAL if n % 2 else every_second, group_ids=[], habits=[], at=NOW)
        for n, one in enumerate(people)
    )


def campaign(shop, types, *, cause="c:1", members=1600, moved=0.55):
    """A campaign in shuffles, a quarter held out. Who is leaving wants the fourth type when it is offered, who is loyal the third; nobody else."""
    people = shop.members(members)
    for n in range(4):  # each type stands on each place for a quarter
        shop.recommend([*people[2 * n :: 8], *people[2 * n + 1 :: 8]], "buy_again", types[n:] + types[:n])
    known(people)
    operations.decide(
        cause=cause, members=Member.objects.filter(pk__in=[one.pk for one in people]), slots={"buy_again": 1}, at=NOW,
        policy=Policy(exploration=1.0),
    )  # fmt: skip
    is_leaving = {one.pk: n % 2 == 0 for n, one in enumerate(people)}
    held, chance = {one.pk for one in people[: members // 4]}, random.Random(3)
    place = {category.pk: n for n, category in enumerate(types)}
    found, bought = [], []
    for decision in queries.decisions(cause).order_by("member_id"):
        wanted = place[decision.category_id] == (3 if is_leaving[decision.member_id] else 2)
        rate = moved if wanted and decision.member_id not in held else 0.1
        is_success = chance.random() < rate
        found.append(
            Outcome(decision.member_id, decision.category_id, is_success, is_held_out=decision.member_id in held)
        )
        if is_success:
            bought.append((decision.member, NOW + DAY, [types[place[decision.category_id]]]))
    operations.record_exposures(
        cause=cause, members=[one.pk for one in people if one.pk not in held], channel="email", at=NOW
    )
    shop.buy(bought)
    return people, found


def first(cause):
    return dict(queries.decisions(cause).filter(position=1).values_list("member_id", "category_id"))


def live(kind="contextual"):
    return PolicyVersion.objects.create(kind=kind, status="live", floor=0.05)


def test_what_is_known_of_a_member_is_counted_from_their_year(shop, types):
    ann, ben, cyd, dan = shop.members(4)
    Member.objects.filter(pk=ann.pk).update(lifecycle_stage="at_risk")
    Member.objects.filter(pk=ben.pk).update(lifecycle_stage="new")
    Consent.objects.create(member=cyd, channel="email", purpose="profiling", is_granted=False, at=NOW, source="portal")
    shop.buy([(ann, NOW - days * DAY, bought) for days, bought in ((29, types[:2]), (22, types[:1]), (15, types[2:3]))])
    shop.buy([(ann, NOW - 400 * DAY, types[3:]), (ben, NOW - DAY, types[3:]), (cyd, NOW - DAY, types)])
    run = ScoreRun.objects.create(kind="price_driven", model="shares", status="live", at=NOW)
    Score.objects.create(run=run, member=ann, value=0.9)
    assert contexts.write(at=NOW) == 2
    first, second = MemberContext.objects.order_by("pk")
    assert (first.member_id, second.member_id) == (ann.pk, ben.pk)
    assert first.traits == pytest.approx([0, 1, log2(16 / 8) / 3, log(4) / 5 - 0.5, 0.4, 0, 0])
    assert second.traits == pytest.approx(
        [1, 0, log2(2 / 29) / 3 if log2(2 / 29) > -3 else -1, log(2) / 5 - 0.5, 0, 0, 0]
    )
    assert dict(zip(first.group_ids, first.habits, strict=True)) == {
        types[0].parent_id: 0.667, types[1].parent_id: 0.333, types[2].parent_id: 0.333,
    }  # fmt: skip
    shop.buy([(ben, NOW, types[:1])])
    assert contexts.write(at=NOW + DAY, member_ids=[ben.pk, dan.pk]) == 1
    assert MemberContext.objects.get(pk=ann.pk).at == NOW
    assert len(MemberContext.objects.get(pk=ben.pk).group_ids) == 2


def test_what_a_merged_record_bought_is_known_of_the_person(shop, types):
    ann, other = shop.members(2)
    shop.buy([(ann, NOW - 9 * DAY, types[:1]), (other, NOW - 2 * DAY, types[1:2])])
    Member.objects.filter(pk=other.pk).update(status="merged", merged_into=ann)
    for asked in (None, [ann.pk]):
        assert contexts.write(at=NOW, member_ids=asked) == 1
        assert len(MemberContext.objects.get().group_ids) == 2


@pytest.mark.parametrize("kind", [None, "thompson", "contextual"])
def test_each_choice_keeps_what_was_known_then_whoever_decides(shop, types, kind):
    people = shop.members(2)
    ann = people[0]
    shop.recommend(people, "buy_again", types)
    MemberContext.objects.create(member=ann, traits=LEAVING, group_ids=[types[1].parent_id], habits=[0.4], at=NOW)
    if kind:
        live(kind)
    operations.decide(cause="c:1", members=Member.objects.all(), slots={"buy_again": 2}, at=NOW)
    kept = Situation.objects.get()
    assert (kept.cause, kept.member_id, kept.slot, kept.traits) == ("c:1", ann.pk, "buy_again", LEAVING)
    assert kept.habits == [0.0, 0.4, 0.0, 0.0]
    MemberContext.objects.update(habits=[0.9])
    assert operations.decide(cause="c:1", members=Member.objects.all(), slots={"buy_again": 2}, at=NOW) == 0
    assert Situation.objects.get().habits == [0.0, 0.4, 0.0, 0.0]


def test_it_learns_whom_an_offer_moves_and_decides_so(shop, types):
    _, outcomes = campaign(shop, types)
    assert TasteEvidence.objects.count() == 0
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW + DAY)
    assert sum(TasteEvidence.objects.values_list("outcomes", flat=True)) == len(outcomes)
    assert Taste.objects.count() == 5  # of each group, and of all
    live()
    people = shop.members(60)
    shop.recommend(people, "buy_again", types)
    known(people[:40])
    some = Member.objects.filter(pk__in=[one.pk for one in people])
    operations.decide(cause="c:2", members=some, slots={"buy_again": 2}, at=NOW + DAY)
    chosen = first("c:2")
    for side, wanted in ((people[0:40:2], types[3]), (people[1:40:2], types[2])):
        right = [chosen[one.pk] == wanted.pk for one in side]
        assert sum(right) >= 17, "but for draws and the floor, each is shown what moves them"
    for decision in queries.decisions("c:2"):
        assert decision.policy.startswith("contextual-")
        assert 0.05 / 4 <= decision.propensity <= 1
    again = sorted(
        Decision.objects.filter(cause="c:2").values_list("member_id", "position", "category_id", "propensity")
    )
    Decision.objects.filter(cause="c:2").delete()
    Situation.objects.filter(cause="c:2").delete()
    operations.decide(cause="c:2", members=some, slots={"buy_again": 2}, at=NOW + DAY)
    assert (
        sorted(Decision.objects.filter(cause="c:2").values_list("member_id", "position", "category_id", "propensity"))
        == again
    )


def test_one_member_asked_alone_is_decided_as_among_all(shop, types):
    _, outcomes = campaign(shop, types, members=400)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW + DAY)
    live()
    people = shop.members(6)
    shop.recommend(people[:3], "buy_again", types)
    shop.recommend(people[3:], "buy_again", types[:2])
    known(people)
    columns = ("member_id", "position", "category_id", "propensity")
    operations.decide(cause="c:2", members=Member.objects.all(), slots={"buy_again": 4}, at=NOW)
    together = sorted(queries.decisions("c:2").filter(member__in=people).values_list(*columns))
    Decision.objects.filter(cause="c:2").delete()
    Situation.objects.filter(cause="c:2").delete()
    for one in people:
        operations.decide(cause="c:2", members=Member.objects.filter(pk=one.pk), slots={"buy_again": 4}, at=NOW)
    alone = sorted(queries.decisions("c:2").values_list(*columns))
    assert [row[:3] for row in alone] == [row[:3] for row in together]
    assert [row[3] for row in alone] == pytest.approx([row[3] for row in together])


def test_of_whom_nothing_is_known_it_decides_as_the_hierarchical_one(shop, types):
    _, outcomes = campaign(shop, types, members=400)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW + DAY)
    people = shop.members(30)
    shop.recommend(people, "buy_again", types)
    some, columns = Member.objects.filter(pk__in=[one.pk for one in people]), ("member_id", "category_id", "propensity")
    told = []
    for kind in ("thompson", "contextual"):
        PolicyVersion.objects.all().delete()
        live(kind)
        operations.decide(cause="c:2", members=some, slots={"buy_again": 1}, at=NOW)
        told.append(sorted(queries.decisions("c:2").values_list(*columns)))
        queries.decisions("c:2").delete()
    assert told[0] == told[1]
    assert not Situation.objects.filter(cause="c:2").exists()


def test_a_withdrawn_lesson_takes_what_it_taught_with_it(shop, types):
    _, one = campaign(shop, types, members=400)
    operations.learn(cause="c:1", outcomes=one, at=NOW)
    alone = list(Taste.objects.order_by("slot", "group_id").values_list("group_id", "numbers", "anyway"))
    _, two = campaign(shop, types, cause="c:2", members=400)
    operations.learn(cause="c:2", outcomes=two, at=NOW)
    assert list(Taste.objects.order_by("slot", "group_id").values_list("group_id", "numbers", "anyway")) != alone
    operations.unlearn(cause="c:2", at=NOW)
    after = list(Taste.objects.order_by("slot", "group_id").values_list("group_id", "numbers", "anyway"))
    assert [(row[0], bytes(row[1]), row[2]) for row in after] == [(row[0], bytes(row[1]), row[2]) for row in alone]
    operations.unlearn(cause="c:1", at=NOW)
    assert not Taste.objects.exists()


def test_what_is_stored_is_what_was_fitted(shop, types):
    _, outcomes = campaign(shop, types, members=400)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    fitted, stored = (
        tastes.taught()["buy_again"],
        tastes.believed([one.parent_id for one in types], ["buy_again"])["buy_again"],
    )
    groups = [one.parent_id for one in types] + [0]
    for group in groups:
        np.testing.assert_allclose(stored.offered.mean(group), fitted.offered.mean(group))
        np.testing.assert_allclose(stored.without(group), fitted.without(group))
    one, other = (each.offered.draws(groups, 4, "w") for each in (fitted, stored))
    for group in groups:
        np.testing.assert_allclose(one[group], other[group])


def test_it_passes_the_gate_where_members_differ_is_tried_and_promoted_and_says_what_taught_it(shop, types):
    _, outcomes = campaign(shop, types, members=3200)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW + 2 * DAY)
    version, answer = operations.propose_policy(kind="contextual", at=NOW + 20 * DAY)
    rival, _ = operations.propose_policy(kind="thompson", at=NOW + 20 * DAY)
    halves = Counter(tastes.half_of(pk) for pk in Exposure.objects.values_list("member_id", flat=True))
    assert (version.metrics["exposures"], rival.metrics["exposures"], answer.is_open) == (halves[1], 2400, True)
    told, of_rival = version.metrics["estimates"], rival.metrics["estimates"]
    assert told["dr"]["low"] > of_rival["dr"]["high"], "it knows who wants what"
    truth = 25 * (
        0.45 * 0.96 + 0.0
    )  # margin of a line × what the right offer adds × how often it is shown, floor and draws apart
    for estimate in told.values():
        assert estimate["low"] < truth * 1.1
        assert estimate["high"] > truth * 0.8
    assert operations.try_policy(version=version, at=NOW + 21 * DAY).status == "trial"
    assert operations.promote_policy(version=version, at=NOW + 22 * DAY).status == "live"
    assert [(one.cause, one.is_since) for one in teaching.of_policy(version)] == [("c:1", False)]


def test_the_policy_is_judged_on_members_who_did_not_teach_it(shop, types):
    """No offer moves anybody: what it took for a pattern does not come back among the others."""
    _, outcomes = campaign(shop, types, members=1200, moved=0.1)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW + DAY)
    logged, target = judge(kind="contextual", floor=0.05, at=NOW + 20 * DAY)
    assert abs(gate(logged, target).gain) < 2.5, "a tenth of the margin of a line"
    assert logged.shared.shape == (len(logged.arms), BASELINES)
    assert logged.contexts.shape == (len(logged.arms), 9)
    assert set(logged.contexts[:, 3]) == {0.0, 1.0}
    np.testing.assert_allclose(target.sum(axis=1), 1)
    assert (target[:, :4] >= 0.05 / 4 - 1e-12).all()
    assert not target[:, 4:].any()


def test_the_standing_policy_is_judged_by_what_it_does(shop, types):
    campaign(shop, types, members=60)
    _, target = judge(kind="greedy", floor=0.05, at=NOW + 20 * DAY)
    np.testing.assert_allclose(target[:, :4], [[0.95 + 0.0125, 0.0125, 0.0125, 0.0125]] * len(target))


def test_mondays_propose_the_contextual_one_once_enough_outcomes_speak_of_members(shop, types, monkeypatch):
    _, outcomes = campaign(shop, types, members=80)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    assert tastes.outcomes_known() == 60
    assert [version.kind for version, _ in operations.propose_policies(at=NOW)] == ["thompson"]
    monkeypatch.setattr(policies, "CONTEXTUAL_MIN", 60)
    assert list(tasks.judge_policies()) == ["thompson", "contextual"]


def test_an_erased_member_leaves_no_trace_of_what_was_known(shop, types):
    (ann, ben) = people = shop.members(2)
    shop.recommend(people, "buy_again", types)
    known(people)
    operations.decide(cause="c:1", members=Member.objects.all(), slots={"buy_again": 2}, at=NOW)
    member_erased.send(sender=None, member_id=ann.pk)
    for model in (MemberContext, Situation):
        assert list(model.objects.values_list("member_id", flat=True)) == [ben.pk]


def test_what_is_known_and_believed_costs_three_statements_however_many_are_asked(
    shop, types, django_assert_num_queries
):
    _, outcomes = campaign(shop, types, members=400)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    live()
    for number in (1, 3):
        people = shop.members(number)
        shop.recommend(people, "buy_again", types[:number])
        known(people)
        some = Member.objects.filter(pk__in=[one.pk for one in people])
        with django_assert_num_queries(13):  # the hierarchical one: ten
            operations.decide(cause=f"portal:{number}", members=some, slots={"buy_again": 3}, at=NOW)


def test_a_member_reads_what_is_known_and_a_no_takes_it_away_at_once(shop):
    (ann,) = shop.members(1)
    known([ann])
    (told,) = [section for section in personal_data.of(ann) if section.code == "offers_known"]
    assert told.rows == [
        {
            "at": NOW,
            "is_new": 0.0,
            "is_leaving": 1.0,
            "lateness": 0.0,
            "trips": 0.0,
            "price": 0.0,
            "brand": 0.0,
            "service": 0.0,
        }
    ]
    consent_changed.send(sender=None, member_id=ann.pk, channel="email", purpose="marketing")
    assert MemberContext.objects.exists()
    consent_changed.send(sender=None, member_id=ann.pk, channel="email", purpose="profiling")
    assert not MemberContext.objects.exists()
