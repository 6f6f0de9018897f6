"""What a new marketer does, in a real browser: a win-back from the ready flows to its report, and the pages on the way."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import operations
from campaigns.models import Campaign, CampaignDraft, CampaignRules
from delivery.models import Hold, Message
from members import clock
from members.models import Member
from members.operations import add_staff
from sales.models import Purchase
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import deliver, sale
from tests.campaigns.people import AT
from tests.cms.test_campaigning_in_the_browser import is_sound
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


class Hand:
    """A marketer's hand: clicks are counted, and every page is looked at as one arrives there."""

    def __init__(self, page, site):
        self.page, self.site, self.clicks = page, site, 0

    def open(self, name, *given):
        self.page.goto(self.site + reverse(name, args=given))
        self.look()

    def click(self, selector):
        self.clicks += 1
        self.page.click(selector)
        self.page.wait_for_load_state("domcontentloaded")
        self.look()

    def look(self):
        is_sound(self.page, ".camp")


@pytest.fixture
def two(page_at, site, monkeypatch):
    """A marketer at a desk and an approver on a phone; the business clock stands at AT."""
    monkeypatch.setattr(clock, "now", lambda: AT)
    hands = {}
    for name, role, width in (("mara", "marketer", 1280), ("otto", "approver", 390)):
        user = add_staff(email=f"{name}@example.com", roles=[role])
        page = page_signed_in(page_signed_in(page_at(width), site, user, "cms"), site, user, "reports")
        hands[role] = Hand(page, site)
    return hands["marketer"], hands["approver"]


def test_a_win_back_is_planned_approved_launched_paused_resumed_and_read(two, town, monkeypatch):
    people, place, _products = town(60)
    Member.objects.filter(pk__in=[one.pk for one in people]).update(lifecycle_stage="lapsed")
    CampaignRules.objects.create(approval="else", confirm_above=50)
    marketer, approver = two
    marketer.open("cms_campaigns")
    marketer.click("a:has-text('Ready flows')")
    marketer.click("button:has-text('Use “Win back”')")
    campaign = Campaign.objects.get(flow="win_back")
    assert [v.name for v in campaign.variants.all()] == ["Favourites", "Short note"]
    assert campaign.holdout_percent == 10
    marketer.click("button:has-text('Ask for approval')")
    approver.open("cms_campaign", campaign.pk)
    approver.click("button:has-text('Approve')")
    marketer.open("cms_campaign", campaign.pk)
    marketer.click(".camp-header a:has-text('Go live')")
    assert "60 members are addressed" in re.sub(r"\s+", " ", marketer.page.inner_text(".camp-exact"))
    marketer.page.fill("[name=number]", "59")
    marketer.click("button:has-text('Launch now')")
    assert not Message.objects.exists()
    marketer.click(".camp-header a:has-text('Go live')")
    marketer.page.fill("[name=number]", "60")
    marketer.click("button:has-text('Launch now')")
    funnel = marketer.page.inner_text(".camp-funnel")
    assert re.search(r"60\s+Entered", funnel)

    marketer.click("button:has-text('Pause')")
    assert Hold.objects.get().cause == campaign.cause
    waiting = Message.objects.filter(state="pending").count()
    assert f"{waiting} messages fell due" in marketer.page.inner_text(".camp")
    marketer.page.select_option("[name=past_due]", "send")
    marketer.click("button:has-text('Resume')")
    assert not Hold.objects.exists()

    deliver(campaign, sent_at=AT)
    operations.finish(campaign=campaign, at=AT)
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(days=1), 900 + 7 * i, place, f"after-{i}") for i, one in enumerate(people)
    )
    operations.measure(campaign=campaign, at=AT + timedelta(days=14))
    marketer.open("cms_campaign", campaign.pk)
    marketer.clicks = 0
    marketer.page.click("a:has-text('Open the report')")  # from the campaign to its lift with an interval: one click
    assert marketer.page.inner_text("main").count("interval") + marketer.page.inner_text("main").count("anywhere from")
    marketer.open("cms_campaign", campaign.pk)
    marketer.click(".camp-funnel a:has-text('Held out')")
    marketer.click("table a >> nth=0")
    assert "Entered the campaign" in marketer.page.inner_text(".camp-why")


