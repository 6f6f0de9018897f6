"""Text messages by webhook, to a gateway that checks the signature."""

import base64
import hashlib
import hmac
import json

import pytest

from delivery.channels import Outgoing
from push import sms
from push.sms import SmsWebhookChannel
from tests.delivery.contract import ChannelContract
from tests.push.serving import Service, Stage

SECRET = "a secret of the gateway"


class Gateway(Service):
    def __init__(self):
        super().__init__(self._on_post)
        self.calls = []

    def _on_post(self, _path, headers, body):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
        if headers["webhook-signature"] != f"v1,{wanted}":
            return 401, {}
        call = json.loads(body)
        assert call["id"] == headers["webhook-id"] == headers["idempotency-key"]
        self.calls.append(call)
        return int(call["to"][-2:])


@pytest.fixture
def gateway():
    service = Gateway().start()
    yield service
    service.stop()


@pytest.fixture
def channel(gateway):
    made = SmsWebhookChannel(gateway.url, SECRET)
    yield made
    made.close()


def outgoing(number):
    return Outgoing(f"m{number}@shop.example", f"+121255501{number:02}", b'{"title":"Hello"}')


class TestTheSmsWebhookKeepsTheContract(ChannelContract):
    @pytest.fixture
    def stage(self, gateway, channel):
        return Stage(gateway, channel, outgoing, refused=(400, {}), deferred=(429, {}))


def test_the_gateway_gets_number_and_text_signed(channel, gateway):
    content = '{"title":"你好","body":"Your points wait.","url":"https://shop.example/m/c/x/0","tag":"x"}'.encode()
    assert [one.outcome for one in channel.send([Outgoing("m1", "+12125550101", content)])] == ["accepted"]
    (call,) = gateway.calls
    assert (call["to"], call["text"]) == ("+12125550101", "你好. Your points wait https://shop.example/m/c/x/0")


def test_a_call_that_the_gateway_cannot_verify_is_refused(gateway):
    stranger = SmsWebhookChannel(gateway.url, "another secret")
    assert [one.outcome for one in stranger.send([outgoing(1)])] == ["refused"]
    stranger.close()


def test_a_gateway_that_takes_each_id_once_may_be_asked_again(gateway):
    assert SmsWebhookChannel(gateway.url, SECRET, is_idempotent=True).guarantee == "idempotent"
    assert SmsWebhookChannel(gateway.url, SECRET).guarantee == "at_most_once"


def test_a_text_that_is_too_long_keeps_its_address():
    text = sms.text_of(json.dumps({"title": "x" * 2_000, "url": "https://shop.example/"}).encode())
    assert len(text) == sms.TEXT_MAX
    assert text.endswith("… https://shop.example/")
