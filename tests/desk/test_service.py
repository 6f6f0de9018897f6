"""Cases, tasks, the pipeline and the whole history, by request."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import loyalty.operations
from campaigns.journeys import operations as journeys
from campaigns.journeys import running
from campaigns.journeys.models import Enrolment
from campaigns.models import Audience, Campaign
from care.models import Case, Opportunity, Task, Team
from care.operations import open_case
from delivery.models import Message
from experiments import operations as experiments
from loyalty.models import Entitlement
from members import operations, queries
from members.knowing import CustomField
from members.models import Member
from recommender.models import Decision, Dismissal
from sales.lines import Line
from sales.models import Category, Product
from tests.signing_in import at_door


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def asked(help_desk):
    return open_case(
        text="The milk was spoiled", channel="form", at=timezone.now(), source="site", client_key="1",
        member_id=help_desk.maria.pk,
    ).case  # fmt: skip


def test_a_call_becomes_a_case_that_is_answered_and_closed_only_with_an_outcome(desk, help_desk):
    page = f"{help_desk.page}cases/"
    words = {
        "key": "k1",
        "channel": "phone",
        "text": "My points are missing",
        "topic": "",
        "store": "S1",
        "receipt": "",
    }
    opened = [desk.post(page, words) for _press in range(2)]
    case = Case.objects.get()
    assert [one.url for one in opened] == [f"/desk/cases/{case.public_id}/"] * 2
    assert (case.topic.code, case.store.code, case.member) == ("missing_points", "S1", help_desk.maria)
    at = f"/desk/cases/{case.public_id}/"
    desk.post(f"{at}take/")
    desk.post(f"{at}note/", {"note-text": "Receipt 4711"})
    desk.post(f"{at}reply/", {"text": "We add them today."})
    shown = text_of(desk.get(at))
    for said in ("My points are missing", "Receipt 4711", "We add them today.", "Loyalty programme", "Sam"):
        assert said in shown
    refused = desk.post(f"{at}close/", {"outcome": "", "text": ""})
    assert (refused.status_code, Case.objects.get().status) == (422, "waiting")
    assert desk.post(f"{at}close/", {"outcome": "compensated", "text": ""}).url == "/desk/cases/"
    assert Case.objects.get().outcome == "compensated"
    assert "Solved with compensation" in text_of(desk.get("/desk/cases/?show=closed"))
    desk.post(f"{at}reopen/")
    assert Case.objects.get().status == "open"


def test_the_inbox_shows_the_own_teams_first_and_what_is_overdue_in_red(desk, help_desk, asked):
    Case.objects.update(reply_due_at=timezone.now() - timedelta(hours=1))
    assert "1 case is past its clock" in text_of(desk.get("/desk/cases/"))
    Team.objects.get(code="programme").people.add(help_desk.agent)
    assert "Nothing is open here" in text_of(desk.get("/desk/cases/"))
    assert "The milk was spoiled" in text_of(desk.get("/desk/cases/?show=all"))
    desk.post(f"/desk/cases/{asked.public_id}/team/", {"team": "programme"})
    assert "The milk was spoiled" in text_of(desk.get("/desk/cases/"))
    assert desk.post(f"/desk/cases/{asked.public_id}/burn/").status_code == 404


def test_a_store_manager_answers_cases_and_is_led_to_no_page_that_is_not_theirs(help_desk, asked, client):
    manager = at_door(client, operations.add_staff(email="kim@example.com", roles=["store_manager"]), "desk")
    shown = manager.get(f"/desk/cases/{asked.public_id}/")
    assert "The milk was spoiled" in text_of(shown)
    for page in (shown, manager.get("/desk/cases/"), manager.get("/desk/tasks/"), manager.get("/desk/pipeline/")):
        assert help_desk.page not in page.content.decode()
    assert manager.get(f"{help_desk.page}timeline/").status_code == 403


def test_tasks_and_opportunities_stand_on_their_lists_until_they_end(desk, help_desk):
    desk.post(f"{help_desk.page}tasks/", {"key": "t1", "title": "Call back", "team": "service", "due_on": "2026-03-01"})
    task = Task.objects.get()
    assert "Call back" in text_of(desk.get("/desk/tasks/"))
    desk.post(f"/desk/tasks/{task.public_id}/done/", {"outcome": ""})
    assert Task.objects.get().done_at is None
    desk.post(f"/desk/tasks/{task.public_id}/done/", {"outcome": "Reached her"})
    assert "Nothing to do" in text_of(desk.get("/desk/tasks/"))
    desk.post(f"{help_desk.page}opportunities/", {"name": "Canteen", "value": "1200.50"})
    deal = Opportunity.objects.get()
    assert "$120.05, each stage weighted" in text_of(desk.get("/desk/pipeline/"))
    for stage in ("offer", "won", "need"):
        desk.post(f"/desk/pipeline/{deal.public_id}/", {"stage": stage})
    deal.refresh_from_db()
    assert (deal.stage.code, deal.is_won, deal.value_minor) == ("offer", True, 120_050)


def test_the_whole_history_tells_of_every_room_in_order_of_time(desk, help_desk, asked, django_assert_max_num_queries):
    operations.note_touchpoint(
        kind="call",
        at=timezone.now(),
        source="phone",
        client_key="1",
        member_id=help_desk.maria.pk,
        words="Opening hours?",
    )
    operations.set_lifecycle_stages({help_desk.maria.pk: "new"}, at=timezone.now() - timedelta(days=1))
    with django_assert_max_num_queries(45):
        shown = text_of(desk.get(f"{help_desk.page}timeline/"))
    told = ["Opening hours?", "The milk was spoiled", "First contact → New", "Bought at Elm Street", "$24.60"]
    places = [shown.index(words) for words in told]
    assert sorted(places[2:]) == places[2:]
    assert max(places[:2]) < places[2]


def test_the_history_tells_of_journeys_and_why_somebody_stands_where_they_stand(desk, help_desk):
    wait = {"id": "s1", "type": "wait", "amount": 3, "unit": "days"}
    definition = {"entry": {"kind": "event", "event": "joined", "which": "", "audience": ""}, "reentry": {"rule": "never"},
                  "goal": None, "exit": None, "steps": [wait, {**wait, "id": "s2"}], "last_id": 2}  # fmt: skip
    begin = timezone.now() - timedelta(days=4)
    welcome = journeys.create(name="Welcome", definition=definition)
    journeys.publish(journey=welcome, at=begin)
    welcome.refresh_from_db()
    Enrolment.objects.create(
        journey=welcome, version=welcome.version, member=help_desk.maria, round=1, cause="joined:1", step="s1", due_at=begin,
        arrived_at=begin, entered_at=begin,
    )  # fmt: skip
    shown = text_of(desk.get(f"{help_desk.page}timeline/"))
    assert "Journey “Welcome”" in shown
    assert "At “Wait 3 days” since" in shown
    assert "the first step" in shown
    running.run(at=timezone.now())
    assert "after “Wait 3 days” (Done)" in text_of(desk.get(f"{help_desk.page}timeline/"))


def test_fields_of_the_shops_own_and_tags_are_kept_or_refused_with_the_reason(desk, help_desk):
    CustomField.objects.create(code="pet", label_en="Pet", kind="choice", choices=["cat", "dog"])
    known = f"{help_desk.page}known/"
    desk.post(known, {"field_pet": "cat", "tags": "vip, press"})
    assert (queries.custom_fields(help_desk.maria.pk), queries.tags_of(help_desk.maria.pk)) == (
        {"pet": "cat"},
        ["press", "vip"],
    )
    desk.post(known, {"field_pet": "fish"})
    desk.post(known, {"off": "press"})
    page = text_of(desk.get(f"{help_desk.page}timeline/"))
    assert "“fish” is not one of: cat, dog" in page
    assert (queries.custom_fields(help_desk.maria.pk), queries.tags_of(help_desk.maria.pk)) == ({"pet": "cat"}, ["vip"])


def test_why_and_why_not_stands_behind_one_link_of_the_profile(help_desk, client):
    """Points with the rule that gave them, messages with what kept them back, offers with what they were for."""
    desk = at_door(client, help_desk.agent, "desk")
    address = f"{help_desk.page}why/"
    assert address in desk.get(help_desk.page).content.decode()
    give_offer(help_desk.maria)
    told = text_of(desk.get(address))
    assert "points: $" in told
    assert "in the standing control group" in told
    assert "Given for “Spring”" in told


def test_what_a_merged_record_earned_is_not_told_as_nothing(desk, help_desk):
    twin = operations.enrol(at=help_desk.maria.joined_at, source="test", given_name="Maria", email="other@example.com")
    loyalty.operations.record_purchase(
        source="till:S1", client_key="twin", store_code="S1", purchased_at=timezone.now(), currency="USD", member_id=twin.pk,
        lines=[Line("milk", Decimal(1), 777)],
    )  # fmt: skip
    loyalty.operations.merge_members(
        survivor_id=help_desk.maria.pk, absorbed_id=twin.pk, by_user_id=None, reason="One", at=timezone.now()
    )
    told = text_of(desk.get(f"{help_desk.page}why/"))
    assert "7 points: $7.77 at 1 point per $1" in told
    assert "No points" not in told


def test_why_costs_as_many_queries_for_three_of_each_as_for_one(help_desk, client):
    desk = at_door(client, help_desk.agent, "desk")
    address, asked = f"{help_desk.page}why/", []
    for number, more in enumerate((1, 2)):
        for n in range(more):
            one_of_each(help_desk.maria, f"{number}-{n}")
        desk.get(address)  # what the process keeps is kept now
        with CaptureQueriesContext(connection) as made:
            told = text_of(desk.get(address))
        asked.append(len(made))
    said = ("Free: ", "not interested", "Left out by chance", "at 1 point per $1")
    assert {words: told.count(words) for words in said} == dict.fromkeys(said, 3) | {"at 1 point per $1": 4}
    assert asked[0] == asked[1]


def one_of_each(maria, key: str):
    """A purchase, a message, an offer decided, a benefit in hand, a campaign that chance kept away, and a no."""
    now, only = timezone.now(), Member.objects.filter(pk=maria.pk)
    loyalty.operations.record_purchase(
        source="till:S1", client_key=f"why-{key}", store_code="S1", purchased_at=now, currency="USD", member_id=maria.pk,
        lines=[Line("milk", Decimal(1), 500)],
    )  # fmt: skip
    spoken, silent = (
        experiments.create(name=f"{key}-{n}", kind="campaign", arms=[("A", 0.5, n == 1), ("B", 0.5, n == 1)])
        for n in range(2)
    )
    audience = Audience.objects.create(name=f"Audience {key}")
    campaigns = [
        Campaign.objects.create(name=f"Campaign {key}-{n}", experiment=experiment, audience=audience, analysis_seed=1)
        for n, experiment in enumerate((spoken, silent))
    ]
    for experiment in (spoken, silent):
        experiments.enlist(experiment=experiment, members=only, at=now)
    cause = f"campaign:{campaigns[0].pk}"
    shelf = Category.objects.create(
        level=3, name_en=f"Offer for Campaign {key}", raw_name=f"WHY {key}", path=f"WHY {key}"
    )
    Decision.objects.create(
        cause=cause, member=maria, slot="buy_again", position=1, category=shelf, benefit="multiply", amount=300, propensity=1,
        policy="x", reason_code="x", decided_at=now,
    )  # fmt: skip
    Message.objects.create(
        cause=cause, channel="email", member=maria, content="x", state="sent", due_at=now, enqueued_at=now, sent_at=now,
        purpose="marketing",
    )  # fmt: skip
    milk = Product.objects.get(code="milk")
    Entitlement.objects.create(
        member=maria, product=milk, benefit="product", amount=1, valid_from=now, valid_until=now + timedelta(days=9), cause=cause,
    )  # fmt: skip
    Dismissal.objects.create(member=maria, category=shelf, at=now)


def give_offer(maria):
    """An offer of a campaign in hand, and the same campaign's message kept back by a rule."""
    now = timezone.now()
    experiment = experiments.create(name="Spring", kind="campaign", arms=[("Holdout", 0.1, True), ("A", 0.9, False)])
    campaign = Campaign.objects.create(
        name="Spring", experiment=experiment, audience=Audience.objects.create(name="All"), analysis_seed=1
    )
    only = Member.objects.filter(pk=maria.pk)
    experiments.enlist(experiment=experiment, members=only, at=now, skipped={"global_control": only})
    loyalty.operations.entitle(
        [(maria.pk, None, "percent", 10, now - timedelta(days=1), now + timedelta(days=9), f"campaign:{campaign.pk}:1")]
    )
