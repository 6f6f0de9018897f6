"""Campaigns that repeat, wait for an event, choose a winner, learn on the way, and keep to a budget."""

from datetime import date, time, timedelta

import pytest
from django.db.models import Sum

from campaigns import operations, queries
from campaigns.models import Campaign, CampaignRules, Entry, Recipient
from campaigns.operations import listening
from campaigns.tasks import run_due
from delivery.models import Message, MessageEvent
from members import clock
from members.models import Member
from members.operations import add_staff
from sales.models import Purchase
from tests.campaigns.conftest import deliver, sale
from tests.campaigns.people import AT

pytestmark = pytest.mark.django_db
Status, Timing = Campaign.Status, Campaign.Timing


@pytest.fixture
def clocked(monkeypatch):
    """Set the business clock and let the beat run once."""

    def run(at):
        monkeypatch.setattr(clock, "now", lambda: at)
        return run_due()

    return run


# -- again and again ---------------------------------------------------------------------------------------------------


def test_a_series_makes_one_campaign_for_each_date_and_two_beats_make_no_second(town, draft, clocked):
    town(12)
    campaign = draft(timing="recurring", repeat="weekly", weekdays=[0], local_time=time(9), holdout_percent=0)
    operations.launch(campaign=campaign, at=AT)
    monday = Campaign.objects.get(pk=campaign.pk).next_at
    assert clocked(monday - timedelta(minutes=1))["launched"] == 0
    assert [clocked(monday)["launched"], clocked(monday)["launched"]] == [1, 0]
    made = campaign.occurrences.get()
    assert (made.occurs_on, made.status, made.audience_size) == (date(2017, 12, 4), Status.SENDING, 12)
    assert Message.objects.caused_by(made.cause).count() == 12
    assert Campaign.objects.get(pk=campaign.pk).next_at == monday + timedelta(days=7)


def test_a_date_found_too_late_is_missed_and_said_so_and_a_series_ends_on_its_last_day(town, draft, clocked):
    town(3)
    campaign = draft(timing="recurring", repeat="daily", local_time=time(9), ends_on=date(2017, 12, 2))
    operations.launch(campaign=campaign, at=AT)
    first = Campaign.objects.get(pk=campaign.pk).next_at
    clocked(first + timedelta(hours=7))
    made = campaign.occurrences.get()
    assert (made.status, made.fires.get().outcome) == (Status.MISSED, "too_late")
    clocked(first + timedelta(days=1))
    assert Campaign.objects.get(pk=campaign.pk).status == Status.SENT
    assert [one.status for one in campaign.occurrences.order_by("occurs_on")] == [Status.MISSED, Status.SENDING]


def test_in_their_own_time_zone_members_are_due_at_nine_by_their_own_clock(town, draft, clocked):
    people, *_rest = town(3)
    for one, zone in zip(people, ("Asia/Tokyo", "America/New_York", "Nowhere/At_all"), strict=True):
        Member.objects.filter(pk=one.pk).update(time_zone=zone)
    campaign = draft(timing="recurring", repeat="daily", local_time=time(9), is_local=True, holdout_percent=0)
    operations.launch(campaign=campaign, at=AT)
    clocked(Campaign.objects.get(pk=campaign.pk).next_at)
    due = dict(Message.objects.order_by("member").values_list("member_id", "due_at"))
    assert [due[one.pk].isoformat() for one in people] == [
        "2017-12-02T00:00:00+00:00", "2017-12-02T14:00:00+00:00", "2017-12-02T14:00:00+00:00",
    ]  # fmt: skip


# -- when something happens --------------------------------------------------------------------------------------------


@pytest.fixture
def after_purchase(town, draft):
    people, place, _products = town(20)

    def buy(member, at, key):
        return Purchase.objects.bulk_create([sale(member, at, 500, place, key)])

    campaign = draft(timing="triggered", trigger="purchase", delay_minutes=60, holdout_percent=25, reentry="never")
    return people, buy, campaign


