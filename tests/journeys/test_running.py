"""A member walks a journey step by step; what a step causes is there exactly once, however often the runner runs."""

import json
from datetime import timedelta

import pytest
from django.db.models import DateTimeField, Value

from api import journey_calls
from campaigns.journeys import entering, kinds, operations, queries, running
from campaigns.journeys.models import Enrolment, PortalNote, StepRun, WebhookCall
from campaigns.operations import noting
from care.models import Task, Team
from delivery.models import Message, MessageEvent
from experiments import operations as experiments
from experiments.models import Assignment
from loyalty.models import Entitlement, Reward, Wallet
from members.knowing import CustomField, MemberTag, Tag
from members.models import Member
from recommender.models import Decision, Exposure
from sales.models import Category
from tests.journeys.conftest import (
    AT,
    STEPS,
    audience,
    definition,
    email_template,
    later,
    live,
    parted,
    push_template,
    put_in,
    states,
    steps_done,
)

pytestmark = pytest.mark.django_db


def test_a_wait_ends_when_its_time_has_come_and_running_again_changes_nothing(people):
    journey = live(STEPS["wait"], STEPS["tag"])
    put_in(journey, people[:1])
    running.run(at=AT)
    assert steps_done(journey) == []
    running.run(at=later(days=1))
    assert steps_done(journey) == []
    for _again in range(5):
        running.run(at=later(days=2))
    assert steps_done(journey) == [("s1", "done"), ("s2", "done")]
    assert MemberTag.objects.filter(tag__code="greeted").count() == 1
    assert states(journey) == {people[0].pk: "done"}


def test_a_clock_that_jumps_back_repeats_nothing_and_one_that_jumps_ahead_forgets_nothing(people):
    journey = live(STEPS["wait"], STEPS["tag"], STEPS["wait"], {**STEPS["tag"], "tag": "greeted_again"})
    put_in(journey, people[:1])
    running.run(at=AT)
    running.run(at=AT - timedelta(days=30))
    assert steps_done(journey) == []
    running.run(at=later(days=400))
    assert steps_done(journey) == [("s1", "done"), ("s2", "done")]
    running.run(at=later(days=1))
    assert steps_done(journey) == [("s1", "done"), ("s2", "done")]
    running.run(at=later(days=800))
    assert [step for step, _outcome in steps_done(journey)] == ["s1", "s2", "s3", "s4"]
    assert MemberTag.objects.count() == 2


def test_every_gift_and_every_word_is_given_once_to_everybody_at_the_step(people):
    reward = Reward.objects.create(name_en="Coffee", kind="amount", amount=300, valid_from=AT)
    CustomField.objects.create(code="greeting", label_en="Greeting", kind="text")
    journey = live(
        {"type": "points", "points": 25, "reason_en": "Welcome", "reason_zh": "欢迎"},
        {"type": "voucher", "reward": str(reward.pk)},
        {"type": "field", "field": "greeting", "value": "done"},
        {"type": "task", "title": "Phone them", "team": Team.objects.order_by("code").first().code, "days": 2},
        {"type": "webhook", "url": "https://example.com/hook"},
        {
            "type": "note",
            "title_en": "Hello",
            "title_zh": "",
            "text_en": "",
            "text_zh": "",
            "url": "/portal/",
            "days": 3,
        },
    )
    put_in(journey, people)
    for _again in range(3):
        running.run(at=AT)
    assert list(Wallet.objects.filter(member__in=people).values_list("available", flat=True)) == [25, 25, 25]
    assert Entitlement.objects.filter(member__in=people, amount=300, needs_code=True).count() == 3
    assert {one.custom_fields.get("greeting") for one in Member.objects.filter(pk__in=[p.pk for p in people])} == {
        "done"
    }
    assert Task.objects.filter(member__in=people, due_at=later(days=2)).count() == 3
    assert WebhookCall.objects.count() == 3
    assert list(PortalNote.objects.values_list("title", flat=True)) == ["Hello"] * 3
    assert set(states(journey).values()) == {"done"}


def test_a_message_is_frozen_at_publishing_and_handed_to_delivery_once(people):
    template = email_template()
    journey = live(
        {"type": "email", "template": str(template.pk), "buy_again": 0, "new_for_you": 0, "offer_days": 14},
        {"type": "push", "template": str(push_template().pk)},
    )
    template.subject = "Changed later"
    template.save()
    put_in(journey, people)
    for _again in range(3):
        running.run(at=AT)
    emails = Message.objects.filter(channel="email", cause=f"{journey.cause}:s1:1", purpose="marketing")
    assert emails.count() == 3
    assert emails.first().values["points"] == 0
    assert Message.objects.filter(channel="push").count() == 3


