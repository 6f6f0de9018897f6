"""Replay history through the engine's own verbs, in the sandbox: warm up under the rules of then, then under the draft."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection

from loyalty import operations, rules
from loyalty.earning import compile_rule_set
from loyalty.models import RuleSet
from loyalty.simulating import receipts
from loyalty.simulating.history import MovedOtherwise, Sale, TakenBack, acts, count
from loyalty.simulating.parts import Part, parts_of
from loyalty.simulating.selling import Seller

BATCH = 4_000


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

    @classmethod
    def together(cls, parts: Sequence["Replayed"]) -> "Replayed":
        refused = sum((Counter(part.refused) for part in parts), Counter())
        counts = [sum(getattr(part, name) for part in parts) for name in ("purchases", "refunds", "moves", "short")]
        return cls(*counts, dict(refused))

    def refuse(self, name: str, n: int = 1):
        if n:
            self.refused[name] = self.refused.get(name, 0) + n


class Replay:
    """One run over one part of the members. `done` hears how many purchases and refunds are through, of how many."""

    def __init__(
        self, stretch: Stretch, definition: dict | None, *, done: Callable[[int, int], object], part: Part | None = None
    ):
        self._under = rules_of_then_and_of(definition, stretch)
        self._stretch, self._done = stretch, done
        self._part = part or parts_of(self._under["draft"].rule_sets, most=1)[0]
        self._waiting: dict[str, list] = {"then": [], "draft": [], "back": [], "moved": []}
        self._members: dict[str, dict[int, int]] = {kind: {} for kind in self._waiting}
        self._behind: Future | None = None
        self._seller = Seller()
        self.found = Replayed()

    def run(self) -> Replayed:
        history = connection.real  # read beside the posting, over the connection that is not the sandbox's
        history.ensure_connection()
        until = self._stretch.until
        total = count(history, self._part, until=until)
        receipts.lay_out(connection, self._part, until=until)
        with ThreadPoolExecutor(1) as self._pool:
            for act in acts(history, self._part, until=until):
                self._take(act)
                if len(self._waiting["then"]) + len(self._waiting["draft"]) >= BATCH:
                    self._settle()
                    self._done(self.found.purchases + self.found.refunds, total)
            self._settle()
            self._hear()
        operations.expire_points(at=until)
        operations.evaluate_tiers(at=until)
        self._done(total, total)
        return self.found

    def _take(self, act: Sale | TakenBack | MovedOtherwise):
        """Put an act to its kind; of one member, and of members who are tied, nothing overtakes."""
        kind, group = self._kind(act), self._part.group_of(act.member_id)
        for other, members in self._members.items():
            if group in members and (other != kind or members[group] != act.member_id):
                self._post(other)
        self._waiting[kind].append(act)
        self._members[kind][group] = act.member_id

    def _kind(self, act) -> str:
        if isinstance(act, Sale):
            holds = self._stretch.holds(act.purchased_at, self._seller.store_code(act.store_id))
            return "draft" if holds else "then"
        return "back" if isinstance(act, TakenBack) else "moved"

    def _settle(self):
        for kind in self._waiting:
            self._post(kind)

    def _post(self, kind: str):
        waiting, self._waiting[kind], self._members[kind] = self._waiting[kind], [], {}
        if not waiting:
            return
        if kind in self._under:
            self._sell(kind, waiting)
        else:
            self._hear()
            for act in waiting:
                (self._take_back if kind == "back" else self._move)(act)

    def _sell(self, kind: str, sales: list[Sale]):
        """Ask the rules about these sales in this thread while PostgreSQL posts those before them in another."""
        rules.remember(self._under[kind])
        sold, refused = self._seller.plan(sales, self._under[kind])
        self.found.refuse("NoRuleSet", refused)
        self._hear()
        self._behind = self._pool.submit(self._seller.post, connection.connection, sold)
        self.found.purchases += len(sales)

    def _hear(self):
        """Wait for the sales that are being posted."""
        behind, self._behind = self._behind, None
        if behind:
            self.found.refuse("CannotRecord", behind.result())

    def _take_back(self, act: TakenBack):
        self.found.refunds += 1
        try:
            operations.refund(
                source=act.source, client_key=act.client_key, purchase_id=act.sale_id, lines=act.lines, refunded_at=act.at,
                store_code=self._seller.store_code(act.store_id),
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
        self.found.refuse(type(reason).__name__)


def rules_of_then_and_of(definition: dict | None, stretch: Stretch) -> dict[str, rules.Known]:
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
