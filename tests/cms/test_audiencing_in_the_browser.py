"""A list is uploaded, a change in the builder taken back, and a journey's note read by the member it was left for; in a real browser."""

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.journeys import running
from campaigns.journeys.models import PortalNote
from campaigns.memberships.models import AudienceMember
from campaigns.models import Audience
from members import clock
from members.operations import add_staff
from tests.campaigns.conftest import enrol_quickly
from tests.campaigns.people import points_currency, tiers
from tests.cms.test_campaigning_in_the_browser import is_sound
from tests.journeys.conftest import AT, live, put_in
from tests.portal import scene as scenes
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def people(site, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AT)
    tiers()
    points_currency()
    return enrol_quickly(3)


def csv(*rows):
    return {"name": "guests.csv", "mimeType": "text/csv", "buffer": "\n".join(("email", *rows)).encode()}


def test_a_list_is_uploaded_and_a_change_in_the_builder_is_taken_back(page_at, site, people):
    page = page_signed_in(page_at(390), site, add_staff(email="mara@example.com", roles=["marketer"]), "cms")
    page.goto(site + reverse("cms_audience_list_new"))
    page.fill("[name=name]", "Guests")
    page.set_input_files("[name=file]", csv("m0@example.com", "nobody@example.com"))
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_selector("text=Nothing was taken from the file")
    is_sound(page, ".camp")
    assert not Audience.objects.exists()
    page.set_input_files("[name=file]", csv("m0@example.com", "m2@example.com"))
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_selector("text=2 members are on the list.")
    listed = AudienceMember.objects.filter(audience__name="Guests").order_by("member")
    assert list(listed.values_list("member", flat=True)) == [people[0].pk, people[2].pk]

    page.goto(site + reverse("cms_audience_new"))
    page.click("summary")
    page.click("button[value='add:0:language']")
    page.check("[name='n.0.0.languages'][value=en]")
    page.click("button[value='remove:0.0']")
    page.wait_for_selector("text=No condition yet")
    page.get_by_role("button", name="Undo the last change").click()
    page.wait_for_selector("[name='n.0.0.languages'][value=en]:checked")
    is_sound(page, ".camp")


def test_a_note_of_a_journey_stands_on_the_members_page_until_they_close_it(page_at, site, people):
    words = {
        "title_en": "A tasting on Friday",
        "title_zh": "",
        "text_en": "Come by",
        "text_zh": "",
        "url": "",
        "days": 3,
    }
    put_in(live({"type": "note", **words}), people[:1])
    running.run(at=timezone.now())  # the portal asks the clock on the wall
    page = page_at(390)
    name, value = scenes.cookie(people[0])
    page.context.add_cookies([{"name": name, "value": value, "url": site}])
    page.goto(f"{site}/portal/")
    page.wait_for_selector("text=A tasting on Friday")
    is_sound(page)
    page.locator("section", has_text="A tasting on Friday").get_by_role("button", name="Close").click()
    page.wait_for_selector("text=A tasting on Friday", state="detached")
    assert PortalNote.objects.get().closed_at
