"""A marketer's and an analyst's screens in a real browser, on a phone and at a desk."""

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from campaigns import operations, rehearsal
from campaigns.models import Audience
from members import clock
from members.operations import add_staff
from sales.models import Purchase
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import deliver, sale
from tests.campaigns.people import AT
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
END = AT + timedelta(days=14)


def is_sound(page, within="html"):
    wrong = [
        (finding["id"], [node["html"][:200] for node in finding["nodes"]])
        for finding in Axe().run(page, context=within).response["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]
    assert not wrong
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def shop_open(site, monkeypatch):
    """The site, its business clock standing at AT."""
    monkeypatch.setattr(clock, "now", lambda: AT)
    return site


def built_by_hand(page, site):
    """Build, count and save an audience with the mouse and the keyboard."""
    page.goto(site + reverse("cms_audience_new"))
    page.fill("[name=name]", "Quiet English readers")
    page.click("summary")
    page.click("button[value='add:0:language']")
    page.wait_for_selector("[name='n.0.0.languages']")
    page.click("summary")
    page.click("button[value='add:0:last_purchase']")
    page.wait_for_selector("[name='n.0.1.days']")
    with page.expect_response("**/audiences/count/"):
        page.fill("[name='n.0.1.days']", "40")
    page.wait_for_selector("#count:has-text('Last purchase more than 40 days ago')")
    page.focus("[name=name]")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/audiences/\d+/$"))


@pytest.mark.parametrize("width", [390, 1280])
def test_an_audience_is_built_and_a_campaign_launched_and_read(page_at, shop_open, width, town, draft):
    people, place, _products = town(80)
    site = shop_open
    marketer = add_staff(email="mara@example.com", roles=["marketer"])
    page = page_signed_in(page_at(width), site, marketer, "cms")
    built_by_hand(page, site)
    assert Audience.objects.filter(name="Quiet English readers").count() == 1
    is_sound(page, ".camp")
    campaign = draft(name="Rehearsal of spring", kind="rehearsal", holdout_percent=40)
    address = site + reverse("cms_campaign", args=[campaign.pk])
    for url in (reverse("cms_campaigns"), reverse("cms_audiences"), reverse("cms_campaign_edit", args=[campaign.pk])):
        page.goto(site + url)
        is_sound(page, ".camp")
    page.goto(address)
    is_sound(page, ".camp")
    page.click(".camp-header a:has-text('Go live')")
    page.click("text=Launch now")
    page.wait_for_selector(".camp-funnel")
    deliver(campaign, sent_at=AT)
    operations.finish(campaign=campaign, at=AT)
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(days=1), 900 + i, place, f"in-{i}") for i, one in enumerate(people)
    )
    rehearsal.simulate(campaign=campaign, at=AT, effect={"purchases": 1.0}, seed=5)
    operations.measure(campaign=campaign, at=END)
    page.goto(address)
    is_sound(page, ".camp")
    page.click(".camp-funnel a:has-text('Held out')")
    page.wait_for_selector("text=Given")
    is_sound(page, ".camp")

    analyst = add_staff(email="ana@example.com", roles=["analyst"])
    page_signed_in(page, site, analyst, "reports")
    for url in (
        reverse("reports:overview"),
        reverse("reports:campaigns"),
        reverse("reports:campaign", args=[campaign.pk]),
    ):
        page.goto(site + url)
        is_sound(page)
    assert "The estimate beside the truth" in page.inner_text("main")
    page.emulate_media(media="print")  # paper shows what is folded on the screen, to the last column
    assert page.locator("details td").first.is_visible()
    assert not page.locator(".topbar").is_visible()
    cut = "[...document.querySelectorAll('.table-scroll')].filter((one) => getComputedStyle(one).overflowX !== 'visible').length"
    assert page.evaluate(cut) == 0
