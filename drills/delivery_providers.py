"""Providers on their bad days, through the whole outbox: nobody twice, nobody forgotten, and no message punished for another.

A server that hangs for a minute at the final dot, one that refuses half of a batch, one that is dead for ten minutes, a gateway
that answers 429 and 500, and one whose receipts come shuffled and repeatedly. The hops are real SMTP and HTTP servers in this
process; what they took is counted by them.
"""

import json
import random
import threading
import time
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.conf import settings

from delivery import channels, contents, operations, queries
from delivery.models import Message, MessageEvent
from delivery.operations import Receipt
from demo.smtp_sink import Sink
from drills import _killing as killing
from drills._database import database

PEOPLE, HANG_S, TIMEOUT_S = 200, 60, 10
YES = PEOPLE - PEOPLE // 10  # every tenth did not agree
SEED = 20_261_122


def run(report):
    with database("regulars_drill_providers"):
        killing.people(PEOPLE)
        reference = killing.content()
        for name, act in (("hang", _hangs), ("dead for ten minutes", _is_dead), ("half refused", _refuses_half)):
            Message.objects.all().delete()
            killing.write_messages(reference)
            act(report, name)
        _shuffles(report)
        _answers_429_and_500(report)


# -- SMTP --------------------------------------------------------------------------------------------------------------


class _Relay(killing.Hop):
    """A recording server with an acceptance log that does as it is told."""

    def __init__(self, script=None):
        super().__init__()
        self.told = script

    def _script(self, stage, received):
        return self.told(stage, received) if self.told else None


def _lead_to(hop: killing.Hop):
    settings.DELIVERY_CHANNELS["email"] = {
        "class": "emails.smtp.SmtpChannel", "arguments": (f"{hop.sink.url}?timeout={TIMEOUT_S}",),
        "evidence": ("delivery.evidence.LogEvidence", str(hop.log)),
    }  # fmt: skip
    channels.route.cache_clear()


def _send(*, minutes: int, until=lambda: False) -> list[operations.Delivered]:
    """A worker and a sweeper, minute after minute of business time."""
    done = []
    for minute in range(minutes):
        at = killing.AT + timedelta(minutes=minute)
        done.append(operations.deliver_chunk(worker=f"provider-{time.monotonic_ns()}", at=at, chunk=20))
        killing.let_leases_run_out()
        operations.sweep(at=at)
        if until():
            break
    return done


def _all_sent() -> bool:
    return queries.counts(killing.CAUSE).get("sent", 0) == YES


def _check(report, name: str, hop: killing.Hop, note: str = ""):
    twice = sum(1 for copies in hop.copies.values() if copies > 1)
    report(f"{name}: got two or more", twice, 0, twice == 0)
    report(
        f"{name}: got it",
        len(hop.copies),
        YES,
        len(hop.copies) == YES == queries.counts(killing.CAUSE).get("sent"),
        note,
    )


def _hangs(report, name):
    left = [1]

    def hang(stage, _received):
        if stage == "dot" and left and len(hop.copies) == 30:
            left.clear()
            time.sleep(HANG_S)  # the whole server sleeps: nobody gets in meanwhile either

    hop = _Relay(hang)
    _lead_to(hop)
    begun = time.monotonic()
    first = operations.deliver_chunk(worker="hang", at=killing.AT, chunk=20)
    took = time.monotonic() - begun
    report(f"{name}: a worker waits no longer than its patience, s", round(took), f"<= {4 * TIMEOUT_S}", took <= 4 * TIMEOUT_S,
           f"{first.sent} sent, {first.deferred} put off, {first.in_doubt} in doubt, though the server hung for {HANG_S} s")  # fmt: skip
    time.sleep(max(0.0, HANG_S + 2 - took))
    hop.settle()
    _send(minutes=60, until=_all_sent)
    _check(report, name, hop, "what was in doubt was asked for in the log")
    hop.close()


