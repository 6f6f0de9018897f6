from collections import Counter
from math import log

import pytest

from members.models import Member
from members.signals import member_erased
from recommender import operations, policy, queries
from recommender.models import Decision, Dismissal, Exposure, OfferPosterior, Recommendation
from recommender.policy import Policy
from tests.recommender.conftest import NOW

TYPES = 6


@pytest.fixture
def types(shop):
    return [shop.type(f"GROCERY > GROUP {n} > TYPE {n}", name=f"Type {n}") for n in range(TYPES)]


def decide(cause="campaign:1", positions=2, exploration=0.3, members=None, **kwargs):
    return operations.decide(
        cause=cause, members=Member.objects.all() if members is None else members, slots={"buy_again": positions}, at=NOW,
        policy=Policy(exploration=exploration, top_n=5), **kwargs,
    )  # fmt: skip


def test_without_exploration_the_best_are_shown_in_order(shop, types):
    people = shop.members(3)
    shop.recommend(people, "buy_again", types)
    assert decide(exploration=0) == 6
    for person in people:
        shown = queries.decisions("campaign:1").filter(member=person).order_by("position")
        assert [(d.category_id, d.propensity) for d in shown] == [(types[0].pk, 1.0), (types[1].pk, 1.0)]


def test_propensities_are_what_the_policy_really_does(shop, types):
    """Over many causes, each offer stands on each position as often as its logged propensity says."""
    people = shop.members(2000)
    shop.recommend(people, "buy_again", types)
    decide()
    shown = Counter(queries.decisions("campaign:1").values_list("position", "category_id"))
    logged = dict(
        queries.decisions("campaign:1")
        .values_list("position", "propensity", "category_id")
        .distinct()
        .values_list("category_id", "propensity")
    )
    assert set(logged.values()) <= {0.7 + 0.06, 0.06}
    for position in (1, 2):
        for nth, category in enumerate(types):
            expected = policy.propensity(is_greedy=nth == position - 1, eligible=5, exploration=0.3) if nth < 5 else 0
            spread = 4 * (expected * (1 - expected) / 2000) ** 0.5
            assert shown[position, category.pk] / 2000 == pytest.approx(expected, abs=spread + 1e-9)


@pytest.mark.parametrize("eligible", [1, 2, 5, 10])
def test_propensities_of_a_position_sum_to_one(eligible):
    for position in range(eligible):
        chances = [policy.propensity(is_greedy=nth == position, eligible=eligible) for nth in range(eligible)]
        assert sum(chances) == pytest.approx(1)
        assert min(chances) > 0


def test_logged_propensities_agree_with_the_formula(shop, types):
    shop.recommend(shop.members(200), "buy_again", types)
    decide()
    order = {category.pk: nth for nth, category in enumerate(types, start=1)}
    for decision in queries.decisions("campaign:1"):
        is_greedy = order[decision.category_id] == decision.position
        assert decision.propensity == pytest.approx(policy.propensity(is_greedy=is_greedy, eligible=5, exploration=0.3))
        assert "0.3" in decision.policy


def test_no_member_is_given_a_type_twice(shop, types):
    people = shop.members(300)
    shop.recommend(people, "buy_again", types)
    decide(positions=4, exploration=0.9)
    given = list(queries.decisions("campaign:1").values_list("member_id", "category_id"))
    assert len(given) == len(set(given)) == 1200


def test_deciding_again_changes_nothing_and_adds_only_who_is_new(shop, types):
    people = shop.members(20)
    shop.recommend(people[:10], "buy_again", types)
    decide()
    before = list(Decision.objects.order_by("pk").values())
    Recommendation.objects.filter(member__in=people[:10], rank__lte=2).delete()
    assert decide() == 0
    assert list(Decision.objects.order_by("pk").values()) == before
    shop.recommend(people[10:], "buy_again", types)
    assert decide() == 20


def test_the_same_question_has_the_same_answer(shop, types):
    shop.recommend(shop.members(100), "buy_again", types)
    decide()
    first = sorted(Decision.objects.values_list("member_id", "position", "category_id", "propensity"))
    Decision.objects.all().delete()
    decide()
    assert sorted(Decision.objects.values_list("member_id", "position", "category_id", "propensity")) == first
    Decision.objects.all().delete()
    decide(cause="campaign:2")
    assert sorted(Decision.objects.values_list("member_id", "position", "category_id", "propensity")) != first


