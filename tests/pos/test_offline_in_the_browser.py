"""A till that is cut off, in a real browser: it says so, sells on, and hands in every sale once."""

import time

import pytest
from django.utils import timezone

import loyalty.queries
from members import queries
from sales.models import Purchase
from tests.pos.conftest import make_counter
from tests.pos.test_till_in_the_browser import card_of, is_sound, stand_at

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
READY = "async () => Boolean(navigator.serviceWorker.controller) && Boolean(await caches.match('/pos/offline/'))"
NOTHING_WAITS = "async () => !(await TillQueue.waiting()).length"


@pytest.fixture
def counter(site):
    return make_counter()


def until(page, question):
    """Ask until the answer is yes. (`wait_for_function` takes the promise of an answer for a yes.)"""
    deadline = time.monotonic() + 30
    while not page.evaluate(question):
        assert time.monotonic() < deadline, question
        page.wait_for_timeout(50)


def kept_ready(page):
    """The worker is in charge and has the page for bad times."""
    until(page, READY)


def cut(page, is_off=True):
    page.context.set_offline(is_off)
    page.troubles.clear()


def waiting(page) -> int:
    return page.evaluate("async () => (await TillQueue.all()).length")


def settle(page):
    until(page, NOTHING_WAITS)
    page.troubles.clear()  # the browser notes every request that met no network


def points_of(counter):
    return loyalty.queries.balance(counter.maria.pk, at=timezone.now()).available


@pytest.mark.parametrize("width", [390, 1280])
def test_the_banner_comes_the_till_sells_on_and_the_sale_arrives_once(page_at, site, counter, width):
    page = stand_at(page_at, site, counter, width)
    kept_ready(page)
    cut(page)
    page.wait_for_selector("#connection [data-cut-off]:visible")
    page.goto(f"{site}/pos/")  # the kept page answers
    page.wait_for_selector("#offline-sale")
    is_sound(page)
    page.keyboard.type(card_of(counter), delay=5)
    page.keyboard.press("Enter")
    page.keyboard.type("24.60")
    page.keyboard.press("Enter")
    page.wait_for_selector("#told:visible")
    assert page.evaluate("document.activeElement.name") == "who", "ready for the next customer"
    assert waiting(page) == 1
    assert Purchase.objects.count() == 0
    cut(page, False)
    settle(page)
    assert [p.total_minor for p in Purchase.objects.all()] == [2460]
    assert points_of(counter) == 24


def test_a_sale_sent_into_the_void_is_kept_and_not_doubled(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    kept_ready(page)
    page.goto(f"{site}/pos/members/{counter.maria.public_id}/")
    page.keyboard.type("12.00")
    cut(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#told:visible")
    assert waiting(page) == 1
    cut(page, False)
    settle(page)
    assert Purchase.objects.count() == 1
    assert points_of(counter) == 12


def test_a_hundred_sales_survive_a_killed_tab_and_arrive_exactly_once(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    kept_ready(page)
    cut(page)
    page.goto(f"{site}/pos/offline/")
    page.wait_for_selector("#offline-sale")
    page.evaluate(
        """async (who) => { for (let n = 1; n <= 100; n++) await TillQueue.add(
        { key: crypto.randomUUID(), who, amount_minor: 100 + n, at: new Date(Date.now() - 60000 + n).toISOString() }) }""",
        card_of(counter),
    )
    context = page.context
    page.close()  # the tab is gone, and with it everything that was not stored
    context.set_offline(False)
    page.troubles.clear()
    first, second = context.new_page(), context.new_page()  # two windows of one till come back at once
    first.goto(f"{site}/pos/")
    second.goto(f"{site}/pos/")
    for window in (first, second):
        until(window, NOTHING_WAITS)
    assert sorted(Purchase.objects.values_list("total_minor", flat=True)) == list(range(101, 201))
    assert points_of(counter) == 150, "of 150.50: the cents are carried on"


def test_a_sale_for_nobody_stays_with_its_reason_until_it_is_removed(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    kept_ready(page)
    page.goto(f"{site}/pos/offline/")
    page.fill("#who", "+1 212 555 0199")
    page.fill("#amount", "5")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reason]:visible")
    assert "Nobody is known by this card or number" in page.locator("#kept").inner_text()
    assert Purchase.objects.count() == 0
    is_sound(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("[data-remove]")
    page.wait_for_selector("#kept-none:visible")
    assert waiting(page) == 0


def test_a_bad_card_and_a_bad_amount_are_told_at_once(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    kept_ready(page)
    page.goto(f"{site}/pos/offline/")
    good = card_of(counter)
    page.fill("#who", good[:-1] + str((int(good[-1]) + 1) % 10))
    page.fill("#amount", "5")
    page.keyboard.press("Enter")
    page.wait_for_selector("#wrong:visible")
    assert "Scan the card again" in page.locator("#wrong").inner_text()
    page.fill("#who", queries.identifiers(counter.maria)["phone"].value)
    page.fill("#amount", "five")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('wrong').textContent.includes('digits')")
    assert waiting(page) == 0
