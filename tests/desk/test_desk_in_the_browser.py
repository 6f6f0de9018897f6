"""The service desk in a real browser, at a desk's width and on a phone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

import loyalty.operations
from members import queries
from sales.lines import Line
from sales.models import Purchase
from sales.operations import ensure_products
from tests.desk.conftest import make_help
from tests.desk.test_service import give_offer, one_of_each
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


def test_why_and_why_not_these_points_this_message_and_this_offer_take_at_most_two_clicks(page_at, site, help_desk):
    """Six questions, got and not got of each of the three, every click counted from the member's own page on."""
    asked_for(help_desk.maria)
    page = page_signed_in(page_at(1280), site, help_desk.agent, "desk")
    page.add_init_script(
        "addEventListener('click', () => sessionStorage.clicks = 1 + Number(sessionStorage.clicks || 0), true)"
    )
    page.goto(f"{site}{help_desk.page}")
    page.evaluate("sessionStorage.clicks = 0")
    page.click(f"a[href='{help_desk.page}why/']")
    page.wait_for_url("**/why/")
    is_sound(page)
    yes = {code: said_with(page, code, "good") for code in ("points", "messages", "offers")}
    no = {code: said_with(page, code, "warn") for code in ("points", "messages", "offers")}
    assert "5 points: $5.00 at 1 point per $1" in yes["points"]
    assert "No points:" in no["points"]
    assert "for “Campaign a-0”" in yes["messages"]
    assert "in the standing control group" in no["messages"]
    assert "Left out by chance" in no["messages"]
    assert "Given for “Spring”" in yes["offers"]
    assert "The member said: not interested." in no["offers"]
    assert page.evaluate("sessionStorage.clicks") == "1"
    line = page.locator("[data-why=points]", has_text="5 points").first
    line.locator("summary").click()  # the second: why every other rule gave nothing for the same receipt
    assert "Fish days: nothing of its kind was bought" in line.inner_text()
    assert page.evaluate("sessionStorage.clicks") == "2"


def said_with(page, code: str, tone: str) -> str:
    """Every line of a question whose mark says yes (good) or no (warn)."""
    lines = page.locator(f"[data-why={code}]", has=page.locator(f".badge--{tone}"))
    return "\n".join(lines.all_inner_texts())


def asked_for(maria):
    """Of points, messages and offers something Maria got and something she did not, each for a reason of its own."""
    now = timezone.now()
    earn = [{"currency": "USD", "points": 1, "per_minor": 100}]
    fish = {"code": "fish", "name": "Fish days", "multiply_percent": 500, "when": {"categories": ["FISH"]}}
    loyalty.operations.publish_rule_set(
        definition={"earn": earn, "rules": [fish]}, live_from=now - timedelta(days=1), name="With fish"
    )
    ensure_products([("bag", "Bag deposit", "SERVICE > FEES > BAG DEPOSIT", "", True)])
    one_of_each(maria, "a")
    loyalty.operations.record_purchase(
        source="till:S1", client_key="deposit", store_code="S1", purchased_at=now, currency="USD", member_id=maria.pk,
        lines=[Line("bag", Decimal(1), 50)],
    )  # fmt: skip
    give_offer(maria)
