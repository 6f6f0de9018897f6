"""Every page of the portal and the demo at a phone's and a desktop's width, by day and by night, in both languages:

no serious finding of axe, nothing to scroll sideways, no word cut off, no complaint of the browser.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from demo import operations
from tests.demo.test_pages import letter
from tests.flows import world

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PORTAL = [
    "",
    "history/",
    "history/1/",
    "card/",
    "offers/",
    "preferences/",
    "rewards/",
    "me/",
    "messages/",
    "claim/",
    "membership/",
    "card/pocket/",
    "data/",
    "data/delete/",
    "data/delete/confirm/",
    "goodbye/",
]
OPEN = [
    "/",
    "/about-the-data/",
    "/inbox/",
    "/inbox/1/",
    "/inbox/2/",
    "/design/",
    "/portal/login/",
    "/portal/join/",
    "/portal/pages/",
]

CUT_OFF = """() => [...document.querySelectorAll('h1, h2, h3, p, a, button, label, span, dt, dd, td, th, li')]
  .filter((e) => e.clientWidth && !e.closest('.visually-hidden, .truncate, .tabs, .topbar__nav, .rolebar, .table--cards thead'))
  .filter((e) => getComputedStyle(e).display !== 'inline' && e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.outerHTML.slice(0, 120))"""
TOO_SMALL = """() => [...document.querySelectorAll('main button, main .btn, main input:not([type=hidden]), .topbar__nav a')]
  .filter((e) => e.checkVisibility())
  .map((e) => [e.getBoundingClientRect(), e])
  .filter(([box, e]) => box.height < 43.5 && !['checkbox', 'radio'].includes(e.type) && !e.closest('.segmented'))
  .map(([box, e]) => e.outerHTML.slice(0, 120))"""


@pytest.fixture
def market(site, settings):
    settings.DEMO = True
    made = world.make(members_count=3)
    story = {"public_id": str(made.hero.public_id), "name": made.hero.name}
    operations.remember(
        featured={"near_tier": story}, weeks_moved=463, busiest_store={"code": "292", "name": "Store 292"}
    )
    operations.record_email(letter().as_bytes(), to="ada@example.com", at=timezone.now())
    operations.record_push(b'{"title": "200 points", "body": "Tap", "url": "/portal/"}', to="x", at=timezone.now())
    return made


def troubles_of(page) -> dict:
    serious = [
        (finding["id"], [node["html"][:120] for node in finding["nodes"]])
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]
    found = {
        "axe": serious,
        "wide": page.evaluate("document.documentElement.scrollWidth > innerWidth"),
        "cut off": page.evaluate(CUT_OFF),
        "too small": page.evaluate(TOO_SMALL),
    }
    return {name: what for name, what in found.items() if what}


@pytest.mark.parametrize(
    "look", [(360, "light", "zh-hans"), (1280, "dark", "en")], ids=lambda look: "-".join(map(str, look))
)
def test_every_page_is_sound(page_at, site, market, look):
    width, scheme, language = look
    page = page_at(width, 780, color_scheme=scheme)
    page.context.add_cookies([{"name": "django_language", "value": language, "url": site}])
    page.goto(f"{site}/")
    page.locator("form.card[action='/portal/demo-sign-in/'] button").click()
    page.wait_for_url("**/portal/")
    found = {}
    for address in [*(f"/portal/{path}" for path in PORTAL), *OPEN]:
        page.goto(f"{site}{address}")
        if troubles := troubles_of(page):
            found[address] = troubles
    assert found == {}


def test_the_portal_is_used_by_keyboard_alone(page_at, site, market):
    page = page_at(1280)
    page.goto(f"{site}/")
    page.locator("form.card[action='/portal/demo-sign-in/'] button").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/portal/")
    page.goto(f"{site}/portal/preferences/")
    page.locator(".switch-button").nth(2).focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = page.locator(".switch-button").nth(2).get_attribute("aria-checked")
    page.keyboard.press("Space")
    page.wait_for_selector(".banner--success")
    assert page.locator(".switch-button").nth(2).get_attribute("aria-checked") != before


def test_the_colours_stay_as_chosen(page_at, site, market):
    page = page_at(1280, color_scheme="light")
    page.goto(f"{site}/")
    day = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-switch]")
    night = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert night != day
    page.goto(f"{site}/about-the-data/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == night
    assert page.get_attribute("[data-theme-switch]", "aria-pressed") == "true"


def test_a_double_tap_is_one_act(page_at, site, market):
    from recommender.models import Dismissal

    page = page_at(390)
    page.goto(f"{site}/")
    page.locator("form.card[action='/portal/demo-sign-in/'] button").click()
    page.wait_for_url("**/portal/")
    page.goto(f"{site}/portal/offers/")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator(".offer__act button").first.dblclick()
    page.wait_for_selector(".dismissed")
    assert len(sent) == 1
    assert Dismissal.objects.count() == 1
