from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import operations, queries
from campaigns.models import Campaign, Fire, FrozenContent, PortalNote, Recipient
from campaigns.tasks import note_offers_shown, run_due
from delivery import operations as delivery
from delivery.models import Message
from experiments.models import Assignment
from loyalty.models import Entitlement
from members import clock
from members.models import Consent, Identifier
from members.operations import add_staff, give_consent
from members.signals import member_erased
from recommender.models import Decision, Exposure
from tests.campaigns.conftest import deliver, email_template, push_template
from tests.campaigns.people import AT
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db
Status = Campaign.Status


def rows_of(campaign):
    """Everything planning and launching wrote, to compare before and after."""
    return {
        "assignments": list(Assignment.objects.filter(experiment=campaign.experiment).order_by("pk").values_list()),
        "recipients": list(Recipient.objects.filter(campaign=campaign).order_by("pk").values_list()),
        "decisions": list(Decision.objects.filter(cause=campaign.cause).order_by("pk").values_list()),
        "messages": list(Message.objects.filter(cause=campaign.cause).order_by("pk").values_list()),
        "contents": list(FrozenContent.objects.filter(variant__campaign=campaign).order_by("pk").values_list()),
    }


def test_planning_assigns_everybody_and_writes_to_nobody(town, draft):
    town(40)
    campaign = operations.plan(campaign=draft(), at=AT)
    assert (campaign.status, campaign.audience_size) == (Status.PLANNED, 40)
    arms = {arm.name: arm.assignments.count() for arm in campaign.experiment.arms.all()}
    assert set(arms) == {"Holdout", "A", "B"}
    assert sum(arms.values()) == 40
    assert Recipient.objects.filter(campaign=campaign).count() == 40 - arms["Holdout"]
    assert not Message.objects.exists()
    funnel = queries.funnel(campaign)
    assert (funnel.audience, funnel.held_out, funnel.waiting) == (40, arms["Holdout"], 40 - arms["Holdout"])


def test_planning_and_launching_again_change_nothing(town, draft):
    town(30)
    campaign = operations.launch(campaign=draft(), at=AT)
    before = rows_of(campaign)
    assert len(before["messages"]) == len(before["recipients"]) > 0
    operations.plan(campaign=campaign, at=AT + timedelta(hours=1))
    operations.launch(campaign=campaign, at=AT + timedelta(hours=1))
    assert rows_of(campaign) == before
    assert Campaign.objects.get(pk=campaign.pk).launched_at == AT


def test_nobody_held_out_or_skipped_is_written_to_and_every_skip_has_its_reason(town, draft):
    people, *_ = town(40)
    silent, homeless = people[:5], people[5:9]
    for person in silent:
        give_consent(member=person, channel="email", is_granted=False, at=AT - timedelta(days=1), source="test")
    for person in homeless:
        person.identifiers.filter(kind="email").delete()
    delivery.suppress(channel="email", address="m9@example.com", reason="manual", at=AT)
    campaign = operations.launch(campaign=draft(), at=AT)
    reasons = dict(Assignment.objects.filter(experiment=campaign.experiment).values_list("member_id", "skipped_reason"))
    assert {reasons[p.pk] for p in silent} == {"no_consent"}
    assert {reasons[p.pk] for p in homeless} == {"no_address"}
    assert reasons[people[9].pk] == "suppressed"
    written_to = set(Message.objects.values_list("member_id", flat=True))
    held = set(Assignment.objects.filter(arm__is_holdout=True).values_list("member_id", flat=True))
    skipped = {pk for pk, reason in reasons.items() if reason}
    assert written_to == {p.pk for p in people} - held - skipped
    funnel = queries.funnel(campaign)
    assert funnel.skipped == {"no_consent": 5, "no_address": 4, "suppressed": 1}
    assert funnel.held_out + funnel.waiting == 30


