"""The faults a ledger must outlive, one after the other: what was acknowledged stays, nothing happens twice, every promise holds.

Statements are interrupted by killing the server's process that runs them (SIGKILL, which makes PostgreSQL restart) or by
ending its session; a reply is lost by hanging up after the commit. `make drill ONLY=ledger`.
"""

import contextlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

from django.conf import settings
from django.db import OperationalError, connection
from psycopg import sql

from bench._scratch import database, owner
from loyalty import operations, queries, rules, verifying
from loyalty.models import BudgetSlot, RuleSet, Transfer, Wallet
from loyalty.operations import KeyReused, LedgerRefusal, PurchaseIn
from sales.lines import Line
from sales.models import Purchase
from tests.loyalty.conftest import open_shop
from tests.loyalty.machine import LONG_AGO
from tests.loyalty.runner import Runner

AT = datetime(2026, 3, 10, 15, tzinfo=UTC)
CONNECTIONS, SECONDS, KILLS = 8, 60, 3


def run(report):
    if settings.EMBEDDED_POSTGRES is None:
        report("faults of the ledger", "skipped", "the embedded server", holds=True)
        return
    seed = random.SystemRandom().randrange(10**6)
    with database("regulars_drill_ledger") as own:
        _wait_for_the_disk(report, own)
        for fault in (
            _many_connections, _killed_between_statements, _postmaster_killed, _lost_replies, _one_key, _refund_races_award,
            _midnight, _clocks, _offline_till, _deadlock_storm, _hot_budget, _wide_dates,
        ):  # fmt: skip
            fault(report, open_shop(), seed)
            broken = [f"{f.promise.words}: {f.breaches[0]}" for f in verifying.verify() if f.breaches]
            name = fault.__name__.strip("_").replace("_", " ")
            report(f"{name}: promises broken", len(broken), "0", not broken, "; ".join(broken))
            connection.close()


def _wait_for_the_disk(report, name: str):
    """What was acknowledged can only be asked for again where a commit waits for the disk, whatever the server's own setting."""
    with owner(name) as db:
        db.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = on").format(sql.Identifier(name)))
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('synchronous_commit'), current_setting('fsync')")
        found = cursor.fetchone()
    report("commits wait for the disk (synchronous_commit, fsync)", ", ".join(found), "on, on", found == ("on", "on"))


def _at_once(calls):
    """Each call on a connection of its own, all at once: answers, or the refusals they met."""
    gate = threading.Barrier(len(calls))

    def one(call):
        try:
            connection.ensure_connection()
            gate.wait()
            return call()
        except LedgerRefusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def _has(member) -> int:
    return queries.balance(member.pk, at=AT).available


# -- crashes -------------------------------------------------------------------------------------------------------------


def _many_connections(report, shop, seed):
    """Nothing fails here: many connections, and the model in the order of the wallets' versions."""
    runner = Runner(shop, seed=seed, people=8, connections=CONNECTIONS)
    begun = time.monotonic()
    for _ in range(2):
        runner.round(until=time.time() + SECONDS / 2)
        runner.pass_time()
    found = runner.contradictions()
    note = f"{len(runner.calls)} calls answered on {CONNECTIONS} connections in {time.monotonic() - begun:.0f} s, seed {seed}; {found[:3]}"
    report("answers and balances that the model contradicts", len(found), "0", not found, note)


def _killed_between_statements(report, shop, seed):
    """Sessions end at random moments, so between and within any two statements of an act, while clients go on."""
    runner = Runner(shop, seed=seed + 1_000, people=6, connections=CONNECTIONS)
    over, ended = threading.Event(), [0]

    def kill():
        dice = random.Random(seed)
        while not over.wait(dice.uniform(0.02, 0.12)):
            ended[0] += _end_a_session(dice)
        connection.close()

    killer = threading.Thread(target=kill)
    killer.start()
    runner.round(until=time.time() + SECONDS / 3)
    over.set()
    killer.join()
    found = runner.contradictions()
    note = f"{ended[0]} sessions ended, {runner.lost_replies} replies lost, {len(runner.calls)} calls answered; {found[:3]}"
    report(
        "sessions killed: answers that the ledger contradicts",
        len(found),
        "0, with lost replies",
        not found and runner.lost_replies > 0,
        note,
    )


