"""Writing e-mails in the admin: who may, what the studio shows, and the test to oneself."""

import email
import email.policy
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as PILImage
from wagtail.images.models import Image

from campaigns import checks
from campaigns.models import Audience, Variant
from campaigns.operations import create
from cms.authoring import picking, usage
from cms.models import Note
from cms.tasks import publish_due
from delivery import contents
from delivery.models import Message
from delivery.operations import deliver_chunk
from delivery.queries import page_of
from emails import checks as email_checks
from emails import starters
from emails.models import EmailTemplate, MessageRules
from members.access import Role
from members.operations import add_staff, enrol
from members.roles import grant_permissions
from portal.models import Article
from push.models import PushSubscription, PushTemplate, PushWording
from push.wording import check_wording
from tests.delivery.conftest import hop  # noqa: F401 -- a channel that records what it is given
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


def test_a_test_reaches_only_the_one_who_asked_with_real_data_and_no_name_is_stored(marketer, template, member, hop):  # noqa: F811
    marketer.post(reverse("cms_email_test", args=[template.pk]), {"as": str(member.public_id)})
    message = Message.objects.get()
    assert "Beatrix" not in json.dumps(message.values)
    assert (message.user.email, message.purpose) == ("marketer@example.com", "transactional")
    deliver_chunk(worker="w", at=message.due_at)
    [sent] = hop.taken
    letter = email.message_from_bytes(bytes(sent.content), policy=email.policy.SMTP)
    assert (letter["To"], letter["Subject"]) == ("marketer@example.com", "[Test] Beatrix, your favourites are waiting")
    assert b"/m/c/" not in bytes(sent.content)
    page = page_of(message)
    assert "Beatrix" in page, "the link to view it online works for a test too"


def test_a_test_in_nobodys_words_says_what_they_would_read(marketer, template, hop):  # noqa: F811
    marketer.post(reverse("cms_email_test", args=[template.pk]), {"as": "nobody"})
    deliver_chunk(worker="w", at=Message.objects.get().due_at)
    assert b"Subject: [Test] Hello, your favourites" in bytes(hop.taken[0].content)


def test_a_draft_that_nobody_can_read_is_not_sent_and_says_why(marketer, template):
    template.subject = "{{ given_name"
    template.save_revision()
    marketer.post(reverse("cms_email_test", args=[template.pk]), {"as": "sample"})
    assert not Message.objects.exists()


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


def test_a_push_test_comes_to_the_browsers_of_who_asks_and_to_nobody_elses(marketer, member, hop):  # noqa: F811
    push = PushTemplate(name="Note", url="/portal/")
    push.wordings = [PushWording(language="en", title="Hello {{ given_name }}", body="{{ points }} points")]
    push.save()
    address = reverse("cms_push_test", args=[push.pk])
    page = marketer.post(address, {"as": str(member.public_id)}, follow=True).content.decode()
    assert "Join the programme with marketer@example.com" in page
    assert not Message.objects.exists()
    me = enrol(at=AT, given_name="Mara", email="marketer@example.com", source="test")
    PushSubscription.objects.create(
        member=me, endpoint="https://push.example/1", endpoint_hash=b"1" * 16, p256dh="k", auth="a", subscribed_at=AT
    )
    marketer.post(address, {"as": str(member.public_id)})
    message = Message.objects.get()
    assert (message.member, message.channel, message.purpose) == (me, "push", "transactional")
    assert "Beatrix" not in json.dumps(message.values)
    _handler, frozen = contents.resolve(message.content)
    assert frozen.title == "[Test] Hello {{ given_name }}"


def test_what_is_due_is_published_and_what_is_over_is_taken_down_by_the_clock(template):
    """The beat's chore, for e-mails and for pages: once, however often it runs."""
    template.unpublish()
    template.subject, template.go_live_at = "Spring is here", timezone.now() + timedelta(hours=1)
    template.save_revision().publish()
    page = Article(title="Help", slug="help", locale=template.locale, live=False)
    page.save()
    page.go_live_at, page.expire_at = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=3)
    page.save_revision().publish()

    def standing():
        return [type(one).objects.get(pk=one.pk).live for one in (template, page)]

    publish_due()
    assert standing() == [False, False]
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        publish_due()
        publish_due()
        assert standing() == [True, True]
        assert EmailTemplate.objects.get(pk=template.pk).subject == "Spring is here"
    with time_machine.travel(timezone.now() + timedelta(hours=4)):
        publish_due()
        assert standing() == [True, False]


