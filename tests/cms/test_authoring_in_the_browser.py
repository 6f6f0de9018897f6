"""Writing a message in a real browser: fields are inserted by keyboard alone, into plain and into rich text."""

import pytest
from django.urls import reverse

from emails import starters
from emails.models import EmailTemplate
from members.operations import add_staff
from tests.cms.test_campaigning_in_the_browser import is_sound
from tests.signing_in import page_signed_in

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_field_is_inserted_by_keyboard_with_the_words_for_who_lacks_it(site, page_at):
    template = starters.write("win_back", name="Win back")
    user = add_staff(email="ann@example.com", roles=["marketer"])
    page = page_signed_in(page_at(1280), site, user, "cms")
    page.goto(site + reverse(EmailTemplate.snippet_viewset.get_url_name("edit"), args=[template.pk]))
    subject = page.locator("#id_subject")
    subject.focus()
    subject.press("End")
    subject.press("Control+Space")
    dialog = page.locator("dialog.field-picker")
    page.keyboard.type("next ti")
    page.keyboard.press("Enter")
    page.keyboard.type("the top")
    is_sound(page, "dialog.field-picker")
    page.keyboard.press("Enter")
    dialog.wait_for(state="hidden")
    assert subject.input_value().endswith('waiting{{ next_tier | default: "the top" }}')
    rich = page.get_by_role("textbox", name="Text", exact=True).and_(page.locator(".public-DraftEditor-content")).first
    is_sound(page, ".Draftail-Editor")
    rich.click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+Space")
    page.keyboard.type("balance")
    page.keyboard.press("Enter")
    dialog.wait_for(state="hidden")
    rich.get_by_text("{{ points | number }}").wait_for()
    page.keyboard.press("Control+Space")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.goto(site + reverse("cms_email_studio", args=[template.pk]))
    page.frame_locator("iframe.studio-frame").get_by_text("Whole milk").wait_for()
    is_sound(page, "main")
