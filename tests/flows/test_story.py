"""The demo's whole story on a twentieth of its households, with every process that `make demo` starts but the web server.

This is the long thread: import, points, tiers, offers, a campaign through the scheduler, Celery, SMTP and web push, its
outcome on real purchases, its lift, and what was learned.
"""

import os
import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.queries import funnel
from config.celery import app
from config.embedded import Redis
from demo import dressing, spending, story
from demo.models import InboxMessage
from demo.processes import Processes
from loyalty.models import Transfer
from loyalty.queries import programme_totals
from members.models import Member
from sales.models import Purchase, PurchaseLine

ROOT = Path(__file__).resolve().parents[2]
ONE_IN = 20
CELERY = ("-m", "celery", "--app", "config.celery", "--quiet")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def world(committed_db, tmp_path, monkeypatch, settings):
    """The demo's mode, its outside world, its worker and its beat, on a database and a Redis of this test's own."""
    smtp, push, redis = _free_port(), _free_port(), Redis(tmp_path)
    settings.DEMO, settings.DEMO_SMTP_PORT, settings.DEMO_PUSH_PORT = True, smtp, push
    database = settings.DATABASES["default"]
    host = quote(str(database["HOST"]), safe="")
    told = {
        "REGULARS_MODE": "demo", "REGULARS_VAR": settings.VAR, "REDIS_URL": f"unix://{redis.socket}",
        "DATABASE_URL": f"postgres://{database['USER']}@{host}:{database['PORT']}/{committed_db}",
        "DEMO_SMTP_PORT": smtp, "DEMO_PUSH_PORT": push, "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    # Not handed on: the concession to the browser tests' event loop, which our processes do not need.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    monkeypatch.chdir(ROOT)
    processes = Processes(tmp_path / "processes", inherited | {name: str(value) for name, value in told.items()})
    redis.ensure()
    # What the chapters cause in this process goes there too.
    monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{redis.socket}")
    try:
        processes.start("outside", "manage.py", "demo_outside")
        queues = "default,campaigns,delivery"
        processes.start("worker", *CELERY, "worker", "--concurrency", "2", "--queues", queues, "--loglevel", "WARNING")
        processes.start("beat", *CELERY, "beat", "--schedule", str(tmp_path / "beat"), "--pidfile=")
        processes.wait_for_port("outside", smtp)
        processes.wait_for_port("outside", push)
        yield story.Scene(dressing.Year(dressing.weeks_moved(timezone.localdate()), ONE_IN), tmp_path / "demo")
        processes.check()
    finally:
        processes.stop()
        redis.release()


def _adds_up(campaign):
    told = funnel(campaign)
    assert (
        told.audience
        == told.sent + told.held_out + sum(told.skipped.values()) + told.waiting + told.failed + told.in_doubt
    )
    assert told.waiting == 0
    return told


def test_the_whole_story(world, capsys):
    story.tell(story.CHAPTERS, print, here=world)

    # Purchases: everything that was in the file, once, and nothing else but the labelled refunds.
    lines = world.year.lines()
    sales = Purchase.objects.filter(source__code="complete-journey")
    assert PurchaseLine.objects.filter(purchase__in=sales).count() == lines.num_rows
    assert Member.objects.count() == len(world.year.households)
    assert Purchase.objects.filter(kind=Purchase.Kind.REFUND).exclude(source__code="demo-refunds").count() == 0
    assert programme_totals(at=timezone.now()).issued > 0
    call_command("verify_ledger")
    spent = Transfer.objects.filter(source__code=spending.SOURCE, occurred_at__lt=world.cut)
    assert spent.values_list("points", flat=True).distinct().count() > 0, "rewards were taken before the campaign"

    # The campaign: everybody is accounted for, and what arrived is what was sent, each once.
    campaign = Campaign.objects.get(name="Come back to your points")
    told = _adds_up(campaign)
    assert told.sent > 0
    assert campaign.launched_at == world.launch_at or abs(campaign.launched_at - world.launch_at).total_seconds() < 600
    rehearsal = Campaign.objects.get(kind="rehearsal", status="measured")
    assert _adds_up(rehearsal).held_out > 0, "thirty per cent of a hundred; the other audience may be too small for one"
    from delivery.queries import counts

    sent = sum(counts(one.cause).get("sent", 0) for one in (campaign, rehearsal))
    assert InboxMessage.objects.count() == sent

    # The reports: honest about noise, and the rehearsal beside its truth, which no total knows.
    report = campaign.reports.get(is_final=True)
    assert report.figures["rerandomised"]["draws"] == 1000
    assert "truth" not in report.figures
    assert rehearsal.reports.get(is_final=True).figures["truth"]["purchases"] == 0.2
    assert rehearsal.learning.verdict
    assert rehearsal.clones.get().is_draft

    # Told again, nothing happens.
    before = Purchase.objects.count(), InboxMessage.objects.count(), Campaign.objects.count(), Transfer.objects.count()
    story.tell(story.CHAPTERS, print, here=world)
    after = Purchase.objects.count(), InboxMessage.objects.count(), Campaign.objects.count(), Transfer.objects.count()
    assert before == after
