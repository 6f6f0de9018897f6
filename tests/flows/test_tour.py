"""The tour of the demo's home page, walked in a real browser at a phone's and a desktop's width: one purchase's whole journey.

Everything is real but the clockwork: what the workers would do every few seconds is done here, in this process, when the
tour has come to it.
"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

import loyalty.queries
from campaigns import operations as campaigns
from campaigns import tasks
from campaigns.models import Audience, Campaign
from delivery import channels
from delivery.operations import deliver_chunk
from demo import authoring, operations
from demo.smtp_sink import Sink
from tests.flows import world

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EVERYBODY = {"match": "all", "conditions": [{"type": "points_balance", "op": "at_least", "points": 1}]}


@pytest.fixture
def market(site, settings):
    """A market with a campaign that is ready, a mail server that records, and the demo's bars."""
    settings.DEMO = True
    made = world.make(members_count=60)
    # the members' mails are read in the inbox, as the demo's recording server fills it
    sink = Sink(lambda got: operations.record_email(got.content, to=", ".join(got.recipients), at=timezone.now()))
    sink.start()
    settings.DELIVERY_CHANNELS = {"email": {"class": "emails.smtp.SmtpChannel", "arguments": (sink.url,)}}
    channels.route.cache_clear()
    campaign = campaigns.create(
        name="Rehearsal: weekly picks", kind=Campaign.Kind.REHEARSAL, holdout_percent=20, outcome_days=28,
        audience=Audience.objects.create(name="Everybody with points", conditions=EVERYBODY),
        variants=[
            {"name": name, "weight": 1, "email_template": authoring.email_template(name)} for name in authoring.VARIANTS
        ],
    )  # fmt: skip
    operations.remember(
        second_campaign=campaign.pk, weeks_moved=463, busiest_store={"code": "292", "name": "Store 292"},
        featured={"near_tier": {"public_id": str(made.hero.public_id), "name": made.hero.name}},
    )  # fmt: skip
    made.campaign = campaign
    yield made
    channels.route("email").channel.close()
    channels.route.cache_clear()
    sink.stop()


def is_sound(page):
    """No serious finding of axe, and nothing to scroll sideways."""
    serious = [
        (finding["id"], [node["html"] for node in finding["nodes"]])
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]
    assert not serious
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def take(page, site, step: str):
    """Begin a step from the home page, as its button does."""
    page.goto(f"{site}/")
    page.locator(f".tour form:has(input[value={step}]) button").click()
    page.wait_for_load_state()


def work():
    """What beat and workers do until there is nothing left to do."""
    tasks.run_due()
    while deliver_chunk(worker="tour", at=timezone.now()).claimed:
        pass
    tasks.run_due()


@pytest.mark.parametrize("width", [390, 1280])
def test_one_purchase_walks_through_every_room(page_at, site, market, width):
    page = page_at(width, 844 if width < 600 else 900)
    page.goto(f"{site}/")
    is_sound(page)
    before = loyalty.queries.balance(market.hero.pk, at=timezone.now()).available

    take(page, site, "award")
    page.fill("[name=amount]", "24.60")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/**")
    newest = loyalty.queries.entries(market.hero.pk, limit=1)[0]
    assert newest.points >= 24

    take(page, site, "explain")
    row = page.locator("main .list__row").first
    assert "$24.60" in row.inner_text()
    assert newest.sentence in row.inner_text()
    assert page.locator("[data-closing]").get_attribute("data-closing") == str(before + newest.points)
    is_sound(page)
    row.click()
    page.wait_for_url(f"**/portal/history/{newest.version}/")
    assert "Store 292" in page.inner_text("main")
    is_sound(page)

    take(page, site, "refund")
    with page.expect_navigation(wait_until="load"):  # the button below is of no use before its script is there
        page.locator("main a[href*='/purchases/']").first.click()
    page.click("[data-fill]")
    page.click("text=Show the effect")
    page.locator("[aria-labelledby=effect] button").click()
    page.wait_for_url(f"**/desk/members/{market.hero.public_id}/**")
    after = loyalty.queries.balance(market.hero.pk, at=timezone.now()).available
    assert after == before

    take(page, site, "preview")
    assert market.hero.given_name in page.content()

    take(page, site, "launch")
    page.click(".camp-header a:has-text('Go live')")
    page.click("text=Launch now")
    page.wait_for_load_state()
    work()
    sent = campaigns_sent(market.campaign)
    assert sent > 30

    take(page, site, "read")
    is_sound(page)
    page.locator(".inbox__list a.list__row").first.click()
    page.wait_for_url(re.compile(r"/inbox/\d+/"))
    mail = page.frame_locator("iframe.mail")
    assert mail.locator("body").inner_text().strip()
    is_sound(page)

    take(page, site, "report")
    assert "Rehearsal" in page.inner_text("main")
    is_sound(page)

    page.goto(f"{site}/")
    assert page.locator(".tour li.is-done").count() == 7


def campaigns_sent(campaign) -> int:
    from campaigns.queries import funnel

    told = funnel(Campaign.objects.get(pk=campaign.pk))
    assert (
        told.audience
        == told.sent + told.held_out + sum(told.skipped.values()) + told.waiting + told.failed + told.in_doubt
    )
    return told.sent
