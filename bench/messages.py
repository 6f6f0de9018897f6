"""CPU per marketing e-mail, all of it: the member's values, rendering, MIME, SMTP and every statement in PostgreSQL.

The rival is Django's own `EmailMultiAlternatives` with one `send_messages` per round on a kept connection, on the same
mails and the same sink. It is spared the rendering, the values and the database: its HTML and text are handed to it ready
made. Both arms alternate; what counts is processor time of this process plus that of the PostgreSQL server, never the
clock on the wall. The sink is a process of its own and counts for nobody.

Django gets the HTML as MJML compiles it, in long lines, which it sends as quoted-printable like ours; our own line breaks
stand where HTML ignores them and serve our encoder only. With them Django may leave out the encoding and send 8bit, a mail
that not every server takes: that ratio is printed too, without a bar. So is what planning a member's values costs.
"""

import gc
import hashlib
import multiprocessing
import statistics
import time
from datetime import UTC, datetime, timedelta

import psutil
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection
from django.db.models import F, JSONField, Value

from bench import _scratch as scratch

MEMBERS, ROUNDS, BAR = 200, 5, 0.15
AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)
OFFERS = {"buy_again": ("Whole milk", "Sourdough bread", "Eggs"), "new_for_you": ("Greek yogurt", "Blood oranges")}


def run(report):
    with scratch.database("regulars_bench_messages"), _sink() as sink:
        settings.DELIVERY_CHANNELS = settings.DELIVERY_CHANNELS | {
            "email": {"class": "emails.smtp.SmtpChannel", "arguments": (f"smtp://127.0.0.1:{sink.port}",)}
        }
        stage = _Stage()
        ours, theirs = [], []
        for number in range(ROUNDS + 1):  # the first round only warms up
            mine, rival = stage.send_ours(number), stage.send_django(sink.port)
            if number:
                ours.append(mine)
                theirs.append(rival)
        same = sink.digests() == stage.reference_digests()
    ratio = statistics.median(mine / rival for mine, rival in zip(ours, theirs, strict=True))
    note = f"{_us(ours)} µs against {_us(theirs)} µs per message; {stage.bytes_each / 1000:.0f} kB each, {MEMBERS} members × {ROUNDS} rounds"
    report(
        "CPU per message ÷ Django's EmailMultiAlternatives and send_messages",
        round(ratio, 3),
        f"≤ {BAR}",
        ratio <= BAR,
        note,
    )
    report("mails received that equal the slow renderer's, byte for byte", "all" if same else "not all", "all", same)


def _us(costs: list[float]) -> int:
    return round(statistics.median(costs) * 1e6)