def _refuses_half(report, name):
    """Every second recipient is not let in at the first try: a quarter for now, a quarter for good."""
    tries: Counter = Counter()

    def refuse(stage, received):
        if stage != "rcpt":
            return None
        address = received.recipients[-1]
        number, tries[address] = int(address[5:].partition("@")[0]), tries[address] + 1
        if number % 4 == 1:
            return "550 5.7.1 not today, not ever"
        return "451 4.7.1 later" if number % 4 == 3 and tries[address] == 1 else None

    hop = _Relay(refuse)
    _lead_to(hop)
    _send(minutes=20, until=lambda: not Message.objects.filter(stage=0).exists())
    counts = queries.counts(killing.CAUSE)
    numbers = [number for number in range(PEOPLE) if number % 10 != 9]
    never = sum(number % 4 == 1 for number in numbers)
    got = {int(address[5:].partition("@")[0]) for address in hop.copies}
    report(f"{name}: refused for good", counts.get("failed"), never, counts.get("failed") == never)
    fine = got == {number for number in numbers if number % 4 != 1} and max(hop.copies.values()) == 1
    report(f"{name}: everybody else got it once", len(got), YES - never, fine)
    asked = max(tries.values())
    report(f"{name}: tries of one address at most", asked, 2, asked == 2)
    hop.close()


def _is_dead(report, name):
    hop = _Relay()
    port = hop.sink.port
    hop.sink.stop()
    _lead_to(hop)
    done = _send(minutes=10)
    waste = Message.objects.filter(attempts__gt=3).count()
    report(f"{name}: nothing left, and few tries used up", waste, 0, waste == 0 and not sum(one.sent for one in done))
    hop.sink = Sink(hop._accept, port=port, script=hop._script).start()  # noqa: SLF001
    _send(minutes=90, until=_all_sent)
    _check(report, name, hop)
    hop.close()


# -- receipts ----------------------------------------------------------------------------------------------------------


def _shuffles(report):
    """Of each message: delivered, opened, and a click, three times each, in any order."""
    chance = random.Random(SEED)
    sent = list(Message.objects.filter(state="sent").order_by("pk"))
    news = [
        Receipt("drill", kind, one.sent_at + timedelta(minutes=after), "{}", f"{one.pk}-{kind}", one.pk, "")
        for one in sent
        for after, kind in enumerate(("delivered", "opened", "clicked"))
    ] * 3
    chance.shuffle(news)
    taken = sum(operations.take_receipt(one, at=killing.AT + timedelta(hours=1)) for one in news)
    kept = MessageEvent.objects.filter(message__in=sent).count()
    right = taken == kept == 3 * len(sent) == len(news) // 3
    report("receipts shuffled and repeated: events", kept, 3 * len(sent), right, f"out of {len(news)} receipts")
    still = queries.counts(killing.CAUSE).get("sent")
    report("receipts shuffled and repeated: still sent", still, len(sent), still == len(sent))


# -- HTTP --------------------------------------------------------------------------------------------------------------


class _Gateway(BaseHTTPRequestHandler):
    """Takes each id once; every third call is told 429, every fifth 500, and every seventh loses its answer after it was taken."""

    taken: Counter = Counter()
    calls = 0

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = type(self)
        kind.calls += 1
        if kind.calls % 3 == 0:
            return self._say(429)
        if kind.calls % 5 == 0:
            return self._say(500)
        kind.taken[call["id"]] = 1  # by its id: a second call under the same key changes nothing
        if kind.calls % 7 == 0:
            return self.connection.close()
        return self._say(202)

    def _say(self, code: int):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def _answers_429_and_500(report):
    """The channel alone, as the outbox calls it: what was put off or is in doubt is offered again under the same key."""
    from push.sms import SmsWebhookChannel

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    channel = SmsWebhookChannel(f"http://127.0.0.1:{server.server_port}", "secret", is_idempotent=True)
    open_ = {
        contents.internet_message_id(number): channels.Outgoing(
            contents.internet_message_id(number), "+12125550123", b'{"title":"Hello"}'
        )
        for number in range(1, YES + 1)
    }
    rounds = 0
    heard: Counter = Counter()
    while open_ and rounds < 30:
        rounds += 1
        for result in list(channel.send(list(open_.values()))):
            heard[result.outcome] += 1
            if result.outcome == "accepted":
                del open_[result.message_id]
    report("429, 500 and lost answers: taken by the gateway", len(_Gateway.taken), YES, len(_Gateway.taken) == YES and not open_,
           f"in {rounds} rounds; {heard['deferred']} put off, {heard['unknown']} in doubt, {heard['refused']} refused")  # fmt: skip
    report("429, 500 and lost answers: given up", heard["refused"], 0, heard["refused"] == 0)
    channel.close()
    server.shutdown()
