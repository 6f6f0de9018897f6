"""The addresses inside messages: what they do, and what nobody can make them do."""

import random
import string
from datetime import timedelta

import pytest
from django.test import Client

from delivery import operations, queries, tokens
from delivery.models import Message, MessageEvent
from members import clock
from members.models import Consent, Member
from members.operations import give_consent
from push.models import FrozenPush
from tests.delivery.conftest import AT

pytestmark = pytest.mark.django_db

READER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


@pytest.fixture
def sent(enrolled, outbox, hop):
    """One message, sent an hour ago."""
    at = clock.now() - timedelta(hours=1)
    enrolled(1)
    (message,) = outbox(at=at)
    operations.deliver_chunk(worker="w", at=at)
    message.refresh_from_db()
    assert message.state == "sent"
    return message


@pytest.fixture
def reader():
    return Client(enforce_csrf_checks=True, headers={"user-agent": READER})


def address(message, what, tail=""):
    return f"/m/{what}/{tokens.token_for(message.pk)}{tail}"


def test_a_click_leads_to_the_stored_target_and_is_noted_once(sent, reader):
    for _ in range(2):
        answer = reader.get(address(sent, "c", "/0"))
        assert answer.status_code == 302
        assert answer["Location"] == (
            "https://shop.example/portal/?utm_source=regulars&utm_medium=email&utm_campaign=campaign-1"
            f"&utm_content={sent.content.rpartition(':')[2]}"
        )
        assert answer["Referrer-Policy"] == "no-referrer"
    events = list(sent.events.values_list("kind", "link", "is_machine"))
    assert events == [("clicked", "0", False)]


@pytest.mark.parametrize(
    "tail",
    ["/1", "/00000", "/-1", "/0-0-0", "/0?next=https://evil.example", "/%2F%2Fevil.example", "//evil.example", "/javascript:alert(1)",
     "/0%0d%0aSet-Cookie:a=b", "/@evil.example", "/\\\\evil.example", "/xn--e1afmkfd.example"],
)  # fmt: skip
def test_nothing_in_the_address_chooses_the_target(sent, reader, tail):
    answer = reader.get(address(sent, "c", tail))
    if answer.status_code == 302:
        assert answer["Location"].startswith("https://shop.example/portal/?utm_source=regulars&utm_medium=email")
    else:
        assert answer.status_code == 404
        assert not sent.events.exists()


def test_a_target_that_is_not_an_address_of_the_web_is_not_followed(sent, reader):
    frozen = FrozenPush.objects.get()
    for number, bad in enumerate(
        ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", "file:///etc/passwd"]
    ):
        twin = FrozenPush.objects.create(
            content_hash=bytes([number]) * 32, template=frozen.template, language="en", title="x", links=[bad]
        )
        Message.objects.filter(pk=sent.pk).update(content=f"push.FrozenPush:{twin.pk}")
        assert reader.get(address(sent, "c", "/0")).status_code == 404


def test_ten_thousand_mutated_tokens_open_nothing(sent):
    chance, alphabet = random.Random(5), string.ascii_letters + string.digits + "-_"
    token = tokens.token_for(sent.pk)
    for _ in range(10_000):
        place = chance.randrange(len(token))
        mutant = token[:place] + chance.choice(alphabet) + token[place + 1 :]
        if mutant != token:
            with pytest.raises(tokens.BadToken):
                queries.message_of(mutant)


@pytest.mark.parametrize("what", ["c/{}/0", "o/{}.gif", "u/{}", "v/{}"])
def test_every_address_answers_404_to_a_token_of_no_message(db, reader, what):
    assert reader.get("/m/" + what.format(tokens.token_for(123456))).status_code == 404
    assert reader.get("/m/" + what.format("A" * tokens.LENGTH)).status_code == 404


def test_an_old_link_is_followed_no_more_but_still_unsubscribes(sent, reader):
    Message.objects.filter(pk=sent.pk).update(enqueued_at=clock.now() - timedelta(days=500))
    assert reader.get(address(sent, "c", "/0")).status_code == 404
    assert reader.post(address(sent, "u")).status_code == 200


