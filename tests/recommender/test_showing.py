"""What a member is shown at the doors: chosen once a day, written down whole, fresh after a purchase, under a policy that may learn."""

from datetime import timedelta

import pytest

from members.models import Consent, Member
from recommender import operations, purchases
from recommender.models import Decision, EligibleSet, Exposure, OfferPosterior, PolicyVersion
from tests.recommender.conftest import NOW

SLOTS = {"buy_again": 2}


@pytest.fixture
def types(shop):
    return [shop.type(f"FOOD > GROUP {n % 2} > TYPE {n}", name=f"Type {n}") for n in range(4)]


@pytest.fixture
def ann(shop, types):
    (ann,) = shop.members(1)
    shop.recommend([ann], "buy_again", types)
    return ann


def shown(ann, *, channel="portal", at=NOW, slots=SLOTS):
    return [one.name for one in operations.show(member_id=ann.pk, slots=slots, channel=channel, at=at)["buy_again"]]


def test_what_is_shown_is_one_row_with_all_that_learning_needs(ann, types):
    assert shown(ann) == ["Type 0", "Type 1"]
    rows = list(Exposure.objects.order_by("position"))
    assert [(row.member_id, row.channel, row.slot, row.position, row.category_id) for row in rows] == [
        (ann.pk, "portal", "buy_again", place, types[place - 1].pk) for place in (1, 2)
    ]
    best = 0.95 + 0.05 / 4  # in order, or by the shuffle of four that five in a hundred see
    assert {(row.propensity, row.policy, row.shown_at) for row in rows} == {
        (best, "greedy-or-shuffle-1 ε=0.05 n=10", NOW)
    }
    assert EligibleSet.objects.get(pk=rows[0].eligible).category_ids == [one.pk for one in types]


def test_whoever_looks_twice_a_day_sees_the_same_and_more_when_there_is_room(ann):
    assert shown(ann) == shown(ann)
    assert Exposure.objects.count() == 2
    assert shown(ann, slots={"buy_again": 3}) == ["Type 0", "Type 1", "Type 2"]
    assert Exposure.objects.count() == 3
    assert shown(ann, channel="api") == ["Type 0", "Type 1"]
    assert Exposure.objects.filter(channel="api").count() == 2


@pytest.mark.parametrize("offers", [1, 3])
def test_a_later_look_of_a_day_is_three_statements_however_long_the_list(
    shop, types, django_assert_num_queries, offers
):
    (ben,) = shop.members(1)
    shop.recommend([ben], "buy_again", types[:offers])
    first = shown(ben, slots={"buy_again": 3})
    assert len(first) == offers
    with django_assert_num_queries(3):
        assert shown(ben, slots={"buy_again": 3}) == first
    assert Exposure.objects.filter(member=ben).count() == offers


def test_a_slot_that_was_empty_in_the_morning_is_filled_when_there_is_something(shop, ann):
    both = {"buy_again": 1, "new_for_you": 1}
    asked = {"member_id": ann.pk, "slots": both, "channel": "portal", "at": NOW}
    assert [len(found) for found in operations.show(**asked).values()] == [1, 0]
    shop.recommend([ann], "new_for_you", [shop.type("FOOD > GROUP 2 > TYPE 9", name="Type 9")])
    assert [one.name for one in operations.show(**asked)["new_for_you"]] == ["Type 9"]
    assert Exposure.objects.filter(member=ann).count() == 2


def test_a_no_counts_at_once(ann, types):
    shown(ann)
    operations.dismiss(member_id=ann.pk, category_id=types[0].pk, at=NOW)
    assert shown(ann) == ["Type 1", "Type 2"]


def test_who_refused_personal_recommendations_is_shown_none(ann):
    Consent.objects.create(member=ann, channel="email", purpose="profiling", is_granted=False, at=NOW, source="portal")
    assert shown(ann) == []
    assert not Exposure.objects.exists()


def test_five_in_a_hundred_are_decided_a_shuffle_so_that_every_choice_can_be_judged(shop, types):
    people = shop.members(300)
    shop.recommend(people, "buy_again", types)
    operations.decide(cause="till:2026-03-01", members=Member.objects.all(), slots={"buy_again": 4}, at=NOW)
    first = Decision.objects.filter(position=1)
    assert {round(row.propensity, 4) for row in first} == {0.9625, 0.0125}
    shuffled = first.exclude(category=types[0]).count()
    assert 0 < shuffled <= 0.05 * 300 + 3 * (300 * 0.05 * 0.95) ** 0.5


def test_a_policy_in_its_a_b_test_decides_at_the_doors_too(shop, types):
    PolicyVersion.objects.create(kind="thompson", status="trial", trial_share=0.5)
    people = shop.members(12)
    shop.recommend(people, "buy_again", types)
    for person in people:
        operations.show(member_id=person.pk, slots=SLOTS, channel="till", at=NOW)
    told = [policy.split("-")[0] for policy in Exposure.objects.filter(position=1).values_list("policy", flat=True)]
    assert set(told) == {"greedy", "thompson"}


def test_a_promoted_policy_draws_from_what_is_believed_and_says_how_likely_it_was(ann, types):
    PolicyVersion.objects.create(kind="thompson", status="live", floor=0.05)
    for group, gain in ((types[0].parent_id, 1.0), (types[1].parent_id, 400.0)):
        OfferPosterior.objects.create(
            slot="buy_again", group_id=group, offered_alpha=100 + gain, offered_beta=500, held_out_alpha=100, held_out_beta=500,
            updated_at=NOW,
        )  # fmt: skip
    operations.show(member_id=ann.pk, slots={"buy_again": 4}, channel="portal", at=NOW)
    rows = list(Exposure.objects.order_by("position"))
    assert len(rows) == 4
    assert {row.policy.split("-")[0] for row in rows} == {"thompson"}
    assert all(0.05 / 4 <= row.propensity <= 1 for row in rows)
    assert EligibleSet.objects.get(pk=rows[0].eligible).category_ids == [one.pk for one in types]


def test_a_gate_that_is_shut_lets_no_policy_try_and_nothing_untried_is_promoted(ann):
    version, gate = operations.propose_policy(kind="thompson", at=NOW)
    assert not gate.is_open
    with pytest.raises(operations.CannotPromote, match="too_few"):
        operations.try_policy(version=version, at=NOW)
    with pytest.raises(operations.CannotPromote, match="tried"):
        operations.promote_policy(version=version, at=NOW)


def test_what_a_merged_record_bought_the_person_bought(shop, types):
    ann, other = shop.members(2)
    shop.buy([(ann, 100, types[:1]), (other, 101, types[1:2])])
    Member.objects.filter(pk=other.pk).update(status="merged", merged_into=ann)
    for asked in (None, [ann.pk]):
        seen, _ = purchases.read(
            until=purchases.moment_of(200), types=sorted(one.pk for one in types), member_ids=asked
        )
        assert seen.member_ids.tolist() == [ann.pk]
        assert seen.day.tolist() == [100, 101]


def test_an_offer_that_is_over_or_used_up_is_not_chosen(ann, types):
    types[0].offer.valid_until, types[1].offer.stock = NOW - timedelta(days=1), 0
    types[0].offer.save()
    types[1].offer.save()
    assert shown(ann) == ["Type 2", "Type 3"]