def test_what_happens_to_a_member_sets_off_one_message_however_many_beats_look(after_purchase, clocked):
    people, buy, campaign = after_purchase
    buy(people[0], AT - timedelta(minutes=1), "before")
    campaign = operations.launch(campaign=campaign, at=AT)
    for i, one in enumerate(people[:8]):
        buy(one, AT + timedelta(minutes=10 + i), f"in-{i}")
    clocked(AT + timedelta(minutes=30))
    clocked(AT + timedelta(minutes=30))
    assert Entry.objects.filter(state="waiting").count() == 8
    clocked(AT + timedelta(minutes=90))
    clocked(AT + timedelta(minutes=91))
    found = queries.funnel(Campaign.objects.get(pk=campaign.pk))
    assert (found.audience, found.waiting + found.held_out) == (8, 8)
    assert found.held_out > 0
    assert Message.objects.caused_by(campaign.cause).count() == found.waiting
    deliver(campaign, sent_at=AT + timedelta(minutes=92))
    assert queries.funnel(campaign).sent == found.waiting


def test_a_planted_effect_of_a_triggered_campaign_is_found_from_each_members_own_entry_on(town, draft, clocked):
    """Two hundred enter by a purchase; who is sent it then spends 20.00 where the held out spend 10.00. What they bought before is no outcome."""
    people, place, _products = town(200)
    campaign = draft(
        timing="triggered", trigger="purchase", delay_minutes=60, holdout_percent=50, reentry="never", outcome_days=14
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(minutes=1), 50_000 + 977 * i, place, f"in-{i}") for i, one in enumerate(people)
    )
    clocked(AT + timedelta(minutes=2))
    clocked(AT + timedelta(minutes=62))
    held = set(Entry.objects.filter(state="held_out").values_list("member", flat=True))
    assert 70 < len(held) < 130
    spent = {one.pk: (1000 if one.pk in held else 2000) + 10 * (i % 7) for i, one in enumerate(people)}
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(days=3), spent[one.pk], place, f"out-{one.pk}") for one in people
    )
    found = operations.measure(campaign=campaign, at=AT + timedelta(days=10)).figures
    first = found["comparisons"][0]
    means = [sum(chosen) / len(chosen) for chosen in (
        [minor for member, minor in spent.items() if (member in held) is is_held] for is_held in (True, False)
    )]  # fmt: skip
    assert (first["n_control"], first["n_treated"]) == (len(held), 200 - len(held))
    assert [first["mean_control"], first["mean_treated"]] == pytest.approx(means, abs=2)
    assert first["live"]["low"] < 1000 < first["live"]["high"]
    assert first["live"]["low"] > 900
    assert found["sample_ratio"]["verdict"] != "red"


@pytest.mark.parametrize(("rule", "entries"), [("never", 1), ("days", 2), ("always", 3)])
def test_a_member_comes_back_as_the_rule_allows_and_stays_in_the_same_arm(after_purchase, clocked, rule, entries):
    people, buy, campaign = after_purchase
    Campaign.objects.filter(pk=campaign.pk).update(reentry=rule, reentry_days=5, holdout_percent=0)
    operations.launch(campaign=campaign, at=AT)
    for day in (1, 2, 8):
        buy(people[0], AT + timedelta(days=day), f"day-{day}")
        clocked(AT + timedelta(days=day, hours=2))
    assert [one.visit for one in Entry.objects.order_by("visit")] == list(range(1, entries + 1))
    expected = [campaign.cause, f"{campaign.cause}:2", f"{campaign.cause}:3"][:entries]
    assert sorted(Message.objects.values_list("cause", flat=True)) == expected
    assert len(set(Recipient.objects.values_list("variant", flat=True))) == 1


def test_who_is_not_meant_any_more_is_skipped_with_the_reason(after_purchase, clocked):
    people, buy, campaign = after_purchase
    Campaign.objects.filter(pk=campaign.pk).update(trigger="visited")
    operations.launch(campaign=campaign, at=AT)
    rows = [
        Entry(campaign=campaign, member=one, visit=1, key="visit", occurred_at=AT, entered_at=AT, due_at=AT + timedelta(hours=late))
        for one, late in zip(people[:3], (1, 1, -9), strict=True)
    ]  # fmt: skip
    Entry.objects.bulk_create(rows)
    buy(people[0], AT + timedelta(minutes=5), "bought after all")
    Member.objects.filter(pk=people[1].pk).update(status="blocked")
    clocked(AT + timedelta(hours=1))
    reasons = dict(Entry.objects.values_list("member", "skip_reason"))
    assert reasons == {people[0].pk: "not_any_more", people[1].pk: "not_in_audience", people[2].pk: "too_late"}
    assert queries.funnel(Campaign.objects.get(pk=campaign.pk)).skipped == {
        "not_any_more": 1,
        "not_in_audience": 1,
        "too_late": 1,
    }


