"""A whole band of risk is met at once: a tenth is left alone by chance and gets nothing, and no budget is passed."""

from datetime import timedelta

import pytest

from campaigns import programme_lift, verdicts
from campaigns.models import EarlyWarning, MemberDriver
from campaigns.retention import finding, operations, queries, wholesale
from campaigns.retention.bands import BANDS, BY_CODE, band_of
from experiments.models import Assignment
from loyalty.models import Entitlement
from loyalty.operations import record_purchases
from tests.campaigns.test_retention import AT, RULES, bought, decliners, intervention, shelf  # noqa: F401 - the same shop

pytestmark = pytest.mark.django_db
GONE = BY_CODE["gone"]


def warned(many: int):
    """So many members who stopped, warned of and with nothing suggested yet."""
    people = decliners(many)
    finding.keep_drivers(rules=RULES, at=AT)
    operations.warn(rules=RULES, at=AT)
    return people


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ([{"code": "fewer", "recent": 0, "usual": 7.7, "days": 56}], "gone"),
        ([{"code": "fewer", "recent": 1, "usual": 10.0, "days": 56}], "gone"),
        ([{"code": "fewer", "recent": 2, "usual": 10.0, "days": 56}], "far"),
        ([{"code": "fewer", "recent": 3, "usual": 7.0, "days": 56}], "down"),
        ([{"code": "returns", "returns": 4, "recent": 8, "days": 56}], "other"),
        ([{"code": "feeling", "feeling": -60}, {"code": "fewer", "recent": 0, "usual": 5.0, "days": 56}], "gone"),
        ([], "other"),
    ],
)
def test_each_warning_has_one_band_by_how_far_purchases_fell(reasons, code):
    assert band_of(reasons).code == code


def test_the_bands_add_up_to_everybody_who_is_warned_of():
    warned(7)
    bands = wholesale.standing()
    assert [one.band for one in bands] == list(BANDS)
    assert {one.band.code: one.members for one in bands} == {"gone": 7, "far": 0, "down": 0, "other": 0}
    assert bands[0].spend_minor == sum(EarlyWarning.objects.values_list("spend_minor", flat=True))


def test_a_tenth_of_the_band_is_left_alone_and_the_others_get_the_offer_once():
    """Two hundred: chance leaves about twenty alone, who get nothing at all; a second press meets nobody new."""
    warned(200)
    one = intervention(holdout_percent=10, budget_minor=10**6)
    done = wholesale.give(band=GONE, intervention=one, by_user=None, at=AT)
    assert done.given + done.held_out == 200
    assert 8 <= done.held_out <= 35
    alone = set(EarlyWarning.objects.filter(state="held_out").values_list("member", flat=True))
    given = set(Entitlement.objects.values_list("member", flat=True))
    assert (len(alone), len(given)) == (done.held_out, done.given)
    assert not alone & given
    assert alone == set(Assignment.objects.filter(arm__is_holdout=True).values_list("member", flat=True))
    assert wholesale.give(band=GONE, intervention=one, by_user=None, at=AT + timedelta(hours=1)) == wholesale.Done(
        0, 0, {}
    )
    assert Entitlement.objects.count() == len(given)


def test_its_lift_is_shown_with_an_interval():
    people = warned(40)
    one = intervention(holdout_percent=50)
    wholesale.give(band=GONE, intervention=one, by_user=None, at=AT)
    programme_lift.keep(at=AT)
    given = set(Entitlement.objects.values_list("member", flat=True))
    spends = {member: 1000 + 40 * place + 4000 * (member.pk in given) for place, member in enumerate(people)}
    record_purchases([sale for member, minor in spends.items() for sale in bought(member, [-3], minor=minor)])
    one.refresh_from_db()
    read = queries.lift(one, at=AT + timedelta(days=20))
    first = verdicts.primary_of(read.figures)
    assert 0 < first["low"] < 4000 < first["high"]
    assert "interval" in verdicts.of(read).sentence


def test_the_budget_is_never_passed_and_what_was_foreseen_is_what_it_costs_at_most():
    warned(12)
    one = intervention(most_off_minor=1000, budget_minor=4000, holdout_percent=5)
    seen = wholesale.foresee(band=GONE, intervention=one)
    assert (seen.open, seen.affordable, seen.cost_most_minor, seen.left_minor) == (12, 4, 4000, 4000)
    done = wholesale.give(band=GONE, intervention=one, by_user=None, at=AT)
    assert done.given == 4 == Entitlement.objects.count()
    assert done.others == {"budget": 12 - 4 - done.held_out}
    one.refresh_from_db()
    assert operations.left_minor(one) == 0


def test_who_stays_for_service_gets_no_discount_with_the_band_but_may_be_called():
    first, *_others = warned(6)
    EarlyWarning.objects.filter(member=first).update(driver="service")
    MemberDriver.objects.filter(member=first).update(driver="service")
    offer = intervention(holdout_percent=5)
    assert wholesale.foresee(band=GONE, intervention=offer).passed_over == 1
    done = wholesale.give(band=GONE, intervention=offer, by_user=None, at=AT)
    assert done.others == {"service": 1}
    assert not Entitlement.objects.filter(member=first).exists()
    call = intervention(name="Ring", driver="service", action="call", holdout_percent=5)
    assert wholesale.foresee(band=GONE, intervention=call).open == 1


def test_a_band_nobody_is_in_and_an_intervention_that_is_off_do_nothing():
    warned(3)
    off = intervention(is_live=False)
    with pytest.raises(operations.CannotAct):
        wholesale.give(band=GONE, intervention=off, by_user=None, at=AT)
    assert wholesale.give(
        band=BY_CODE["far"], intervention=intervention(name="On"), by_user=None, at=AT
    ) == wholesale.Done(0, 0, {})
    assert not Entitlement.objects.exists()


def test_two_hundred_are_given_in_as_many_statements_as_two(django_assert_max_num_queries):
    warned(20)
    one = intervention(holdout_percent=5, action="access", cost_minor=0)
    with django_assert_max_num_queries(45):
        wholesale.give(band=GONE, intervention=one, by_user=None, at=AT)
