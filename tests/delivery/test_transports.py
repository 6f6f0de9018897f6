"""Several ways out of one channel: which is taken, how fast, and what happens when one fares badly."""

from datetime import timedelta

import dns.exception
import pytest

from delivery import channels, operations, pacing, transports
from delivery.models import MailDomain, Message, Pace, Transport
from members.models import Identifier
from tests.delivery.conftest import AT, use_routes
from tests.delivery.recording import RecordingChannel

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_ways(monkeypatch, settings):
    """A main way and a second one, each with its own recording hop."""
    settings.DELIVERY_CHANNELS = {"email": {"class": "-", "others": {"second": {"class": "-"}}}}
    hops = {"main": RecordingChannel(), "second": RecordingChannel()}
    use_routes(monkeypatch, lambda _channel, name: channels.Route(hops[name]))
    return hops


def deliver(at=AT, **options):
    return operations.deliver_chunk(worker="w", at=at, **options)


def sent(hop) -> int:
    return sum(hop.copies.values())


def transport(name="main", **facts) -> Transport:
    position = 0 if name == "main" else 1
    return Transport.objects.update_or_create(channel="email", name=name, defaults={"position": position} | facts)[0]


def test_the_first_way_is_taken_and_the_second_is_left_alone(enrolled, outbox, two_ways):
    enrolled(4)
    outbox()
    assert deliver().sent == 4
    assert (sent(two_ways["main"]), sent(two_ways["second"])) == (4, 0)
    assert set(Message.objects.values_list("transport", flat=True)) == {"main"}


def test_a_way_that_is_switched_off_is_not_taken(enrolled, outbox, two_ways):
    enrolled(2)
    transport(is_used=False)
    outbox()
    deliver()
    assert (sent(two_ways["main"]), sent(two_ways["second"])) == (0, 2)


def test_when_the_first_way_is_down_the_next_chunk_takes_the_second_and_nobody_gets_two(enrolled, outbox, two_ways):
    """Ten minutes dead: fail-over within a chunk, and back when its time is over."""
    enrolled(6)
    outbox()
    two_ways["main"].answers = {f"m{n}@example.com": ("deferred", "no connection") for n in range(1, 7)}
    done = deliver(chunk=2)
    assert (done.deferred, done.sent, done.is_hop_down) == (2, 4, False)
    assert transport().demoted_because == "no connection"
    assert deliver(at=AT + timedelta(minutes=2)).sent == 2
    assert sent(two_ways["second"]) == 6
    two_ways["main"].answers = {}
    outbox("code", purpose="transactional")
    deliver(at=AT + timedelta(minutes=20))
    assert sent(two_ways["main"]) == 6


def test_when_both_ways_are_down_the_claim_goes_back(enrolled, outbox, two_ways):
    enrolled(6)
    outbox()
    for hop in two_ways.values():
        hop.answers = {f"m{n}@example.com": ("deferred", "no connection") for n in range(1, 7)}
    done = deliver(chunk=2)
    assert done.is_hop_down
    assert done.deferred == 4, "one chunk by each way"
    assert Message.objects.filter(attempts=0).count() == 2


def test_a_slow_way_is_put_behind_the_others(enrolled, outbox, two_ways, monkeypatch):
    """As a provider is demoted when fifteen per cent of its messages take too long."""
    enrolled(24)
    outbox("campaign:1")
    monkeypatch.setattr("delivery.operations.sending.SLOW_S", -1)
    deliver(chunk=20)
    assert transport().demoted_because == "20 of 20 messages took too long"
    assert (sent(two_ways["main"]), sent(two_ways["second"])) == (20, 4)


def test_a_few_slow_messages_demote_nobody():
    assert not pacing.is_too_slow(handed=19, slow=19)
    assert not pacing.is_too_slow(handed=100, slow=14)
    assert pacing.is_too_slow(handed=100, slow=15)


def test_a_way_takes_as_many_a_minute_as_it_may_and_the_rest_waits(enrolled, outbox, two_ways, settings):
    settings.DELIVERY_CHANNELS = {"email": {"class": "-"}}
    enrolled(5)
    transport(per_minute_max=2)
    outbox()
    done = deliver()
    assert (done.sent, done.held) == (2, 3)
    waiting = Message.objects.filter(state="pending").order_by("due_at")
    assert [round((one.due_at - AT).total_seconds()) for one in waiting] == [30, 60, 90], "as the tokens come"
    assert {one.attempts for one in waiting} == {0}, "no try is used up"
    later = AT + timedelta(seconds=61)  # the worker's clock went on a little meanwhile
    assert deliver(at=later).sent == 2
    assert deliver(at=later + timedelta(minutes=1)).sent == 1
    assert set(two_ways["main"].copies.values()) == {1}


def test_what_the_first_way_takes_no_more_the_second_takes(enrolled, outbox, two_ways):
    enrolled(5)
    transport(per_minute_max=2)
    outbox()
    assert deliver().sent == 5
    assert (sent(two_ways["main"]), sent(two_ways["second"])) == (2, 3)


