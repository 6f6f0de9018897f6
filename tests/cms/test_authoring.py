"""Writing e-mails in the admin: who may, what the studio shows, and the test to oneself."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from demo.smtp_sink import Sink
from emails import starters
from emails.models import EmailTemplate
from members.access import Role
from members.operations import add_staff, enrol
from push.models import PushTemplate, PushWording
from tests.signing_in import at_door

AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)


def signed_in(role):
    user = add_staff(email=f"{role}@example.com", roles=[role])
    return at_door(Client(), user, "cms")


@pytest.fixture
def marketer(db):
    return signed_in(Role.MARKETER)


@pytest.fixture
def template(db):
    return starters.write("win_back", name="Win back")


@pytest.fixture
def member(db):
    return enrol(at=AT, given_name="Beatrix", family_name="Quill", email="bea@example.com", source="test")


def studio(template):
    return reverse("cms_email_studio", args=[template.pk])


def frame(template):
    return reverse("cms_email_frame", args=[template.pk])


@pytest.mark.parametrize("name", ["cms_email_studio", "cms_email_frame"])
@pytest.mark.parametrize(
    ("role", "status"), [(Role.APPROVER, 200), (Role.ADMINISTRATOR, 200), (Role.CASHIER, 302), (Role.ANALYST, 302)]
)
def test_previews_are_for_those_who_write_and_approve(template, name, role, status):
    response = signed_in(role).get(reverse(name, args=[template.pk]))
    assert response.status_code == status
    if status == 302:
        assert b"<h1" not in response.content


def test_the_lists_and_editors_open(marketer, template):
    edit = reverse(EmailTemplate.snippet_viewset.get_url_name("edit"), args=[template.pk])
    for address in (
        "/cms/emails/templates/",
        "/cms/push/templates/",
        "/cms/push/templates/add/",
        "/cms/emails/templates/add/",
        edit,
    ):
        response = marketer.get(address)
        assert response.status_code == 200, address
    page = response.content.decode()
    assert "Nothing is wrong with the version last saved" in page
    assert "{{ given_name | default: &quot;…&quot; }}" in page or '{{ given_name | default: "…" }}' in page
    assert studio(template) in page


def test_the_studio_shows_the_inbox_line_the_problems_and_the_frame(marketer, template):
    page = marketer.get(studio(template)).content.decode()
    assert "Amelia, your favourites are waiting" in page
    assert "Nothing is wrong with it." in page
    assert f"{frame(template)}?as=sample&amp;look=light" in page
    assert "简体中文" in page or "Simplified Chinese" in page


def test_a_member_we_know_nothing_about_gets_the_fallbacks_marked(marketer, template):
    page = marketer.get(frame(template), {"as": "nobody"}).content.decode()
    assert "dotted" in page
    assert ">friend</span>" in page
    assert "Come by and see what is fresh this week" in page
    assert "Hello, your favourites" in marketer.get(studio(template), {"as": "nobody"}).content.decode()


@pytest.mark.parametrize(
    ("look", "shown"), [("text", "<pre"), ("dark", "@media all"), ("light", "@media (prefers-color-scheme: dark)")]
)
def test_each_appearance_is_the_same_mail(marketer, template, look, shown):
    page = marketer.get(frame(template), {"look": look}).content.decode()
    assert shown in page
    assert "Whole milk" in page


def test_a_real_member_is_found_and_read_through(marketer, template, member):
    page = marketer.get(studio(template), {"q": "bea@example.com"}).content.decode()
    assert str(member.public_id) in page
    assert "Quill" not in page
    assert "Beatrix" in marketer.get(frame(template), {"as": member.public_id}).content.decode()
    assert marketer.get(frame(template), {"as": "00000000-0000-0000-0000-000000000000"}).status_code == 404


def test_the_live_preview_beside_the_editor_knows_the_chosen_member(marketer, template, member):
    marketer.get(studio(template), {"as": member.public_id})
    live = reverse(EmailTemplate.snippet_viewset.get_url_name("preview_on_edit"), args=[template.pk])
    form = {
        "name": template.name,
        "subject": "Hi {{ given_name }}",
        "preheader": "",
        "body-count": "1",
        "body-0-deleted": "",
        "body-0-order": "0",
        "body-0-type": "button",
        "body-0-id": "",
        "body-0-value-button_text": "For {{ given_name }}",
        "body-0-value-button_url": "https://example.com/",
    }
    told = json.loads(marketer.post(live, form).content)
    assert told["is_valid"], told
    page = marketer.get(live, {"mode": "member"}).content.decode()
    assert "For Beatrix" in page.replace("\n", "")
    assert "For Amelia" in marketer.get(live, {"mode": "sample"}).content.decode().replace("\n", "")


def test_a_test_reaches_only_the_one_who_asked_with_real_data(marketer, template, member, settings):
    with Sink() as sink:
        settings.EMAIL_URL = sink.url
        marketer.post(reverse("cms_email_test", args=[template.pk]), {"as": str(member.public_id)})
    assert [m.recipients for m in sink.messages] == [["marketer@example.com"]]
    content = sink.messages[0].content.decode()
    assert "Subject: [Test] Beatrix, your favourites are waiting" in content
    assert "/m/c/" not in content


def test_a_test_that_cannot_leave_says_why(marketer, template, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    page = marketer.post(reverse("cms_email_test", args=[template.pk]), {"as": "sample"}, follow=True).content.decode()
    assert "The mail server did not take it" in page


def test_a_test_is_not_sent_by_following_a_link(marketer, template):
    assert marketer.get(reverse("cms_email_test", args=[template.pk])).status_code == 405


def test_a_broken_draft_is_explained_instead_of_an_error(marketer, template):
    template.subject = "{{ given_name"
    template.save_revision()
    response = marketer.get(studio(template))
    assert response.status_code == 200
    assert "It cannot be shown" in response.content.decode()
    assert marketer.get(frame(template)).status_code == 200


def test_a_push_message_is_seen_as_it_will_arrive(marketer, member):
    push = PushTemplate(name="Note", url="/portal/")
    push.wordings = [PushWording(language="en", title="Hello {{ given_name }}", body="{{ points }} points")]
    push.save()
    page = marketer.get(reverse("cms_push_studio", args=[push.pk]), {"as": member.public_id}).content.decode()
    assert "Hello Beatrix" in page
