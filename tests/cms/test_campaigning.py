import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import operations
from campaigns.journeys import flow
from campaigns.journeys import operations as journeys
from campaigns.models import Audience, Campaign, CampaignDraft
from cms.audiencing import building
from delivery.models import ArchivedMail
from members import clock
from members.operations import add_staff
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import deliver
from tests.campaigns.people import AT

pytestmark = pytest.mark.django_db


def signed_in(role):
    client = Client()
    client.force_login(add_staff(email=f"{role}@example.com", roles=[role]))
    client.cookies["sessionid_cms"] = client.cookies["sessionid"].value
    return client


@pytest.fixture
def marketer():
    return signed_in("marketer")


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AT)


BUILT = {
    "n.0.kind": "group",
    "n.0.match": "all",
    "n.0.0.kind": "language",
    "n.0.0.languages": ["en"],
    "n.0.1.kind": "group",
    "n.0.1.match": "none",
    "n.0.1.0.kind": "last_purchase",
    "n.0.1.0.op": "newer",
    "n.0.1.0.days": "30",
}
TREE = {
    "match": "all",
    "conditions": [
        {"type": "language", "languages": ["en"]},
        {"match": "none", "conditions": [{"type": "last_purchase", "op": "newer", "days": "30"}]},
    ],
}


def as_data(fields):
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    for key, value in fields.items():
        data.setlist(key, value if isinstance(value, list) else [value])
    return data


def test_the_form_and_the_tree_say_the_same():
    assert building.read(as_data(BUILT)) == TREE
    root = building.shown(TREE)
    assert [inner.place for inner in root.inside] == ["0.0", "0.1"]
    assert root.inside[1].inside[0].fields[1].name == "n.0.1.0.days"


def test_buttons_add_and_remove_where_they_stand_and_nonsense_changes_nothing():
    tree = building.change(building.read(as_data(BUILT)), "add:0.1:points_balance")
    assert tree["conditions"][1]["conditions"][1]["type"] == "points_balance"
    tree = building.change(tree, "remove:0.1.0")
    assert [c["type"] for c in tree["conditions"][1]["conditions"]] == ["points_balance"]
    tree = building.change(tree, "group:0")
    assert tree["conditions"][2] == {"match": "any", "conditions": []}
    for act in ("remove:0", "remove:0.9", "add:0:shoe_size", "add:0.7.7:tier", "fly", "remove:x.y", ""):
        assert building.change(dict(tree), act) == tree


def test_an_audience_is_built_counted_and_saved(marketer, town):
    town(12)
    page = marketer.post(reverse("cms_audience_count"), BUILT)
    assert "members right now" in page.content.decode()
    changed = marketer.post(
        reverse("cms_audience_new"), BUILT | {"act": "add:0:tier", "name": "Quiet"}, headers={"HX-Request": "true"}
    )
    assert 'name="n.0.2.kind" value="tier"' in changed.content.decode()
    assert not Audience.objects.exists()
    saved = marketer.post(reverse("cms_audience_new"), BUILT | {"name": "Quiet", "description": "Silent for a month"})
    audience = Audience.objects.get()
    assert saved.url == reverse("cms_audience_members", args=[audience.pk])
    assert audience.conditions["conditions"][1]["conditions"][0] == {"type": "last_purchase", "op": "newer", "days": 30}


def test_what_is_missing_is_said_and_nothing_is_saved(marketer):
    page = marketer.post(reverse("cms_audience_new"), BUILT | {"name": "Quiet", "n.0.1.0.days": "soon"})
    assert "needs a whole number" in page.content.decode()
    assert not Audience.objects.exists()


def test_members_are_shown_masked_and_why_is_told(marketer, town, everybody):
    people, *_ = town(3)
    page = marketer.get(reverse("cms_audience_members", args=[everybody.pk])).content.decode()
    assert "Given0 S." in page
    assert "Smith" not in page
    why = marketer.get(
        reverse("cms_audience_members", args=[everybody.pk]), {"member": people[0].public_id}
    ).content.decode()
    assert "in the audience" in why
    assert "Every active member" in why


