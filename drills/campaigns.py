"""A marketer's clockwork and hands: nothing fires twice, a stop is quick, and a newcomer has a welcome live within minutes.

A thousand members buy at the same moment while a triggered campaign listens and two beats look at once, again and again. A series
is found hours late, by two beats. A campaign is paused while workers hand messages over as fast as they can. And a marketer whose
account is empty makes a welcome journey with offers go live, once by mouse and once by keyboard alone, as a script does it.
"""

import multiprocessing
import threading
import time
from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.db import connection, connections
from django.db.models import Count

MEMBERS, BEATS = 1_000, 4
IDLE_S, STARTS_WITHIN_S, PAUSE_MAX_S, SCRIPT_MAX_S, CLICKS_MAX = 2.0, 120.0, 5.0, 90.0, 6
MESSAGES = 4_000


def run(report):
    from drills._database import database

    with database("regulars_drill_campaigns"):
        _triggers(report)
        _series(report)
        _pause(report)
    _by_hand(report)


# -- what fires --------------------------------------------------------------------------------------------------------


def _triggers(report):
    from campaigns import operations
    from campaigns.models import Entry
    from delivery.models import Message
    from members import clock
    from sales.models import Purchase
    from tests.campaigns.conftest import sale

    people, place = _people()
    people = people[:MEMBERS]
    now = clock.now()
    campaign = _campaign("Thank you", timing="triggered", trigger="purchase", trigger_settings={}, delay_minutes=0)
    operations.launch(campaign=campaign, at=now)
    bought = clock.now()
    Purchase.objects.bulk_create(sale(one, bought, 2_000 + i, place, f"drill-{i}") for i, one in enumerate(people))
    time.sleep(0.01)  # the beats' moment is after the purchases'
    for _again in range(2):
        _beats()
    entries = Counter(Entry.objects.filter(campaign=campaign).values_list("member", flat=True))
    messages = Message.objects.filter(cause__startswith=campaign.cause).values("member").annotate(n=Count("pk"))
    held = Entry.objects.filter(campaign=campaign, state="held_out").count()
    sent = {row["member"]: row["n"] for row in messages}
    report(
        f"members entered once, of {MEMBERS:,} triggers at once",
        sum(n == 1 for n in entries.values()),
        f"{MEMBERS}",
        list(entries.values()) == [1] * MEMBERS,
        f"{BEATS} beats at once, twice",
    )
    report("messages of who was not held out", len(sent), f"{MEMBERS - held}", len(sent) == MEMBERS - held and set(sent.values()) == {1}, f"{held} held out; each exactly one")  # fmt: skip


def _series(report):
    from campaigns import operations
    from campaigns.models import Campaign, Fire
    from delivery.models import Message
    from members import clock

    now = clock.now()
    series = _campaign(
        "Every day", timing="recurring", repeat="daily", local_time=now.time().replace(microsecond=0), time_zone="UTC"
    )
    operations.launch(campaign=series, at=now - timedelta(days=1, hours=3))
    Campaign.objects.filter(pk=series.pk).update(next_at=now - timedelta(hours=2))
    due = (now - timedelta(hours=2)).replace(second=0, microsecond=0)
    Campaign.objects.filter(pk=series.pk).update(local_time=due.time(), next_at=due)
    _beats()
    made = Campaign.objects.filter(series=series)
    doubles = (
        Message.objects.filter(cause__in=[one.cause for one in made])
        .values("member")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
    )
    fires = Fire.objects.filter(campaign__in=made).count()
    report(
        "campaigns made of one date, two hours late",
        made.count(),
        "1",
        made.count() == fires == 1,
        f"{BEATS} beats at once; {fires} fire",
    )
    report("members who got it twice", doubles.count(), "0", not doubles.exists())


def _beats():
    """Several beats at the same moment, each with a connection of its own."""
    from campaigns.tasks import run_due

    gate = threading.Barrier(BEATS)

    def beat():
        gate.wait()
        try:
            run_due()
        finally:
            connections.close_all()

    beats = [threading.Thread(target=beat) for _n in range(BEATS)]
    for one in beats:
        one.start()
    for one in beats:
        one.join()


# -- the stop ----------------------------------------------------------------------------------------------------------


