"""Publishing a changed journey: who is inside keeps their version, or goes on by the new one where their step still is."""

from datetime import timedelta

import pytest

from campaigns.journeys import flow, operations, queries, running
from campaigns.journeys.models import Enrolment
from delivery import queries as outbox
from tests.journeys.conftest import AT, STEPS, definition, email_template, later, live, put_in, states, steps_done

pytestmark = pytest.mark.django_db


def change(journey, **told):
    return operations.save_draft(journey=journey, definition={**journey.draft, **told})


def test_a_change_says_who_is_affected_and_whose_step_stays(people):
    journey = live(STEPS["wait"], STEPS["tag"], STEPS["wait"])
    put_in(journey, people)
    Enrolment.objects.filter(member=people[0]).update(step="s3")
    journey = change(journey, steps=journey.draft["steps"][:1])
    told = [(one.step, one.members, one.stays) for one in operations.affected(journey)]
    assert told == [("s1", 2, True), ("s3", 1, False)]


@pytest.mark.parametrize("moves", [True, False])
def test_who_is_inside_stays_or_moves_as_chosen(people, moves):
    journey = live(STEPS["wait"], STEPS["tag"])
    put_in(journey, people)
    Enrolment.objects.filter(member=people[0]).update(step="s2", due_at=later(days=9))
    journey = change(journey, steps=[journey.draft["steps"][0], {**STEPS["tag"], "tag": "changed", "id": "s3"}])
    version = operations.publish(journey=journey, at=later(hours=1), moves_inside=moves)
    numbers = list(Enrolment.objects.order_by("member").values_list("version__number", flat=True))
    assert numbers == ([1, 2, 2] if moves else [1, 1, 1])
    assert version.number == 2
    running.run(at=later(days=2))
    assert steps_done(journey)[-1] == ("s3" if moves else "s2", "done")


def test_a_published_version_is_not_what_the_draft_becomes(people):
    journey = live(STEPS["tag"])
    before = journey.version.definition
    change(journey, steps=[])
    journey.version.refresh_from_db()
    assert journey.version.definition == before


def test_a_draft_with_something_missing_is_not_published_and_says_where():
    journey = operations.create(
        name="Half", definition=definition({"type": "email", "template": ""}, STEPS["wait"], entry={})
    )
    with pytest.raises(operations.CannotPublish) as refused:
        operations.publish(journey=journey, at=AT)
    assert [problem.step for problem in refused.value.problems] == ["start", "s1"]
    journey.refresh_from_db()
    assert (journey.status, journey.version) == ("draft", None)


def test_a_second_editor_hears_of_the_first():
    journey = operations.create(name="Two editors")
    operations.save_draft(journey=journey, definition=journey.draft, seen=1)
    with pytest.raises(operations.DraftConflict):
        operations.save_draft(journey=journey, definition={**journey.draft, "steps": []}, seen=1)


def test_changes_are_taken_back_and_made_again_and_no_number_of_a_step_is_given_twice():
    journey = operations.create(name="Undo", definition=definition(STEPS["wait"]))
    first = journey.draft
    longer, made = flow.insert(first, ":1", {"type": "tag", "act": "add", "tag": "x"})
    journey = operations.save_draft(journey=journey, definition=longer)
    journey = operations.undo(journey=journey, seen=journey.revision)
    assert (journey.draft["steps"], journey.draft["last_id"]) == (first["steps"], longer["last_id"])
    with pytest.raises(operations.DraftConflict):
        operations.redo(journey=journey, seen=journey.revision - 1)
    journey = operations.redo(journey=journey, seen=journey.revision)
    assert journey.draft == longer
    journey = operations.undo(journey=journey)
    other, again = flow.insert(journey.draft, ":1", {"type": "tag", "act": "add", "tag": "y"})
    assert again != made
    journey = operations.save_draft(journey=journey, definition=other)
    assert journey.undone == []
    for n in range(30):
        journey = operations.save_draft(
            journey=journey, definition={**other, "reentry": {"rule": "days", "days": n + 1}}
        )
    for _time in range(25):
        journey = operations.undo(journey=journey)
    assert (len(journey.past), journey.draft["reentry"]["days"]) == (0, 10)


