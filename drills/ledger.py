"""kill -9 of PostgreSQL under awards, refunds and redemptions with doubled keys; afterwards every promise must hold.

Eight clients send each act twice or more, until each was answered. The postmaster is killed three times meanwhile. What a
client was told before the crash must still be true after it: nothing acknowledged is lost, nothing happens twice.
"""

import contextlib
import os
import random
import signal
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

from django.conf import settings
from django.db import Error, close_old_connections, connection

from bench._scratch import database
from loyalty import operations, queries, verifying
from loyalty.models import Wallet
from loyalty.operations import LedgerRefusal
from members.models import Member
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores

CLIENTS, KILLS, PAUSE_SECONDS, MEMBERS = 8, 3, 3.0, 40
AT = datetime(2026, 3, 10, 15, tzinfo=UTC)


class Storm:
    """The clients, what they were told, and the moment to stop."""

    def __init__(self, members: list[int], seed: int):
        self.members = members
        self.seed = seed
        self.told: dict[str, tuple] = {}
        self.contradictions: list[str] = []
        self.lost_replies = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    def client(self, number: int):
        chance = random.Random(self.seed + number)
        try:
            while not self.over.is_set():
                key = f"act-{chance.randrange(6000)}"  # few keys for many acts: most are sent again, by any client
                self.act(key)
        finally:
            connection.close()

    def act(self, key: str):
        """One act, all of which follows from its key, so that every client sends the same under it."""
        chance = random.Random(key)
        member = chance.choice(self.members)
        if chance.random() < 0.75:
            minor = chance.randrange(50, 20_000)
            answer = self.until_answered(
                lambda: operations.record_purchase(
                    source="till", client_key=key, store_code="S1", purchased_at=AT, currency="USD",
                    lines=[Line("milk", Decimal(1), minor), Line("milk", Decimal(1), 99)], member_id=member,
                )
            )  # fmt: skip
            said = answer and (answer.purchase_id, answer.points, answer.available)
            if answer and chance.random() < 0.3:
                self.until_answered(
                    lambda: operations.refund(
                        source="till", client_key=f"{key}-back", purchase_id=answer.purchase_id,
                        lines=[(1, Decimal(0), minor // 2)], refunded_at=AT,
                    )
                )  # fmt: skip
        else:
            answer = self.until_answered(
                lambda: operations.redeem(member_id=member, points=5, source="till", client_key=key, at=AT)
            )
            said = answer and (answer.wallet_id, answer.points, answer.available)
        if said:
            self.compare(key, said)

    def until_answered(self, call):
        while not self.over.is_set():
            try:
                return call()
            except LedgerRefusal:
                return None
            except Error:
                self.lost_replies += 1
                with contextlib.suppress(Error):
                    close_old_connections()
                connection.close()
                time.sleep(0.1)
        return None

    def compare(self, key: str, said: tuple):
        with self.lock:
            if self.told.setdefault(key, said) != said:
                self.contradictions.append(f"{key}: told {self.told[key]}, then {said}")


def run(report):
    postgres = settings.EMBEDDED_POSTGRES
    if postgres is None:
        report("kill -9 of the database server", "skipped", "the embedded server", holds=True)
        return
    seed = random.SystemRandom().randrange(10**6)
    with database("regulars_drill_ledger"):
        ensure_stores([("S1", "Main Street")])
        ensure_products([("milk", "Milk", "GROCERY > MILK > MILK", "", False)])
        Member.objects.bulk_create([Member(joined_at=AT) for _ in range(MEMBERS)])
        storm = Storm(list(Member.objects.values_list("pk", flat=True)), seed)
        connection.close()
        threads = [threading.Thread(target=storm.client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            time.sleep(PAUSE_SECONDS)
            _kill_and_restart(postgres)
        time.sleep(PAUSE_SECONDS)
        storm.over.set()
        for thread in threads:
            thread.join()
        connection.close()
        _report(report, storm)


def _kill_and_restart(postgres):
    os.kill(postgres.postmaster(), signal.SIGKILL)
    while postgres.postmaster() is not None:
        time.sleep(0.05)
    postgres.start()


def _report(report, storm: Storm):
    note = f"seed {storm.seed}, {len(storm.told)} acts answered, {storm.lost_replies} replies lost, {KILLS} kills"
    enough = len(storm.told) > 200 and storm.lost_replies > 0
    report("acts answered through the kills", len(storm.told), "> 200, with lost replies", enough, note)
    contradictions = len(storm.contradictions)
    report("answers that changed", contradictions, "0", contradictions == 0, "; ".join(storm.contradictions[:3]))
    lost = _lost(storm)
    report("acknowledged acts lost", lost, "0", lost == 0)
    broken = [f"{f.promise.words}: {f.breaches[0]}" for f in verifying.verify() if f.breaches]
    report("promises of the ledger broken", len(broken), "0", not broken, "; ".join(broken))
    totals = queries.programme_totals(at=AT)
    balanced = totals.outstanding == sum(Wallet.objects.values_list("available", flat=True))
    report("points outstanding", totals.outstanding, "the sum of wallets", balanced)


def _lost(storm: Storm) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM unnest(%s::text[]) AS told (key)"
            " WHERE NOT EXISTS (SELECT FROM sales_purchase p WHERE p.client_key = told.key)"
            "   AND NOT EXISTS (SELECT FROM loyalty_transfer t WHERE t.client_key = told.key)",
            [list(storm.told)],
        )
        return cursor.fetchone()[0]
