"""Workers that are killed while they send, and the hop they send to. Used by the drill, and in short by the tests.

The hop is the recording SMTP server, in this process, which is never killed. Workers are forked from one process that has
loaded everything already, so that a kill costs a moment and not a start of Django.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection

from delivery import channels, operations, outbox, queries
from delivery.models import Message
from demo.smtp_sink import HANG_UP, Sink

AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
LEASE_S = 60  # longer than any run: the drill lets leases run out itself, once the dead worker's connection is closed
# Where a worker dies. The last three are reached by the hop, which then kills whoever is talking to it.
BY_ITSELF = ("claimed", "committed", "answered", "written")
BY_THE_HOP = ("body", "dot", "recorded")
POINTS = BY_ITSELF + BY_THE_HOP
CAUSE = "drill:kill"


# -- the worker's side ---------------------------------------------------------------------------------------------------


def _arm(point: str, after: int, signal_number: int):
    """Make this process receive a signal the `after`-th time it comes to `point`."""
    from delivery.operations import sending

    module, name, is_before = {
        "claimed": (outbox, "claim", False),
        "committed": (sending, "_Answers", True),  # to sending, and not a byte has left
        "answered": (outbox, "record", True),  # every message has its 250
        "written": (outbox, "record", False),  # and the ledger knows, but has not committed
    }[point]
    function, left = getattr(module, name), [after]

    def strike():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal_number)

    def wrapped(*arguments, **options):
        if is_before:
            strike()
        answer = function(*arguments, **options)
        if not is_before:
            strike()
        return answer

    setattr(module, name, wrapped)


def _work(order: dict):
    """One worker's life: send what is due until nothing is, or one claim."""
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = order["database"]
    settings.DELIVERY_CHANNELS["email"] = {"class": "emails.smtp.SmtpChannel", "arguments": (order["smtp_url"],)}
    if order.get("point"):
        _arm(order["point"], order["after"], order.get("signal", signal.SIGKILL))
    lease = timedelta(seconds=order.get("lease_s", LEASE_S))
    while operations.deliver_chunk(
        worker=order["worker"], at=AT, limit=order["limit"], chunk=order["chunk"], lease=lease
    ).claimed:  # fmt: skip
        if order.get("once"):
            return


def serve():
    """The parent of all workers: forks one per line it reads, and waits for one when asked to."""
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _pid, status = os.waitpid(order["wait"], 0)
            print(status, flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                _work(order)
            except BaseException as error:  # noqa: BLE001 (a fork ends here, whatever happened)
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)


class Workers:
    """Starts workers on this process's database, towards a hop."""

    def __init__(self):
        code = "import django; django.setup(); from drills import _killing; _killing.serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=settings.BASE_DIR, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        )  # fmt: skip
        self._number = 0
        self._expect("ready")

    def _expect(self, word: str):
        said = self._process.stdout.readline().strip()
        assert said == word, f"the workers' parent said {said!r}"

    def _ask(self, order: dict) -> int:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(self, hop: "Hop", *, limit=60, chunk=20, **order) -> int:
        """Start one; answers its process id."""
        self._number += 1
        name = f"drill-{os.getpid()}-{self._number}"
        where = {"database": connection.settings_dict["NAME"], "smtp_url": hop.sink.url}
        return self._ask({"worker": name, "limit": limit, "chunk": chunk, **where, **order})

    def wait(self, pid: int) -> int:
        """Wait until it ends; answers the signal that killed it, 0 when it came to its end by itself."""
        status = self._ask({"wait": pid})
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the worker failed; its words are above"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def wait_for_any_end(self, pid: int) -> None:
        """Wait until it ends, well or badly: a worker whose database died may give up."""
        self._ask({"wait": pid})

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)


# -- the hop's side ------------------------------------------------------------------------------------------------------


class Hop:
    """The recording server: counts per recipient, keeps an acceptance log, and kills whom it is told to kill."""

    def __init__(self):
        self.copies: Counter = Counter()
        self.total = 0
        self.log = Path(tempfile.mkdtemp(prefix="acceptance-")) / "accepted.log"
        self.log.touch()
        self._victim: tuple[int, str, int] | None = None
        self.sink = Sink(self._accept, script=self._script).start()

    def _accept(self, received):
        (recipient,) = received.recipients
        self.copies[recipient] += 1
        self.total += 1
        header = received.content.split(b"\r\n\r\n", 1)[0].decode("ascii", "replace")
        name = next(line for line in header.split("\r\n") if line.lower().startswith("message-id:"))
        with self.log.open("a") as log:
            log.write(name.split(":", 1)[1].strip() + "\n")

    def kill(self, pid: int, *, at: str, after: int):
        """Kill this worker the `after`-th time a conversation reaches a stage."""
        self._victim = (pid, at, after)

    def _script(self, stage, _received):
        if self._victim and stage == self._victim[1]:
            pid, point, left = self._victim
            self._victim = (pid, point, left - 1) if left > 1 else None
            if left == 1:
                os.kill(pid, signal.SIGKILL)
                if point == "body":
                    return HANG_UP  # the body will never be whole
        return None

    def settle(self, patience_s: float = 10):
        """Wait until no connection is open: what a dead worker left in its socket has been read to the end."""
        begun = time.monotonic()
        while self.sink._open and time.monotonic() - begun < patience_s:  # noqa: SLF001
            time.sleep(0.005)

    def close(self):
        self.sink.stop()
        self.log.unlink()
        self.log.parent.rmdir()