def test_a_family_of_receivers_has_a_pace_of_its_own(outbox, enrolled, two_ways, settings):
    settings.DELIVERY_CHANNELS = {"email": {"class": "-"}}
    enrolled(3)
    MailDomain.objects.create(domain="example.com", family="google", looked_up_at=AT)
    Pace.objects.create(transport=transport(), family="google", per_minute_max=1)
    Pace.objects.create(transport=transport(), family="microsoft", per_minute_max=1)
    outbox()
    assert deliver().sent == 1
    MailDomain.objects.update(family="elsewhere")
    assert deliver(at=AT + timedelta(minutes=5)).sent == 2


def test_codes_wait_for_no_pace(enrolled, outbox, two_ways, settings):
    settings.DELIVERY_CHANNELS = {"email": {"class": "-"}}
    enrolled(3)
    transport(per_minute_max=1)
    outbox("code", purpose="transactional")
    assert deliver().sent == 3
    outbox("news")
    assert deliver(at=AT + timedelta(minutes=1)).sent == 0, "they took the tokens of the next minutes"


def test_a_new_address_warms_up_day_by_day(enrolled, outbox, two_ways, settings):
    settings.DELIVERY_CHANNELS = {"email": {"class": "-"}}
    enrolled(7)
    transport(warm_up_from=AT.date(), warm_up_start=2, warm_up_percent=150)
    outbox()
    assert deliver().sent == 2
    assert deliver(at=AT + timedelta(hours=1)).sent == 0
    assert deliver(at=AT + timedelta(days=1)).sent == 3
    assert deliver(at=AT + timedelta(days=2)).sent == 2
    assert set(two_ways["main"].copies.values()) == {1}


def test_doubts_are_settled_by_the_way_that_left_them(enrolled, outbox, monkeypatch, settings):
    settings.DELIVERY_CHANNELS = {"email": {"class": "-", "others": {"second": {"class": "-"}}}}
    hops = {"main": RecordingChannel(), "second": RecordingChannel("evidence")}
    ways = {"main": channels.Route(hops["main"]), "second": channels.Route(hops["second"], hops["second"])}
    use_routes(monkeypatch, lambda _channel, name: ways[name])
    enrolled(2)
    transport(per_minute_max=1)
    for hop in hops.values():
        hop.answers = {f"m{n}@example.com": ("unknown", "lost") for n in (1, 2)}
    outbox()
    assert deliver().in_doubt == 2
    Message.objects.update(lease_until=AT - timedelta(days=365))
    assert operations.settle(at=AT) == 1
    assert dict(Message.objects.values_list("transport", "state")) == {"main": "in_doubt", "second": "pending"}


@pytest.mark.parametrize(("domain", "hosts", "family"), [
    ("shop.example", ["aspmx.l.google.com.", "alt1.aspmx.l.google.com."], "google"),
    ("shop.example", ["shop-example.mail.protection.outlook.com"], "microsoft"),
    ("shop.example", ["mx.shop.example"], "shop.example"),
    ("shop.example", [], "shop.example"),
    ("shop.example", ["notgoogle.com"], "shop.example"),
])  # fmt: skip
def test_the_family_of_a_domain_is_who_runs_its_mail_hosts(domain, hosts, family):
    assert pacing.family_of_mx(domain, hosts) == family


def test_a_clock_that_went_back_fills_no_bucket():
    assert pacing.refilled(0.5, filled_at=AT, at=AT - timedelta(hours=1), per_minute=60) == 0.5
    assert pacing.refilled(0.5, filled_at=AT, at=AT + timedelta(hours=1), per_minute=60) == 60


def test_every_way_that_is_set_up_can_be_configured(db, two_ways):
    assert [(one.channel, one.name) for one in transports.transports()] == [("email", "main"), ("email", "second")]


def test_a_way_whose_receipts_come_late_stands_behind_the_other(enrolled, outbox, two_ways):
    """It takes every message at once and sits on them; only what was handed over since it was last put back counts."""
    enrolled(20)
    outbox()
    assert deliver().sent == 20
    for place, one in enumerate(Message.objects.order_by("pk")):
        late = timedelta(minutes=9 if place < 3 else 1)
        operations.record_event(message_id=one.pk, kind="delivered", at=one.sent_at + late)
    assert operations.watch_receipts(at=AT + timedelta(minutes=5)) == []
    assert operations.watch_receipts(at=AT + timedelta(minutes=10)) == [("email", "main")]
    assert transport().demoted_because == "3 of 20 receipts came more than 4 minutes late"
    assert operations.watch_receipts(at=AT + timedelta(minutes=11)) == []


def test_who_takes_a_domains_mail_is_asked_once_a_month_and_a_silent_name_server_again(enrolled, two_ways):
    enrolled(1)
    Identifier.objects.update(email_domain="shop.example")
    asked = []

    def hosts(domain):
        asked.append(domain)
        if len(asked) == 1:
            raise dns.exception.Timeout
        return ["aspmx.l.google.com.", "backup.shop.example."]

    assert operations.look_up_domains(at=AT, mail_hosts=hosts) == 0, "no pace is set: nobody needs to know"
    Pace.objects.create(
        transport=Transport.objects.create(channel="email", name="main"), family="google", per_minute_max=9
    )
    assert [operations.look_up_domains(at=AT, mail_hosts=hosts) for _ in range(3)] == [0, 1, 0]
    assert asked == ["shop.example"] * 2
    assert MailDomain.objects.get().family == "google"
