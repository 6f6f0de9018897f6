"""Web push against a push service that checks signatures and decrypts."""

import time

import pytest

from delivery.channels import Outgoing
from demo.push_endpoint import HANG_UP_AFTER, HANG_UP_BEFORE, PushEndpoint
from members.operations import enrol
from push import operations, queries, rendering, vapid
from push.models import PushSubscription
from push.web import WebPushChannel
from tests.delivery.conftest import AT
from tests.delivery.contract import ChannelContract


@pytest.fixture
def service():
    with PushEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def member(db):
    return enrol(at=AT, given_name="Ada", source="test")


@pytest.fixture
def subscribed(member, service):
    """Subscribe browsers of one member; answers what the browsers gave."""

    def make(*names):
        given = [service.new_subscription(name) for name in names]
        for one in given:
            operations.subscribe(member_id=member.pk, subscription_json=one, at=AT)
        return given

    return make


@pytest.fixture
def push(member):
    """Send one payload to all of the member's devices by a channel; answers its result."""
    channel = WebPushChannel()

    def send(content=b'{"title":"Hello"}', message_id="m1@shop.example"):
        devices = queries.devices([member.pk]).get(member.pk, [])
        (result,) = channel.send([Outgoing(message_id, devices, content)])
        return result.outcome

    yield send
    channel.close()


class _Stage:
    def __init__(self, service, channel):
        self.service, self.channel, self._is_gone = service, channel, False

    def _subscription(self, number):
        return self.service.new_subscription(f"b{number}")

    def outgoing(self, number):
        given = self._subscription(number)
        device = queries.Device(number, given["endpoint"], **given["keys"])
        return Outgoing(f"m{number}@shop.example", [device], b'{"title":"Hello"}')

    def taken(self):
        return [int(one.endpoint.rsplit("/b", 1)[1].split(".")[0]) for one in self.service.messages]

    def refuse(self, number):
        self.service.forget(self._subscription(number))

    def defer(self, number):
        self.service.answer(self._subscription(number), 429)

    def lose_before(self, number):
        self.service.answer(self._subscription(number), HANG_UP_BEFORE)

    def lose_after(self, number):
        self.service.answer(self._subscription(number), HANG_UP_AFTER)

    def go_away(self):
        self.channel.close()
        self._is_gone = True
        self.service.stop()


class TestWebPushKeepsTheContract(ChannelContract):
    @pytest.fixture
    def stage(self, db):
        endpoint, channel = PushEndpoint().start(), WebPushChannel()
        stage = _Stage(endpoint, channel)
        yield stage
        channel.close()
        if not stage._is_gone:
            endpoint.stop()


def test_the_browser_reads_what_was_written_and_nobody_between(subscribed, push, service):
    subscribed("phone")
    assert push('{"title":"你好 👋","body":"שלום"}'.encode()) == "accepted"
    (received,) = service.messages
    assert received.words == {"title": "你好 👋", "body": "שלום"}
    assert (received.ttl_s, len(received.topic), received.sender) == (86_400, 32, "mailto:push@example.com")


def test_one_signature_and_one_connection_serve_many_messages(subscribed, push, service):
    subscribed("phone")
    for number in range(5):
        push(message_id=f"m{number}")
    assert (len(service.messages), len(service.signatures), service.connections) == (5, 1, 1)


def test_a_signature_lives_at_most_twelve_hours_and_is_renewed_in_time():
    header = vapid.authorization("https://fcm.googleapis.com/x")
    assert vapid.authorization("https://fcm.googleapis.com/y") == header
    assert vapid.authorization("https://updates.push.services.mozilla.com/y") != header
    assert vapid.RENEW_S < vapid.LIFE_S <= 24 * 3600


def test_a_renewed_signature_is_made_when_the_old_one_ages(monkeypatch):
    old = vapid.authorization("https://renew.example/x")
    later = time.time() + vapid.RENEW_S + 1
    monkeypatch.setattr(vapid.time, "time", lambda: later)
    assert vapid.authorization("https://renew.example/x") != old


def test_every_device_of_a_member_is_reached(subscribed, push, service):
    subscribed("phone", "laptop")
    assert push() == "accepted"
    assert len(service.messages) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_gone_is_forgotten_and_the_others_are_reached(subscribed, push, service, status):
    phone, _laptop = subscribed("phone", "laptop")
    service.answer(phone, status)
    assert push() == "accepted"
    assert PushSubscription.objects.count() == 1
    service.forget(_laptop)
    assert push() == "refused"
    assert PushSubscription.objects.count() == 0


@pytest.mark.parametrize(
    ("status", "outcome"), [(429, "deferred"), (500, "deferred"), (503, "deferred"), (400, "refused"), (413, "refused")]
)
def test_what_an_answer_means(subscribed, push, service, status, outcome):
    (phone,) = subscribed("phone")
    service.answer(phone, status)
    assert push() == outcome
    assert PushSubscription.objects.count() == 1, "only 404 and 410 mean that the browser is gone"


def test_a_doubt_about_one_device_forbids_a_second_try_at_the_others(subscribed, push, service):
    phone, laptop = subscribed("phone", "laptop")
    service.answer(phone, HANG_UP_AFTER)
    service.answer(laptop, 429)
    assert push() == "unknown"


def test_a_service_that_sees_another_ones_signature_refuses(subscribed, push, service, monkeypatch):
    subscribed("phone")
    monkeypatch.setattr(vapid, "origin_of", lambda _: "https://other.example")
    assert push() == "refused"
    assert not service.messages


def test_the_longest_payload_fits_what_a_push_service_must_take(subscribed, push, service):
    class Frozen:
        title, body = "{{ given_name }}", "{{ tier }}"

    content = rendering.render(
        Frozen, {"given_name": "名" * 800, "tier": "銀" * 3000}, link_base="https://s/m", token="t" * 30
    )
    assert len(content) <= rendering.PAYLOAD_BYTES_MAX
    subscribed("phone")
    assert push(content) == "accepted"
    assert service.messages[0].words["body"].endswith("…")
