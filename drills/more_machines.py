"""More machines do the same work once: one web, one worker and one beat process, and then two of each, in two copies of one house.

Both copies are given the same purchases, refunds and rewards over the API, on many connections, with keys told twice at once; and a
campaign, a triggered campaign and a journey, whose e-mails go to a recording SMTP server. Then everything that is counted for a member
must be the same in both, and there once. Real processes, real clocks: granian and Celery as they are started for customers.
"""

import contextlib
import json
import os
import socket
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection
from psycopg import sql

from bench import _scratch as scratch
from demo.processes import Processes
from demo.smtp_sink import Sink
from drills import _account
from drills._shoppers import Shoppers

MEMBERS, RACERS, FEW, OPENING = 240, 60, 25, 5_000
PATIENCE_S = 240
QUEUES = "default,campaigns,journeys,delivery"


@dataclass
class House:
    """What a run left: `facts` by name, each of plain values; `twice` what is there more than once; `tasks` and `served` by process."""

    facts: dict
    twice: dict[str, int]
    tasks: dict[str, int]
    served: dict[int, int]
    strange: list[str]
    breaches: list[str]
    seconds: float


def run(report):
    home = connection.settings_dict["NAME"]
    with scratch.database("regulars_drill_more_machines") as base:
        told = _furnish()
        houses = [_live_in(home, base, told, machines=n) for n in (1, 2)]
    one, two = houses
    for name in one.facts:
        differ = _differences(one.facts[name], two.facts[name])
        report(f"{name} that differ between 1 + 1 and 2 + 2 processes", len(differ), "0", not differ and bool(one.facts[name]),
               "; ".join(map(str, differ[:3])) or f"{len(one.facts[name]):,} alike")  # fmt: skip
    for machines, house in zip((1, 2), houses, strict=True):
        what = f"{machines} + {machines}: "
        report(f"{what}there twice", sum(house.twice.values()), "0", not any(house.twice.values()), str(house.twice))
        report(
            f"{what}answers that should not be",
            len(house.strange),
            "0",
            not house.strange,
            "; ".join(house.strange[:2]),
        )
        report(
            f"{what}promises of the ledger broken",
            len(house.breaches),
            "0",
            not house.breaches,
            "; ".join(house.breaches[:2]),
        )
        shares = [*house.served.values(), *house.tasks.values()]
        report(f"{what}processes that worked", len(shares), str(2 * machines), len(shares) == 2 * machines and min(shares) > 0,
               f"requests {list(house.served.values())}, tasks {list(house.tasks.values())}, {house.seconds:.0f} s")  # fmt: skip


def _differences(one: dict, two: dict) -> list:
    return [(key, one.get(key), two.get(key)) for key in {**one, **two} if one.get(key) != two.get(key)]


# -- the house ---------------------------------------------------------------------------------------------------------------


def _name(number: int) -> str:
    return f"m{number}"


