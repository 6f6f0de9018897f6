"""A marketer's journeys in a real browser: from an empty account to a live welcome journey, and an own one by keyboard alone."""

import re

import pytest
from django.urls import reverse

from campaigns.journeys import entering, operations, running
from campaigns.journeys.models import Enrolment, Journey
from members import clock
from members.models import Member
from members.operations import add_staff
from tests.campaigns.conftest import enrol_quickly
from tests.campaigns.people import points_currency, tiers
from tests.cms.test_campaigning_in_the_browser import is_sound
from tests.journeys.conftest import AT, later
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CLICKS_MAX = 4


@pytest.fixture
def marketer_at(page_at, site, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AT)
    tiers()
    points_currency()
    marketer = add_staff(email="mara@example.com", roles=["marketer"])
    return lambda width, **options: page_signed_in(page_at(width, **options), site, marketer, "cms")


def test_an_empty_account_has_a_live_welcome_journey_with_offers_in_four_clicks(marketer_at, site):
    page, clicks = marketer_at(1280), 0
    page.goto(site + "/cms/")
    for words in ("Journeys", "Use “Welcome”", "Go live", "Go live now"):
        page.get_by_role("link", name=words, exact=True).or_(page.get_by_role("button", name=words, exact=True)).click()
        page.wait_for_load_state()
        clicks += 1
    page.wait_for_selector("text=Version 1 is live.")
    assert clicks <= CLICKS_MAX
    journey = Journey.objects.get()
    assert journey.status == "live"
    assert "offers" in {block.block_type for block in _email_of(journey).body}

    newcomer = Member.objects.create(joined_at=later(seconds=1))
    entering.listen(at=later(seconds=1))
    running.run(at=later(seconds=1))
    page.reload()
    page.click(".camp-funnel a:has-text('Inside')")
    page.click("text=Their way")
    page.wait_for_selector("text=Joined the programme")
    is_sound(page, ".camp")
    page.goto(site + reverse("cms_journey_test", args=[journey.pk]) + f"?member={newcomer.public_id}")
    page.wait_for_selector("text=They are inside already.")
    is_sound(page, ".camp")


def _email_of(journey):
    from emails.models import EmailTemplate

    return EmailTemplate.objects.get(pk=journey.version.definition["steps"][0]["template"])


def by_key(page, locator, key="Enter"):
    locator.focus()
    page.keyboard.press(key)


def test_a_journey_is_built_changed_and_published_by_keyboard_on_a_phone(marketer_at, site):
    page = marketer_at(390)
    page.goto(site + reverse("cms_journeys"))
    is_sound(page, ".camp")
    page.fill("#name", "My own")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/journeys/\d+/$"))
    for kind, n in (("Wait for a time", 1), ("Stick or take off a tag", 2), ("Wait for an event", 3)):
        by_key(page, page.locator(".jour-add summary").last)
        by_key(page, page.get_by_role("button", name=kind, exact=True).last)
        page.wait_for_url(re.compile(rf"/steps/s{n}/$"))
        if n == 2:
            page.fill("[name=tag]", "greeted")
        is_sound(page, ".camp")
        by_key(page, page.get_by_role("button", name="Save"))
        page.wait_for_url(re.compile(r"/journeys/\d+/#s\d$"))
    assert page.locator(".jour-branch").count() == 2
    with page.expect_response("**/change/"):
        by_key(page, page.locator("#up-s2"))
    page.wait_for_function("document.querySelector('#flow .jour-path > .jour-card[id]').id === 's2'")
    for key, first in (("undo", "s1"), ("redo", "s2")):
        with page.expect_response("**/change/"):
            by_key(page, page.locator(f"#flow-{key}"))
        page.wait_for_function(f"document.querySelector('#flow .jour-path > .jour-card[id]').id === '{first}'")
    page.wait_for_selector("text=Choose how members come in")
    by_key(page, page.get_by_role("link", name="Change how members come and go").first)
    page.wait_for_url(re.compile(r"/rules/$"))
    is_sound(page, ".camp")
    by_key(page, page.get_by_role("button", name="Save"))
    page.wait_for_url(re.compile(r"/journeys/\d+/$"))
    is_sound(page, ".camp")
    journey = Journey.objects.get()
    operations.publish(journey=journey, at=AT)
    enrol_quickly(1)
    Enrolment.objects.create(
        journey=journey, version=journey.versions.get(), member=Member.objects.get(), round=1, cause="hand:1", step="s1",
        due_at=later(days=1), arrived_at=AT, entered_at=AT,
    )  # fmt: skip
    page.reload()
    with page.expect_response("**/change/"):
        by_key(page, page.locator("#remove-s1"))
    page.wait_for_selector("#s1", state="detached")
    page.goto(site + reverse("cms_journey_publish", args=[journey.pk]))
    page.wait_for_selector("text=The step is gone")
    is_sound(page, ".camp")
    by_key(page, page.get_by_role("button", name="Go live now"))
    page.wait_for_selector("text=Version 2 is live.")
