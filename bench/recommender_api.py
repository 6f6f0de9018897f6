"""One member's offers over the API after a purchase, and again from what is stored, beside a shop whose rhythms are planted."""

import time
from datetime import timedelta

import numpy as np

from bench import _scratch

MEMBERS, WEEKS, ASKED = 240, 30, 60
FRESH_MS, STORED_MS = 50, 2


def run(report):
    with _scratch.database("regulars_bench_recommender"):
        shop = _shop(report)
        with _scratch.owner(_scratch_name()) as db:
            db.execute("ANALYZE")
        _fresh(report, shop)
        _stored(report, shop)


def _scratch_name() -> str:
    from django.db import connection

    return connection.settings_dict["NAME"]


def _shop(report):
    """Members who bought for months, rankers trained on it, the two stages among them, and every list written."""
    from recommender import operations
    from recommender.purchases import moment_of
    from tests.recommender import planted
    from tests.recommender.conftest import Shop

    shop, plan = Shop(), planted.shop(members=MEMBERS, weeks=WEEKS)
    shop.people = shop.members(plan.seen.shape[0])
    shop.types = [
        shop.type(f"GROCERY > GROUP {n // 6} > TYPE {n}", name=f"Type {n}") for n in range(plan.seen.shape[1])
    ]
    baskets = {}
    for member, item, day in zip(
        plan.seen.member.tolist(), plan.seen.item.tolist(), plan.seen.day.tolist(), strict=True
    ):
        baskets.setdefault((member, day), []).append(shop.types[item])
    shop.buy((shop.people[member], day, bought) for (member, day), bought in baskets.items())
    operations.make_offers()
    shop.now = moment_of(plan.seen.until)
    versions = operations.train(cutoff=shop.now - timedelta(weeks=4), weeks=4, two_stages=True)
    operations.refresh_recommendations(at=shop.now)
    shop.serving = ", ".join(f"{slot} by {version.ranker}" for slot, version in versions.items())
    return shop


def _fresh(report, shop):
    """A purchase, then the question: what is asked for holds it. The server of the database works beside and is not in the CPU."""
    import time_machine
    from django.test import Client

    from api.operations import create_client

    token = create_client(name="bench")[1]
    client = Client(headers={"authorization": f"Bearer {token}"})
    clocks, cpus = [], []
    for nth, person in enumerate(shop.people[:ASKED]):
        at = shop.now + timedelta(hours=1, minutes=nth)
        shop.buy([(person, at, shop.types[:2])])
        with time_machine.travel(at + timedelta(seconds=30), tick=True):
            began, cpu = time.perf_counter(), time.process_time()
            answer = client.get(f"/api/v1/members/{person.public_id}/offers")
            clocks.append(1000 * (time.perf_counter() - began))
            cpus.append(1000 * (time.process_time() - cpu))
        assert answer.status_code == 200, answer.content
    warm = slice(5, None)
    p95, cpu = float(np.percentile(clocks[warm], 95)), float(np.percentile(cpus[warm], 95))
    note = f"made anew after a purchase, {shop.serving}"
    report("one member's fresh list over the API, ms by the clock (p95)", round(p95, 1), "stated", True, note)
    report("the same, ms of processor (p95)", round(cpu, 1), f"at most {FRESH_MS}", cpu <= FRESH_MS, note)


def _stored(report, shop):
    """What a door does when a member looks: the list they have, the first look of a day, which chooses and notes, and every later one."""
    from recommender import operations, queries

    said = {"slots": {"buy_again": 5, "new_for_you": 5}, "channel": "portal", "at": shop.now + timedelta(days=1)}
    looks = (
        ("look-up of a stored list, in words", f"at most {STORED_MS}", lambda pk: queries.recommendations(pk, "buy_again")),
        ("the first look of a day at two slots: chosen, written down and noted", "stated", lambda pk: operations.show(member_id=pk, **said)),
        ("a later look of that day: the stored choice, with consent and exclusions", "stated", lambda pk: operations.show(member_id=pk, **said)),
    )  # fmt: skip
    for what, bar, look in looks:
        spent, cpu = [], time.process_time()
        for person in shop.people:
            began = time.perf_counter()
            found = look(person.pk)
            spent.append(1000 * (time.perf_counter() - began))
            assert found, "everybody has a list"
        middle, cpu = float(np.median(spent)), 1000 * (time.process_time() - cpu) / len(spent)
        note = f"p95 {np.percentile(spent, 95):.2f} ms, least {min(spent):.2f} ms; {cpu:.2f} ms of processor each; {len(spent)} members"
        report(f"{what}, ms by the clock (median)", round(middle, 2), bar, bar == "stated" or middle <= STORED_MS, note)