def test_an_offer_in_a_journeys_message_counts_as_shown_when_it_was_sent(people):
    journey = live(
        {"type": "email", "template": str(email_template().pk), "buy_again": 0, "new_for_you": 0, "offer_days": 14}
    )
    put_in(journey, people)
    running.run(at=AT)
    milk = Category.objects.create(path="DAIRY > MILK > WHOLE", level=3, raw_name="WHOLE")
    for person in people:
        Decision.objects.create(
            cause=f"{journey.cause}:s1:1", member=person, slot="buy_again", position=1, category=milk, benefit="multiply",
            amount=300, propensity=0.95, policy="fixed", reason_code="often", decided_at=AT,
        )  # fmt: skip
    Message.objects.filter(member=people[0]).update(state="sent", sent_at=AT)
    assert noting.note_shown(at=AT) == 1
    assert list(Exposure.objects.values_list("member", "shown_at")) == [(people[0].pk, AT)]


def test_nobody_of_the_standing_control_group_is_sent_or_given_anything(people):
    journey = live({"type": "points", "points": 25, "reason_en": "Welcome", "reason_zh": ""}, STEPS["tag"])
    put_in(journey, people)
    period = experiments.open_control(percent=20, starts_at=AT)
    held = period.experiment.arms.get(is_holdout=True)
    Assignment.objects.create(
        experiment=period.experiment, member=people[0], arm=held, bucket=0, propensity=0.2, assigned_at=AT
    )
    running.run(at=AT)
    assert (
        dict(StepRun.objects.filter(step="s1").values_list("enrolment__member", "outcome"))[people[0].pk] == "control"
    )
    assert not Wallet.objects.filter(member=people[0], available__gt=0).exists()
    assert MemberTag.objects.count() == 3, "what is no marketing is done for them too"


def test_a_branch_sends_each_its_way_and_the_way_goes_on_below(people):
    Member.objects.filter(pk=people[0].pk).update(language="zh-hans")
    journey = live(
        parted("branch", [STEPS["tag"]], [{**STEPS["tag"], "tag": "other"}], audience=str(audience().pk)),
        {**STEPS["tag"], "tag": "everybody"},
    )
    put_in(journey, people)
    running.run(at=AT)
    tags = {code: set() for code in ("greeted", "other", "everybody")}
    for code, member in MemberTag.objects.values_list("tag__code", "member"):
        tags[code].add(member)
    first, *others = [one.pk for one in people]
    assert tags == {"greeted": {first}, "other": set(others), "everybody": {first, *others}}


def test_a_split_is_an_experiment_and_keeps_each_member_on_their_path(people):
    split = {
        "type": "split",
        "paths": [{"name": "A", "weight": 1, "steps": []}, {"name": "B", "weight": 3, "steps": []}],
    }
    journey = live(split, parted("variant", [STEPS["tag"]], arm="s1:A"))
    put_in(journey, people)
    running.run(at=AT)
    drawn = dict(Assignment.objects.filter(experiment__kind="journey").values_list("member", "arm__name"))
    assert dict(StepRun.objects.filter(step="s1").values_list("enrolment__member", "outcome")) == drawn
    assert set(MemberTag.objects.values_list("member", flat=True)) == {one for one, arm in drawn.items() if arm == "A"}
    first = journey.version.definition["steps"][0]["experiment"]
    operations.publish(journey=journey, at=AT)
    journey.refresh_from_db()
    assert journey.version.definition["steps"][0]["experiment"] == first, "the same shares draw by the same chance"


def test_what_came_of_a_message_may_part_the_way(people):
    template = str(push_template().pk)
    followup = parted("followup", [STEPS["tag"]], [{**STEPS["tag"], "tag": "quiet"}], step="s1", question="clicked")
    skipped = parted("followup", [{**STEPS["tag"], "tag": "left_out"}], [], step="s1", question="skipped")
    journey = live({"type": "push", "template": template}, STEPS["wait"], followup, skipped)
    put_in(journey, people)
    running.run(at=AT)
    clicked, left_out, _quiet = people
    message = Message.objects.get(member=clicked)
    MessageEvent.objects.create(message=message, kind="clicked", at=AT)
    Message.objects.filter(member=left_out).update(state="skipped", skip_reason="no_consent")
    running.run(at=later(days=2))
    assert set(MemberTag.objects.filter(tag__code="greeted").values_list("member", flat=True)) == {clicked.pk}
    assert MemberTag.objects.filter(tag__code="quiet").count() == 2
    assert set(MemberTag.objects.filter(tag__code="left_out").values_list("member", flat=True)) == {left_out.pk}


def test_goal_and_exit_are_asked_before_every_step(people):
    Member.objects.filter(pk=people[0].pk).update(language="zh-hans")
    quiet = audience("Lapsed", type="lifecycle_stage", stages=["lapsed"])
    journey = live(STEPS["wait"], STEPS["tag"], exit={"audience": str(audience().pk)}, goal={"audience": str(quiet.pk)})
    put_in(journey, people)
    Member.objects.filter(pk=people[1].pk).update(lifecycle_stage="lapsed")
    running.run(at=later(days=2))
    assert states(journey) == {people[0].pk: "left", people[1].pk: "goal", people[2].pk: "done"}
    assert set(MemberTag.objects.values_list("member", flat=True)) == {people[2].pk}
    assert Enrolment.objects.get(member=people[0]).why == "exit_condition"


