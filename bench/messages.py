"""Processor time per marketing e-mail beside Django's own way of sending the same mail to the same members.

From the values to what is durably sent. Ours is `deliver_chunk` whole, towards a relay with an acceptance log: claim, values out
of the outbox, addresses and names decrypted, rendering, MIME, the last check and commit, SMTP on a kept connection, the record
of what became of it. Theirs has the same values as dicts at hand: the same query for addresses and names, subject, text and HTML
by Django's template engine from the same texts, `EmailMultiAlternatives` with the same headers, one `send_messages` on a
kept connection to the same sink. It claims nothing, checks nothing and records nothing. Writing the outbox is in neither arm;
collecting the values, which planning does once for both, is told beside it and in a figure of its own.

What counts is processor time of this process and of the PostgreSQL server on its behalf, never the clock on the wall;
the sink is a process of its own and counts for nobody. The arms alternate, and the ratio is the median of the rounds' ratios.

Django leaves a UTF-8 body whose lines are all short unencoded (8bit); ours is quoted-printable, which every server
takes. The HTML is the same for both: what was frozen, line for line. A figure without a bar of its own: the ratio
when Django is handed the finished texts and only builds and sends. The floor is a blaster of rendered mails (`_blaster`).
"""

import contextlib
import gc
import hashlib
import multiprocessing
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection
from django.db.models import Case, F, JSONField, Value, When

from bench import _scratch as scratch
from bench._blaster import Blaster, ready
from bench._newsletter import Newsletter

MEMBERS, ROUNDS, BAR, BAR_FLOOR = 1000, 7, 0.1, 4  # planning collects values of 2,000 at once; claims are of 500
AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)
OFFERS = {"buy_again": 3, "new_for_you": 2}  # how many of each a member is shown
KINDS = ("Whole", "Organic", "Local", "Fresh", "Small")
FOODS = ("milk", "sourdough bread", "eggs", "yogurt", "blood oranges", "rye crackers", "butter", "lentils")


def run(report):
    with scratch.database("regulars_bench_messages"), _sink() as sink, _channel(sink.port):
        stage = _Stage(sink.port)
        rounds = [stage.round(number) for number in range(ROUNDS + 1)][1:]  # the first round only warms up
        same = sink.digests() == stage.expected
        is_same_page = stage.rival.shows_the_same(stage.sample)
    planned, ours, spared, theirs, floor = (list(column) for column in zip(*rounds, strict=True))
    whole = _median_ratio(ours, [t - p for t, p in zip(theirs, planned, strict=True)])
    report(
        "CPU per message ÷ Django's templates, EmailMultiAlternatives and send_messages",
        round(whole, 3),
        f"≤ {BAR}",
        whole <= BAR,
        f"{_us(ours)} µs from claim to record, {_us(stage.server)} of them PostgreSQL's, against "
        f"{_us([t - p for t, p in zip(theirs, planned, strict=True)])} µs; "
        f"{stage.bytes_each / 1000:.0f} kB each, {MEMBERS} members × {ROUNDS} rounds",
    )
    both = _median_ratio([p + o for p, o in zip(planned, ours, strict=True)], theirs)
    report(
        "the same, collecting the values on both sides included",
        round(both, 3), f"≤ {BAR}", both <= BAR, note=f"{_us(planned)} µs for the values",
    )  # fmt: skip
    report(
        "the same ÷ EmailMultiAlternatives and send_messages alone, texts ready made",
        round(_median_ratio(ours, spared), 3),
        "told",
        holds=True,
        note=f"{_us(spared)} µs",
    )
    report(
        "the same ÷ rendered mails over one kept, pipelined connection, without a database",
        round(_median_ratio(ours, floor), 1),
        f"≤ {BAR_FLOOR}",
        _median_ratio(ours, floor) <= BAR_FLOOR,
        note=f"{_us(floor)} µs, most of it the kernel's to carry {stage.bytes_each / 1000:.0f} kB",
    )
    report("mails received that equal the slow renderer's, byte for byte", "all" if same else "not all", "all", same)
    report("Django's page says what ours says", "yes" if is_same_page else "no", "yes", is_same_page)


