"""What the service desk answers reaches the member's inbox once, in their language, and is nowhere else in clear."""

import email
from datetime import UTC, datetime, timedelta
from email import policy

import pytest
from django.db import connection

from campaigns import operations
from care import operations as care
from delivery import operations as delivery
from delivery import queries
from members import clock
from members import operations as members
from members.signals import member_erased

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


def ask(**facts):
    member = members.enrol(at=AT, source="test", given_name="Maria", **facts)
    said = {"text": "My points are missing", "channel": "portal", "source": "portal", "client_key": "1"}
    return care.open_case(at=AT, member_id=member.pk, **said).case


def send(hop, at=AT):
    delivery.deliver_chunk(worker="w", at=at)
    return [email.message_from_bytes(one.content, policy=policy.SMTP) for one in hop.taken]


def test_a_reply_reaches_the_inbox_once_though_nobody_consented_to_marketing(hop, django_capture_on_commit_callbacks):
    case = ask(email="maria@example.com", language="en")
    with django_capture_on_commit_callbacks(execute=True):
        entry = care.reply(case=case, text="We found <them>.\n\nSorry {{ given_name }}!", by_user=None, at=AT)
    assert operations.send_reply(entry_id=entry.pk, at=AT) == 0, "the news was heard already"
    assert operations.send_replies(at=AT) == 0
    (letter,) = send(hop, at=clock.now() + timedelta(minutes=1))  # the news came by today's clock
    assert (letter["To"], letter["Subject"]) == ("maria@example.com", f"[{case.number}] My points are missing")
    assert letter["Auto-Submitted"] is None
    text = letter.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.startswith("Hello Maria,\n\nWe found <them>.\n\nSorry {{ given_name }}!\n")
    page = letter.get_body(("html",)).get_content()
    assert "<p>We found &lt;them&gt;.</p>" in page
    assert "given_name }}" in page, "what a person wrote is words, not a template"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM delivery_message m WHERE m::text LIKE '%found%'")
        assert cursor.fetchone() == (0,)


def test_a_reply_whose_news_was_lost_goes_out_at_the_next_beat_in_the_members_language(hop):
    case = ask(email="lin@example.com", language="zh-hans")
    care.answer_by_itself(case=case, text="积分到期日在会员页可见。", article="points", at=AT)
    care.note(case=case, text="Only among us", by_user=None, at=AT)
    assert (operations.send_replies(at=AT), operations.send_replies(at=AT)) == (1, 0)
    (letter,) = send(hop)
    assert letter["Auto-Submitted"] == "auto-replied"
    assert "您好" in letter.get_body(("plain",)).get_content()


def test_who_has_no_address_or_was_erased_gets_nothing_and_it_is_said_why(hop):
    case = ask(phone="+12125550123")
    care.reply(case=case, text="Come by.", by_user=None, at=AT)
    operations.send_replies(at=AT)
    assert send(hop) == []
    assert queries.counts("case") == {"skipped(no_address)": 1}
    other = members.enrol(at=AT, source="test", given_name="Ada", email="ada@example.com")
    case = care.open_case(at=AT, member_id=other.pk, text="Hm", channel="portal", source="p", client_key="9").case
    entry = care.reply(case=case, text="A word to Ada.", by_user=None, at=AT)
    operations.send_reply(entry_id=entry.pk, at=AT)
    member_erased.send(sender=None, member_id=other.pk)
    assert send(hop) == []
