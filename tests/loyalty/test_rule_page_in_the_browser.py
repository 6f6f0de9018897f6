"""The page of a rule in a real browser: things are found by a few letters, chosen by mouse or key, and saved as the engine knows them."""

import pytest
from django.urls import reverse
from django.utils import timezone

from loyalty import operations
from loyalty.models import RuleDraft
from members.operations import add_staff
from tests.loyalty.conftest import open_shop
from tests.signing_in import page_signed_in


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_goods_and_tiers_are_picked_by_a_few_letters(site, page_at):
    open_shop()
    manager = add_staff(email="manager@example.com", roles=["store_manager"])
    earn = [{"currency": "USD", "points": 1, "per_minor": 100}]
    draft = operations.create_draft(name="Ideas", definition={"earn": earn}, by_user_id=manager.pk, at=timezone.now())
    page = page_signed_in(page_at(390, 900), site, manager, "cms")
    page.goto(site + reverse("programme_draft_add", args=[draft.pk, "multiply"]))
    page.fill("input[name=name]", "Apples for Gold")

    goods = page.locator("[data-picks][data-name=when__categories]")
    goods.locator("[data-query]").press_sequentially("appl")
    goods.get_by_role("option").first.click()
    assert goods.locator("[data-chosen] label").count() == 1
    assert goods.locator("[data-offers]").is_hidden()

    tiers = page.locator("[data-picks][data-name=when__tiers]")
    tiers.locator("[data-query]").press_sequentially("gol")
    tiers.get_by_role("option").first.wait_for()
    tiers.locator("[data-query]").press("Enter")
    assert tiers.locator("[data-chosen] input:checked").get_attribute("value") == "gold"
    tiers.locator("[data-query]").press_sequentially("platinum")
    page.wait_for_function("document.querySelector('[data-name=when__tiers] [data-offers]').textContent.length > 0")
    tiers.locator("[data-query]").fill("")

    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(site + reverse("programme_draft", args=[draft.pk]))
    [rule] = RuleDraft.objects.get().definition["rules"]
    assert (rule["name"], rule["when"]["tiers"]) == ("Apples for Gold", ["gold"])
    assert rule["when"]["categories"][0].startswith("PRODUCE > APPLES")
    assert page.get_by_text("Double points on").first.is_visible()