def _us(costs: list[float]) -> int:
    return round(statistics.median(costs) * 1e6)


def _median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(mine / rival for mine, rival in zip(ours, theirs, strict=True))


class _Stage:
    """Members with addresses and consent, an e-mail frozen, offers decided, and both ways of sending."""

    def __init__(self, port: int):
        from emails import operations, starters
        from members.queries import contacts

        self.members = _enrol()
        template = starters.write("win_back", name="Bench")
        self.frozen = operations.freeze(template=template, language="en", site_url=settings.SITE_URL)
        self.content = f"emails.FrozenEmail:{self.frozen.pk}"
        _decide(self.members)
        _give_points(self.members)
        self.contacts = contacts(self.members, kind="email")
        self.rival = Newsletter(self.frozen, self.members, port=port, values=_values)
        self.meter = _Meter()
        self.blaster = Blaster(port)
        self.expected: dict[str, str] = {}
        self.ready_made: list[tuple[bytes, str]] = []
        self.server: list[float] = []  # PostgreSQL's part of ours, s of each message, round by round
        self.bytes_each = 0.0
        self.sample: tuple[dict, str] = ({}, "")

    def round(self, number: int) -> tuple[float, ...]:
        """Seconds of processor time per message: our values, our sending, Django's sending alone, Django's all, the floor."""
        at = AT + timedelta(days=30 * number)  # a month apart: the frequency cap is not the question
        gc.collect()
        gc.freeze()  # whoever runs next does not pay for looking through what is there already
        told, planned = self.meter.of(lambda: _values(self.members, at))
        self._enqueue(told, number, at)
        ours = self._deliver(number, at)
        facts = self._expect(number)
        spared, theirs = self.rival.send(facts, at, self.meter)
        _sent, floor = self.meter.of(lambda: self.blaster.send(self.ready_made))
        return tuple(cost / MEMBERS for cost in (planned, ours, spared, theirs, floor))

    def _enqueue(self, told: dict, number: int, at):
        from delivery import operations
        from members.models import Member

        for start in range(0, MEMBERS, 100):
            chosen = self.members[start : start + 100]
            whens = [When(pk=one, then=Value(told[one], output_field=JSONField())) for one in chosen]
            rows = Member.objects.filter(pk__in=chosen).annotate(
                member_id=F("pk"), values=Case(*whens, output_field=JSONField())
            )
            operations.enqueue(messages=rows, cause=f"bench:{number}", channel="email", at=at, content=self.content)

    def _deliver(self, number: int, at) -> float:
        from delivery import operations

        def work() -> int:
            """As a worker does: claim after claim until nothing is due."""
            sent = 0
            while (done := operations.deliver_chunk(worker=f"bench-{number}", at=at)).claimed:
                sent += done.sent
            return sent

        before = self.meter.server()
        sent, spent = self.meter.of(work)
        self.server.append((self.meter.server() - before) / MEMBERS)
        if sent != MEMBERS:
            raise RuntimeError(f"{sent} of {MEMBERS} were sent")
        return spent

    def _expect(self, number: int) -> dict:
        """What the slow renderer would have sent for these messages; member → facts, for the rival's headers."""
        from delivery.contents import EmailContent, facts_of
        from delivery.models import Message
        from emails import rendering, slow

        found, mails, recipients = {}, [], []
        for one in Message.objects.filter(cause=f"bench:{number}").order_by("pk"):
            person = self.contacts[one.member_id]
            values = one.values | {"given_name": person.given_name, "family_name": person.family_name}
            facts = EmailContent()._message_facts(facts_of(one.pk, one.due_at, person.address))  # noqa: SLF001
            raw = slow.render(self.frozen, values, message=facts)
            mails.append(raw)
            recipients.append(person.address)
            self.expected[facts.message_id] = hashlib.sha256(raw).hexdigest()
            found[one.member_id] = facts
            context = rendering.context_of(self.frozen, values, message=facts)
            self.sample = (self.rival.context(values, facts), slow.html(self.frozen, context))
        self.bytes_each = statistics.mean(map(len, mails))
        self.ready_made = ready(mails, recipients)
        return found


def _values(members: list[int], at) -> dict[int, dict]:
    from campaigns import values

    return values.for_members(members, cause="bench", language="en", at=at)