def _furnish() -> dict:
    """Members with points, rewards, a drafted campaign, a triggered one and a journey that are live; what the drill needs to know."""
    from api.operations import create_client
    from campaigns import operations as campaigns
    from campaigns.journeys import flow
    from campaigns.journeys import operations as journeys
    from campaigns.models import Audience, Campaign
    from delivery.operations import set_policy
    from loyalty import operations as loyalty
    from loyalty.models import Reward
    from members.operations import enrol_many
    from sales.operations import ensure_products, ensure_stores

    at = datetime.now(UTC) - timedelta(seconds=1)
    ensure_stores([("1", "Main Street")])
    ensure_products(
        [("milk", "Milk", "Grocery > Milk"), *((f"p{n}", f"Product {n}", f"Grocery > C{n}") for n in range(7))]
    )
    done = enrol_many(
        [
            {"external_id": _name(n), "email": f"m{n}@example.com", "joined_at": at - timedelta(days=90), "consents": ("email",)}
            for n in range(MEMBERS + RACERS)
        ],
        at=at, source="drill",
    )  # fmt: skip
    for member_id in done.member_ids:
        loyalty.adjust(
            member_id=member_id, points=OPENING, reason="Opening", source="drill", client_key=f"open-{member_id}", by_user_id=None, at=at
        )  # fmt: skip
    given = {"kind": "amount", "amount": 500, "points": 300, "valid_from": at - timedelta(days=1)}
    plenty = Reward.objects.create(name_en="Five off", **given)
    few = Reward.objects.create(name_en="The last ones", stock_left=FEW, **given)
    set_policy(channel="email", marketing_messages_max=1_000, cap_days=1)
    everybody = Audience.objects.create(name="Everybody", conditions={"match": "all", "conditions": []})
    shared = {"audience": everybody, "holdout_percent": 20}
    triggered = campaigns.create(
        name="Thank you", timing=Campaign.Timing.TRIGGERED, trigger="purchase", delay_minutes=0, reentry="never",
        variants=[{"name": "A", "email_template": _letter("Thank you")}], **shared,
    )  # fmt: skip
    campaigns.launch(campaign=triggered, at=at)
    once = campaigns.create(
        name="Spring", variants=[{"name": name, "email_template": _letter(f"Spring {name}")} for name in "AB"], **shared
    )
    steps = [
        {
            "id": "s1",
            "type": "email",
            "template": str(_letter("Step one").pk),
            "buy_again": 0,
            "new_for_you": 0,
            "offer_days": 14,
        },
        {"id": "s2", "type": "points", "points": 7, "reason_en": "A gift", "reason_zh": ""},
        {"id": "s3", "type": "tag", "act": "add", "tag": "walked"},
    ]
    entry = {"kind": "event", "event": "purchase", "which": "", "audience": ""}
    walk = {**flow.EMPTY, "entry": entry, "reentry": {"rule": "never"}, "steps": steps, "last_id": 3}
    journeys.publish(journey=journeys.create(name="Walk", definition=walk), at=at)
    token = create_client(name="drill")[1]
    return {"token": token, "plenty": str(plenty.public_id), "few": str(few.public_id), "campaign": once.pk}


def _letter(subject: str):
    from wagtail.models import Locale

    from emails.models import EmailTemplate

    blocks = [
        ("text", {"text": "<p>Hello {{ given_name | default: 'there' }}</p>"}),
        ("footer", {"why": "You joined us."}),
    ]
    body = json.dumps([{"type": kind, "value": value, "id": str(uuid.uuid4())} for kind, value in blocks])
    locale = Locale.objects.get_or_create(language_code="en")[0]
    return EmailTemplate.objects.create(name=subject, subject=subject, preheader="A drill", body=body, locale=locale)


# -- its machines ------------------------------------------------------------------------------------------------------------


def _live_in(home: str, base: str, told: dict, *, machines: int) -> House:
    """The same life in a copy of the house, with so many processes of each kind."""
    name, begun = f"{base}_{machines}", time.monotonic()
    if settings.EMBEDDED_REDIS:
        settings.EMBEDDED_REDIS.ensure()
    memory = redis.Redis.from_url(settings.REDIS_URL)
    with _copy(home, base, name), Sink() as sink, tempfile.TemporaryDirectory() as folder:
        memory.flushall()  # nothing of another run
        try:
            with _machines(name, sink.url, Path(folder), machines) as ports:
                shoppers = Shoppers(ports, told["token"])
                _live(shoppers, told)
                tasks = _tasks_by_worker()
        finally:
            memory.flushall()
        facts, twice = _account.taken(sink, told["campaign"], shoppers=MEMBERS, stock={"The last ones": FEW})
        from loyalty.verifying import verify

        breaches = [str(one) for found in verify() for one in found.breaches]
        return House(facts, twice, tasks, dict(shoppers.served), shoppers.strange, breaches, time.monotonic() - begun)


