"""What a lift report says on its page besides the figures: looks, the split's colours, attribution beside it, meanings, what was taught."""

import html
from datetime import timedelta

import pytest

from campaigns import operations, responses
from campaigns import queries as campaigns
from delivery.models import Message
from delivery.operations import record_event
from members import clock
from recommender import teaching
from recommender.models import Lesson, PolicyVersion
from reports.panels import PANELS, read
from sales.models import Purchase
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT
from tests.reports.test_pages import END, measured, signed_in, text_of  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: END)


def page_of(campaign, client=None) -> str:
    return html.unescape(text_of((client or signed_in("analyst")).get(f"/reports/campaigns/{campaign.pk}/")))


def test_every_look_before_the_end_is_numbered_on_its_page_and_says_that_its_intervals_are_wide(town, draft):
    people, place, _products = town(60)
    campaign = operations.launch(campaign=draft(), at=AT)
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(days=1), 900 + 31 * i, place, f"b-{i}") for i, one in enumerate(people)
    )
    client = signed_in("analyst")
    for number, days in enumerate((3, 6), start=1):
        operations.measure(campaign=campaign, at=AT + timedelta(days=days))
        page = page_of(campaign, client)
        assert f"Early look {number}" in page
        assert "a look before the planned end" in page
        assert "Early look" in text_of(client.get("/reports/campaigns/"))
    operations.measure(campaign=campaign, at=END)
    page = page_of(campaign, client)
    assert "Early look" not in page
    assert "a look before the planned end" not in page


@pytest.mark.parametrize(
    ("verdict", "words"), [("ok", "Split as planned"), ("amber", "Split is doubtful"), ("red", "Split is broken")]
)
def test_the_split_has_its_colour_and_a_broken_one_shows_no_difference(measured, monkeypatch, verdict, words):  # noqa: F811
    campaign = measured(60)
    report = campaigns.latest_report(campaign)
    first = report.figures["comparisons"][0]
    report.figures["sample_ratio"]["verdict"] = verdict
    monkeypatch.setattr(campaigns, "latest_report", lambda _campaign: report)
    page = page_of(campaign)
    assert words in page
    is_shown = verdict != "red"
    assert ("Differences, with their doubt" in page) is is_shown
    assert ("Incremental revenue" in page) is is_shown
    assert (f"${abs(first['absolute']) / 100:,.2f}" in page) is is_shown
    assert ("no verdict is shown" in page) is not is_shown


def test_what_was_bought_after_a_click_stands_beside_the_lift_and_never_as_lift(measured, monkeypatch):  # noqa: F811
    campaign = measured(60)
    buyer = Purchase.objects.filter(client_key__startswith="in-").select_related("member")
    clicked = Message.objects.filter(cause=campaign.cause, member__in=[one.member_id for one in buyer]).order_by("pk")[
        :3
    ]
    for message in clicked:
        record_event(message_id=message.pk, kind="clicked", at=AT + timedelta(hours=1), link="0")
    expected = sum(one.total_minor for one in buyer if one.member_id in {message.member_id for message in clicked})
    found = responses.attributed(campaign, until=END)
    assert found == {"members": 3, "minor": expected}
    report = campaigns.latest_report(campaign)
    report.figures["attributed"] = found
    monkeypatch.setattr(campaigns, "latest_report", lambda _campaign: report)
    page = page_of(campaign)
    lift, beside = page.split("Beside it, and no lift", 1)
    assert f"Attribution by the last click would claim ${expected / 100:,.2f} from 3 members" in beside
    assert "Attribution" not in lift


def test_each_metric_of_a_report_says_what_is_counted_when_asked(measured):  # noqa: F811
    page = page_of(measured(40))
    meanings = page.split("What do these figures mean?", 1)[1]
    for name in ("Left per member after rewards", "Days with a purchase, per member", "Members who complained of mail"):
        assert f"<dt>{name}</dt>" in meanings
    assert "time zone America/New_York" in meanings
    client = signed_in("analyst")
    assert "<dt>Points outstanding</dt>" in text_of(client.get("/reports/"))
    assert "<dt>Mean sale</dt>" in text_of(client.get("/reports/crossing/"))


def test_for_each_offer_policy_stands_which_campaigns_taught_it(measured):  # noqa: F811
    campaign = measured(40)
    PolicyVersion.objects.create(
        kind="thompson", status="live", changed_at=END, metrics={"taught_by": [campaign.cause]}
    )
    Lesson.objects.create(cause="campaign:0", at=END, is_learned=False, verdict="too_little_evidence")
    version = PolicyVersion.objects.get()
    assert [(one.cause, one.is_since) for one in teaching.of_policy(version)] == [
        (campaign.cause, False),
        ("campaign:0", True),
    ]
    told = read(PANELS["policy_lessons"], at=END)
    mine = [row for row in told.rows if row[0].startswith("Thompson")]
    assert [(row[told.place("campaign")], row[told.place("when")]) for row in mine] == [
        (campaign.name, "before it was judged"), ("campaign:0", "since it was judged"),
    ]  # fmt: skip
    page = text_of(signed_in("analyst").get("/reports/figures/policy_lessons/"))
    assert campaign.name in page
    assert "The standing policy" in page