def test_eligibility_does_not_depend_on_the_arm(town, draft, email):
    """With one variant by e-mail and one by push, who has no push is left out of both, or the arms would differ."""
    town(20)
    variants = [{"name": "A", "email_template": email}, {"name": "B", "push_template": push_template()}]
    campaign = operations.plan(campaign=draft(variants=variants), at=AT)
    assert set(Assignment.objects.filter(experiment=campaign.experiment).values_list("skipped_reason", flat=True)) == {
        "no_consent"
    }


def test_a_variant_by_two_channels_uses_the_one_the_member_has(town, draft, email):
    people, *_ = town(20)
    variants = [{"name": "A", "email_template": email, "push_template": push_template()}]
    campaign = operations.launch(campaign=draft(variants=variants), at=AT)
    assert set(Message.objects.values_list("channel", flat=True)) == {"email"}
    deliver(campaign, sent_at=AT)
    assert queries.funnel(campaign).sent == Message.objects.count() < len(people)


def test_the_words_are_frozen_at_planning(town, draft):
    town(12)
    template = email_template(subject="Before")
    campaign = operations.plan(campaign=draft(variants=[{"name": "A", "email_template": template}]), at=AT)
    before = rows_of(campaign)["contents"]
    template.subject = "After"
    template.save()
    operations.launch(campaign=campaign, at=AT)
    assert rows_of(campaign)["contents"] == before
    assert set(Message.objects.values_list("content", flat=True)) == {before[0][-1]}


def test_messages_hold_nothing_personal(town, draft):
    town(15)
    operations.launch(campaign=draft(), at=AT)
    told = str(list(Message.objects.values_list("values", flat=True)))
    assert "points" in told
    assert not any(secret in told for secret in ("Given", "Smith", "example.com"))


def test_members_are_written_to_in_their_language(town, draft):
    people, *_ = town(30)
    for person in people[::2]:
        person.language = "zh-hans"
        person.save()
    campaign = operations.plan(campaign=draft(), at=AT)
    speaks = dict(Recipient.objects.filter(campaign=campaign).values_list("member_id", "language"))
    assert speaks == {p.pk: ("zh-hans" if i % 2 == 0 else "en") for i, p in enumerate(people) if p.pk in speaks}
    assert set(FrozenContent.objects.values_list("language", flat=True)) == {"en", "zh-hans"}


def test_the_funnel_adds_up_whatever_happens(town, draft):
    town(40)
    campaign = operations.launch(campaign=draft(), at=AT)
    sent_to = list(Message.objects.order_by("pk"))
    for message, state in zip(sent_to, ("sent", "failed", "in_doubt", "attempting"), strict=False):
        Message.objects.filter(pk=message.pk).update(state=state)
    Message.objects.filter(pk=sent_to[4].pk).update(state="skipped", skip_reason="frequency_cap")
    funnel = queries.funnel(campaign)
    assert (funnel.sent, funnel.failed, funnel.in_doubt, funnel.skipped) == (1, 1, 1, {"frequency_cap": 1})
    assert funnel.waiting == len(sent_to) - 4
    for fate, n in [("sent", 1), ("skipped:frequency_cap", 1), ("held_out", funnel.held_out), ("audience", 40)]:
        assert queries.people(campaign, fate).count() == n
    assert queries.fate_of(campaign, sent_to[0].member_id).fate == "sent"
    assert queries.fate_of(campaign, -1) is None


def test_pause_holds_resume_goes_on_and_cancel_ends(town, draft):
    town(20)
    campaign = operations.launch(campaign=draft(), at=AT)
    assert operations.pause(campaign=campaign, at=AT).status == Status.PAUSED
    assert operations.pause(campaign=campaign, at=AT).status == Status.PAUSED
    assert operations.resume(campaign=campaign, at=AT).status == Status.SENDING
    first = Message.objects.order_by("pk").first()
    Message.objects.filter(pk=first.pk).update(state="sent")
    assert operations.cancel(campaign=campaign, at=AT).status == Status.CANCELLED
    funnel = queries.funnel(campaign)
    assert (funnel.sent, funnel.waiting) == (1, 0)
    assert funnel.skipped == {"cancelled": Message.objects.count() - 1}
    with pytest.raises(operations.CannotLaunch, match="cannot be resumed"):
        operations.resume(campaign=campaign, at=AT)