# -- processor time ----------------------------------------------------------------------------------------------------


class _Meter:
    """Processor time of this process, of our session's server process and of the server's own (writers, checkpoints)."""

    def __init__(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid() OR backend_type <> 'client backend'"
            )
            self._server = [row[0] for row in cursor.fetchall()]

    def of(self, act):
        """What `act` gives, and the seconds it took."""
        before = self._now()
        given = act()
        return given, self._now() - before

    def server(self) -> float:
        return sum(map(_seconds, self._server))

    def _now(self) -> float:
        return time.process_time() + self.server()


def _seconds(pid: int) -> float:
    """To the nanosecond where the kernel tells it: the ticks of `cpu_times` are ten milliseconds long."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return times.user + times.system


@contextlib.contextmanager
def _channel(port: int):
    """Our e-mail channel leads to the sink."""
    from delivery import channels

    before = settings.DELIVERY_CHANNELS
    settings.DELIVERY_CHANNELS = before | {
        "email": {
            "class": "emails.smtp.SmtpChannel",
            "arguments": (f"smtp://127.0.0.1:{port}",),
            "evidence": ("delivery.evidence.LogEvidence", "/nonexistent"),  # nothing is in doubt: nobody will ask
        }
    }
    channels.route.cache_clear()
    try:
        yield
    finally:
        channels.route("email").channel.close()
        channels.route.cache_clear()
        settings.DELIVERY_CHANNELS = before


def _enrol() -> list[int]:
    from members.operations import enrol_many

    names = ("Amelia", "Zoë", "思远", "José", "Siobhán")
    people = [
        {
            "given_name": names[i % len(names)],
            "family_name": "Novak",
            "email": f"m{i}@example.com",
            "consents": ("email",),
        }
        for i in range(MEMBERS)
    ]
    return enrol_many(people, at=AT, source="bench").member_ids


def _decide(members: list[int]):
    """Offers of both slots for everybody, as a campaign's planning leaves them: forty types, six rhythms of buying."""
    from recommender.models import Decision
    from sales.models import Category

    types = [
        Category.objects.create(
            level=Category.Level.TYPE, path=f"bench > {name}", raw_name=name, name_en=name, icon="milk"
        )
        for name in (f"{kind} {what}" for kind in KINDS for what in FOODS)
    ]
    Decision.objects.bulk_create(
        Decision(
            cause="bench", member_id=member_id, slot=slot, position=place,
            category=types[(i * 7 + place * 11 + len(slot)) % len(types)], benefit="multiply", amount=300, propensity=0.5,
            policy="bench", reason_code="bought_every", reason_params={"days": 7 * (1 + (i + place) % 6)}, decided_at=AT,
        )
        for i, member_id in enumerate(members)
        for slot, offers in OFFERS.items()
        for place in range(1, offers + 1)
    )  # fmt: skip


def _give_points(members: list[int]):
    from loyalty import operations

    for i, member_id in enumerate(members):
        operations.adjust(
            member_id=member_id, points=100 + 37 * i, reason="Bench", source="bench", client_key=f"points-{i}",
            by_user_id=None, at=AT,
        )  # fmt: skip


# -- the sink, in a process of its own ---------------------------------------------------------------------------------


class _sink:  # noqa: N801 -- reads as what it is where it is used: with _sink() as sink
    """A recording SMTP server; tells the digest of each of our mails by its Message-ID."""

    def __enter__(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far,), daemon=True)
        self._process.start()
        self.port = self._pipe.recv()
        return self

    def digests(self) -> dict[str, str]:
        self._pipe.send("digests")
        return self._pipe.recv()

    def __exit__(self, *_exception):
        self._pipe.send("stop")
        self._process.join(10)


def _serve(pipe):
    from demo.smtp_sink import Sink

    found: dict[str, str] = {}

    def note(received):
        message_id = received.content.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
        if ".rival@" not in message_id:
            found[message_id] = hashlib.sha256(received.content).hexdigest()

    sink = Sink(note).start()
    pipe.send(sink.port)
    while pipe.recv() != "stop":
        pipe.send(found)
    sink.stop()