CHINESE = {"match": "all", "conditions": [{"type": "language", "languages": ["zh-hans"]}]}
LAPSED = {"match": "all", "conditions": [{"type": "lifecycle_stage", "stages": ["lapsed"]}]}


def own(tree):
    return {"audience": "own", "own": tree}


def test_conditions_built_in_place_let_in_part_the_way_reach_the_goal_and_lead_out(people):
    first, second, third = (one.pk for one in people)
    Member.objects.filter(pk=first).update(language="zh-hans")
    Tag.objects.create(code="chinese")
    journey = live(
        parted("branch", [{**STEPS["tag"], "tag": "chinese"}], [STEPS["tag"]], **own(CHINESE)),
        STEPS["wait"],
        {**STEPS["tag"], "tag": "late"},
        entry={
            "kind": "event",
            "event": "joined",
            "which": "",
            **own({"match": "none", "conditions": [*LAPSED["conditions"]]}),
        },
        goal=own(LAPSED),
        exit=own({"match": "all", "conditions": [{"type": "tag", "op": "yes", "tags": ["chinese"]}]}),
    )
    assert "Language is" in kinds.words_of(journey.draft["steps"][0])
    put_in(journey, people)
    running.run(at=AT)
    Member.objects.filter(pk=second).update(lifecycle_stage="lapsed")
    running.run(at=later(days=2))
    assert states(journey) == {first: "left", second: "goal", third: "done"}
    assert set(MemberTag.objects.filter(tag__code="chinese").values_list("member", flat=True)) == {first}
    everybody = Member.objects.order_by().values_list("pk", Value("joined:1"), Value(AT, output_field=DateTimeField()))
    Enrolment.objects.all().delete()
    assert entering.enter(journey=journey, rows=everybody, at=AT) == 2, "the lapsed one is not let in"


def test_a_branch_without_a_condition_of_its_own_is_not_published(people):
    journey = operations.create(
        name="Half",
        definition=definition(parted("branch", [STEPS["tag"]], [], **own({"match": "all", "conditions": []}))),
    )
    with pytest.raises(operations.CannotPublish, match="no condition yet"):
        operations.publish(journey=journey, at=AT)


def test_who_is_no_member_any_more_leaves(people):
    journey = live(STEPS["tag"])
    put_in(journey, people[:1])
    Member.objects.filter(pk=people[0].pk).update(status="erased")
    running.run(at=AT)
    assert Enrolment.objects.get().why == "not_active"
    assert not MemberTag.objects.exists()


def test_a_step_that_fails_waits_a_minute_and_stops_no_other(people, monkeypatch):
    failing = live({**STEPS["tag"], "tag": "broken"}, name="Fails")
    sound = live(STEPS["tag"], name="Sound")
    put_in(failing, people[:1])
    put_in(sound, people[:1])
    tag = running_tag(monkeypatch)
    running.run(at=AT)
    assert (states(failing), states(sound)) == ({people[0].pk: "active"}, {people[0].pk: "done"})
    assert steps_done(failing) == [], "what the failed step wrote is gone with it"
    monkeypatch.setattr("campaigns.journeys.acting.members.tag_members", tag)
    running.run(at=later(minutes=1))
    assert states(failing) == {people[0].pk: "done"}


def running_tag(monkeypatch):
    from campaigns.journeys.acting import members

    tag = members.tag_members

    def fails_for_one(*, code, **facts):
        if code == "broken":
            raise RuntimeError("no")
        return tag(code=code, **facts)

    monkeypatch.setattr("campaigns.journeys.acting.members.tag_members", fails_for_one)
    return tag


def test_a_note_stands_on_the_members_own_page_until_they_close_it(people):
    note = PortalNote.objects.create(
        member=people[0], cause="journey:1:s1:1", title="Hello", at=AT, until=later(days=3)
    )
    assert list(queries.notes_for(people[0].pk, at=AT)) == [note]
    assert list(queries.notes_for(people[0].pk, at=later(days=3))) == []
    assert operations.close_note(note_id=note.pk, member_id=people[1].pk, at=AT) is False, "it is not theirs"
    assert operations.close_note(note_id=note.pk, member_id=people[0].pk, at=AT) is True
    assert list(queries.notes_for(people[0].pk, at=AT)) == []


def test_a_webhook_is_called_under_one_id_until_it_is_taken_and_given_up_after_days(people):
    journey = live({"type": "webhook", "url": "https://example.com/hook"})
    put_in(journey, people[:1])
    running.run(at=AT)
    heard = []

    def refuses_once(url, body, headers):
        heard.append((url, headers["Regulars-Id"], json.loads(body)["member"]))
        return 503 if len(heard) == 1 else 200

    assert journey_calls.deliver(send=refuses_once) == 0
    WebhookCall.objects.update(due_at=AT)
    assert journey_calls.deliver(send=refuses_once) == 1
    assert len(set(heard)) == 1
    assert len(heard) == 2
    assert WebhookCall.objects.get().state == "done"