def test_a_campaign_is_made_launched_and_read(marketer, town, everybody, email):
    town(20)
    form = {
        "name": "Spring", "kind": "ordinary", "audience": everybody.pk, "holdout_percent": 25, "outcome_days": 14,
        "offers_buy_again": 3, "offers_new_for_you": 2, "late_hours_max": 6, "v-TOTAL_FORMS": 2, "v-INITIAL_FORMS": 0,
        "v-0-name": "A", "v-0-weight": 1, "v-0-email_template": email.pk, "v-1-name": "", "v-1-weight": 1,
    }  # fmt: skip
    response = marketer.post(reverse("cms_campaign_new"), form)
    campaign = Campaign.objects.get()
    assert response.url == reverse("cms_campaign", args=[campaign.pk])
    page = marketer.get(reverse("cms_campaign_go_live", args=[campaign.pk])).content.decode()
    assert "20 are in the audience right now" in page
    edit = marketer.get(reverse("cms_campaign_edit", args=[campaign.pk])).content.decode()
    assert f'<option value="{everybody.pk}" selected>' in edit
    marketer.post(reverse("cms_campaign_act", args=[campaign.pk, "launch"]))
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.SENDING
    page = marketer.get(response.url).content.decode()
    assert "Held out" in page
    people = marketer.get(reverse("cms_campaign_people", args=[campaign.pk, "waiting"])).content.decode()
    assert "Given" in people
    assert "Smith" not in people
    for act, status in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
        marketer.post(reverse("cms_campaign_act", args=[campaign.pk, act]))
        campaign.refresh_from_db()
        assert campaign.status == status


def test_a_variant_without_words_and_a_name_used_twice_are_refused(marketer, everybody, email):
    form = {
        "name": "Spring", "kind": "ordinary", "audience": everybody.pk, "holdout_percent": 10, "outcome_days": 14,
        "offers_buy_again": 3, "offers_new_for_you": 2, "late_hours_max": 6, "v-TOTAL_FORMS": 2, "v-INITIAL_FORMS": 0,
        "v-0-name": "A", "v-0-weight": 1, "v-1-name": "A", "v-1-weight": 1, "v-1-email_template": email.pk,
    }  # fmt: skip
    page = marketer.post(reverse("cms_campaign_new"), form).content.decode()
    assert "Choose an e-mail, a short message, or both" in page
    page = marketer.post(reverse("cms_campaign_new"), form | {"v-0-email_template": email.pk}).content.decode()
    assert "name of its own" in page
    assert not Campaign.objects.exists()


def test_a_stop_names_its_fix_and_the_button_is_off(marketer, town, draft):
    town(3)
    campaign = draft(variants=[])
    page = marketer.get(reverse("cms_campaign", args=[campaign.pk])).content.decode()
    assert "Add a variant" in page
    assert reverse("cms_campaign_edit", args=[campaign.pk]) in page
    assert "disabled" in page


def test_every_number_opens_its_people_and_they_add_up(marketer, town, draft):
    town(30)
    campaign = operations.launch(campaign=draft(), at=AT)
    deliver(campaign, sent_at=AT)
    page = marketer.get(reverse("cms_campaign", args=[campaign.pk]))
    parts = [(key, n) for key, _words, n in page.context["funnel"]]
    assert sum(n for key, n in parts if key != "audience") == dict(parts)["audience"] == 30
    for key, n in parts:
        people = marketer.get(reverse("cms_campaign_people", args=[campaign.pk, key]))
        assert people.context["page"].paginator.count == n


def test_a_rehearsal_is_labelled_on_every_screen(marketer, town, draft):
    town(10)
    campaign = operations.launch(campaign=draft(kind="rehearsal"), at=AT)
    for url in (
        reverse("cms_campaigns"),
        reverse("cms_campaign", args=[campaign.pk]),
        reverse("cms_campaign_people", args=[campaign.pk, "audience"]),
    ):
        assert "Rehearsal – simulated responses" in marketer.get(url).content.decode()


def test_what_went_out_may_be_shown_to_everybody_and_taken_away_again(marketer, town, draft):
    town(10)
    campaign = draft()
    page, act = (
        reverse("cms_campaign", args=[campaign.pk]),
        lambda name: reverse("cms_campaign_act", args=[campaign.pk, name]),
    )
    marketer.post(act("archive"))
    assert not ArchivedMail.objects.exists(), "nothing was sent yet"
    operations.launch(campaign=campaign, at=AT)
    assert "Show it to everybody" in marketer.get(page).content.decode()
    marketer.post(act("archive"))
    languages = set(ArchivedMail.objects.filter(cause=campaign.cause).values_list("language", flat=True))
    assert languages
    assert languages <= {"en", "zh-hans"}
    assert "Show it no longer" in marketer.get(page).content.decode()
    marketer.post(act("unarchive"))
    assert not ArchivedMail.objects.exists()