def _end_a_session(dice) -> int:
    """End one session of ours that is at work, at whatever statement it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        busy = [pid for (pid,) in cursor.fetchall()]
        if not busy:
            return 0
        cursor.execute("SELECT pg_terminate_backend(%s)", [dice.choice(busy)])
    return 1


def _postmaster_killed(report, shop, seed):
    """kill -9 of the database server under load, three times."""
    runner = Runner(shop, seed=seed + 2_000, people=6, connections=CONNECTIONS)
    over = threading.Event()

    def kill():
        for _ in range(KILLS):
            time.sleep(4)
            _kill_and_restart(settings.EMBEDDED_POSTGRES)
        over.set()

    killer = threading.Thread(target=kill)
    killer.start()
    while not over.is_set():
        runner.round(until=time.time() + 3)
    killer.join()
    connection.close()
    found = runner.contradictions()
    note = f"{KILLS} kills, {runner.lost_replies} replies lost, {len(runner.calls)} calls answered; {found[:3]}"
    report(
        "postmaster killed: acknowledged acts lost or changed",
        len(found),
        "0, with lost replies",
        not found and runner.lost_replies > 0,
        note,
    )


def _kill_and_restart(postgres):
    os.kill(postgres.postmaster(), signal.SIGKILL)
    while postgres.postmaster() is not None:
        time.sleep(0.05)
    postgres.start()


def _lost_replies(report, shop, seed, *, times=40):
    """The server commits and the client hears nothing; it asks again, and is told what happened the first time."""
    member, doubled = shop.member(), 0
    for number in range(times):
        key, real = f"lost-{seed}-{number}", operations.purchases._again_after_races  # noqa: SLF001

        def drop(call, real=real):
            real(call)
            raise OperationalError("the reply never came")

        with mock.patch("loyalty.operations.purchases._again_after_races", drop), contextlib.suppress(OperationalError):
            shop.buy(member, 1_000, at=AT, key=key)
        answer = shop.buy(member, 1_000, at=AT, key=key)
        doubled += not answer.is_replay
    report("lost replies: acts done twice", doubled, "0", doubled == 0 and _has(member) == 10 * times)


# -- keys, races, time ---------------------------------------------------------------------------------------------------


def _one_key(report, shop, seed):
    member, other = shop.member(), shop.member()
    same = _at_once([lambda: shop.buy(member, 2_460, at=AT, key=f"same-{seed}")] * 50)
    firsts = sum(not answer.is_replay for answer in same)
    report("one key 50 times at once, same body: done", firsts, "1", firsts == 1 and _has(member) == 24)
    bodies = _at_once([lambda n=n: shop.buy(other, 1_000 + 100 * n, at=AT, key=f"other-{seed}") for n in range(50)])
    refused = sum(isinstance(answer, KeyReused) for answer in bodies)
    report("one key 50 times at once, other bodies: refused", refused, "49", refused == 49)


def _refund_races_award(report, shop, seed, *, times=25):
    """A refund is sent again and again from before its purchase has been posted: it is refused, or takes back exactly."""
    wrong = 0
    for number in range(times):
        member, key = shop.member(), f"raced-{seed}-{number}"

        def back(key=key, number=number):
            for _ in range(200):
                sale = Purchase.objects.filter(client_key=key).first()
                if sale:
                    return operations.refund(
                        source="till", client_key=f"{key}-back", purchase_id=sale.pk, lines=[(1, Decimal(0), 3_300)], refunded_at=AT
                    )  # fmt: skip
            return None

        answers = _at_once([lambda key=key, member=member: shop.buy(member, 10_000, at=AT, key=key), back, back])
        taken = any(answer is not None for answer in answers[1:])
        wrong += _has(member) != (67 if taken else 100)
    report("refund racing its award: wrong balances", wrong, f"0 of {times}", wrong == 0)


def _midnight(report, shop, seed, *, times=20):
    """The last second of a lot's day and the first of the next: spending, the expiry job and a refund at once."""
    wrong = sum(_is_wrong_after_midnight(shop, f"old-{seed}-{number}") for number in range(times))
    report("midnight: lots spent after their day, or twice", wrong, f"0 of {times}", wrong == 0)


def _is_wrong_after_midnight(shop, key: str) -> bool:
    member = shop.member()
    sale = shop.buy(member, 10_000, at=AT - timedelta(days=365), key=key)
    last = queries.wallet_of(member.pk).lot_expires_on[0]
    zone = operations.purchases._programme_zone()  # noqa: SLF001
    before = datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=zone)
    after = before + timedelta(seconds=1)
    _on_time, late, *_others = _at_once(
        [
            lambda: shop.redeem(member, 60, at=before), lambda: shop.redeem(member, 60, at=after),
            lambda: operations.expire_points(at=after), lambda: operations.expire_points(at=after),
            lambda: shop.refund(sale, (1, 1_000), at=before),
        ]
    )  # fmt: skip
    is_spent_late = not isinstance(late, Exception)
    return is_spent_late or queries.balance(member.pk, at=after).available != 0


