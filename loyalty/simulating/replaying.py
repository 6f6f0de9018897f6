"""Replay history through the engine's own verbs, in the sandbox: warm up under the rules of then, then under the draft."""

from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connection, connections

from loyalty import operations, rules
from loyalty.earning import compile_rule_set
from loyalty.models import RuleSet
from loyalty.operations.purchases import Recorded
from loyalty.simulating.history import MovedOtherwise, Sale, TakenBack, acts, count

BATCH = 2_000


@dataclass(frozen=True)
class Stretch:
    """What is replayed under other rules: purchases from `since` until before `until`, in these stores (none named: all)."""

    since: datetime
    until: datetime
    store_codes: frozenset[str] = frozenset()

    def holds(self, at: datetime, store_code: str) -> bool:
        return at >= self.since and (not self.store_codes or store_code in self.store_codes)


@dataclass
class Replayed:
    """What a replay went through. `short` points could not be spent, because they were never earned under these rules."""

    purchases: int = 0
    refunds: int = 0
    moves: int = 0
    short: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class Replay:
    """One run. `done` hears how many purchases and refunds are through, of how many."""

    def __init__(self, stretch: Stretch, definition: dict | None, *, done: Callable[[int, int], object]):
        self._stretch, self._done = stretch, done
        self._under = _under(definition, stretch)
        self._waiting: dict[str, list] = {"then": [], "draft": [], "back": [], "moved": []}
        self._members: dict[str, set[int]] = {kind: set() for kind in self._waiting}
        self._behind: Future | None = None
        self.found = Replayed()

    def run(self) -> Replayed:
        history = connection.real  # read beside the posting, over the connection that is not the sandbox's
        with history.cursor() as cursor:
            total = count(cursor, until=self._stretch.until)
        with ThreadPoolExecutor(1) as self._pool:
            for act in acts(history, until=self._stretch.until):
                self._take(act)
                if len(self._waiting["then"]) + len(self._waiting["draft"]) >= BATCH:
                    self._settle()
                    self._done(self.found.purchases + self.found.refunds, total)
            self._settle()
            self._hear()
        operations.expire_points(at=self._stretch.until)
        operations.evaluate_tiers(at=self._stretch.until)
        self._done(total, total)
        return self.found

    def _take(self, act: Sale | TakenBack | MovedOtherwise):
        """Put an act to its kind; of one member nothing overtakes."""
        kind = self._kind(act)
        for other, members in self._members.items():
            if other != kind and act.member_id in members:
                self._post(other)
        self._waiting[kind].append(act)
        self._members[kind].add(act.member_id)

    def _kind(self, act) -> str:
        if isinstance(act, Sale):
            return "draft" if self._stretch.holds(act.purchase.purchased_at, act.store_code) else "then"
        return "back" if isinstance(act, TakenBack) else "moved"

    def _settle(self):
        for kind in self._waiting:
            self._post(kind)

    def _post(self, kind: str):
        waiting, self._waiting[kind], self._members[kind] = self._waiting[kind], [], set()
        if not waiting:
            return
        if kind in self._under:
            self._sell(kind, waiting)
        else:
            self._hear()
            for act in waiting:
                (self._take_back if kind == "back" else self._move)(act)

    def _sell(self, kind: str, sales: list[Sale]):
        """Ask the rules about this batch in this thread while PostgreSQL posts the batch before it in another."""
        rules.remember(self._under[kind])
        planned = operations.plan([sale.purchase for sale in sales])
        self._hear()
        self._behind = self._pool.submit(_post, connections[DEFAULT_DB_ALIAS], planned)
        self.found.purchases += len(sales)

    def _hear(self):
        """Wait for the batch that is being posted."""
        behind, self._behind = self._behind, None
        for answer in behind.result() if behind else ():
            if not isinstance(answer, Recorded):
                self._refuse(answer)

    def _take_back(self, act: TakenBack):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT p.id FROM sales_purchase p JOIN sales_source s ON s.id = p.source_id WHERE s.code = %s AND p.client_key = %s",
                list(act.of),
            )
            sale = cursor.fetchone()
        self.found.refunds += 1
        if sale is None:
            self._refuse(LookupError("refund"))
            return
        try:
            operations.refund(
                source=act.source, client_key=act.client_key, purchase_id=sale[0], lines=act.lines, refunded_at=act.at,
                store_code=act.store_code,
            )  # fmt: skip
        except operations.LedgerRefusal as reason:
            self._refuse(reason)

    def _move(self, act: MovedOtherwise):
        """Points spent as they were then, as far as they were earned here; points given as they were given."""
        self.found.moves += 1
        said = {"member_id": act.member_id, "source": "ledger", "client_key": f"what-if:{act.name}"[:120], "at": act.at}
        if act.points > 0:
            operations.adjust(points=act.points, reason="what-if", by_user_id=None, **said)
            return
        try:
            operations.redeem(points=-act.points, **said)
        except operations.NotEnoughPoints as reason:
            self.found.short += -act.points - reason.available
            if reason.available > 0:
                operations.redeem(points=reason.available, **said)

    def _refuse(self, reason: Exception):
        name = type(reason).__name__
        self.found.refused[name] = self.found.refused.get(name, 0) + 1


def _post(sandbox, planned) -> list:
    connections[DEFAULT_DB_ALIAS] = sandbox  # connections belong to threads; this thread ends with the replay
    return operations.post(planned)


def _under(definition: dict | None, stretch: Stretch) -> dict[str, rules.Known]:
    """The rules as they were, and as they would be: those in force before the stretch, then the draft and nothing after."""
    known = rules.known()
    if definition is None:
        return {"then": known, "draft": known}
    newest = RuleSet.objects.order_by("-version").first()
    row = RuleSet.objects.create(
        version=(newest.version if newest else 0) + 1, name="what-if", definition=definition, live_from=stretch.since
    )
    draft = compile_rule_set(definition, id=row.pk, version=row.version)
    before = bisect_left(known.live_from, stretch.since)
    return {
        "then": replace(known, latest_id=row.pk),
        "draft": replace(
            known,
            latest_id=row.pk,
            live_from=[*known.live_from[:before], stretch.since],
            rule_sets=[*known.rule_sets[:before], draft],
        ),
    }