def test_a_schedule_in_the_past_is_refused_in_words(marketer, town, draft):
    town(3)
    campaign = draft()
    past = (AT - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page = marketer.post(reverse("cms_campaign_act", args=[campaign.pk, "schedule"]), {"launch_at": past}, follow=True)
    assert "must not lie in the past" in page.content.decode()
    assert Campaign.objects.get().status == Campaign.Status.DRAFT


@pytest.mark.parametrize("name", ["cms_audiences", "cms_campaigns", "cms_audience_new", "cms_campaign_new"])
def test_screens_are_for_marketers_and_approvers(name):
    assert Client().get(reverse(name)).status_code == 302
    assert signed_in("approver").get(reverse(name)).status_code == 200
    assert signed_in("analyst").get(reverse(name)).status_code in (302, 403)


def test_empty_lists_say_the_next_step(marketer):
    assert "Make the first audience" in marketer.get(reverse("cms_audiences")).content.decode()
    assert "Make the first campaign" in marketer.get(reverse("cms_campaigns")).content.decode()


def test_conditions_of_a_journeys_branch_are_built_in_place(marketer):
    branch = {
        "id": "s1",
        "type": "branch",
        "audience": "own",
        "paths": [{"name": "", "steps": []}, {"name": "", "steps": []}],
    }
    journey = journeys.create(name="Welcome", definition={**flow.EMPTY, "steps": [branch], "last_id": 1})
    page = reverse("cms_journey_conditions", args=[journey.pk, "s1"])
    assert marketer.get(page).status_code == 200
    shown = marketer.post(page, as_data(BUILT | {"act": "remove:0.1"}))
    assert b'value="undo"' in shown.content
    answer = marketer.post(page, as_data(BUILT | {"seen": str(journey.revision)}))
    assert answer.url == reverse("cms_journey", args=[journey.pk]) + "#s1"
    journey.refresh_from_db()
    assert journey.draft["steps"][0]["own"]["conditions"][0] == {"type": "language", "languages": ["en"]}
    words = marketer.get(reverse("cms_journey", args=[journey.pk])).content.decode()
    assert "Language is English" in words
    for where in ("goal", "exit", "entry"):
        assert (
            marketer.post(reverse("cms_journey_conditions", args=[journey.pk, where]), as_data(BUILT)).status_code
            == 302
        )
    rules = marketer.get(reverse("cms_journey_rules", args=[journey.pk])).content.decode()
    assert rules.count("Language is English") == 3
    assert marketer.get(reverse("cms_journey_conditions", args=[journey.pk, "s9"])).status_code == 404


def told(client, address, **asked):
    return client.post(address, json.dumps(asked), content_type="application/json")


def test_an_unsaved_form_begins_with_what_was_there_and_a_new_way_forgets_what_was_undone(marketer):
    address = reverse("cms_campaign_new_draft")
    before, one, two, other = ({"name": [name]} for name in ("", "One", "Two", "Other"))
    assert told(marketer, address, act="keep", forms=[before, one]).json() == {"undo": True, "redo": False}
    told(marketer, address, act="keep", forms=[before, two])
    assert told(marketer, address, act="undo").json() == {"undo": True, "redo": True, "form": one}
    assert told(marketer, address, act="undo").json() == {"undo": False, "redo": True, "form": before}
    assert told(marketer, address, act="undo").json()["form"] == before
    told(marketer, address, act="redo")
    told(marketer, address, act="keep", forms=[before, other])
    assert CampaignDraft.objects.get().steps == [before, one, other]
    assert told(marketer, address, act="drop").json() == {"undo": False, "redo": False}
    assert not CampaignDraft.objects.exists()


@pytest.mark.parametrize(
    "asked", [{"act": "fly"}, {"act": "keep", "forms": [{"name": ["x" * 50_000]}]}, {"act": "keep", "forms": ["x"]}, {}]
)
def test_what_is_no_form_is_not_kept(marketer, asked):
    assert told(marketer, reverse("cms_campaign_new_draft"), **asked).status_code == 400
    assert not CampaignDraft.objects.exists()
