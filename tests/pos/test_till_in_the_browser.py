"""The till in a real browser: keyboard only, at a till's width and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

import loyalty.queries
from members import operations, queries
from sales.models import Purchase
from tests.pos.conftest import make_counter
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
WIDTHS = [390, 1280]


@pytest.fixture
def counter(site):
    return make_counter()


def stand_at(page_at, site, counter, width=1280):
    page = page_signed_in(page_at(width), site, counter.cashier, "pos")
    page.goto(f"{site}/pos/")
    return page


def card_of(counter) -> str:
    return queries.identifiers(counter.maria)["card"].value


def is_sound(page):
    """No serious finding of axe, and nothing to scroll sideways."""
    serious = [
        (finding["id"], [node["html"] for node in finding["nodes"]])
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]
    assert not serious
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def balance_shown(page) -> list[str]:
    return page.locator(".till-change").inner_text().replace("→", " ").split()[-3:]


@pytest.mark.parametrize("width", WIDTHS)
def test_scan_amount_enter_and_the_new_balance_is_read_from_afar(page_at, site, counter, width):
    page = stand_at(page_at, site, counter, width)
    is_sound(page)
    page.keyboard.type(card_of(counter), delay=5)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/members/**")
    assert page.evaluate("document.activeElement.name") == "amount"
    is_sound(page)
    page.keyboard.type("24.60")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/**")
    assert balance_shown(page) == ["0", "24", "points"]
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.till-change strong')).fontSize)") >= 32
    assert "24 points: $24.60" in page.inner_text(".till-words")
    is_sound(page)
    assert page.evaluate("document.activeElement.id") == "find", "ready for the next customer"


def test_a_card_scanned_into_the_amount_is_never_an_amount(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    other = operations.enrol(at=timezone.now(), source="test", given_name="Ann")
    page.goto(f"{site}/pos/members/{other.public_id}/")
    page.keyboard.type("12.5")
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.type(card_of(counter), delay=5)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/pos/members/{counter.maria.public_id}/")
    assert page.input_value("[name=amount]") == ""
    assert not Purchase.objects.exists()


def test_a_scan_is_recognised_with_no_field_focused_and_a_bad_one_is_told_in_words(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    sold = _sell(page, site, counter)
    page.goto(sold)
    page.evaluate("document.activeElement.blur()")
    card = card_of(counter)
    page.keyboard.type(card[:-1] + str((int(card[-1]) + 1) % 10))
    page.keyboard.press("Enter")
    assert page.locator("#bad-card").is_visible()
    assert page.url == sold
    page.keyboard.type(card)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/pos/members/{counter.maria.public_id}/")


def _sell(page, site, counter, amount="24.60") -> str:
    page.goto(f"{site}/pos/members/{counter.maria.public_id}/")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/**")
    return page.url


def test_arrows_and_enter_choose_among_several(page_at, site, counter):
    second = operations.enrol(
        at=timezone.now(), source="test", given_name="Maria", family_name="Smith", phone="+12125559876"
    )
    page = stand_at(page_at, site, counter)
    page.keyboard.type("maria")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-arrows]")
    is_sound(page)
    assert "Jones" not in page.inner_text("main")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/pos/members/{second.public_id}/")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_slip_is_taken_back_with_two_keys(page_at, site, counter, width):
    page = stand_at(page_at, site, counter, width)
    _sell(page, site, counter)
    page.keyboard.press("F8")
    page.wait_for_url("**/refund/")
    assert balance_shown(page) == ["24", "0", "points"]
    is_sound(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Refunded. Give the money back.")
    assert balance_shown(page) == ["24", "0", "points"]
    assert loyalty.queries.balance(counter.maria.pk, at=timezone.now()).available == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_enrolling_in_the_queue_needs_one_field_and_the_sale_counts(page_at, site, counter, width):
    page = stand_at(page_at, site, counter, width)
    page.keyboard.press("F4")
    page.wait_for_url("**/pos/enrol/")
    is_sound(page)
    page.keyboard.type("212 555 0199")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/members/**")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pos/sales/**")
    assert balance_shown(page) == ["0", "10", "points"]


def test_a_whole_shift_without_a_mouse(page_at, site, counter):
    """Ten sales by phone digits, not one by click; each stored once."""
    page = stand_at(page_at, site, counter)
    page.add_init_script(
        "for (const name of ['mousedown', 'click']) addEventListener(name, (e) => { if (e.isTrusted && e.detail) { e.stopImmediatePropagation(); e.preventDefault(); } }, true)"
    )
    for n in range(1, 11):
        page.keyboard.press("F2")
        page.keyboard.type("0123")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pos/members/**")
        page.keyboard.type(f"{n}.00")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pos/sales/**")
    assert sorted(Purchase.objects.values_list("total_minor", flat=True)) == [n * 100 for n in range(1, 11)]
