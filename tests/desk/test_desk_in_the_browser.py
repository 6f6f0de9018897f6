"""The service desk in a real browser, at a desk's width and on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from members import queries
from sales.models import Purchase
from tests.desk.conftest import make_help
from tests.desk.test_service import give_offer
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def help_desk(site):
    return make_help()


def is_sound(page):
    serious = [
        (finding["id"], [node["html"] for node in finding["nodes"]])
        for finding in Axe().run(page).response["violations"]
        if finding["impact"] in {"serious", "critical"}
    ]
    assert not serious
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_call_is_answered_find_explain_refund_make_good_and_write_down_a_no(page_at, site, help_desk, width):
    page = page_signed_in(page_at(width), site, help_desk.agent, "desk")
    page.goto(f"{site}/desk/")
    is_sound(page)
    page.keyboard.type("0123")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{help_desk.page}")
    assert "24 points: $24.60 at 1 point per $1" in page.inner_text("main")
    is_sound(page)

    page.click(f"a[href='{help_desk.receipt}']")
    is_sound(page)
    page.fill("[name=line_1]", "1")
    page.click("text=Show the effect")
    assert "$3.00" in page.inner_text("[aria-labelledby=effect]")
    assert not Purchase.objects.filter(kind=2).exists()
    is_sound(page)
    page.click("[aria-labelledby=effect] button")
    page.wait_for_url(f"**{help_desk.page}")
    assert "refund of $3.00" in page.inner_text("main")

    page.fill("[name=points]", "50")
    page.click("text=Adjust the points")
    page.wait_for_selector("text=The balance is 71 points now.")

    page.click("button:has-text('They say no')")
    page.wait_for_selector("text=Written down.")
    assert not queries.consent_now(
        help_desk.maria.pk, at=help_desk.maria.joined_at.now(help_desk.maria.joined_at.tzinfo)
    )["email", "marketing"]

    page.goto(f"{site}{help_desk.page}points/")
    is_sound(page)


def test_why_these_points_this_message_this_offer_or_not_takes_at_most_two_clicks(page_at, site, help_desk):
    """From the member's page: one click to all three, a second opens why each other rule gave nothing."""
    give_offer(help_desk.maria)
    page = page_signed_in(page_at(1280), site, help_desk.agent, "desk")
    page.goto(f"{site}{help_desk.page}")
    page.evaluate("sessionStorage.clicks = 0")
    count = "addEventListener('click', () => sessionStorage.clicks++, true)"
    page.evaluate(count)
    page.click(f"a[href='{help_desk.page}why/']")
    page.wait_for_url("**/why/")
    is_sound(page)
    said = {code: page.inner_text(f"[aria-labelledby=why-{code}]") for code in ("points", "messages", "offers")}
    assert "24 points: $24.60 at 1 point per $1" in said["points"]
    assert "in the standing control group" in said["messages"]
    assert "Given for “Spring”" in said["offers"]
    page.evaluate(count)
    if page.locator("[data-why=points] summary").count():
        page.locator("[data-why=points] summary").first.click()
    assert int(page.evaluate("sessionStorage.clicks")) <= 2
