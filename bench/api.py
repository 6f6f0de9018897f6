"""POST /api/v1/purchases with three lines, beside an empty endpoint of the same stack, under granian.

The empty endpoint has the same middleware, the same token, a body of the same shape that the framework's own Schema validates, and one
`SELECT 1`: the ratio of requests per second is what recording a purchase and awarding its points leaves of it. All stand in one server,
alternating, with the same clients. Beside it stands the ratio to one whose body is validated as ours is (docs/decisions/0420). Members have bought before, some fifty earning rules are active, and the tables have been analysed, as after a day. Three
rule sets are measured (bench/_rules.py says what each holds): rules that a basket alone decides on; those of a retailer, with visits,
streaks, cards and budgets among them; and, without a bar, fifty of which every basket meets every one that remembers something.
Beside the rates stands the processor time of a request, in the server and in PostgreSQL: it says what a change saved, on a busy machine too.
"""

import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection

import psutil

from api.operations import create_client
from bench import _scratch as scratch
from bench._rules import CATEGORIES, definition
from loyalty import operations, rules
from members.cards import new_card_number
from members.operations import enrol_many
from sales import catalogue
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores

BARS, CLIENTS, SECONDS, ROUNDS, MEMBERS = {"plain": 0.5, "retailer": 0.6, "dense": 0.0}, 4, 3, 5, 1_000
PATHS = ("purchases", "bench/empty", "bench/bare")


def run(report):
    for kind, bar in BARS.items():
        ratio, note = _measured(kind)
        name = f"purchases of three lines ÷ an empty endpoint, {kind} rules"
        report(name, ratio, f"≥ {bar}" if bar else "told", ratio >= bar, note)


def _measured(kind: str) -> tuple[float, str]:
    """The median ratio of requests per second, and the rates in words."""
    rules.forget()
    catalogue.forget()
    with scratch.database("regulars_bench_api") as name:
        cards, token = _shop(kind)
        with scratch.owner(name) as db:
            db.execute("ANALYZE")
        with _server(name) as (port, server):
            clients = [
                _Client(port, token, cards, number, 3 if kind == "dense" else CATEGORIES) for number in range(CLIENTS)
            ]
            for path in PATHS:
                _rate(clients, path, 1)  # both warm up
            rates, costs = {path: [] for path in PATHS}, {path: [] for path in PATHS}
            for _ in range(ROUNDS):
                for path in PATHS:
                    spent = _spent(server, name)
                    rates[path].append(_rate(clients, path, SECONDS))
                    costs[path].append((_spent(server, name) - spent) / rates[path][-1] / SECONDS * 1e3)
    ratio, of_bare = (
        statistics.median(ours / empty for ours, empty in zip(rates[PATHS[0]], rates[path], strict=True))
        for path in PATHS[1:]
    )
    ours, empty, bare = (statistics.median(rates[path]) for path in PATHS)
    note = f"{ours:,.0f}/s against {empty:,.0f}/s ({of_bare:.2f} of {bare:,.0f}/s with the house's own body); {CLIENTS} clients, one server process of {CLIENTS} threads; "
    note += " against ".join(f"{statistics.median(costs[path]):.2f}" for path in PATHS) + " ms of processor"
    return round(ratio, 2), note


def _shop(kind: str) -> tuple[list[str], str]:
    cards = [new_card_number() for _ in range(MEMBERS)]
    ensure_stores([("1", "Main Street")])
    ensure_products(
        [(f"p{n}", f"Product {n}", f"Grocery > C{n} > Milk") for n in range(CATEGORIES)]
    )  # each meets a rule of its own
    enrol_many([{"card": card} for card in cards], at=datetime.now(UTC), source="bench")
    operations.publish_rule_set(
        definition=definition(kind), live_from=datetime.now(UTC) - timedelta(days=1), name="Fifty rules"
    )
    lines = [Line("p0", Decimal(1), 2460)]
    operations.record_purchases(
        [
            operations.PurchaseIn(
                "yesterday", card, "1", datetime.now(UTC), "USD", lines, member_reference=("card", card)
            )
            for card in cards
        ]
    )
    return cards, create_client(name="bench")[1]


@contextlib.contextmanager
def _server(database: str):
    """One granian process on a free port; yields the port, once it answers, and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--blocking-threads", str(CLIENTS), "--log-level", "warning", "bench._serving:application",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=os.environ | {"BENCH_DATABASE": database})
    try:
        _wait_for(port, process)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("granian does not answer; its own words stand above.")


def _spent(server: psutil.Process, database: str) -> float:
    """Seconds of processor that the server's processes have used so far, and PostgreSQL's behind their connections."""
    asked = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with scratch.owner(database) as db:
        behind = [psutil.Process(pid) for (pid,) in db.execute(asked, [database])]
    return sum(sum(process.cpu_times()[:2]) for process in [server, *server.children(recursive=True), *behind])


class _Client:
    """A till with a kept connection."""

    def __init__(self, port: int, token: str, cards: list[str], number: int, products: int):
        self._http = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._cards, self._number, self._sent = cards, number, 0
        self._products = range(products)
        self._dice = random.Random(number)

    def send(self, path: str):
        self._sent += 1
        body = {
            "receipt": f"{self._number}-{self._sent}", "store": "1", "purchased_at": datetime.now(UTC).isoformat(), "currency": "USD",
            "member": {"card": self._dice.choice(self._cards)},
            "lines": [{"product": f"p{n}", "quantity": "1", "total_minor": self._dice.randrange(100, 3000)} for n in self._dice.sample(self._products, 3)],
        }  # fmt: skip
        self._http.request("POST", f"/api/v1/{path}", json.dumps(body), self._headers)
        response = self._http.getresponse()
        answer = response.read()
        if response.status not in {200, 201}:
            raise RuntimeError(f"{path}: {response.status} {answer[:300]!r}")


def _rate(clients: list[_Client], path: str, seconds: float) -> float:
    """Requests per second of all clients together."""
    counts, until = [0] * len(clients), time.monotonic() + seconds

    def shift(number):
        while time.monotonic() < until:
            clients[number].send(path)
            counts[number] += 1

    begun = time.monotonic()
    threads = [threading.Thread(target=shift, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - begun)
