"""Offers with their reasons, a no that counts at once, and consents that are written down."""

import json
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.utils import timezone

import recommender.queries
from members.models import Consent
from members.operations import switch_modules
from members.queries import consent_now
from push.models import PushSubscription
from tests.portal.conftest import enter


def test_both_slots_are_shown_with_their_reasons(market, hero):
    html = hero.get("/portal/offers/").content.decode()
    for slot in ("buy_again", "new_for_you"):
        shown = recommender.queries.recommendations(market.hero.pk, slot, limit=6)
        assert shown
        for offer in shown:
            assert offer.name in html
            assert offer.reason in html
            assert f'name="category" value="{offer.category_id}"' in html


def test_not_interested_counts_on_the_next_page(market, hero):
    first = recommender.queries.recommendations(market.hero.pk, "buy_again", limit=1)[0]
    assert hero.post("/portal/offers/dismiss/", {"category": first.category_id}).status_code == 302
    assert f'value="{first.category_id}"' not in hero.get("/portal/offers/").content.decode()
    assert hero.post("/portal/offers/dismiss/", {"category": first.category_id}).status_code == 404


def test_who_refuses_recommendations_gets_none_and_can_change_their_mind(market, hero):
    hero.post("/portal/preferences/consent/", {"channel": "email", "purpose": "profiling", "is_granted": "0"})
    assert "Recommendations are off" in hero.get("/portal/offers/").content.decode()
    hero.post("/portal/preferences/consent/", {"channel": "email", "purpose": "profiling", "is_granted": "1"})
    assert "Recommendations are off" not in hero.get("/portal/offers/").content.decode()


@pytest.mark.parametrize("is_granted", [True, False])
def test_a_word_on_a_channel_is_written_with_its_proof(market, hero, is_granted):
    hero.post(
        "/portal/preferences/consent/",
        {"channel": "sms", "purpose": "marketing", "is_granted": str(int(is_granted))},
        REMOTE_ADDR="192.0.2.7",
    )
    word = Consent.objects.filter(member=market.hero, channel="sms").latest("pk")
    assert (word.is_granted, word.source, word.text_version) == (is_granted, "portal", "portal-2")
    assert word.proof.address == "192.0.2.7"
    assert consent_now(market.hero.pk, at=timezone.now())["sms", "marketing"] is is_granted


def test_a_channel_nobody_asked_about_writes_nothing(market, hero):
    before = Consent.objects.count()
    answer = hero.post("/portal/preferences/consent/", {"channel": "pigeon", "purpose": "marketing", "is_granted": "1"})
    assert (answer.status_code, Consent.objects.count()) == (404, before)


def test_the_language_is_the_members_from_then_on(market, hero):
    answer = hero.post("/portal/preferences/language/", {"language": "zh-hans"}, follow=True)
    market.hero.refresh_from_db()
    assert market.hero.language == "zh-hans"
    assert "设置" in answer.content.decode()
    assert hero.post("/portal/preferences/language/", {"language": "tlh"}).status_code == 404


def _subscription() -> dict:
    import base64

    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    told = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (point, b"s" * 16)]
    keys = dict(zip(("p256dh", "auth"), told, strict=True))
    return {"endpoint": "https://fcm.googleapis.com/fcm/send/abc", "keys": keys}


def _post(client, path, body):
    return client.post(f"/portal/push/{path}/", json.dumps(body), content_type="application/json")


def test_a_device_is_turned_on_and_off(market, hero):
    subscription = _subscription()
    assert _post(hero, "subscribe", subscription).json() == {"is_on": True}
    assert PushSubscription.objects.filter(member=market.hero).count() == 1
    assert consent_now(market.hero.pk, at=timezone.now())["push", "marketing"] is True
    assert _post(hero, "unsubscribe", {"endpoint": subscription["endpoint"]}).json() == {"is_on": False}
    assert not PushSubscription.objects.filter(member=market.hero).exists()


def test_nobody_is_asked_about_what_is_switched_off(market, hero):
    asked = hero.get("/portal/preferences/").content.decode()
    assert 'name="channel" value="push"' in asked
    assert "Questions after a visit" in asked
    switch_modules(off=["push", "surveys"], by_user=None, at=timezone.now())
    asked = hero.get("/portal/preferences/").content.decode()
    assert 'name="channel" value="push"' not in asked
    assert "Questions after a visit" not in asked


@pytest.mark.parametrize("body", [{}, {"endpoint": "http://10.0.0.1/"}, [], "x"])
def test_a_device_that_is_none_is_refused(market, hero, body):
    assert _post(hero, "subscribe", body).status_code == 400
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize("body", [{}, [], {"endpoint": 7}])
def test_turning_off_nothing_in_particular_is_refused(hero, body):
    assert _post(hero, "unsubscribe", body).status_code == 400


def test_nobody_turns_off_another_members_device(market, client):
    enter(client, market.hero_email)
    subscription = _subscription()
    _post(client, "subscribe", subscription)
    client.post("/portal/logout/")
    enter(client, "bruno.bloom.1@example.com")
    _post(client, "unsubscribe", {"endpoint": subscription["endpoint"]})
    assert PushSubscription.objects.filter(member=market.hero).count() == 1


def test_the_service_worker_is_served_from_the_portals_own_folder(client, db):
    answer = client.get("/portal/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in answer.content
    assert client.get("/portal/manifest.webmanifest").json()["scope"] == "/portal/"


def test_every_category_icon_of_the_offers_is_in_the_sprite_of_the_pages():
    sprite = Path(finders.find("design/icons.svg")).read_text()
    icons = Path(finders.find("recommender/icons/other.svg")).parent.glob("*.svg")
    missing = [icon.stem for icon in icons if f'id="cat-{icon.stem}"' not in sprite]
    assert missing == []


def test_an_icon_that_nobody_drew_is_shown_as_a_basket():
    drawn = Template("{% load design %}{% icon 'cat-unicorn' %}{% icon 'cat-milk' %}").render(Context())
    assert "#cat-other" in drawn
    assert "#cat-milk" in drawn
    assert "unicorn" not in drawn