def test_a_ready_flow_is_live_in_six_clicks_and_the_other_pages_of_campaigns_are_sound(two, town, draft):
    town(30)
    marketer, approver = two
    marketer.open("cms_campaigns")
    marketer.clicks = 0
    marketer.click("a:has-text('Ready flows')")
    marketer.click("button:has-text('Use “Welcome”')")
    marketer.click(".camp-header a:has-text('Go live')")
    marketer.click("button:has-text('Go live now')")
    made = Campaign.objects.get(flow="welcome")
    assert (made.status, made.trigger, marketer.clicks) == ("live", "joined", 4)

    first, second = (draft(name=name, holdout_percent=10) for name in ("Spring", "Easter"))
    for one in (first, second):
        operations.schedule(campaign=one, launch_at=AT + timedelta(days=1), at=AT)
    for hand in two:
        hand.open("cms_campaign_flows")
        assert hand.page.locator("button:has-text('Use the journey “Welcome”')").count() == 1
        hand.open("cms_campaign_calendar")
        assert "30 members are in both" in hand.page.inner_text(".camp")
        hand.open("cms_campaign_rules")

    draft(name="Two at once")
    mine = Campaign.objects.get(name="Two at once")
    for hand in two:
        hand.open("cms_campaign_edit", mine.pk)
    marketer.page.fill("[name=name]", "Mara was first")
    marketer.click("button:has-text('Save campaign')")
    approver.page.fill("[name=holdout_percent]", "33")
    approver.click("button:has-text('Save campaign')")
    told = approver.page.inner_text("[role=alert]")
    assert "Mara was first" in told
    assert "33" in told
    assert Campaign.objects.get(pk=mine.pk).holdout_percent == 25
    approver.click("button:has-text('Save mine over it')")
    assert Campaign.objects.get(pk=mine.pk).holdout_percent == 33


def test_what_is_typed_is_kept_step_by_step_undone_and_done_again(two, draft):
    """Twenty steps back and forth; a page that is left comes back as it was; saving ends it, for its author alone."""
    mine = draft(name="Step 0")
    marketer, approver = two
    marketer.open("cms_campaign_edit", mine.pk)
    page = marketer.page
    for n in range(1, 23):
        with page.expect_response("**/draft/"):
            page.fill("[name=name]", f"Step {n}")
    page.wait_for_selector("[data-draft-undo]:not([disabled])")
    for _n in range(21):
        with page.expect_response("**/draft/"):
            page.click("[data-draft-undo]")
    page.wait_for_function("document.querySelector('[name=name]').value === 'Step 1'")
    with page.expect_response("**/draft/"):
        page.click("[data-draft-redo]")
    page.wait_for_function("document.querySelector('[name=name]').value === 'Step 2'")
    marketer.open("cms_campaign_edit", mine.pk)
    assert page.input_value("[name=name]") == "Step 2"
    approver.open("cms_campaign_edit", mine.pk)
    assert approver.page.input_value("[name=name]") == "Step 0"
    marketer.click("button:has-text('Save campaign')")
    assert Campaign.objects.get(pk=mine.pk).name == "Step 2"
    assert not CampaignDraft.objects.exists()


def test_what_is_not_chosen_is_not_asked_and_a_trigger_asks_for_its_own_fields(two, everybody, email):
    marketer, _approver = two
    marketer.open("cms_campaign_new")
    page = marketer.page
    assert not page.is_visible("[name=trigger]")
    page.fill("[name=name]", "Points go soon")
    page.select_option("[name=audience]", str(everybody.pk))
    page.select_option("[name=timing]", "triggered")
    page.select_option("[name=trigger]", "points_expiring")
    page.fill("[name=t_points_expiring_days_before]", "21")
    assert not page.is_visible("[name=reentry_days]")
    page.fill("[name=v-0-name]", "A")
    page.select_option("[name=v-0-email_template]", str(email.pk))
    marketer.click("button:has-text('Save campaign')")
    made = Campaign.objects.get()
    assert (made.timing, made.trigger, made.trigger_settings) == (
        "triggered",
        "points_expiring",
        {"days_before": 21, "points": 1},
    )
