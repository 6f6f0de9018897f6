"""The SMTP channel against a server that answers, refuses, and hangs up at chosen points."""

import socket
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.smtp_sink import HANG_UP, Sink
from emails import smtp
from emails.smtp import Result, Server, SmtpChannel


@dataclass(frozen=True)
class Outgoing:
    message_id: str
    recipient: str
    content: bytes = b"Subject: hello\r\n\r\nline\r\n.dot\r\n..two\r\n"
    sender: str = "shop@example.com"


def batch(count, **options):
    return [Outgoing(f"m{i}", f"r{i}@example.com", **options) for i in range(count)]


def outcomes(results):
    return [result.outcome for result in results]


@pytest.fixture(params=[True, False], ids=["pipelining", "stop-and-wait"])
def sink(request):
    with Sink(has_pipelining=request.param) as sink:
        yield sink


@pytest.fixture
def channel(sink):
    channel = SmtpChannel(f"{sink.url}?timeout=60")
    yield channel
    channel.close()


def test_every_message_arrives_once_byte_for_byte_over_one_kept_connection(sink, channel):
    assert outcomes(channel.send(batch(3))) == ["accepted"] * 3
    assert outcomes(channel.send(batch(2))) == ["accepted"] * 2
    assert sink.connections == 1
    assert [m.recipients for m in sink.messages] == [[f"r{i}@example.com"] for i in (0, 1, 2, 0, 1)]
    assert {m.content for m in sink.messages} == {b"Subject: hello\r\n\r\nline\r\n.dot\r\n..two\r\n"}
    assert {m.sender for m in sink.messages} == {"shop@example.com"}


def test_with_pipelining_a_message_costs_one_round_trip(monkeypatch):
    """Counted by what we send at once: into how many pieces the network cuts it is not ours to say."""
    sent = []
    write = smtp.Session.write
    monkeypatch.setattr(smtp.Session, "write", lambda self, *pieces: (sent.append(pieces), write(self, *pieces))[1])
    with Sink() as sink:
        channel = SmtpChannel(sink.url)
        list(channel.send(batch(20)))
        sent.clear()
        list(channel.send(batch(20)))
        assert len(sent) <= 20 + 1
        channel.close()


def test_a_refused_recipient_neither_stops_nor_repeats_its_neighbours(sink, channel):
    sink.script = lambda stage, m: (
        "550 5.1.1 no such user" if stage == "rcpt" and m.recipients[-1].startswith("r1@") else None
    )
    results = list(channel.send(batch(3)))
    assert results[1] == Result("m1", "refused", "550 5.1.1 no such user")
    assert outcomes(results) == ["accepted", "refused", "accepted"]
    assert [m.recipients[0] for m in sink.messages] == ["r0@example.com", "r2@example.com"]


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize(("answer", "outcome"), [("451 later", "deferred"), ("554 never", "refused")])
def test_what_the_server_says_at_each_point_is_what_the_message_gets(sink, channel, stage, answer, outcome):
    seen = []

    def script(now, m):
        if now == stage:
            seen.append(now)
            return answer if len(seen) == 2 else None
        return None

    sink.script = script
    assert outcomes(channel.send(batch(4))) == ["accepted", outcome, "accepted", "accepted"]
    assert len(sink.messages) == 3


def test_a_connection_lost_before_the_body_is_opened_again_and_nothing_is_lost(sink, channel):
    hangs = iter([None, HANG_UP])
    sink.script = lambda stage, _m: next(hangs, None) if stage == "mail" else None
    assert outcomes(channel.send(batch(3))) == ["accepted"] * 3
    assert len(sink.messages) == 3
    assert sink.connections == 2


def test_a_connection_that_died_between_two_batches_is_replaced(sink, channel):
    list(channel.send(batch(1)))
    channel._kept.sock.shutdown(socket.SHUT_RDWR)
    assert outcomes(channel.send(batch(2))) == ["accepted"] * 2
    assert len(sink.messages) == 3


@pytest.mark.parametrize("stage", ["dot", "recorded"])
def test_a_connection_lost_after_the_final_dot_leaves_doubt_and_only_for_that_message(sink, channel, stage):
    hangs = iter([None, HANG_UP])
    sink.script = lambda now, _m: next(hangs, None) if now == stage else None
    assert outcomes(channel.send(batch(3))) == ["accepted", "unknown", "accepted"]
    assert len(sink.messages) == (3 if stage == "recorded" else 2)


def test_a_connection_lost_in_the_middle_of_a_body_defers_it(sink, channel):
    hangs = iter([HANG_UP])
    sink.script = lambda now, _m: next(hangs, None) if now == "body" else None
    big = Outgoing("big", "r@example.com", content=b"x" * 76 + b"\r\n" + b"y" * 15_000_000 + b"\r\n")
    results = list(channel.send([big, *batch(1)]))
    assert outcomes(results) == ["deferred", "accepted"]
    assert len(sink.messages) == 1


def test_421_defers_and_the_next_message_gets_a_new_connection(sink, channel):
    answers = iter(["421 closing"])
    sink.script = lambda now, _m: next(answers, None) if now == "mail" else None
    assert outcomes(channel.send(batch(3))) == ["deferred", "accepted", "accepted"]


def test_a_server_that_always_hangs_up_gets_three_chances_per_batch(sink, channel):
    sink.script = lambda now, _m: HANG_UP if now == "dot" else None
    assert outcomes(channel.send(batch(6))) == ["unknown"] * 3 + ["deferred"] * 3
    assert sink.messages == []


def test_without_a_server_everything_is_deferred():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = list(SmtpChannel(f"smtp://127.0.0.1:{port}").send(batch(2)))
    assert outcomes(results) == ["deferred"] * 2
    assert str(port) in results[0].detail


@pytest.mark.parametrize(
    "address", ["jürgen@example.com", "a@b@example.com", "a\r\nDATA@example.com", "<a@example.com>", ""]
)
def test_an_address_that_could_break_the_conversation_never_enters_it(sink, channel, address):
    assert outcomes(channel.send([Outgoing("bad", address), *batch(1)])) == ["refused", "accepted"]
    assert [m.recipients for m in sink.messages] == [["r0@example.com"]]


def test_a_message_over_the_announced_size_is_refused_without_being_sent(sink, channel):
    assert outcomes(channel.send([Outgoing("big", "r@example.com", content=b"x" * 20_000_001)])) == ["refused"]
    assert sink.messages == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b"", b".", b"..", b".x", b"text", b"=", b"." * 80]), min_size=1, max_size=8))
def test_any_arrangement_of_dots_arrives_as_it_was(lines):
    content = b"\r\n".join(lines) + b"\r\n"
    with Sink() as sink:
        channel = SmtpChannel(sink.url)
        list(channel.send([Outgoing("m", "r@example.com", content=content)] * 2))
        channel.close()
    assert [m.content for m in sink.messages] == [content, content]


def test_the_url_says_how():
    assert Server.from_url("smtp://u%40x:p@mail.example.com:587?tls=1&timeout=9&pipelining=0") == Server(
        host="mail.example.com",
        port=587,
        user="u@x",
        password="p",
        is_starttls=True,
        timeout_seconds=9,
        may_pipeline=False,
    )
    assert Server.from_url("smtps://mail.example.com").port == 465
    with pytest.raises(ValueError, match="smtp://"):
        Server.from_url("http://mail.example.com")


def test_a_port_that_is_taken_is_said_at_once():
    with Sink() as first, pytest.raises(OSError, match="address already in use"):
        Sink(port=first.port).start()