def test_a_campaign_is_sent_when_nothing_waits(town, draft):
    town(20)
    campaign = operations.launch(campaign=draft(), at=AT)
    assert operations.finish(campaign=campaign, at=AT).status == Status.SENDING
    deliver(campaign, sent_at=AT)
    assert operations.finish(campaign=campaign, at=AT).status == Status.SENT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"variants": []}, "Add a variant"),
        ({"audience": "nobody"}, "Nobody is in the audience"),
        ({"subject": ""}, "subject is empty"),
    ],
)
def test_checks_stop_a_launch_and_nothing_moves(town, draft, everybody, changes, words):
    town(5)
    if "audience" in changes:
        everybody.conditions = {"match": "all", "conditions": [{"type": "tier", "tiers": ["gold"]}]}
        everybody.save()
        changes = {}
    if "subject" in changes:
        changes = {"variants": [{"name": "A", "email_template": email_template(subject="")}]}
    campaign = draft(**changes)
    with pytest.raises(operations.Blocked, match=words) as stopped:
        operations.launch(campaign=campaign, at=AT)
    assert all(problem.fix for problem in stopped.value.problems)
    assert Campaign.objects.get(pk=campaign.pk).status == Status.DRAFT
    assert not Assignment.objects.exists()


def test_a_scheduled_campaign_is_not_edited_and_a_clone_has_chance_of_its_own(town, draft):
    town(8)
    campaign = draft()
    operations.schedule(campaign=campaign, launch_at=AT + timedelta(hours=1), at=AT)
    with pytest.raises(operations.CannotEdit, match="Clone"):
        operations.edit(campaign=campaign, holdout_percent=0)
    copied = operations.clone(campaign=campaign)
    assert (copied.status, copied.holdout_percent, copied.launch_at) == (Status.DRAFT, 25, None)
    assert [v.name for v in copied.variants.all()] == ["A", "B"]
    assert copied.analysis_seed != campaign.analysis_seed
    assert operations.unschedule(campaign=campaign, at=AT).status == Status.DRAFT


def test_a_launch_does_not_lie_in_the_past(town, draft):
    town(5)
    with pytest.raises(operations.CannotLaunch, match="in the past"):
        operations.schedule(campaign=draft(), launch_at=AT - timedelta(minutes=1), at=AT)