@pytest.mark.parametrize(("waits_go_on", "right_after"), [(True, "active"), (False, "done")])
def test_a_pause_moves_nobody_and_waits_go_on_or_are_over_afterwards(people, waits_go_on, right_after):
    journey = live(STEPS["wait"], STEPS["tag"])
    put_in(journey, people)
    running.run(at=AT)
    operations.pause(journey=journey, at=AT)
    running.run(at=later(days=10))
    assert steps_done(journey) == []
    operations.resume(journey=journey, at=later(days=10), waits_go_on=waits_go_on)
    running.run(at=later(days=12) - timedelta(seconds=1))
    assert set(states(journey).values()) == {right_after}
    running.run(at=later(days=12))
    assert states(journey) == {one.pk: "done" for one in people}


def test_ending_a_journey_lets_everybody_out_and_calls_back_what_was_not_sent(people):
    mail = {"type": "email", "template": str(email_template().pk), "buy_again": 0, "new_for_you": 0, "offer_days": 14}
    journey = live(mail, STEPS["wait"])
    put_in(journey, people)
    running.run(at=AT)
    operations.end(journey=journey, at=AT)
    assert set(states(journey).values()) == {"left"}
    assert outbox.counts(journey.cause) == {"skipped(cancelled)": 3}


def test_counts_add_up_and_each_opens_the_people(people):
    journey = live(STEPS["tag"], STEPS["wait"], STEPS["exit"])
    put_in(journey, people)
    running.run(at=AT)
    Enrolment.objects.filter(member=people[0]).update(state="left", why="exit_condition", ended_at=AT)
    Enrolment.objects.filter(member=people[1]).update(due_at=later(days=1), until=later(days=1))
    running.run(at=later(days=1))
    told = queries.funnel(journey)
    assert {step: (c.entered, c.waiting, c.done, c.left, c.goal) for step, c in told.items()} == {
        "s1": (3, 0, 3, 0, 0), "s2": (3, 1, 1, 1, 0), "s3": (1, 0, 1, 0, 0),
    }  # fmt: skip
    for step, counted in told.items():
        for fate in queries.FATES:
            assert queries.people(journey, fate, step).count() == getattr(counted, fate), (step, fate)
    whole = queries.whole(journey)
    assert whole.entered == whole.inside + whole.done + whole.goal + whole.left == 3


def test_a_members_way_says_where_since_when_why_and_what_next(people):
    journey = live(STEPS["tag"], STEPS["wait"], {**STEPS["tag"], "tag": "again"})
    put_in(journey, people[:1])
    running.run(at=AT)
    (way,) = queries.ways_of(people[0].pk)
    assert (way.why_in, [line.words for line in way.lines]) == ("Put in by hand", ["Stick the tag “greeted”"])
    assert (way.now, way.next) == ("Wait 2 days", "Stick the tag “again”")
    assert way.enrolment.arrived_at == AT


def test_ids_of_steps_are_never_given_twice():
    told = definition(STEPS["wait"], STEPS["tag"])
    told = flow.remove(told, "s2")
    told, made = flow.insert(told, ":1", STEPS["exit"])
    assert made == "s3"
    told, _inner = flow.insert(told, ":0", {"type": "branch", "paths": [{"steps": []}, {"steps": []}]})
    told, inner = flow.insert(told, "s4.1:0", STEPS["tag"])
    nodes = flow.nodes(told)
    assert list(nodes) == ["s4", "s5", "s1", "s3"]
    assert (nodes["s4"].paths, nodes[inner].next) == (("s1", "s5"), "s1")
    assert [step["id"] for step in flow.move(told, "s3", -1)["steps"]] == ["s4", "s3", "s1"]
    with pytest.raises(flow.BadPlace):
        flow.insert(told, "s1.0:0", STEPS["tag"])
