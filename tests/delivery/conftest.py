from datetime import UTC, datetime

import pytest
from django.db.models import F

from delivery import channels, operations
from delivery.models import Message
from members.models import Member
from members.operations import enrol
from push.models import PushTemplate, PushWording
from push.operations import freeze
from tests.delivery.recording import RecordingChannel

AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)  # noon in New York


@pytest.fixture
def enrolled():
    """Enrol members 1…n, who said yes to e-mail and push; their addresses are m1@example.com and so on."""

    def make(count=1, *, consents=("email", "push"), first=1, **facts):
        return [
            enrol(
                at=AT, given_name=f"Ada {number}", email=f"m{number}@example.com", source="test", consents=consents, **facts
            )
            for number in range(first, first + count)
        ]  # fmt: skip

    return make


@pytest.fixture
def words():
    """Something small and frozen to send."""

    def make(title="Hello {{ given_name }}", body="You have {{ points }} points.", url="/portal/"):
        template = PushTemplate(name="A note", url=url)
        template.wordings = [PushWording(language="en", title=title, body=body)]
        template.save()
        return f"push.FrozenPush:{freeze(template=template, language='en', site_url='https://shop.example').pk}"

    return make


@pytest.fixture
def outbox(words):
    """Write messages to all members, or to some: `outbox("campaign:1")` answers them in order of their members."""

    def write(cause="campaign:1", *, members=None, channel="email", at=AT, **options):
        recipients = (
            Member.objects.all() if members is None else Member.objects.filter(pk__in=[one.pk for one in members])
        )
        options.setdefault("content", words())
        rows = recipients.annotate(member_id=F("pk"))
        operations.enqueue(messages=rows, cause=cause, channel=channel, at=at, **options)
        return list(Message.objects.filter(cause=cause, channel=channel).order_by("member_id"))

    return write


@pytest.fixture
def hop(monkeypatch):
    """A recording channel in the place of e-mail's."""
    recording = RecordingChannel()
    use_channel(monkeypatch, recording)
    return recording


@pytest.fixture
def witnessed_hop(monkeypatch):
    """A recording channel whose acceptances can be asked for."""
    recording = RecordingChannel("evidence")
    use_channel(monkeypatch, recording, evidence=recording)
    return recording


def use_channel(monkeypatch, channel, *, evidence=None):
    silent = channels.Route(RecordingChannel())
    ways = {"email": channels.Route(channel, evidence)}
    use_routes(monkeypatch, lambda name, _transport: ways.get(name, silent))


def use_routes(monkeypatch, find):
    """`find(channel, transport)` gives the way out, wherever one is asked for."""
    for module in ("delivery.operations.sending", "delivery.operations.sweeping"):
        monkeypatch.setattr(f"{module}.route", lambda name, transport=channels.MAIN: find(name, transport))