@pytest.fixture
def at_the_clock(monkeypatch):
    def set_to(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


def test_the_scheduler_launches_what_is_due_and_only_once(town, draft, at_the_clock):
    town(20)
    campaign = operations.schedule(campaign=draft(), launch_at=AT + timedelta(hours=1), at=AT)
    at_the_clock(AT + timedelta(minutes=59))
    assert run_due()["launched"] == 0
    at_the_clock(AT + timedelta(minutes=61))
    assert run_due()["launched"] == 1
    before = rows_of(Campaign.objects.get(pk=campaign.pk))
    assert run_due()["launched"] == 0
    assert rows_of(Campaign.objects.get(pk=campaign.pk)) == before
    assert list(Fire.objects.values_list("outcome", flat=True)) == ["launched"]


def test_a_launch_hours_late_is_not_sent_but_marked_missed(town, draft, at_the_clock):
    town(10)
    campaign = operations.schedule(campaign=draft(late_hours_max=3), launch_at=AT + timedelta(hours=1), at=AT)
    at_the_clock(AT + timedelta(hours=5))
    run_due()
    campaign.refresh_from_db()
    assert campaign.status == Status.MISSED
    assert Fire.objects.get().outcome == "too_late"
    assert not Message.objects.exists()
    later = AT + timedelta(days=1)
    assert (
        operations.schedule(campaign=campaign, launch_at=later, at=AT + timedelta(hours=6)).status == Status.SCHEDULED
    )


def test_a_due_campaign_that_a_check_stops_says_so(town, draft, everybody, at_the_clock):
    town(10)
    campaign = operations.schedule(campaign=draft(), launch_at=AT + timedelta(hours=1), at=AT)
    everybody.conditions = {"match": "all", "conditions": [{"type": "tier", "tiers": ["gold"]}]}
    everybody.save()
    at_the_clock(AT + timedelta(hours=2))
    run_due()
    fire = Fire.objects.get()
    assert (fire.outcome, Campaign.objects.get(pk=campaign.pk).status) == ("blocked", Status.MISSED)
    assert "Nobody is in the audience" in fire.detail


def test_a_failure_is_rolled_back_and_tried_again(town, draft, at_the_clock, monkeypatch):
    town(10)
    campaign = operations.schedule(campaign=draft(), launch_at=AT + timedelta(hours=1), at=AT)
    at_the_clock(AT + timedelta(hours=2))
    with monkeypatch.context() as broken:
        broken.setattr("delivery.operations.enqueue", lambda **_: 1 / 0)
        assert run_due()["launched"] == 0
    assert not Fire.objects.exists()
    assert Campaign.objects.get(pk=campaign.pk).status == Status.SCHEDULED
    assert run_due()["launched"] == 1


def decided(campaign, members, category):
    """Every member was decided the same offer for this campaign."""
    Decision.objects.bulk_create(
        Decision(
            cause=campaign.cause, member=member, slot="buy_again", position=1, category=category, benefit="multiply",
            amount=300, propensity=1.0, policy="fixed", reason_code="often", decided_at=AT,
        )
        for member in members
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["ordinary", "rehearsal"])
def test_offers_are_granted_to_who_is_sent_them_and_never_by_a_rehearsal(town, draft, kind):
    people, _place, products = town(20)
    campaign = draft(kind=kind, offers_buy_again=0, offers_new_for_you=0)
    decided(campaign, people, products[0].category)
    operations.launch(campaign=campaign, at=AT)
    given = set(Entitlement.objects.values_list("member_id", "cause", "valid_until"))
    sent = set(Recipient.objects.filter(campaign=campaign).values_list("member_id", flat=True))
    cause = f"{campaign.cause}:{products[0].category_id}"
    expected = {(pk, cause, AT + timedelta(days=14)) for pk in sent} if kind == "ordinary" else set()
    assert given == expected
    assert 0 < len(sent) < 20
    assert all(row["buy_again"] for row in Recipient.objects.values_list("values", flat=True))


def test_an_offer_counts_as_shown_from_when_its_message_left_and_not_from_the_campaigns_end(town, draft, at_the_clock):
    people, _place, products = town(20)
    campaign = draft(offers_buy_again=0, offers_new_for_you=0)
    decided(campaign, people, products[0].category)
    operations.launch(campaign=campaign, at=AT)
    early, late = Message.objects.filter(cause=campaign.cause).order_by("pk")[:2]
    Message.objects.filter(pk=early.pk).update(state="sent", sent_at=AT + timedelta(minutes=1))
    at_the_clock(AT + timedelta(minutes=10))
    assert note_offers_shown() == 1
    assert Exposure.objects.values_list("member", "channel", "propensity", "shown_at").get() == (
        early.member_id, "email", 1.0, AT + timedelta(minutes=1),
    )  # fmt: skip
    assert note_offers_shown() == 0
    Message.objects.filter(pk=late.pk).update(state="sent", sent_at=AT + timedelta(minutes=2))
    at_the_clock(AT + timedelta(hours=9))
    assert note_offers_shown() == 0, "longer ago than a beat looks"
    assert note_offers_shown(is_thorough=True) == 1
    assert set(Exposure.objects.values_list("member", flat=True)) == {early.member_id, late.member_id}


def test_an_erased_member_leaves_no_row_behind_and_the_funnel_still_adds_up(town, draft):
    town(12)
    campaign = operations.plan(campaign=draft(), at=AT)
    gone = Recipient.objects.filter(campaign=campaign).first().member_id
    member_erased.send(Campaign, member_id=gone)
    assert not Recipient.objects.filter(member_id=gone).exists()
    assert queries.funnel(campaign).audience == 12


def test_planning_costs_the_same_number_of_statements_for_few_and_for_many(town, draft):
    from django.test.utils import CaptureQueriesContext

    town(30)
    counts = []
    for held in (30, 40, 20):  # after the first, what may be offered at all is remembered
        campaign = draft(holdout_percent=held)
        with CaptureQueriesContext(connection) as asked:
            operations.launch(campaign=campaign, at=AT)
        counts.append(len(asked))
    assert abs(counts[1] - counts[2]) <= 2


def test_the_campaign_page_says_where_an_e_mail_goes_out_the_slow_way_and_lets_it_pass(town, draft, email):
    town(4)
    part = {
        "type": "text",
        "id": "slow",
        "value": {"text": "<p>{% case points %}{% when 1 %}one{% else %}some{% endcase %}</p>"},
    }
    email.body = email.body.stream_block.to_python([part, *email.body.get_prep_value()])
    email.save_revision().publish()
    campaign = draft()
    marketer = at_door(Client(), add_staff(email="m@shop.example", roles=["marketer"]), "cms")
    page = marketer.get(reverse("cms_campaign", args=[campaign.pk])).content.decode()
    assert "Sent by the slow renderer, because of" in page
    assert operations.launch(campaign=campaign, at=AT).status == Campaign.Status.SENDING


def test_a_short_message_on_the_members_page_reaches_everybody_and_a_pause_takes_back_what_is_to_come(town, draft):
    """Nothing leaves the house: the funnel counts it, a pause and a resume mind it, and a cancel ends it."""
    people, *_ = town(8)
    later = timezone.localtime(AT) + timedelta(hours=3)
    campaign = draft(
        holdout_percent=0,
        variants=[{"name": "Note", "push_template": push_template(), "push_by": ["portal"], "send_time": later.time()}],
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    notes = PortalNote.objects.filter(cause=campaign.cause)
    assert set(notes.values_list("member", "title")) == {(one.pk, "Come back") for one in people}
    assert not Message.objects.filter(cause=campaign.cause).exists()
    operations.pause(campaign=campaign, at=AT)
    assert not notes.filter(closed_at=None).exists()
    operations.resume(campaign=campaign, at=later + timedelta(hours=1), past_due="drop")
    assert not notes.filter(closed_at=None).exists()
    cancelled = operations.cancel(campaign=campaign, at=later + timedelta(hours=1))
    assert queries.funnel(cancelled).skipped == {"cancelled": 8}


def test_who_has_it_on_their_page_was_reached_whatever_became_of_the_mail(town, draft, email):
    people, *_ = town(8)
    campaign = draft(
        holdout_percent=0,
        variants=[
            {"name": "Both", "email_template": email, "push_template": push_template(), "push_by": ["portal"]},
        ],
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    deliver(campaign, sent_at=AT, but=people)
    assert queries.funnel(campaign).sent == 8
    assert operations.finish(campaign=campaign, at=AT).status == "sent"


def test_a_text_message_goes_to_who_agreed_to_it_and_has_a_number(town, draft):
    people, *_ = town(3)
    for one in people[:2]:
        Identifier.objects.create(
            member=one, kind="phone", value="+1212555010" + str(one.pk % 10), value_hash=bytes([one.pk % 250]) * 16
        )
    Consent.objects.create(member=people[0], channel="sms", is_granted=True, at=AT - timedelta(days=1), source="test")
    Consent.objects.create(member=people[2], channel="sms", is_granted=True, at=AT - timedelta(days=1), source="test")
    campaign = draft(
        holdout_percent=0, variants=[{"name": "Text", "push_template": push_template(), "push_by": ["sms"]}]
    )
    campaign = operations.launch(campaign=campaign, at=AT)
    assert list(Message.objects.values_list("member", "channel")) == [(people[0].pk, "sms")]
    assert queries.funnel(campaign).skipped == {"no_consent": 1, "no_address": 1}
