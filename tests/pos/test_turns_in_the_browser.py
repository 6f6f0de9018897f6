"""Cashiers take turns at one till in a real browser, without a mouse."""

import pytest

from members import operations
from pos import taking_turns
from tests.pos.conftest import make_counter
from tests.pos.test_till_in_the_browser import is_sound, stand_at

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def counter(site):
    made = make_counter()
    made.dana = operations.add_staff(
        email="dana@example.com", roles=["cashier"], given_name="Dana", family_name="Reyes"
    )
    made.store.staff.add(made.dana)
    operations.set_pin(user=made.dana, pin="7305")
    operations.set_pin(user=made.cashier, pin="4826")
    return made


@pytest.mark.parametrize("width", [390, 1280])
def test_the_till_changes_hands_by_six_keys(page_at, site, counter, width):
    page = stand_at(page_at, site, counter, width)
    page.keyboard.press("F9")
    page.wait_for_url("**/pos/switch/")
    is_sound(page)
    page.keyboard.type("7305")
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner--success")
    assert "Dana is at the till" in page.locator(".banner--success").inner_text()
    page.keyboard.press("F9")
    page.wait_for_url("**/pos/switch/")
    assert "Casey" in page.locator("[data-choose] label", has=page.locator("input:checked")).inner_text()


def test_a_till_left_alone_covers_itself_and_keeps_what_was_typed(page_at, site, counter, monkeypatch):
    monkeypatch.setattr("pos.views.IDLE_SECONDS", 1)
    page = stand_at(page_at, site, counter)
    page.goto(f"{site}/pos/members/{counter.maria.public_id}/")
    page.keyboard.type("24.60")
    page.wait_for_selector("#till-lock[open]")
    is_sound(page)
    page.keyboard.type("0000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#till-lock [data-wrong]:visible")
    page.troubles.clear()  # the browser notes the refusal
    page.keyboard.type("4826")
    page.keyboard.press("Enter")
    page.wait_for_selector("#till-lock", state="hidden")
    assert page.input_value("[name=amount]") == "24.60"
    assert page.evaluate("document.activeElement.name") == "amount"


def test_a_pin_is_chosen_where_the_till_says_so(page_at, site, counter):
    page = stand_at(page_at, site, counter)
    page.goto(f"{site}/pos/pin/")
    is_sound(page)
    page.keyboard.type("9027")
    page.keyboard.press("Tab")
    page.keyboard.type("9027")
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner--success")
    operations.check_pin(user=counter.cashier, pin="9027")
    assert taking_turns.has_pin(counter.cashier)
