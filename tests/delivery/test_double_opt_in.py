"""Double opt-in: a yes by e-mail is a question first, and a word of consent only when its reader has confirmed it."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from delivery import contents, operations, tokens
from delivery.models import Message
from members import clock, queries
from members import operations as members
from members.confirmation import AskedConsent
from members.models import Consent, Identifier, Member
from tests.delivery.conftest import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def confirmed(db):
    members.set_confirmed_topics(purposes=["marketing", "points"], at=AT)


@pytest.fixture
def ada(confirmed):
    return members.enrol(at=clock.now(), source="test", given_name="Ada", email="ada@example.com")


def say(member, is_granted=True, purpose="marketing", *, at=None, **more):
    said = {"source": "portal", "text_version": "portal-2", "address": "192.0.2.7"} | more
    at = at or clock.now()
    return members.give_consent(member=member, channel="email", purpose=purpose, is_granted=is_granted, at=at, **said)


def letters():
    operations.write_confirmations(at=clock.now())
    return list(Message.objects.filter(content__startswith="members.AskedConsent:").order_by("pk"))


def page(message):
    return f"/m/y/{tokens.token_for(message.pk)}"


def follow(message, topics=("marketing",)):
    return Client(enforce_csrf_checks=True).post(page(message), {"topic": list(topics)})


def test_a_yes_that_must_be_confirmed_is_no_consent_until_its_letter_was_answered(ada, hop):
    asked = say(ada)
    assert isinstance(asked, AskedConsent)
    assert not Consent.objects.exists()
    assert not queries.has_consent(ada.pk, "email", "marketing", at=clock.now())
    [letter] = letters()
    assert (letter.member_id, letter.purpose, letter.channel) == (ada.pk, "transactional", "email")
    operations.deliver_chunk(worker="w", at=clock.now())
    [left] = hop.taken
    assert b"/m/y/" in bytes(left.content)
    assert Client().get(page(letter)).status_code == 200
    assert not Consent.objects.exists(), "a scanner that follows the link confirms nothing"

    answer = follow(letter)
    assert "Confirmed" in answer.content.decode()
    word = Consent.objects.get()
    assert (word.channel, word.purpose, word.is_granted) == ("email", "marketing", True)
    assert (word.source, word.text_version) == ("portal, confirmed", "portal-2")
    assert word.proof.address == "127.0.0.1"
    assert "from 192.0.2.7" in word.proof.detail
    assert "to ada@example.com" in word.proof.detail
    assert asked.asked_at.isoformat() in word.proof.detail
    assert list(Member.objects.reachable(channel="email", at=clock.now())) == [ada]
    follow(letter)
    assert Consent.objects.count() == 1, "a second answer changes nothing"


def test_nothing_but_the_letter_goes_to_who_has_not_confirmed(ada, outbox, hop):
    say(ada)
    [offer] = outbox("campaign:7", at=clock.now())
    [letter] = letters()
    operations.deliver_chunk(worker="w", at=clock.now())
    offer.refresh_from_db()
    letter.refresh_from_db()
    assert (offer.state, offer.skip_reason, letter.state) == ("skipped", "no_consent", "sent")


def test_several_topics_are_one_question_and_one_letter(ada):
    say(ada)
    say(ada, purpose="points")
    [letter] = letters()
    follow(letter, ["marketing", "points", "surveys"])
    said = set(Consent.objects.values_list("purpose", flat=True))
    assert said == {"marketing", "points"}, "and nobody confirms what was not asked"


def test_a_topic_that_was_not_named_on_the_page_is_not_confirmed(ada):
    say(ada)
    say(ada, purpose="points")
    follow(letters()[0], ["points"])
    assert list(Consent.objects.values_list("purpose", flat=True)) == ["points"]


def test_a_topic_without_the_rule_counts_at_once_and_so_does_another_channel(ada):
    say(ada, purpose="surveys")
    members.give_consent(
        member=ada, channel="sms", purpose="marketing", is_granted=True, at=clock.now(), source="portal"
    )
    assert Consent.objects.filter(is_granted=True).count() == 2
    assert letters() == []


def test_a_no_takes_the_question_back_and_its_letter_confirms_nothing_any_more(ada):
    say(ada)
    [letter] = letters()
    say(ada, is_granted=False)
    answer = follow(letter)
    assert "taken back" in answer.content.decode()
    assert list(Consent.objects.values_list("is_granted", flat=True)) == [False]


def test_a_question_that_nobody_answers_in_time_lapses_and_may_be_asked_anew(ada):
    long_ago = clock.now() - timedelta(days=8)
    say(ada, at=long_ago)
    operations.write_confirmations(at=long_ago)
    [letter] = letters()
    assert "time to confirm" in follow(letter).content.decode()
    assert not Consent.objects.exists()
    say(ada)
    _old, fresh = letters()
    follow(fresh)
    assert Consent.objects.get().is_granted
    assert set(AskedConsent.objects.values_list("outcome", flat=True)) == {"expired", "confirmed"}


def test_the_letter_to_an_address_that_was_changed_since_confirms_nothing(ada):
    say(ada)
    [letter] = letters()
    Identifier.objects.filter(member=ada, kind="email").delete()
    Identifier.objects.create(member=ada, kind="email", value="new@example.com", value_hash=b"x" * 16, is_primary=True)
    assert "another one now" in follow(letter).content.decode()
    assert not Consent.objects.exists()


def test_letters_are_limited_and_apart(ada):
    begun = clock.now() - timedelta(hours=2)
    say(ada, at=begun)
    assert len(letters()) == 1
    with pytest.raises(members.TooManyLetters, match="ten minutes"):
        members.ask_again(member_id=ada.pk, at=begun + timedelta(minutes=9))
    for minutes in (11, 22):
        members.ask_again(member_id=ada.pk, at=begun + timedelta(minutes=minutes))
        letters()
    with pytest.raises(members.TooManyLetters, match="often enough"):
        members.ask_again(member_id=ada.pk, at=begun + timedelta(minutes=33))
    say(ada)
    say(ada, purpose="points")
    assert len(letters()) == 3, "nor does ticking the box again write one more"


def test_two_that_look_at_once_write_one_letter(ada):
    say(ada)
    assert [operations.write_confirmations(at=clock.now()) for _ in range(3)][1:] == [0, 0]
    assert len(letters()) == 1


def test_who_allowed_it_before_the_rule_stays_allowed_and_is_not_asked(db):
    bob = members.enrol(at=AT, source="test", email="bob@example.com", consents=("email",))
    members.set_confirmed_topics(purposes=["marketing"], at=clock.now())
    say(bob)
    assert letters() == []
    assert list(Member.objects.reachable(channel="email", at=clock.now())) == [bob]


def test_people_who_are_enrolled_together_are_asked_in_one_go_unless_it_was_confirmed_elsewhere(confirmed):
    rows = [
        {"email": "a@example.com", "consents": ("email", "sms")},
        {"email": "b@example.com", "consents": ("email",), "is_confirmed": True},
        {"email": "c@example.com", "consents": (("email", "marketing", False),)},
    ]
    done = members.enrol_many(rows, at=clock.now(), source="import")
    said = set(Consent.objects.values_list("member_id", "channel", "is_granted"))
    first, second, third = done.member_ids
    assert said == {(first, "sms", True), (second, "email", True), (third, "email", False)}
    assert [one.member_id for one in letters()] == [first]


def test_the_letter_is_in_the_readers_language_and_names_the_topics(confirmed, hop):
    lin = members.enrol(at=clock.now(), source="test", given_name="思远", email="lin@example.com", language="zh-hans")
    say(lin)
    letters()
    operations.deliver_chunk(worker="w", at=clock.now())
    [left] = hop.taken
    letter = message_from_bytes(bytes(left.content), policy=policy.default)
    said = letter.get_body(("plain",)).get_content()
    with translation.override("zh-hans"):
        assert str(Message.Purpose.MARKETING.label) in said
        assert gettext("Yes, write to me") in said
    assert letter["Auto-Submitted"] == "auto-replied"


def test_erasing_a_member_ends_the_question_and_forgets_where_it_came_from(ada):
    asked = say(ada)
    [letter] = letters()
    members.erase(member_id=ada.pk, at=clock.now(), source="test")
    asked.refresh_from_db()
    assert (asked.outcome, asked.address, asked.address_hash) == ("withdrawn", "", None)
    assert follow(letter).status_code in (200, 404)
    assert not Consent.objects.filter(is_granted=True).exists()


def test_the_address_of_another_kind_of_message_confirms_nothing(ada, outbox):
    [other] = outbox("campaign:9", at=clock.now())
    assert Client().get(page(other)).status_code == 404
    with pytest.raises(ObjectDoesNotExist):
        contents.letters.ConfirmationLetter.load(0)


def test_the_preference_centre_shows_what_waits_and_takes_it_back(ada, outbox):
    say(ada)
    [letter] = letters()
    centre = f"/m/p/{tokens.token_for(letter.pk)}"
    reader = Client(enforce_csrf_checks=True)
    assert "waits for your confirmation" in reader.get(centre).content.decode()
    reader.post(centre, {"marketing:email": "1"})
    assert queries.waiting_consent(ada.pk, at=clock.now())
    assert len(letters()) == 1
    reader.post(centre, {})
    assert queries.waiting_consent(ada.pk, at=clock.now()) is None