# -- sweepers: ours, and two that are wrong ------------------------------------------------------------------------------


def let_leases_run_out():
    """As if everybody had slept past their lease. Real time is not waited for."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_claim SET lease_until = clock_timestamp() - interval '1 second'")
        cursor.execute(
            "UPDATE delivery_message SET lease_until = clock_timestamp() - interval '1 second'"
            " WHERE stage IN (0, 1) AND lease_until IS NOT NULL"
        )


def sweep(hop: Hop, *, has_evidence: bool):
    """Our sweeper, with or without the hop's acceptance log."""
    channels.route.cache_clear()
    way = {"class": "emails.smtp.SmtpChannel", "arguments": (hop.sink.url,)}
    settings.DELIVERY_CHANNELS["email"] = way | (
        {"evidence": ("delivery.evidence.LogEvidence", str(hop.log))} if has_evidence else {}
    )
    begun = time.monotonic()
    while time.monotonic() - begun < 10:
        let_leases_run_out()
        operations.sweep(at=AT)
        let_leases_run_out()
        operations.sweep(at=AT)
        if not Message.objects.filter(state__in=["claimed", "attempting"]).exists():
            return
        time.sleep(0.02)  # the server has not noticed yet that the dead worker's connection is gone
    raise AssertionError("the dead worker's messages are still in its hands")


def reclaim_after_timeout():
    """Wrong on purpose: what is overdue was not sent, they say (a visibility timeout). It doubles."""
    Message.objects.filter(state__in=["claimed", "attempting"]).update(state="pending", claimed_by="", lease_until=None)


def believe_at_fetch():
    """Wrong on purpose: what was fetched was sent, they say (a cursor). It loses."""
    Message.objects.filter(state__in=["claimed", "attempting"]).update(state="sent", sent_at=AT, lease_until=None)


# -- a whole drill -------------------------------------------------------------------------------------------------------


def kill_one(workers: Workers, hop: Hop, *, point: str, after: int, **order) -> bool:
    """Start a worker that dies at `point`; False when it came to its end before."""
    pid = workers.start(hop, **order, **({"point": point, "after": after} if point in BY_ITSELF else {}))
    if point in BY_THE_HOP:
        hop.kill(pid, at=point, after=after)
    was_killed = workers.wait(pid) == signal.SIGKILL
    hop._victim = None  # noqa: SLF001
    hop.settle()
    return was_killed


def ledger() -> dict[str, set[str]]:
    """Addresses by state, as the outbox has them."""
    from members.queries import contacts

    rows = list(queries.messages("drill").values_list("state", "member_id"))
    found = contacts([member_id for _state, member_id in rows])
    states: dict[str, set[str]] = {}
    for state, member_id in rows:
        states.setdefault(state, set()).add(found[member_id].address)
    return states


def people(count: int, *, first: int = 0):
    """Members who said yes, every tenth of whom did not."""
    from members.operations import enrol_many

    enrol_many(
        [
            {
                "given_name": "Ada", "email": f"drill{number}@example.com", "joined_at": AT,
                "consents": () if number % 10 == 9 else ("email",),
            }
            for number in range(first, first + count)
        ],
        at=AT, source="drill",
    )  # fmt: skip


def content() -> str:
    """A small e-mail, written in the CMS's blocks and frozen."""
    from wagtail.models import Locale

    from emails.models import EmailTemplate
    from emails.operations import freeze

    stream = EmailTemplate._meta.get_field("body").stream_block
    blocks = [
        ("text", {"text": "<p>Hello {{ given_name | default: 'there' }}</p>"}),
        ("footer", {"why": "You joined us."}),
    ]
    body = stream.to_python([{"type": kind, "value": value, "id": f"b{n}"} for n, (kind, value) in enumerate(blocks)])
    locale, _ = Locale.objects.get_or_create(language_code="en")
    template = EmailTemplate.objects.create(
        name="Drill", subject="A drill", preheader="Only a drill", body=body, locale=locale
    )
    return f"emails.FrozenEmail:{freeze(template=template, language='en', site_url='https://shop.example').pk}"


def write_messages(reference: str, *, cause: str = CAUSE, first: int = 0, count: int | None = None):
    """To everybody, or to so many from a place in the order of enrolment on."""
    from django.db.models import F

    from members.models import Member

    everybody = Member.objects.annotate(member_id=F("pk"))
    if first or count is not None:
        stop = None if count is None else first + count
        chosen = list(Member.objects.order_by("pk").values_list("pk", flat=True)[first:stop])
        everybody = everybody.filter(pk__in=chosen)
    return operations.enqueue(messages=everybody, cause=cause, channel="email", at=AT, content=reference)