def test_a_picture_is_uploaded_shown_no_wider_than_its_place_and_asked_for_words(
    marketer, template, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    file = io.BytesIO()
    PILImage.new("RGBA", (3000, 1500), (29, 92, 63, 128)).save(file, "PNG")
    upload = SimpleUploadedFile("field.png", file.getvalue(), "image/png")
    marketer.post(reverse("wagtailimages:add"), {"title": "A field", "file": upload, "tags": ""})
    picture = Image.objects.get(title="A field")
    shown = [{"type": "image", "id": "i1", "value": {"image": picture.pk, "alt": "", "url": ""}}]
    beside = {"first": shown, "second": [{"type": "text", "id": "t1", "value": {"text": "<p>Beside it</p>"}}]}
    template.body = json.dumps([*shown, {"type": "columns", "id": "c1", "value": beside}])
    template.save_revision().publish()
    template = EmailTemplate.objects.get(pk=template.pk)
    assert any("image" in str(problem.message).lower() for problem in email_checks.problems(template))
    page = BeautifulSoup(marketer.get(frame(template), {"as": "sample"}).content, "html.parser")
    pictures = [one for one in page("img") if "field" in one["src"]]
    assert [one["width"] for one in pictures] == ["536", "236"]  # the sheet and a half of it, less their margins
    [rendition] = picture.renditions.all()
    assert (rendition.width, rendition.file.name.endswith((".jpg", ".jpeg"))) == (1200, True)
    assert rendition.file.size < file.getbuffer().nbytes or rendition.file.size < 100_000


def test_colleagues_write_notes_and_say_when_they_are_dealt_with(marketer, template):
    add = reverse("cms_note_add", args=["email", template.pk])
    marketer.post(add, {"text": "Warmer <b>words</b>, please"})
    marketer.post(add, {"text": "   "})
    note = Note.objects.get()
    page = marketer.get(studio(template)).content.decode()
    assert "Warmer &lt;b&gt;words&lt;/b&gt;, please" in page
    assert "Write something first." in page
    marketer.post(reverse("cms_note_resolve", args=[note.pk]))
    note.refresh_from_db()
    assert (note.resolved_by.email, note.resolved_at is not None) == ("marketer@example.com", True)
    assert "Dealt with</button>" not in marketer.get(studio(template)).content.decode()


def test_a_template_in_use_says_by_whom_and_is_not_deleted(marketer, template):
    audience = Audience.objects.create(name="All", conditions={"all": []})
    create(
        name="Spring",
        audience=audience,
        variants=[{"name": "A", "weight": 1, "email_template": template, "push_template": None}],
    )
    assert [use.name for use in usage.of(template)] == ["Spring"]
    chinese = template.get_translations().get()
    for one in (template, chinese):
        page = marketer.post(
            reverse(EmailTemplate.snippet_viewset.get_url_name("delete"), args=[one.pk]), follow=True
        ).content.decode()
        assert "is used by Spring" in page
    assert EmailTemplate.objects.count() == 2
    assert "It is used here" in page
    Variant.objects.all().delete()
    marketer.post(reverse(EmailTemplate.snippet_viewset.get_url_name("delete"), args=[chinese.pk]))
    assert EmailTemplate.objects.count() == 1


def test_nobody_approves_their_own_words_where_the_rules_say_so(db, template):
    author, colleague = (
        add_staff(email=f"{name}@example.com", roles=[Role.APPROVER, Role.MARKETER]) for name in ("ann", "bob")
    )
    template.subject = "New words"
    template.save_revision(user=author)
    template.get_workflow().start(template, author)
    task = template.current_workflow_task
    assert (task.get_actions(template, author), len(task.get_actions(template, colleague)) > 0) == ([], True)
    MessageRules.objects.update_or_create(defaults={"is_four_eyes": False})
    assert task.get_actions(template, author)


def test_a_campaign_waits_for_an_approval_of_this_very_version(db, template):
    colleague = add_staff(email="bob@example.com", roles=[Role.APPROVER])
    MessageRules.objects.update_or_create(defaults={"needs_approval": True})
    audience = Audience.objects.create(name="All", conditions={"all": []})
    campaign = create(
        name="Spring",
        audience=audience,
        variants=[{"name": "A", "weight": 1, "email_template": template, "push_template": None}],
    )

    def is_stopped():
        return any("needs an approval" in problem.message for problem in checks.blocking(campaign, at=AT))

    assert is_stopped()
    template.save_revision()
    template.get_workflow().start(template, add_staff(email="ann@example.com", roles=[Role.MARKETER]))
    template.current_workflow_task_state.approve(user=colleague)
    assert not is_stopped()
    template.refresh_from_db()
    template.subject = "Changed afterwards"
    template.save_revision().publish()
    assert is_stopped()


def test_the_picker_offers_a_push_message_what_it_knows():
    known = picking.choices(is_push=True)
    assert {one["name"] for one in known} < {one["name"] for one in picking.choices()}
    for one in known:
        fallback = ' | default: "x"' if one["needsFallback"] else ""
        check_wording("{{ " + one["name"] + one["filters"] + fallback + " }}")


def test_marketers_may_copy_a_message_for_translation(db, template):
    grant_permissions(app_config=apps.get_app_config("simple_translation"), apps=apps, using="default")
    assert add_staff(email="ann@example.com", roles=[Role.MARKETER]).has_perm("simple_translation.submit_translation")
    assert not add_staff(email="bob@example.com", roles=[Role.APPROVER]).has_perm(
        "simple_translation.submit_translation"
    )