def _pause(report):
    from campaigns import operations
    from campaigns.models import Campaign
    from delivery.models import ChannelPolicy, Message
    from members import clock

    for earlier in Campaign.objects.filter(status__in=("live", "sending")).order_by("-series_id", "pk"):
        operations.cancel(campaign=earlier, at=clock.now())
    ChannelPolicy.objects.update(hours_between=0, marketing_messages_max=1_000, quiet_from=None, quiet_until=None)
    campaign = operations.launch(campaign=_campaign("Stop me", holdout_percent=0), at=clock.now())
    connection.close()
    ways = multiprocessing.get_context("fork")
    workers = [ways.Process(target=_hand_over, args=(n,)) for n in range(2)]
    for one in workers:
        one.start()
    until = time.monotonic() + STARTS_WITHIN_S
    while Message.objects.filter(cause=campaign.cause, state="sent").count() < MESSAGES // 10:
        assert time.monotonic() < until, "nothing is handed over that could be stopped"
        time.sleep(0.02)
    began = time.time()
    operations.pause(campaign=campaign, at=clock.now())
    for one in workers:
        one.join(60)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM max(attempted_at)) FROM delivery_message WHERE cause = %s", [campaign.cause]
        )
        last = float(cursor.fetchone()[0])
    left = Message.objects.filter(cause=campaign.cause, state="pending").count()
    report(
        "seconds from Pause to the last hand-over",
        max(0.0, last - began),
        f"<= {PAUSE_MAX_S:.0f}",
        last - began <= PAUSE_MAX_S and left > 0,
        f"{left:,} of {MESSAGES:,} still wait",
    )


def _hand_over(number: int):
    """A worker that hands over until nothing has moved for a while."""
    from delivery import channels
    from delivery.operations import deliver_chunk
    from members import clock

    connections.close_all()
    settings.DELIVERY_CHANNELS["email"] = {"class": "drills.campaigns.Near"}
    channels.route.cache_clear()
    moved = time.monotonic()
    while time.monotonic() - moved < IDLE_S:
        if deliver_chunk(worker=f"drill-{number}", at=clock.now()).claimed:
            moved = time.monotonic()


class Near:
    """A channel that takes a message in half a millisecond, as a relay next door does."""

    name, guarantee = "email", "at_most_once"

    def send(self, batch):
        from delivery.channels import Result

        for one in batch:
            time.sleep(0.0005)
            yield Result(one.message_id, "accepted", "250 2.0.0 Ok")

    def close(self):
        pass


# -- the hands ---------------------------------------------------------------------------------------------------------


def _by_hand(report):
    from playwright.sync_api import sync_playwright

    from drills.screens import site
    from members.operations import add_staff
    from tests.browser import FLAGS, find
    from tests.signing_in import page_signed_in

    with sync_playwright() as playwright, site() as address:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for words, act in (("mouse", _click), ("keyboard", _press)):
            user = add_staff(email=f"{words}@example.com", roles=["marketer"])
            page = page_signed_in(browser.new_page(viewport={"width": 1280, "height": 900}), address, user, "cms")
            began, clicks = time.perf_counter(), 0
            page.goto(f"{address}/cms/")
            for name in ("Journeys", "Use “Welcome”", "Go live", "Go live now"):
                act(page, name)
                page.wait_for_load_state()
                clicks += 1
            page.wait_for_selector("text=Version 1 is live.")
            seconds = time.perf_counter() - began
            report(
                f"an empty account to a live welcome journey with offers, by {words}",
                seconds,
                f"<= {SCRIPT_MAX_S:.0f} s",
                seconds <= SCRIPT_MAX_S and clicks <= CLICKS_MAX,
                f"{clicks} acts",
            )
            page.close()
        browser.close()


def _named(page, name: str):
    return page.get_by_role("link", name=name, exact=True).or_(page.get_by_role("button", name=name, exact=True)).first


def _click(page, name: str):
    _named(page, name).click()


def _press(page, name: str):
    """Tab until it has the focus, then Enter: no mouse."""
    wanted = _named(page, name)
    wanted.wait_for()
    for _step in range(150):
        page.keyboard.press("Tab")
        if wanted.evaluate("node => node === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"“{name}” cannot be reached by Tab on {page.url}")


# -- the shop ----------------------------------------------------------------------------------------------------------


def _people():
    from tests.campaigns.conftest import enrol_quickly
    from tests.campaigns.people import catalogue, points_currency, shop, tiers

    catalogue()
    tiers()
    points_currency()
    return enrol_quickly(MESSAGES), shop()


def _campaign(name: str, **settings):
    from campaigns import operations
    from campaigns.models import Audience
    from emails.models import EmailTemplate
    from tests.campaigns.conftest import email_template

    everybody, _new = Audience.objects.get_or_create(
        name="Everybody", defaults={"conditions": {"match": "all", "conditions": []}}
    )
    template = EmailTemplate.objects.first() or email_template()
    return operations.create(
        name=name, audience=everybody, variants=[{"name": "A", "email_template": template}], **settings
    )
