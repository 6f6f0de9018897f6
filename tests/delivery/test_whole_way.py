"""A real e-mail and a real push from the outbox to the inbox and the browser, and the way back by their links."""

import re
from email import message_from_bytes, policy

import pytest
from django.test import Client

from delivery import channels, operations, queries
from demo.push_endpoint import PushEndpoint
from demo.smtp_sink import Sink
from emails import starters
from emails.operations import freeze
from members.models import Member
from push.operations import subscribe
from tests.delivery.conftest import AT
from tests.delivery.test_views import READER

pytestmark = pytest.mark.django_db
SITE = "https://shop.example"


@pytest.fixture
def outside(settings):
    """The next hops, for real."""
    with Sink() as sink, PushEndpoint() as endpoint:
        settings.SITE_URL = SITE
        settings.DELIVERY_CHANNELS = {
            "email": {"class": "emails.smtp.SmtpChannel", "arguments": (sink.url,)}, "push": {"class": "push.web.WebPushChannel"},
        }  # fmt: skip
        channels.route.cache_clear()
        yield sink, endpoint
        for name in settings.DELIVERY_CHANNELS:
            channels.route(name).channel.close()
        channels.route.cache_clear()


def test_an_email_arrives_signed_to_its_reader_and_can_be_left_by_one_click(enrolled, outbox, outside, monkeypatch):
    sink, _ = outside
    monkeypatch.setattr("delivery.views.now", lambda: AT)
    enrolled(1)
    template = starters.write("win_back", name="Win back")
    frozen = freeze(template=template, language="en", site_url=SITE)
    (message,) = outbox(content=f"emails.FrozenEmail:{frozen.pk}")
    assert operations.deliver_chunk(worker="w", at=AT).sent == 1

    (received,) = sink.messages
    mail = message_from_bytes(received.content, policy=policy.default)
    assert received.recipients == ["m1@example.com"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    unsubscribe = re.search(rf"<{SITE}(/m/u/[^>]+)>", mail["List-Unsubscribe"]).group(1)
    html = mail.get_body(("html",)).get_content()
    assert "Ada 1" in html

    reader = Client(headers={"user-agent": READER})
    clicks = sorted(set(re.findall(rf"{SITE}(/m/c/[A-Za-z0-9_-]+/[0-9-]+)", html)))
    assert clicks
    for click in clicks:
        assert reader.get(click).status_code == 302, click
    [trap] = re.findall(rf'href="{SITE}(/m/c/[A-Za-z0-9_-]+/h)"', html)
    assert reader.get(trap).status_code == 204, "the link that no reader sees"
    online = reader.get(re.search(rf"{SITE}(/m/v/[A-Za-z0-9_-]+)", html).group(1))
    assert online.status_code == 200
    assert "Ada 1" in online.content.decode()
    assert "script" not in online["Content-Security-Policy"]
    assert reader.get(re.search(rf"{SITE}(/m/o/[^\"]+)", html).group(1)).status_code == 200

    assert Client().post(unsubscribe, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not Member.objects.reachable(channel="email", at=AT).exists()
    kinds = set(message.events.values_list("kind", flat=True))
    assert kinds == {"clicked", "opened", "unsubscribed", "trapped"}
    assert "clicked" not in queries.event_counts("campaign:1"), "who follows every link is no reader"


def test_a_push_arrives_on_the_members_device_and_its_tap_leads_home(enrolled, outbox, outside, monkeypatch):
    _, endpoint = outside
    monkeypatch.setattr("delivery.views.now", lambda: AT)
    with_device, _without = enrolled(2)
    subscribe(member_id=with_device.pk, subscription_json=endpoint.new_subscription(), at=AT)
    outbox(channel="push")
    operations.deliver_chunk(worker="w", at=AT)
    assert queries.counts("campaign:1") == {"sent": 1, "skipped(no_address)": 1}
    words = endpoint.messages[0].words
    assert words["title"] == "Hello Ada 1"
    answer = Client(headers={"user-agent": READER}).get(words["url"].removeprefix(SITE))
    assert answer["Location"].startswith(f"{SITE}/portal/?utm_source=regulars&utm_medium=push&utm_campaign=campaign-1")


def test_two_messages_never_share_an_address(enrolled, outbox, outside):
    sink, _ = outside
    enrolled(3)
    content = (
        f"emails.FrozenEmail:{freeze(template=starters.write('win_back', name='W'), language='en', site_url=SITE).pk}"
    )
    outbox(content=content)
    operations.deliver_chunk(worker="w", at=AT)
    mails = [message_from_bytes(one.content, policy=policy.default) for one in sink.messages]
    for header in ("Message-ID", "List-Unsubscribe"):
        assert len({mail[header] for mail in mails}) == 3
