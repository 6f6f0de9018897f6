"""Past mails that everybody may read: what a marketer chose, with nobody's values in it."""

from datetime import date

import pytest
from django.conf import settings
from django.test import Client

from delivery import operations, tokens
from delivery.models import ArchivedMail, MessageEvent
from delivery.operations.archiving import CannotArchive
from emails import operations as emails
from emails import starters
from members import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail():
    """A frozen e-mail as marketers write them, and its name for the outbox."""
    template = starters.write("win_back", name="Winter")
    frozen = emails.freeze(template=template, language="en", site_url=settings.SITE_URL)
    return frozen, f"emails.FrozenEmail:{frozen.pk}"


@pytest.fixture
def shown(mail):
    return operations.archive(content=mail[1], cause="campaign:1", sent_on=date(2026, 3, 10))


def test_the_archive_lists_what_was_chosen_and_shows_it_without_anybodys_values(shown, mail, enrolled, outbox):
    [ada] = enrolled(1)
    [message] = outbox(at=clock.now(), content=mail[1], members=[ada])
    reader = Client()
    assert shown.subject in reader.get("/m/archive/").content.decode()
    page = reader.get(f"/m/archive/{shown.pk}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "Ada" not in text
    assert tokens.token_for(message.pk) not in text
    assert "/m/o/" not in text, "no pixel"
    assert "{{" not in text
    assert "–\n" in text, "where a member's balance stands, there is nobody's"
    assert "default-src 'none'" in page["Content-Security-Policy"]
    own = reader.get(f"/m/v/{tokens.token_for(message.pk)}").content.decode()
    assert "Ada" in own
    assert 'href="/m/archive/"' in own, "from one's own mail to the others"


def test_links_of_an_archived_mail_lead_where_they_did_and_note_nobody(shown, mail):
    number = next(i for i, link in enumerate(mail[0].links) if not link["each"])
    answer = Client().get(f"/m/archive/{shown.pk}/c/{number}")
    assert answer.status_code == 302
    assert answer["Location"].startswith(("http://", "https://"))
    assert f"/m/archive/{shown.pk}/c/{number}" in Client().get(f"/m/archive/{shown.pk}/").content.decode()
    assert not MessageEvent.objects.exists()
    assert Client().get(f"/m/archive/{shown.pk}/c/999").status_code == 404


def test_what_is_shown_no_longer_is_gone_and_choosing_twice_is_choosing_once(shown, mail):
    again = operations.archive(content=mail[1], cause="campaign:1", sent_on=date(2026, 3, 10))
    assert again == shown
    assert operations.unarchive(cause="campaign:1") == 1
    assert Client().get(f"/m/archive/{shown.pk}/").status_code == 404
    assert "Nothing is shown here yet." in Client().get("/m/archive/").content.decode()


def test_only_an_email_can_be_shown(words):
    for content in (words(), "emails.FrozenEmail:0", "care.CaseEntry:1"):
        with pytest.raises(CannotArchive):
            operations.archive(content=content, cause="campaign:1", sent_on=date(2026, 3, 10))
    assert not ArchivedMail.objects.exists()


def test_without_an_archive_a_mail_seen_online_leads_to_none(mail, enrolled, outbox):
    [ada] = enrolled(1)
    [message] = outbox(at=clock.now(), content=mail[1], members=[ada])
    assert "/m/archive/" not in Client().get(f"/m/v/{tokens.token_for(message.pk)}").content.decode()