def _clocks(report, shop, seed):
    """Tills a day ahead and a day behind, and the hours that daylight saving skips and repeats."""
    member = shop.member()
    moments = [AT + timedelta(days=days) for days in (1, -1, 0)]
    moments += [
        datetime(2026, 3, 8, 6, 59, tzinfo=UTC),
        datetime(2026, 3, 8, 7, 1, tzinfo=UTC),
    ]  # 1:59 and 3:01 in New York
    moments += [datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)]  # both 1:30
    moments += [datetime(2028, 2, 29, 12, tzinfo=UTC)]
    for _ in range(2):
        for number, at in enumerate(moments):
            shop.buy(member, 1_000, at=at, key=f"clock-{seed}-{number}")
    posted = Transfer.objects.filter(wallet__member=member, reason="purchase").count()
    report("clocks wrong, skipped and repeated: purchases posted", posted, f"{len(moments)}", posted == len(moments))


def _offline_till(report, shop, seed, *, receipts_each=60):
    """Three days of receipts are handed in twice, shuffled, by two connections at once."""
    members = [shop.member() for _ in range(10)]
    receipts = [
        PurchaseIn("till", f"off-{seed}-{n}", "S1", AT - timedelta(hours=n % 72), "USD", [Line("milk", Decimal(1), 500)], members[n % 10].pk)
        for n in range(10 * receipts_each)
    ]  # fmt: skip
    dice = random.Random(seed)

    def hand_in(order):
        for start in range(0, len(order), 40):
            operations.record_purchases(order[start : start + 40])

    first, second = (dice.sample(receipts, len(receipts)) for _ in range(2))
    _at_once([lambda: hand_in(first), lambda: hand_in(second)])
    has = [_has(member) for member in members]
    report(
        "offline till twice, shuffled: points of ten members",
        has[0],
        f"{5 * receipts_each} each",
        has == [5 * receipts_each] * 10,
        str(set(has)),
    )


def _deadlock_storm(report, shop, seed, *, gifts=40):
    """Gifts and merges in opposite orders, batches of the same members in opposite orders: all come to an end, no point is lost."""
    members = [shop.member() for _ in range(4)]
    for member in members:
        shop.adjust(member, 10_000, at=AT)
    doubles = [shop.member() for _ in range(4)]

    def giver(number):
        dice = random.Random(seed + number)
        for _ in range(gifts):
            shop.give(*dice.sample(members, 2), dice.randrange(10, 40), at=AT)

    def merger(number):
        pair = (members[number], doubles[number])
        for _ in range(10):
            shop.unmerge(shop.merge(*pair, at=AT), at=AT)

    answers = _at_once([*(lambda n=n: giver(n) for n in range(8)), *(lambda n=n: merger(n) for n in range(4))])
    failed = [answer for answer in answers if answer]
    total = sum(Wallet.objects.filter(member__in=[*members, *doubles]).values_list("available", flat=True))
    report("deadlock storm: points of four givers", total, "40,000", total == 40_000 and not failed, str(failed[:2]))


def _hot_budget(report, shop, seed):
    """Fifty grants at once from a budget that holds twenty."""
    rule = {"code": f"hot{seed}", "name": "Hot", "bonus_points": 10, "budget": {"points": 200}}
    plain = RuleSet.objects.order_by("version").first().definition
    operations.publish_rule_set(definition=plain | {"rules": [rule]}, live_from=LONG_AGO, name="Hot")
    members = [shop.member() for _ in range(50)]
    rules.forget()
    answers = _at_once([lambda member=member: shop.buy(member, 1_000, at=AT) for member in members])
    granted = sum(answer.points == 20 for answer in answers)
    left = sum(BudgetSlot.objects.filter(budget__rule=rule["code"]).values_list("left", flat=True))
    report(
        "hot budget: grants out of 50 at once",
        granted,
        "20, and 0 points left",
        (granted, left) == (20, 0),
        f"{left} left",
    )
    operations.publish_rule_set(definition=plain, live_from=LONG_AGO, name="Plain again")
    rules.forget()


def _wide_dates(report, shop, seed):
    """A month that nobody prepared: transfers are one table without partitions, so there is none that could be missing."""
    member, posted = shop.member(), 0
    for year in (2021, 2026, 2038, 2077):
        shop.buy(member, 1_000, at=datetime(year, 2, 28, 12, tzinfo=UTC), key=f"year-{seed}-{year}")
        posted += 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind FROM pg_class WHERE relname = 'loyalty_transfer'")
        kind = cursor.fetchone()[0]
    report(
        "months nobody prepared a partition for: purchases posted", posted, "4, one table", posted == 4 and kind == "r"
    )