@contextlib.contextmanager
def _copy(home: str, base: str, name: str):
    """Point Django at a copy of the furnished house."""
    scratch.point_at(home)
    scratch.drop(home, name)
    with scratch.owner(home) as db:
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(base)))
    _forget()
    scratch.point_at(name)
    try:
        yield
    finally:
        scratch.point_at(base)
        scratch.drop(home, name)


def _forget():
    from loyalty import rules
    from sales import catalogue

    rules.forget()
    catalogue.forget()


@contextlib.contextmanager
def _machines(database: str, smtp_url: str, folder: Path, count: int):
    """Web, worker and beat processes, as they are started for customers; the ports of the web ones."""
    environment = os.environ | {"DRILL_DATABASE": database, "EMAIL_URL": smtp_url}
    processes = Processes(folder, environment)
    celery = ("-m", "celery", "--app", "drills._machine_room:app", "--quiet")
    ports = []
    try:
        for n in range(count):
            processes.start(
                f"worker{n}", *celery, "worker", "--concurrency", "2", "--queues", QUEUES, "--loglevel", "WARNING",
                "--without-gossip", "--without-mingle", "--hostname", f"worker{n}@drill",
            )  # fmt: skip
            processes.start(
                f"beat{n}", *celery, "beat", "--loglevel", "WARNING", "--schedule", str(folder / f"schedule{n}"), "--pidfile=",
            )  # fmt: skip
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
            processes.start(
                f"web{n}", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(ports[n]), "--workers", "1",
                "--blocking-threads", "4", "--no-ws", "--log-level", "warning", "drills._machine_room:application",
            )  # fmt: skip
        for n, port in enumerate(ports):
            processes.wait_for_port(f"web{n}", port, patience_s=120)
        yield ports
        processes.check()
    finally:
        processes.stop()


def _tasks_by_worker() -> dict[str, int]:
    """How many tasks each worker did."""
    from config.celery import app

    told = app.control.inspect(timeout=5).stats() or {}
    return {name: sum(stats["total"].values()) for name, stats in sorted(told.items())}


# -- its life ----------------------------------------------------------------------------------------------------------------


def _live(shoppers: Shoppers, told: dict):
    from campaigns import operations as campaigns
    from campaigns.models import Campaign

    shoppers.side_by_side([lambda n=n: shoppers.shop(_name(n), told["plenty"]) for n in range(MEMBERS)])
    shoppers.side_by_side([lambda n=n: shoppers.race(_name(n), told["few"]) for n in range(MEMBERS, MEMBERS + RACERS)])
    _wait_until_quiet(MEMBERS)
    now = datetime.now(UTC)
    campaigns.schedule(campaign=Campaign.objects.get(pk=told["campaign"]), launch_at=now + timedelta(seconds=1), at=now)
    _wait(lambda: Campaign.objects.get(pk=told["campaign"]).launched_at is not None, "the campaign is launched")
    _wait_until_quiet(MEMBERS)
    shoppers.side_by_side(  # what came of it
        [lambda n=n: shoppers.buy(_name(n), n * 20 + 15, 1_000 + 37 * n) for n in range(0, MEMBERS, 2)]
    )
    _wait_until_quiet(MEMBERS)


def _wait_until_quiet(members: int):
    from campaigns.journeys.models import Enrolment
    from campaigns.models import Entry
    from delivery.models import Message

    def is_quiet() -> bool:
        walked = Enrolment.objects.exclude(state="active").count()
        heard = Entry.objects.exclude(state="waiting").count()
        under_way = Message.objects.filter(state__in=["pending", "claimed", "attempting"]).exists()
        return walked >= members and heard >= members and not under_way

    _wait(is_quiet, "journeys, triggers and messages have come to an end")


def _wait(condition, what: str):
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > PATIENCE_S:
            raise RuntimeError(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.5)