def test_a_birthday_is_found_on_its_day_and_the_leap_day_on_the_day_before(town, draft, clocked):
    people, *_rest = town(3)
    for one, (month, day) in zip(people, ((12, 3), (2, 29), (2, 28)), strict=True):
        Member.objects.filter(pk=one.pk).update(birth_month=month, birth_day=day)
    campaign = draft(timing="triggered", trigger="birthday", reentry="always", local_time=time(9))
    operations.launch(campaign=campaign, at=AT)
    for days in (1, 2, 3, 88, 89, 90):
        campaign = Campaign.objects.get(pk=campaign.pk)
        listening.enter(campaign, at=AT + timedelta(days=days))
    found = Entry.objects.order_by("member").values_list("member", "key", "due_at__date", "due_at__hour")
    assert list(found) == [
        (people[0].pk, "birthday:2017", date(2017, 12, 3), 9),
        (people[1].pk, "birthday:2018", date(2018, 2, 28), 9),
        (people[2].pk, "birthday:2018", date(2018, 2, 28), 9),
    ]


# -- a winner, and shares that move ------------------------------------------------------------------------------------


def clicks(campaign, variant, at, *, but=0):
    rows = Message.objects.filter(
        cause=campaign.cause, member__in=Recipient.objects.filter(variant=variant).values("member")
    )
    MessageEvent.objects.bulk_create(
        MessageEvent(message=one, kind="clicked", at=at, key="0") for one in rows.order_by("pk")[but:]
    )