def test_a_member_with_few_types_gets_few_offers(shop, types):
    people = shop.members(2)
    shop.recommend(people[:1], "buy_again", types[:1])
    assert decide(positions=3) == 1
    (only,) = queries.decisions("campaign:1")
    assert only.propensity == pytest.approx(1.0)
    assert queries.offer_values("campaign:1", [p.pk for p in people], "en")[people[1].pk] == {
        "buy_again": [],
        "new_for_you": [],
    }


def test_only_the_asked_members_are_decided_for(shop, types):
    people = shop.members(4)
    shop.recommend(people, "buy_again", types)
    decide(members=Member.objects.filter(pk__in=[p.pk for p in people[:2]]).order_by("-pk"))
    assert set(queries.decisions("campaign:1").values_list("member_id", flat=True)) == {p.pk for p in people[:2]}


def test_an_unknown_slot_is_refused_and_nothing_is_written(shop, types):
    shop.recommend(shop.members(1), "buy_again", types)
    with pytest.raises(ValueError, match="No such slot: upsell"):
        operations.decide(cause="c:1", members=Member.objects.all(), slots={"upsell": 1}, at=NOW)
    assert not Decision.objects.exists()


def test_what_was_learned_moves_offers_as_the_formula_says(shop, types):
    shop.recommend(shop.members(1), "buy_again", types)
    OfferPosterior.objects.create(
        slot="buy_again", group=types[2].parent, offered_alpha=1, offered_beta=1, held_out_alpha=1, held_out_beta=1,
        weight=2.0, updated_at=NOW,
    )  # fmt: skip
    decide(positions=5, exploration=0)
    shown = list(queries.decisions("campaign:1").order_by("position").values_list("category_id", flat=True))
    values = {c.pk: policy.value(rank, 2.0 if c == types[2] else 1.0) for rank, c in enumerate(types, start=1)}
    assert shown == sorted(values, key=values.get, reverse=True)[:5]
    assert shown[:2] == [types[0].pk, types[2].pk] if 1 / log(2) > 2 / log(4) else [types[2].pk, types[0].pk]


def test_offers_for_a_message_come_as_plain_values_in_order(shop, types):
    (member,) = shop.members(1)
    shop.recommend([member], "buy_again", types)
    decide(exploration=0)
    values = queries.offer_values("campaign:1", [member.pk], "en")
    assert [(v["name"], v["reason"], v["benefit"], v["icon"]) for v in values[member.pk]["buy_again"]] == [
        ("Type 0", "Popular with our members", "×3 points", "other"),
        ("Type 1", "Popular with our members", "×3 points", "other"),
    ]
    assert values[member.pk]["buy_again"][0]["icon_url"].endswith("/recommender/icons/other.png")


def test_an_exposure_is_noted_once_for_each_channel(shop, types):
    people = shop.members(3)
    shop.recommend(people, "buy_again", types)
    decide()
    shown = [people[0].pk, people[1].pk]
    assert operations.record_exposures(cause="campaign:1", members=shown, channel="email", at=NOW) == 4
    assert operations.record_exposures(cause="campaign:1", members=shown, channel="email", at=NOW) == 0
    assert operations.record_exposures(cause="campaign:1", members=shown[:1], channel="push", at=NOW) == 2
    assert Exposure.objects.count() == 6


def test_an_erased_member_is_forgotten_and_nobody_else(shop, types):
    ann, ben = shop.members(2)
    shop.recommend([ann, ben], "buy_again", types)
    decide()
    operations.dismiss(member_id=ann.pk, category_id=types[0].pk, at=NOW)
    member_erased.send(sender=None, member_id=ann.pk)
    for model in (Decision, Recommendation, Dismissal):
        assert not model.objects.filter(member=ann).exists()
    assert Recommendation.objects.filter(member=ben).count() == TYPES
    assert Decision.objects.filter(member=ben).count() == 2
