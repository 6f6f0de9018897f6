"""Many connections act on a few wallets at once; afterwards the model lives the same life in the order of the wallets' versions.

Every call is recorded with what it answered. A transfer's transaction says which call wrote it, a wallet's versions say in
which order: all wallets' orders together give one order of all calls, in which the model must answer what was answered.
"""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import DatabaseError, InterfaceError, connection

from loyalty import operations
from loyalty.models import Wallet
from loyalty.operations import LedgerRefusal
from members.models import MemberMerge
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import PLAIN, open_programme
from tests.loyalty.model import Ledger

KINDS = (
    ["buy"] * 5
    + ["redeem"] * 3
    + ["refund"] * 2
    + ["give"] * 3
    + ["hold"] * 2
    + ["capture"] * 2
    + ["adjust", "merge", "expire"]
)
BETWEEN = timedelta(days=400)  # between two rounds all lots expire, and whoever comes first finds them

_WRITTEN = """
SELECT t.wallet_id, t.version, t.xmin::text, t.client_key FROM loyalty_transfer t ORDER BY t.wallet_id, t.version
"""


@dataclass
class Call:
    """What was asked, under which key, when by the shop's clock; and what was answered."""

    kind: str
    key: str
    said: tuple
    at: datetime
    answer: object = None


class Runner:
    """`people` members and a double of each: doubles only buy, so that there is always something to merge."""

    def __init__(self, shop, *, seed: int, people: int = 4, connections: int = 6):
        self.shop, self.seed, self.connections = shop, seed, connections
        open_programme(PLAIN)
        self.members = [shop.member() for _ in range(2 * people)]
        self.people = people
        self.at = MARCH
        self.calls: dict[str, Call] = {}
        self.sold, self.held = [], []
        self.merged = [None] * people
        self.merging = [threading.Lock() for _ in range(people)]
        self.lost_replies = 0
        self.failures: list[BaseException] = []
        self._fill_doubles()

    def _fill_doubles(self):
        """A double that has something is merged with a trace in the ledger."""
        for number in range(self.people):
            self._carry_out(Call("buy", f"{self.seed}-first-{number}", (self.people + number, 5_000), self.at))

    # -- the storm -----------------------------------------------------------------------------------------------------------

    def round(self, *, calls: int = 40, until: float = 0.0):
        """All connections at once: so many calls each, or until a moment."""
        threads = [threading.Thread(target=self._client, args=(n, calls, until)) for n in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seed += self.connections
        if self.failures:
            raise self.failures[0]

    def pass_time(self):
        """Every pair is taken apart, all lots expire unseen, and doubles have something again."""
        for who in range(self.people):
            if self.merged[who]:
                self._carry_out(Call("merge", "", (who,), self.at))
        self.at += BETWEEN
        self._fill_doubles()

    def _client(self, number: int, calls: int, until: float):
        dice, done = random.Random(self.seed + number), 0
        try:
            while (time.time() < until) if until else (done < calls):
                call = self._next(dice, f"{self.seed + number}-{done}")
                if call:
                    self._carry_out(call)
                done += 1
        except BaseException as failure:  # noqa: BLE001 (the thread that started this one raises it)
            self.failures.append(failure)
        finally:
            connection.close()

    def _next(self, dice, key: str) -> Call | None:
        kind, who = dice.choice(KINDS), dice.randrange(self.people)
        if kind == "capture" and not self.held:
            return None
        match kind:
            case "buy":
                said = (dice.randrange(2 * self.people), 100 * dice.randrange(5, 900))
            case "refund":
                said = (*dice.choice(self.sold), 200)
            case "capture":
                said = (*dice.choice(self.held), dice.choice([0, 1, 7, 30]))
            case "give":
                said = (who, (who + dice.randrange(1, self.people)) % self.people, dice.randrange(1, 80))
            case "adjust":
                said = (who, dice.choice([-9, 4, 25]))
            case _:
                said = (who, dice.randrange(1, 90))
        return Call(kind, key, said, self.at)

    def _carry_out(self, call: Call):
        """Ask until there is an answer: who hears nothing says the same again under the same key."""
        while True:
            try:
                call.answer = getattr(self, f"_{call.kind}")(call)
            except LedgerRefusal:
                return
            except (DatabaseError, InterfaceError):
                self.lost_replies += 1
                connection.close()
                time.sleep(0.05)
                continue
            if call.answer is not None:
                self.calls[call.key] = call
            return

    def _buy(self, call):
        who, minor = call.said
        answer = self.shop.buy(self.members[who], minor, at=call.at, key=call.key)
        self.sold.append((call.key, answer.purchase_id))
        return answer

    def _refund(self, call):
        _sale, purchase_id, minor = call.said
        return operations.refund(
            source="till", client_key=call.key, purchase_id=purchase_id, lines=[(1, 0, minor)], refunded_at=call.at
        )

    def _redeem(self, call):
        return self.shop.redeem(self.members[call.said[0]], call.said[1], at=call.at, key=call.key)

    def _adjust(self, call):
        return self.shop.adjust(self.members[call.said[0]], call.said[1], at=call.at, key=call.key)

    def _give(self, call):
        giver, taker, points = call.said
        return self.shop.give(self.members[giver], self.members[taker], points, at=call.at, key=call.key)

    def _hold(self, call):
        answer = self.shop.hold(
            self.members[call.said[0]], call.said[1], at=call.at, key=call.key, until=call.at + timedelta(days=30)
        )
        self.held.append((call.key, answer.hold.public_id))
        return answer

    def _capture(self, call):
        _hold, public_id, points = call.said
        if points:
            return self.shop.capture(public_id, points=points, lets_rest_go=points == 7, at=call.at, key=call.key)
        return self.shop.void(public_id, at=call.at, key=call.key)

    def _expire(self, call):
        operations.expire_points(at=call.at)

    def _merge(self, call):
        """Merge a member's double, or take it apart again: one at a time for a pair, as at a desk. Who heard no answer looks."""
        who = call.said[0]
        survivor, double = self.members[who], self.members[self.people + who]
        with self.merging[who]:
            made, stands = self.merged[who], MemberMerge.objects.filter(absorbed=double, undone_at=None).first()
            if made:
                call.key = f"unmerge:{made.pk}"
                if stands:
                    self.shop.unmerge(made, at=call.at)
                self.merged[who] = None
            else:
                made = self.merged[who] = stands or self.shop.merge(survivor, double, at=call.at)
                call.key = f"merge:{made.pk}"
        return made

    # -- the same life in the model -----------------------------------------------------------------------------------------

    def contradictions(self) -> list[str]:
        """Versions with gaps, answers that the model does not give, balances that it does not come to."""
        written = self._written()
        found = [f"wallet {wallet}: version {n} after {m}" for wallet, n, m in _gaps(written)]
        calls = {xid: self._call_of(keys) for xid, keys in _keys(written).items()}
        untraced = set(self.calls) - {call.key for call in calls.values() if call}
        found += [f"{key} was answered and is not in the ledger" for key in sorted(untraced)]
        self.models = [Ledger() for _ in self.members]
        self.places: dict[str, tuple[Ledger, int]] = {}
        for xid in _in_one_order(written, calls):
            call = calls[xid]
            expected, said = getattr(self, f"_replay_{call.kind}")(call)
            if expected != said:
                found.append(f"{call.kind} {call.key}: the model answers {expected}, the ledger answered {said}")
        return found + self._differences()

    def _written(self) -> dict[int, list[tuple[int, str, str]]]:
        written = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(_WRITTEN)
            for wallet, *row in cursor.fetchall():
                written[wallet].append(tuple(row))
        return written

    def _call_of(self, keys: set[str]) -> Call | None:
        """The call that a transaction carried out: by its own key, or a merge by the ledger's key for it."""
        for key in keys:
            found = self.calls.get(key) or self.calls.get(":".join(key.split(":")[:2]))
            if found:
                return found
        return None

    def _replay_buy(self, call):
        ledger = self.models[call.said[0]].root
        points = ledger.buy(call.at.date(), [call.said[1]])
        self.places[call.key] = (ledger, len(ledger.sales) - 1)
        return self._told(call, points, call.answer.points, ledger.available)

    def _replay_refund(self, call):
        ledger, number = self.places[call.said[0]]
        root, before = ledger.root, _standing(ledger.root)
        points = ledger.refund(call.at, number, 0, call.said[2])
        if root is not ledger and before == _standing(root):
            # What had expired in the merged wallet itself was taken: no version of the survivor's says when its balance was read.
            return points, call.answer.points
        return self._told(call, points, call.answer.points, root.available)

    def _replay_redeem(self, call):
        ledger = self.models[call.said[0]].root
        return self._told(call, ledger.redeem(call.at, call.said[1]), True, ledger.available)

    def _replay_adjust(self, call):
        ledger = self.models[call.said[0]].root
        return self._told(call, ledger.adjust(call.at, call.said[1]), True, ledger.available)

    def _replay_give(self, call):
        giver, taker = (self.models[who].root for who in call.said[:2])
        return self._told(call, giver.give(call.at, taker, call.said[2]), True, giver.available)

    def _replay_hold(self, call):
        ledger = self.models[call.said[0]].root
        is_done = ledger.hold(call.at, call.said[1], call.at + timedelta(days=30))
        self.places[call.key] = (ledger, len(ledger.holds) - 1)
        return self._told(call, is_done, True, ledger.available)

    def _replay_capture(self, call):
        ledger, number = self.places[call.said[0]]
        points = call.said[2]
        is_done = ledger.capture(call.at, number, points, lets_go=points in (0, 7))
        return self._told(call, is_done, True, ledger.available)

    def _told(self, call, expected, said, available: int):
        """What the model answers and what the ledger answered. Said again, an act's balance may be that of now."""
        if call.answer.is_replay:
            return expected, said
        return (expected, available), (said, call.answer.available)

    def _replay_merge(self, call):
        survivor, double = (self.models[call.said[0] + offset] for offset in (0, self.people))
        if call.key.startswith("merge"):
            survivor.merge(call.at, double)
            return None, None
        return double.unmerge(call.at), True

    def _differences(self) -> list[str]:
        found = []
        wallets = {wallet.member_id: wallet for wallet in Wallet.objects.filter(member__in=self.members, currency=1)}
        for member, model in zip(self.members, self.models, strict=True):
            wallet = wallets[member.pk]
            today = self.at.date()
            lots = zip(wallet.lot_expires_on, wallet.lot_points, strict=True)
            has = ({last: points for last, points in lots if last >= today}, wallet.debt, wallet.carry_micropoints)
            expected = ({last: points for last, points in model.lots.items() if last >= today}, model.debt, model.carry)
            if has != expected:
                found.append(f"member {member.pk}: has {has}, the model {expected}")
        return found


def _standing(ledger: Ledger) -> tuple:
    return ledger.available, ledger.debt, dict(ledger.expired)


def _gaps(written):
    for wallet, rows in written.items():
        versions = [0, *(version for version, _xid, _key in rows)]
        yield from ((wallet, after, before) for before, after in pairwise(versions) if after != before + 1)


def _keys(written) -> dict[str, set[str]]:
    keys = defaultdict(set)
    for rows in written.values():
        for _version, xid, key in rows:
            keys[xid].add(key)
    return keys


def _in_one_order(written, calls) -> list[str]:
    """Transactions in an order that every wallet's versions agree with. There is one, or the ledger is not serial."""
    after, waits = defaultdict(set), dict.fromkeys((xid for xid, call in calls.items() if call), 0)
    for rows in written.values():
        order = list(dict.fromkeys(xid for _version, xid, _key in rows if calls[xid]))
        for before, following in pairwise(order):
            if following not in after[before]:
                after[before].add(following)
                waits[following] += 1
    ready = [xid for xid, count in waits.items() if not count]
    done = []
    while ready:
        done.append(ready.pop())
        for following in after[done[-1]]:
            waits[following] -= 1
            if not waits[following]:
                ready.append(following)
    assert len(done) == len(waits), "the wallets' versions contradict each other"
    return done
