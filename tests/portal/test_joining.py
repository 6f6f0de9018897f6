"""Becoming a member with one address alone: by letter or text message, with or without a yes, alone or by a friend's link."""

import pytest
from django.core import mail

from delivery.channels import Result, Route
from delivery.models import Message
from loyalty import operations
from loyalty.models import Referral
from members import queries
from members.clock import now
from members.operations import set_confirmed_topics
from portal.entering import device_of
from portal.wishes import TEXT_VERSION
from push.sms import text_of
from tests.portal import scene
from tests.portal.conftest import code_in, letters


def join(client, address, *, after="", **ticked):
    client.post(f"/portal/join/{after}", {"address": address} | ticked)
    return client.post("/portal/login/code/", {"code": code_in(letters()[-1])})


def test_a_phone_number_alone_is_enough_and_the_code_comes_as_a_text_message(client, db, settings):
    settings.SMS_GATEWAY = "sms.example.com"
    answer = join(client, "(212) 555-0199")
    assert answer.url == "/portal/welcome/"
    [message] = mail.outbox
    assert message.to == ["12125550199@sms.example.com"]
    assert message.body.splitlines()[-1] == f"@localhost #{code_in(message)}", (
        "the phone fills it in on this site alone"
    )
    member = queries.by_identifier("phone", "+12125550199")
    assert member.identifiers.get(kind="phone").verified_at
    assert not member.consents.exists()
    assert client.get("/portal/card/").status_code == 200


def test_where_text_messages_have_a_channel_the_code_goes_by_it_and_by_no_letter(client, db, settings, monkeypatch):
    taken = []

    class Gateway:
        name, guarantee = "sms", "at_most_once"

        def send(self, batch):
            taken.extend(batch)
            return [Result(one.message_id, "accepted") for one in batch]

    settings.SMS_GATEWAY = ""
    settings.DELIVERY_CHANNELS = settings.DELIVERY_CHANNELS | {"sms": {"class": "none is made"}}
    monkeypatch.setattr("delivery.operations.answering.route", lambda _name: Route(Gateway()))
    client.post("/portal/join/", {"address": "+12125550199"})
    assert letters() == []
    [message] = taken
    text = text_of(message.content)
    assert (message.recipient, text.splitlines()[-1][:12]) == ("+12125550199", "@localhost #")
    assert client.post("/portal/login/code/", {"code": text[-6:]}).url == "/portal/welcome/"


def test_without_a_gateway_nobody_is_promised_a_text_message(client, db, settings):
    settings.SMS_GATEWAY = ""
    page = client.post("/portal/join/", {"address": "+12125550199"}).content.decode()
    assert "We send no text messages here" in page
    assert not mail.outbox


def test_a_tick_is_a_consent_with_its_proof(client, db):
    join(client, "new@example.com", consent="on")
    [word] = queries.by_identifier("email", "new@example.com").consents.all()
    assert (word.channel, word.purpose, word.is_granted, word.source, word.text_version) == (
        "email", "marketing", True, "portal", "portal-2",
    )  # fmt: skip
    assert word.proof.address == "127.0.0.1"


def test_joining_tells_nobody_who_is_a_member(market, client):
    pages = []
    for address in (market.hero_email, "nobody@example.com"):
        page = client.post("/portal/join/", {"address": address}, follow=True).content.decode().replace(address, "X")
        pages.append([line for line in page.splitlines() if "csrf" not in line.lower() and "inbox" not in line])
    assert pages[0] == pages[1]
    assert len(letters()) == 2
    answer = client.post("/portal/login/code/", {"code": "000000"})
    assert answer.status_code == 200


def test_a_member_who_joins_again_is_let_in_and_not_made_twice(market, client):
    assert join(client, market.hero_email).url == "/portal/"
    assert market.hero.given_name in client.get("/portal/").content.decode()


def test_a_friends_link_remembers_the_friend(client, db):
    market = scene.make()
    code = operations.referral_code(member_id=market.hero.pk, at=now())
    join(client, "friend@example.com", after=f"?friend={code}")
    friend = queries.by_identifier("email", "friend@example.com")
    assert Referral.objects.get().referrer_id == market.hero.pk
    assert Referral.objects.get().friend_id == friend.pk


def test_a_made_up_friend_keeps_nobody_out(client, db):
    assert join(client, "friend@example.com", after="?friend=NOBODY").url == "/portal/welcome/"
    assert not Referral.objects.exists()


def test_the_name_given_on_the_first_page_is_kept(client, db):
    join(client, "new@example.com")
    assert client.post("/portal/welcome/", {"given_name": " Nora "}).url == "/portal/"
    assert queries.by_identifier("email", "new@example.com").given_name == "Nora"


@pytest.mark.parametrize(
    ("agent", "name"),
    [("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "iPhone"), ("Mozilla/5.0 (Linux; Android 15)", "Android"),
     ("Mozilla/5.0 (Macintosh; Intel Mac OS X)", "Mac"), ("", "A device")],
)  # fmt: skip
def test_a_passkey_is_called_by_its_device(agent, name):
    assert device_of(agent) == name


def test_an_answer_that_is_none_of_a_passkey_opens_nothing(client, market, hero):
    hero.post("/portal/passkeys/")
    assert hero.post("/portal/passkeys/keep/", "{}", content_type="application/json").status_code == 400
    assert hero.post("/portal/passkeys/keep/", "[", content_type="application/json").status_code == 400
    assert not market.hero.passkeys.exists()
    hero.post("/portal/logout/")
    assert client.post("/portal/login/passkey/answer/", "{}", content_type="application/json").status_code == 400
    client.post("/portal/login/passkey/")
    assert (
        client.post("/portal/login/passkey/answer/", '{"id": "x"}', content_type="application/json").status_code == 400
    )
    assert client.get("/portal/").status_code == 302


def test_where_a_yes_must_be_confirmed_the_new_member_is_told_so_and_may_ask_for_the_letter_again_or_take_it_back(
    client, db, django_capture_on_commit_callbacks
):
    set_confirmed_topics(purposes=["marketing"], at=now())
    with django_capture_on_commit_callbacks(execute=True):
        join(client, "ann@example.com", consent="on")
    member = queries.by_identifier("email", "ann@example.com")
    assert not member.consents.exists()
    asked = queries.waiting_consent(member.pk, at=now())
    assert (asked.purposes, asked.source, asked.text_version) == (["marketing"], "portal", TEXT_VERSION)
    assert Message.objects.filter(content=f"members.AskedConsent:{asked.pk}", purpose="transactional").count() == 1
    assert "One more step" in client.get("/portal/welcome/").content.decode()
    Message.objects.update(state="sent", sent_at=now())
    inbox = client.get("/portal/messages/").content.decode()
    assert "write to you?" in inbox
    assert "/m/v/" not in inbox, "it has no page of its own"

    settings = client.get("/portal/preferences/").content.decode()
    assert "waits for your confirmation" in settings
    again = client.post("/portal/preferences/confirm-again/", follow=True).content.decode()
    assert "Wait ten minutes" in again
    said = {"channel": "email", "purpose": "marketing"}
    client.post("/portal/preferences/consent/", said | {"is_granted": "0"})
    assert queries.waiting_consent(member.pk, at=now()) is None
    told = client.post("/portal/preferences/consent/", said | {"is_granted": "1"}, follow=True).content.decode()
    assert "One more step" in told
    assert not queries.has_consent(member.pk, "email", "marketing", at=now())