def test_opens_are_noted_and_an_apple_prefetch_is_told_apart(sent, reader):
    answer = reader.get(address(sent, "o", ".gif"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    reader.get(address(sent, "o", ".gif"), headers={"user-agent": "Mozilla/5.0"})
    assert queries.event_counts("campaign:1") == {"opened": 1, "opened(machine)": 1}


def test_a_click_within_a_second_of_sending_is_a_machines(sent, reader):
    Message.objects.filter(pk=sent.pk).update(sent_at=clock.now())
    reader.get(address(sent, "c", "/0"))
    assert queries.event_counts("campaign:1") == {"clicked(machine)": 1}
    Message.objects.filter(pk=sent.pk).update(sent_at=clock.now() - timedelta(minutes=1))
    reader.get(address(sent, "c", "/0"))
    assert queries.event_counts("campaign:1") == {"clicked": 1, "clicked(machine)": 1}


def test_a_scanners_visit_does_not_unsubscribe(sent, reader):
    for method in (reader.get, reader.head):
        assert method(address(sent, "u")).status_code == 200
    assert not Consent.objects.filter(is_granted=False).exists()
    assert not sent.events.exists()


def test_one_click_needs_no_cookie_and_no_redirect_and_works_twice(sent):
    for _ in range(2):
        mail_program = Client(enforce_csrf_checks=True)
        answer = mail_program.post(
            address(sent, "u"), "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
        )
        assert (answer.status_code, answer.content) == (200, b"Unsubscribed.\n")
        assert not answer.cookies
    assert not Member.objects.reachable(channel="email", at=clock.now()).exists()
    assert Member.objects.reachable(channel="push", at=clock.now()).count() == 1, "only this channel was asked about"
    assert queries.event_counts("campaign:1") == {"unsubscribed": 1}


def test_unsubscribing_counts_before_the_next_send(sent, reader, outbox, hop):
    outbox("campaign:2", at=clock.now())
    answer = reader.post(address(sent, "u"))
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.content.decode()
    operations.deliver_chunk(worker="w", at=clock.now())
    assert queries.counts("campaign:2") == {"skipped(no_consent)": 1}
    assert len(hop.taken) == 1


def test_unsubscribing_from_a_notice_about_points_leaves_the_offers(sent, reader):
    Message.objects.filter(pk=sent.pk).update(purpose="points")
    give_consent(
        member=sent.member, channel="email", purpose="points", is_granted=True, at=clock.now(), source="portal"
    )
    assert "No more notices about your points?" in reader.get(address(sent, "u")).content.decode()
    reader.post(address(sent, "u"))
    assert not Member.objects.reachable(channel="email", purpose="points", at=clock.now()).exists()
    assert Member.objects.reachable(channel="email", at=clock.now()).exists()


def test_who_says_yes_again_and_unsubscribes_again_is_believed_both_times(sent, reader):
    reader.post(address(sent, "u"))
    give_consent(member=sent.member, channel="email", is_granted=True, at=clock.now(), source="portal")
    reader.post(address(sent, "u"))
    assert not Member.objects.reachable(channel="email", at=clock.now()).exists()


def test_the_page_speaks_the_members_language(sent, reader):
    Member.objects.update(language="zh-hans")
    assert "退订" in reader.get(address(sent, "u")).content.decode()


def test_the_only_methods_are_the_ones_needed(sent):
    reader = Client()
    assert reader.post(address(sent, "c", "/0")).status_code == 405
    assert reader.post(address(sent, "o", ".gif")).status_code == 405
    assert reader.put(address(sent, "u")).status_code == 405


def test_the_same_event_twice_is_one(sent):
    said = [
        operations.record_event(
            message_id=sent.pk, kind=MessageEvent.Kind.BOUNCED, at=AT, key="provider:77", detail="550"
        )
        for _ in range(2)
    ]
    assert said == [True, False]
    assert queries.counts("campaign:1") == {"failed": 1}


# -- readers and scanners -------------------------------------------------------------------------------------------------


def test_who_follows_the_link_nobody_sees_is_no_reader_whatever_its_name_and_address_of_the_moment(sent, reader):
    """A gateway that opens every link under a browser's name: its clicks count as a machine's, a reader's stay."""
    reader.get(address(sent, "c", "/0"), REMOTE_ADDR="203.0.113.7")
    assert queries.event_counts("campaign:1") == {"clicked": 1}
    assert reader.get(address(sent, "c", "/h"), REMOTE_ADDR="203.0.113.9").status_code == 204
    assert queries.event_counts("campaign:1") == {"clicked(machine)": 1, "trapped(machine)": 1}
    assert not queries.responders("campaign:1", "clicked").exists()
    operations.record_event(
        message_id=sent.pk, kind="clicked", key="reader", link="0", at=clock.now(), network=b"elsewhere"[:8]
    )
    assert list(queries.responders("campaign:1", "clicked")) == [{"member_id": sent.member_id}]


def test_all_links_of_a_mail_at_once_are_a_scanners_and_one_after_the_other_a_readers(sent):
    def click(link, seconds):
        operations.record_event(
            message_id=sent.pk,
            kind="clicked",
            link=str(link),
            at=AT + timedelta(seconds=seconds),
            network=b"a network"[:8],
        )

    click(0, 0)
    click(1, 60)
    click(2, 120)
    assert queries.event_counts("campaign:1") == {"clicked": 1}
    click(3, 120.5)
    click(4, 121)
    assert queries.event_counts("campaign:1") == {"clicked": 1, "clicked(machine)": 1}
    assert queries.responders("campaign:1", "clicked").exists(), "the first two were a reader's"


@pytest.mark.parametrize(("target", "shown"), [
    ("https://shop.example/a?b=1#c", "https://shop.example/a?b=1&utm_source=regulars&utm_medium=email&utm_campaign=campaign-7&utm_content=3#c"),
    ("https://shop.example/?utm_campaign=mine", "https://shop.example/?utm_campaign=mine"),
])  # fmt: skip
def test_utm_parameters_name_the_campaign_and_never_replace_an_authors(target, shown):
    message = Message(cause="campaign:7", channel="email", content="emails.FrozenEmail:3")
    assert queries.with_utm(target, message) == shown


# -- preferences without signing in ----------------------------------------------------------------------------------------


def test_preferences_are_said_without_signing_in_and_reading_the_page_changes_nothing(sent, reader):
    before = Consent.objects.count()
    page = reader.get(address(sent, "p")).content.decode()
    assert page.count("checked") == 2, "e-mail and push"
    assert Consent.objects.count() == before
    assert (
        reader.post(address(sent, "p"), {"marketing:sms": "1", "marketing:push": "1", "points:email": "1"}).status_code
        == 200
    )
    said = Consent.objects.order_by("pk")[before:]
    assert [(one.channel, one.purpose, one.is_granted, one.source) for one in said] == [
        ("email", "marketing", False, "preference centre"), ("sms", "marketing", True, "preference centre"),
        ("email", "points", True, "preference centre"),
    ]  # fmt: skip
    assert queries.event_counts("campaign:1") == {"unsubscribed": 1}
    assert Consent.objects.count() == before + 3


def test_preferences_of_a_message_that_is_not_there_are_404(db, reader):
    assert reader.get("/m/p/" + tokens.token_for(123456)).status_code == 404