@pytest.mark.parametrize("asks", [False, True])
def test_the_rest_gets_the_winner_once_it_is_certain_or_a_person_has_said_so(town, draft, clocked, asks):
    town(400)
    campaign = draft(
        choice="winner",
        goal="clicked",
        test_percent=50,
        holdout_percent=10,
        asks_for_winner=asks,
        guardrail_percent=None,
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    before = queries.funnel(campaign)
    first = Recipient.objects.filter(campaign=campaign).count()
    assert before.waiting == 400 - before.held_out > first
    deliver(campaign, sent_at=AT)
    better = campaign.variants.get(name="B")
    clicks(campaign, better, AT + timedelta(hours=1), but=2)
    clocked(AT + timedelta(hours=30))
    campaign = Campaign.objects.get(pk=campaign.pk)
    if asks:
        assert (campaign.winner, campaign.decision["proposed"]) == (None, better.pk)
        campaign = operations.choose(campaign=campaign, variant=better, at=AT + timedelta(hours=31))
    assert (campaign.winner, campaign.decision["how"]) == (better, "chosen" if asks else "certain")
    rest = Recipient.objects.filter(campaign=campaign, wave=2)
    assert set(rest.values_list("variant", flat=True)) == {better.pk}
    assert Message.objects.filter(cause=campaign.cause).count() == 400 - before.held_out == first + rest.count()
    operations.choose(campaign=campaign, variant=campaign.variants.get(name="A"), at=AT + timedelta(hours=32))
    assert Campaign.objects.get(pk=campaign.pk).winner == better


def test_parts_lean_to_what_did_better_and_never_below_the_floor(town, draft, clocked):
    town(300)
    campaign = draft(
        choice="learning", goal="clicked", parts=3, part_hours=2, floor_percent=15, holdout_percent=10, guardrail_percent=None,
        offers_buy_again=0, offers_new_for_you=0,
    )  # fmt: skip
    campaign = operations.launch(campaign=campaign, at=AT)
    better = campaign.variants.get(name="B")
    for part in (1, 2):
        deliver(campaign, sent_at=AT)
        clicks(campaign, better, AT + timedelta(hours=part)) if part == 1 else None
        clocked(AT + timedelta(hours=2 * part))
    shares = [wave.shares for wave in campaign.waves.all()]
    assert shares[1][str(better.pk)] == pytest.approx(0.85, abs=0.01)
    assert min(min(one.values()) for one in shares[1:]) >= 0.15 - 1e-9
    found = queries.funnel(campaign)
    assert found.waiting + found.sent == 300 - found.held_out == Recipient.objects.filter(campaign=campaign).count()
    drawn = Recipient.objects.filter(campaign=campaign, wave=2)
    assert {round(one.propensity, 6) for one in drawn} <= {round(share, 6) for share in shares[1].values()}


def test_a_campaign_from_which_too_many_take_leave_stops_itself(town, draft, clocked):
    town(120)
    campaign = operations.launch(campaign=draft(holdout_percent=0), at=AT)
    deliver(campaign, sent_at=AT)
    one = Message.objects.filter(cause=campaign.cause).first()
    Message.objects.filter(pk=one.pk).update(state="pending", sent_at=None)
    rows = Message.objects.filter(cause=campaign.cause, state="sent").order_by("pk")[:30]
    MessageEvent.objects.bulk_create(MessageEvent(message=m, kind="unsubscribed", at=AT) for m in rows)
    clocked(AT + timedelta(minutes=5))
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert (campaign.status, campaign.decision["brake"]["harmed"]) == (Status.PAUSED, 30)


# -- money, and who may ------------------------------------------------------------------------------------------------


def test_a_budget_is_never_overspent_and_who_is_beyond_it_is_skipped_in_every_arm_alike(town, draft):
    town(200)
    campaign = draft(
        budget_minor=1000, offer_cost_minor=4, offers_buy_again=2, offers_new_for_you=0, holdout_percent=30
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    campaign.refresh_from_db()
    cost = 9  # two offers of 4 and a message, rounded up
    assert campaign.committed_minor == Recipient.objects.filter(campaign=campaign).count() * cost == 1000 // cost * cost
    found = queries.funnel(campaign)
    assert found.skipped == {"over_budget": 200 - found.held_out - found.waiting}
    assert found.held_out / (found.held_out + found.waiting) == pytest.approx(0.3, abs=0.09)


def test_a_triggered_campaign_stops_sending_where_its_budget_ends(after_purchase, clocked):
    people, buy, campaign = after_purchase
    Campaign.objects.filter(pk=campaign.pk).update(
        budget_minor=3, offers_buy_again=0, offers_new_for_you=0, holdout_percent=0, delay_minutes=0
    )
    operations.launch(campaign=campaign, at=AT)
    for i, one in enumerate(people[:5]):
        buy(one, AT + timedelta(minutes=i), f"in-{i}")
    clocked(AT + timedelta(minutes=30))
    assert queries.funnel(Campaign.objects.get(pk=campaign.pk)).skipped == {"over_budget": 2}
    assert Campaign.objects.aggregate(Sum("committed_minor"))["committed_minor__sum"] == 3


def test_where_the_house_wants_a_yes_nothing_goes_out_without_one_nor_after_a_change(town, draft, rf):
    town(5)
    CampaignRules.objects.create(approval="else")
    author, other = (add_staff(email=f"{name}@example.com", roles=["approver"]) for name in ("ann", "ben"))
    campaign = operations.edit(campaign=draft(), by=author)
    with pytest.raises(operations.Blocked):
        operations.launch(campaign=campaign, at=AT)
    with pytest.raises(operations.CannotLaunch):
        operations.approve(campaign=campaign, by=author, at=AT)
    operations.approve(campaign=campaign, by=other, at=AT)
    changed = operations.edit(campaign=campaign, by=author, holdout_percent=20)
    with pytest.raises(operations.Blocked):
        operations.launch(campaign=changed, at=AT)
    with pytest.raises(operations.Overtaken):
        operations.edit(campaign=changed, version=1, by=other, name="Mine")
    operations.approve(campaign=changed, by=other, at=AT)
    assert operations.launch(campaign=changed, at=AT).status == Status.SENDING


@pytest.mark.parametrize("past_due", ["send", "reschedule", "drop"])
def test_a_resume_does_with_the_past_due_what_it_was_told(town, draft, past_due):
    town(6)
    campaign = operations.launch(campaign=draft(holdout_percent=0), at=AT)
    operations.pause(campaign=campaign, at=AT + timedelta(hours=1))
    later, until = AT + timedelta(hours=2), AT + timedelta(hours=9)
    assert operations.past_due(campaign, at=later) == 6
    operations.resume(campaign=campaign, at=later, past_due=past_due, until=until)
    found = set(Message.objects.values_list("state", "skip_reason", "due_at"))
    assert found == {
        "send": {("pending", "", AT)}, "reschedule": {("pending", "", until)}, "drop": {("skipped", "too_late", AT)},
    }[past_due]  # fmt: skip
    assert Campaign.objects.get(pk=campaign.pk).status == Status.SENDING
