"""Many shoppers on many connections, towards one or more web processes in turn. Each does the same things in the same order in every run.

A shopper's acts follow one another; shoppers run side by side. Every third act is told twice at the same moment, by two connections to
two processes; every seventh again later.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http.client import HTTPConnection

CONNECTIONS = 12
PURCHASES = 5


class Shoppers:
    """`answers` counts statuses, `strange` are answers that should not be, `served` requests by port."""

    def __init__(self, ports: list[int], token: str):
        self.answers: Counter = Counter()
        self.served: Counter = Counter()
        self.strange: list[str] = []
        self._ports, self._token, self._local = ports, token, threading.local()
        self._lock = threading.Lock()

    def _send(self, place: int, path: str, body: dict) -> tuple[int, dict]:
        """To one of the processes, on a connection that this thread keeps."""
        port = self._ports[place % len(self._ports)]
        kept = self._local.__dict__.setdefault("kept", {})
        http = kept.setdefault(port, HTTPConnection("127.0.0.1", port, timeout=120))
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        http.request("POST", f"/api/v1/{path}", json.dumps(body), headers)
        response = http.getresponse()
        said = json.loads(response.read())
        with self._lock:
            self.answers[response.status] += 1
            self.served[port] += 1
        return response.status, said

    def act(self, number: int, path: str, body: dict) -> dict:
        """Do one act, perhaps more than once; what it was answered. Twice told, it is done once and answered alike."""
        said = []
        places = [number, number + 1] if number % 3 == 0 else [number]
        others = [
            threading.Thread(target=lambda: said.append(self._send(place, path, body)))  # noqa: B023 (one at most, joined here)
            for place in places[1:]
        ]
        for other in others:
            other.start()
        said.append(self._send(places[0], path, body))
        for other in others:
            other.join()
        if number % 7 == 0:
            said.append(self._send(number + 1, path, body))
        done = [answer for status, answer in said if status == 201]
        if (
            len(done) != 1
            or any(status not in {200, 201} for status, _answer in said)
            or len({a["id"] for _s, a in said}) != 1
        ):
            with self._lock:
                self.strange.append(f"{path}: {said}"[:300])
        return said[0][1]

    def side_by_side(self, work: Iterable[Callable[[], object]]):
        """Do all of it, by so many threads as there are connections."""
        left, ends = list(work)[::-1], []

        def shift():
            while True:
                with self._lock:
                    if not left:
                        return
                    one = left.pop()
                try:
                    one()
                except Exception as error:  # noqa: BLE001 (a shopper who is lost is told, not silent)
                    ends.append(f"{type(error).__name__}: {error}")

        threads = [threading.Thread(target=shift) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.strange += ends

    # -- what they do ------------------------------------------------------------------------------------------------------

    def shop(self, member: str, reward: str):
        """Five purchases, one of them returned, and a reward taken twice over."""
        chance, number = random.Random(member), int(member[1:]) * 20
        who = {"external_id": member}
        bought = [self.buy(member, number + n, chance.randrange(2_000, 40_000)) for n in range(PURCHASES)]
        self.act(
            number + 7, f"purchases/{bought[chance.randrange(PURCHASES)]['id']}/refunds",
            {"receipt": f"{member}-back", "refunded_at": datetime.now(UTC).isoformat()},
        )  # fmt: skip
        for n in range(2):
            self.act(number + 9 + n, "redemptions", {"key": f"{member}-reward-{n}", "reward": reward, "member": who})

    def buy(self, member: str, number: int, minor: int) -> dict:
        return self.act(number, "purchases", {
            "receipt": f"{member}-{number}", "store": "1", "purchased_at": datetime.now(UTC).isoformat(), "currency": "USD",
            "member": {"external_id": member},
            "lines": [{"product": f"p{number % 7}", "total_minor": minor}, {"product": "milk", "quantity": "2", "total_minor": 499}],
        })  # fmt: skip

    def race(self, member: str, reward: str):
        """For a reward of which there are few: some get it, the others are told that it ran out."""
        status, said = self._send(
            int(member[1:]), "redemptions", {"key": f"{member}-race", "reward": reward, "member": {"external_id": member}}
        )  # fmt: skip
        if status not in {201, 422}:
            self.strange.append(f"race: {status} {said}")
