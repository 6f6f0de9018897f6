"""Providers' receipts: proved by a secret, kept once as they came, and followed in our own words."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from delivery import operations, queries, tokens
from delivery.models import Message, MessageEvent, ProviderEvent, Suppression
from delivery.operations import Receipt, take_receipt
from delivery.receipts import message_named_in
from members.models import Member
from tests.delivery.conftest import AT

pytestmark = pytest.mark.django_db
ADDRESS = "/m/receipts/brevo/"


@pytest.fixture
def configured(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "provider:secret"}


def news(event, message, reason=""):
    """As Brevo tells it, with the Message-ID we gave the mail."""
    return {
        "event": event, "email": "m1@example.com", "ts_epoch": int((AT + timedelta(minutes=5)).timestamp() * 1000),
        "message-id": f"<{tokens.token_for(message.pk)}@localhost>", "reason": reason,
    }  # fmt: skip


def post(client, event, secret="provider:secret", address=ADDRESS):
    login = base64.b64encode(secret.encode()).decode()
    return client.post(
        address, json.dumps(event), content_type="application/json", headers={"Authorization": f"Basic {login}"}
    )


@pytest.fixture
def sent(enrolled, outbox, hop):
    enrolled(1)
    [message] = outbox()
    operations.deliver_chunk(worker="w", at=AT)
    return message


def state_of(message):
    message.refresh_from_db()
    return message.state


def test_a_delivery_is_an_event_of_its_message_and_is_kept_as_it_came(client, configured, sent):
    assert post(client, news("delivered", sent)).status_code == 200
    assert queries.event_counts("campaign:1") == {"delivered": 1}
    kept = ProviderEvent.objects.get()
    assert (kept.provider, kept.kind, kept.message_id) == ("brevo", "delivered", sent.pk)
    assert json.loads(kept.raw)["email"] == "m1@example.com"


def test_the_same_news_twice_and_in_any_order_is_told_once(client, configured, sent):
    bounce, delivery = news("soft_bounce", sent, "552 5.2.2 mailbox full"), news("delivered", sent)
    for event in (bounce, delivery, delivery, bounce, bounce):
        assert post(client, event).status_code == 200
    assert queries.event_counts("campaign:1") == {"bounced": 1, "delivered": 1}
    assert ProviderEvent.objects.count() == 2
    assert state_of(sent) == "failed"


def test_a_hard_bounce_closes_the_address_and_a_soft_one_does_not(client, configured, sent):
    post(client, news("soft_bounce", sent, "552 5.2.2 mailbox full"))
    assert not Suppression.objects.exists()
    post(client, news("hard_bounce", sent, "550 5.1.1 no such user"))
    assert [one.reason for one in Suppression.objects.all()] == ["hard_bounce"]


def test_a_complaint_stops_offers_and_not_codes(client, configured, sent, outbox, hop):
    post(client, news("spam", sent))
    outbox("campaign:2")
    outbox("code:1", purpose="transactional")
    operations.deliver_chunk(worker="w2", at=AT)
    assert queries.counts("campaign:2") == {"skipped(suppressed)": 1}
    assert queries.counts("code:1") == {"sent": 1}


def test_an_open_through_apples_proxy_is_a_machines(client, configured, sent):
    post(client, news("unique_proxy_open", sent))
    assert queries.event_counts("campaign:1") == {"opened(machine)": 1}
    post(client, news("opened", sent))
    assert queries.event_counts("campaign:1") == {"opened": 1, "opened(machine)": 1}


def test_an_unsubscription_at_the_provider_withdraws_consent(client, configured, sent):
    post(client, news("unsubscribe", sent))
    assert not Member.objects.reachable(channel="email", at=AT + timedelta(days=1)).exists()


def test_a_receipt_that_overtakes_the_record_of_its_message_is_kept(client, configured, enrolled, outbox, hop):
    """A bounce arrives while the worker is still talking: the message is failed, and stays so."""
    enrolled(1)
    [message] = outbox()
    bounce = news("hard_bounce", message, "550 5.1.1 no such user")
    hop.before_each = lambda _outgoing: post(client, bounce)
    operations.deliver_chunk(worker="w", at=AT)
    assert state_of(message) == "failed"
    assert queries.event_counts("campaign:1") == {"bounced": 1}


def test_five_messages_that_bounce_softly_wear_an_address_out_and_a_delivery_renews_it(enrolled, outbox, hop):
    enrolled(1)
    messages = [outbox(f"code:{number}", purpose="transactional")[0] for number in range(6)]
    operations.deliver_chunk(worker="w", at=AT)

    def tell(kind, message, days):
        at = AT + timedelta(days=days)
        take_receipt(
            Receipt(
                "p", kind, at, "{}", f"{kind}{message.pk}", message.pk, "m1@example.com", "bounced", "552 5.2.2 full"
            ),
            at=at,
        )

    tell("bounced", messages[0], 1)
    tell("delivered", messages[1], 2)
    for day, message in enumerate(messages[2:], 3):
        tell("bounced", message, day)
    assert not Suppression.objects.exists()
    tell("bounced", messages[1], 9)
    assert [one.reason for one in Suppression.objects.all()] == ["soft_bounces"]


def test_news_of_a_message_that_is_not_ours_is_kept_and_followed_by_nothing(client, configured, sent):
    other = news("hard_bounce", sent, "550 5.1.1 no such user") | {"message-id": "<x@elsewhere>"}
    assert post(client, other).status_code == 200
    assert ProviderEvent.objects.get().message_id is None
    assert not Suppression.objects.exists()
    assert state_of(sent) == "sent"


def test_nobody_is_believed_without_the_secret(client, configured, sent, settings):
    refused = news("spam", sent)
    assert post(client, refused, secret="provider:guess").status_code == 400
    assert post(client, refused, address="/m/receipts/unheard-of/").status_code == 404
    settings.ANYMAIL = {"WEBHOOK_SECRET": ""}
    assert post(client, refused).status_code == 404
    assert not ProviderEvent.objects.exists()
    assert not MessageEvent.objects.exists()


def test_a_forged_token_names_no_message(sent):
    token = tokens.token_for(sent.pk)
    assert message_named_in(f"<{token}@shop>") == sent.pk
    assert message_named_in(f"<{'A' * tokens.LENGTH}@shop> <{token[:-1]}_@shop>") is None
    assert message_named_in(f"x{token}") is None


def test_an_erased_members_receipts_name_nobody(client, configured, sent):
    post(client, news("delivered", sent))
    operations.forget_member(member_id=Message.objects.get().member_id)
    assert ProviderEvent.objects.get().raw == ""


# -- Mailgun: another provider, the same words -----------------------------------------------------------------------------


def mailgun(event, message, *, key="a-signing-key", **facts):
    """As Mailgun tells it: signed, and naming the Message-ID without its brackets."""
    stamp, token = "1773158700", f"{event}-of-{message.pk}"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    data = {
        "event": event, "id": token, "timestamp": AT.timestamp() + 300, "recipient": "m1@example.com",
        "message": {"headers": {"message-id": f"{tokens.token_for(message.pk)}@localhost"}},
    }  # fmt: skip
    return {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": data | facts}


@pytest.fixture
def mailgun_configured(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "provider:secret", "MAILGUN_WEBHOOK_SIGNING_KEY": "a-signing-key"}


def test_mailguns_news_means_the_same_and_is_kept_once(client, mailgun_configured, sent):
    address = "/m/receipts/mailgun/"
    delivered = mailgun("delivered", sent)
    failed = mailgun(
        "failed", sent, severity="permanent", reason="bounce",
        **{"delivery-status": {"code": 550, "message": "5.1.1 no such user"}},
    )  # fmt: skip
    for event in (failed, delivered, delivered, failed):
        assert post(client, event, address=address).status_code == 200
    assert queries.event_counts("campaign:1") == {"bounced": 1, "delivered": 1}
    assert {one.provider for one in ProviderEvent.objects.all()} == {"mailgun"}
    assert [one.reason for one in Suppression.objects.all()] == ["hard_bounce"]


def test_news_that_mailgun_did_not_sign_is_refused(client, mailgun_configured, sent):
    answer = post(client, mailgun("delivered", sent, key="guessed"), address="/m/receipts/mailgun/")
    assert answer.status_code == 400
    assert not ProviderEvent.objects.exists()
