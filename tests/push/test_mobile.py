"""Push to apps against a service that speaks FCM HTTP v1: it checks the account's signature and the pass it gave."""

import base64
import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from delivery import operations as delivery
from delivery.channels import Outgoing
from members.operations import enrol
from push import operations, queries
from push.mobile import SCOPE, FcmChannel
from push.models import AppInstallation
from push.queries import AppDevice
from tests.delivery.conftest import AT
from tests.delivery.contract import ChannelContract
from tests.push.serving import Service, Stage

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PASS = "ya29.a-pass"


def error(status, word):
    return status, {"error": {"status": word, "details": [{"errorCode": word}]}}


class Fcm(Service):
    """Signs accounts in and takes messages. The device's token ends in the recipient's number."""

    def __init__(self):
        super().__init__(self._on_post)
        self.passes, self.messages = 0, []

    def _on_post(self, path, headers, body):
        if path == "/token":
            return self._sign_in(body)
        if headers["Authorization"] != f"Bearer {PASS}":
            return error(401, "UNAUTHENTICATED")
        message = json.loads(body)["message"]
        self.messages.append(message)
        assert path == "/v1/projects/shop-1/messages:send"
        return int(message["token"].rsplit("-", 1)[1])

    def _sign_in(self, body):
        signed, _dot, signature = parse_qs(body.decode())["assertion"][0].rpartition(".")
        claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        KEY.public_key().verify(
            base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        assert claims["scope"] == SCOPE
        self.passes += 1
        return 200, {"access_token": PASS, "expires_in": 3600, "token_type": "Bearer"}


@pytest.fixture
def fcm():
    service = Fcm().start()
    yield service
    service.stop()


@pytest.fixture
def channel(fcm, tmp_path):
    pem = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account", "project_id": "shop-1", "private_key": pem, "client_email": "push@shop-1.example",
        "token_uri": f"{fcm.url}/token",
    }  # fmt: skip
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account))
    made = FcmChannel(path, base_url=fcm.url)
    yield made
    made.close()


def outgoing(number):
    return Outgoing(f"m{number}@shop.example", [AppDevice(number, f"device-{number}")], b'{"title":"Hello"}')


class TestFcmKeepsTheContract(ChannelContract):
    @pytest.fixture
    def stage(self, db, fcm, channel):
        return Stage(
            fcm, channel, outgoing, refused=error(400, "INVALID_ARGUMENT"), deferred=error(429, "QUOTA_EXCEEDED")
        )


def test_the_app_gets_words_address_and_a_tag_that_replaces(channel, fcm):
    content = '{"title":"你好","body":"שלום","url":"https://shop.example/m/c/x/0","tag":"x"}'.encode()
    (result,) = channel.send([Outgoing("m1@shop.example", [AppDevice(1, "device-1")], content)])
    assert result.outcome == "accepted"
    (message,) = fcm.messages
    assert message["notification"] == {"title": "你好", "body": "שלום"}
    assert message["data"] == {"url": "https://shop.example/m/c/x/0", "tag": "x"}
    assert message["android"]["ttl"] == "86400s"
    assert len(message["android"]["collapse_key"]) == 32


def test_one_pass_serves_an_hour_and_a_withdrawn_one_is_asked_for_again(channel, fcm):
    for number in (1, 2, 3):
        assert [one.outcome for one in channel.send([outgoing(number)])] == ["accepted"]
    assert fcm.passes == 1
    fcm.scripts[4].append(error(401, "UNAUTHENTICATED"))
    assert [one.outcome for one in channel.send([outgoing(4)])] == ["deferred"]
    assert [one.outcome for one in channel.send([outgoing(4)])] == ["accepted"]
    assert fcm.passes == 2


@pytest.mark.parametrize(("answer", "is_gone"), [
    (error(404, "UNREGISTERED"), True), (error(403, "SENDER_ID_MISMATCH"), True), (error(400, "INVALID_ARGUMENT"), False),
    (error(503, "UNAVAILABLE"), False), (error(500, "INTERNAL"), False),
])  # fmt: skip
def test_an_app_that_is_gone_is_forgotten_and_no_other(db, channel, fcm, answer, is_gone):
    member = enrol(at=AT, given_name="Ada", source="test")
    installed = operations.register_app(member_id=member.pk, token="the-token-of-an-app-1", at=AT)
    fcm.scripts[1].append(answer)
    list(channel.send([Outgoing("m1", queries.app_devices([member.pk])[member.pk], b'{"title":"x"}')]))
    assert AppInstallation.objects.filter(pk=installed.pk).exists() is not is_gone


def test_a_token_that_moves_to_another_member_moves_along(db):
    first, second = (enrol(at=AT, given_name=name, source="test") for name in ("Ada", "Bo"))
    for member in (first, second):
        operations.register_app(member_id=member.pk, token="the-token-of-an-app-1", at=AT)
    assert queries.app_devices([first.pk, second.pk]).keys() == {second.pk}
    with pytest.raises(operations.BadSubscription):
        operations.register_app(member_id=first.pk, token="short", at=AT)


def test_an_app_push_goes_out_by_the_outbox_under_the_consent_to_pushes(db, channel, fcm, monkeypatch):
    from django.db.models import F

    from delivery.channels import Route
    from delivery.models import ChannelPolicy
    from members.models import Member
    from push.models import PushTemplate, PushWording
    from tests.delivery.conftest import use_routes

    use_routes(monkeypatch, lambda _name, _transport: Route(channel))
    ChannelPolicy.objects.update(quiet_from=None, quiet_until=None)
    for number, consents in ((1, ("push",)), (2, ("email",))):
        member = enrol(at=AT, given_name=f"Ada {number}", source="test", consents=consents)
        operations.register_app(member_id=member.pk, token=f"the-token-of-an-app-{number}", at=AT)
    template = PushTemplate(name="A note", url="/portal/")
    template.wordings = [PushWording(language="en", title="Hello {{ given_name }}", body="Points wait.")]
    template.save()
    frozen = operations.freeze(template=template, language="en", site_url="https://shop.example")
    delivery.enqueue(
        messages=Member.objects.annotate(member_id=F("pk")), cause="app", channel="mobile", at=AT,
        content=f"push.FrozenPush:{frozen.pk}",
    )  # fmt: skip
    done = delivery.deliver_chunk(worker="w", at=AT)
    assert (done.sent, done.skipped) == (1, 1)
    assert [one["notification"]["title"] for one in fcm.messages] == ["Hello Ada 1"]