class _Stage:
    """Members with addresses and consent, an e-mail frozen, offers decided, and both ways of sending."""

    def __init__(self):
        from emails import operations, starters
        from members.models import Member

        self.members = _enrol()
        self.people = {member.pk: member for member in Member.objects.filter(pk__in=self.members)}
        template = starters.write("win_back", name="Bench")
        self.frozen = operations.freeze(template=template, language="en", site_url=settings.SITE_URL)
        self.content = f"emails.FrozenEmail:{self.frozen.pk}"
        _decide(self.members)
        self.server = psutil.Process(_backend_pid()).parent()
        self.expected: dict[str, str] = {}
        self.bytes_each = 0.0
        self.mails: list[EmailMultiAlternatives] = []
        self.mails_8bit: list[EmailMultiAlternatives] = []

    def round(self, number: int, port: int) -> tuple[float, float, float, float]:
        """Seconds of processor time per message: planning values; ours; Django; Django sending 8bit."""
        gc.collect()
        gc.freeze()  # whoever runs next does not pay for looking through what is there already
        planned, ours = self.send_ours(number)
        return planned, ours, self.send_django(port, self.mails), self.send_django(port, self.mails_8bit)

    def send_ours(self, number: int) -> tuple[float, float]:
        """Planned values; then claim, personal values, render, MIME, SMTP, record."""
        from campaigns import values
        from delivery import channels, operations
        from members.models import Member

        channels.route.cache_clear()
        cause, at = (
            f"bench:{number}",
            AT + timedelta(days=30 * number),
        )  # a month apart: the frequency cap is not the question
        before = self._cpu()
        told = values.for_members(self.members, cause="bench", language="en", at=at)
        planned = self._cpu() - before
        for member_id in self.members:  # planning writes the outbox; its own bench counts that
            rows = Member.objects.filter(pk=member_id).annotate(
                member_id=F("pk"), values=Value(told[member_id], output_field=JSONField())
            )
            operations.enqueue(messages=rows, cause=cause, channel="email", at=at, content=self.content)
        before = self._cpu()
        done = operations.deliver_chunk(worker=f"bench-{number}", at=at, limit=MEMBERS)
        spent = self._cpu() - before
        if done.sent != MEMBERS:
            raise RuntimeError(f"{done.sent} of {MEMBERS} were sent: {done}")
        channels.route("email").channel.close()
        self._remember(cause)
        return planned / MEMBERS, spent / MEMBERS

    def _remember(self, cause: str):
        """What the slow renderer would have sent for these messages, and the same mails for Django."""
        from delivery.contents import EmailContent, Facts
        from delivery.models import Message
        from emails import rendering, slow

        handler = EmailContent()
        messages = Message.objects.filter(cause=cause).order_by("pk")
        self.mails, self.mails_8bit, sizes = [], [], []
        for one in messages:
            person = self.people[one.member_id]
            values = one.values | {"given_name": person.given_name, "family_name": person.family_name}
            facts = handler._message_facts(Facts(one.pk, one.due_at, _address(one.member_id)))  # noqa: SLF001
            raw = slow.render(self.frozen, values, message=facts)
            sizes.append(len(raw))
            self.expected[facts.message_id] = hashlib.sha256(raw).hexdigest()
            context = rendering.context_of(self.frozen, values, message=facts)
            html = slow.html(self.frozen, context)
            self.mails.append(_django_mail(self.frozen, context, facts, html.replace("\n", " ")))
            self.mails_8bit.append(_django_mail(self.frozen, context, facts, html))
        self.bytes_each = statistics.mean(sizes)

    def send_django(self, port: int, mails: list) -> float:
        backend = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port)
        before = self._cpu()
        sent = backend.send_messages(mails)
        spent = self._cpu() - before
        if sent != MEMBERS:
            raise RuntimeError(f"Django sent {sent} of {MEMBERS}")
        return spent / MEMBERS

    def _cpu(self) -> float:
        """Processor seconds of this process and of the whole PostgreSQL server."""
        total = time.process_time()
        for process in (self.server, *self.server.children()):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total


def _address(member_id: int) -> str:
    from members.queries import contacts

    return contacts([member_id], kind="email")[member_id].address


def _django_mail(frozen, context: dict, facts, html: str) -> EmailMultiAlternatives:
    from emails import slow

    headers = {
        "Message-ID": facts.message_id.replace("@", ".rival@"),
        "List-Unsubscribe": f"<{facts.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    mail = EmailMultiAlternatives(
        slow.subject(frozen, context), slow.text(frozen, context), facts.from_, [facts.to], headers=headers
    )
    mail.attach_alternative(html, "text/html")
    return mail


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
    """Offers of both slots for everybody, as a campaign's planning leaves them."""
    from recommender.models import Decision
    from sales.models import Category

    types = {
        name: Category.objects.create(
            level=Category.Level.TYPE, path=f"bench > {name}", raw_name=name, name_en=name, icon="milk"
        )
        for names in OFFERS.values()
        for name in names
    }
    Decision.objects.bulk_create(
        Decision(
            cause="bench", member_id=member_id, slot=slot, position=place, category=types[name], benefit="multiply", amount=300,
            propensity=0.5, policy="bench", reason_code="bought_every", reason_params={"days": 9}, decided_at=AT,
        )
        for member_id in members
        for slot, names in OFFERS.items()
        for place, name in enumerate(names, 1)
    )  # fmt: skip


def _backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


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
