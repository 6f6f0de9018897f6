"""Posting imported receipts: the same path as the till, many at a time, in the order of time.

Rules are asked about one batch in this thread while PostgreSQL posts the batch before it in another. Refunds wait for
the sales that came before them, and a member's later sales wait for the refund.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django.db import connection
from django.utils.translation import gettext as _

from loyalty.models import Award, TierChange, Transfer, Wallet
from loyalty.operations import KeyReused, LedgerRefusal, PurchaseIn, Recorded, plan, post, refund
from members.importing.problems import Problem, shown
from members.statistics import refresh_statistics
from sales import catalogue
from sales.catalogue import UnknownStore
from sales.importing.staging import StagedReceipt
from sales.lines import Line
from sales.models import Purchase, PurchaseLine
from sales.queries import refundable_many
from sales.refunds import CannotMatch, GivenBack, match

BATCH_RECEIPTS = 2_000
PURCHASES_SEARCHED = 20
RECEIPTS_WORTH_STATISTICS = 1_000
LINES_MAX = 32_767  # of a receipt: line numbers are small integers


@dataclass
class Outcome:
    """What an import did: receipts and lines by what became of them, and points."""

    recorded: int = 0
    refunded: int = 0
    known_before: int = 0
    rejected: int = 0
    lines: int = 0
    points: int = 0
    points_taken_back: int = 0


class CannotRefundHere(ValueError):
    """A refund of the file that finds no purchase to take back."""


class Posting:
    """Posts staged receipts. `problem` hears of each that is refused, `done` of how many lines are settled.

    Without `earns` they are history alone: no line earns anything, because the points come as balances.
    """

    def __init__(
        self, source: str, *, problem: Callable[[Problem], None], done: Callable[[int], object], earns: bool = True
    ):
        self._source, self._problem, self._done, self._earns = source, problem, done, earns
        self.outcome = Outcome()
        self._sales: list[StagedReceipt] = []
        self._refunds: list[StagedReceipt] = []
        self._refunding: set[int] = set()
        self._behind: tuple[list[StagedReceipt], Future] | None = None
        self._statistics_of, self._statistics_due = RECEIPTS_WORTH_STATISTICS, RECEIPTS_WORTH_STATISTICS

    def run(self, chunks: Iterable[list[StagedReceipt]]) -> Outcome:
        """Post everything; returns what was done. What a killed run has posted is found again, not posted twice."""
        with _rare_collections(), ThreadPoolExecutor(1) as self._pool:
            try:
                for chunk in chunks:
                    for receipt in chunk:
                        self._take(receipt)
                    self._settle() if self._refunds else self._post_sales()
                    self._refresh_statistics()
                self._settle()
            finally:
                self._pool.submit(_close_own_connection)
        self._refresh_statistics(is_end=True)
        return self.outcome

    def _refresh_statistics(self, *, is_end: bool = False):
        """Whenever the import has grown the tables tenfold, and at its end: a plan for an empty table is slow on a full one."""
        stored = self.outcome.recorded + self.outcome.refunded
        if stored >= self._statistics_due or (is_end and stored > self._statistics_of):
            refresh_statistics(Purchase, PurchaseLine, Wallet, Award, Transfer, TierChange)
            self._statistics_of, self._statistics_due = stored, 10 * stored

    def _take(self, receipt: StagedReceipt):
        if len(receipt.products) > LINES_MAX:
            self._reject(receipt, _("A receipt has at most %(limit)s lines.") % {"limit": LINES_MAX}, _("Split it."))
        elif receipt.is_refund:
            self._refunds.append(receipt)
            self._refunding.add(receipt.member_id)
        else:
            if receipt.member_id in self._refunding:
                self._settle()
            self._sales.append(receipt)

    def _settle(self):
        """Post what waits, sales before refunds, and wait for it."""
        self._post_sales()
        self._hear()
        for receipt in self._refunds:
            self._refund(receipt)
        self._refunds, self._refunding = [], set()

    # -- sales ---------------------------------------------------------------------------------------------------------
    def _post_sales(self):
        if not self._sales:
            return
        batch, self._sales = self._sales, []
        catalogue.store_ids(receipt.store for receipt in batch)  # in one query, before they are asked for one by one
        planned = plan([_purchase(receipt, self._source, earns=self._earns) for receipt in batch])
        self._hear()
        self._behind = batch, self._pool.submit(post, planned)

    def _hear(self):
        """Wait for the batch that is being posted, and count its answers."""
        if not self._behind:
            return
        (batch, answers), self._behind = self._behind, None
        for receipt, answer in zip(batch, answers.result(), strict=True):
            self._count(receipt, answer)

    def _count(self, receipt: StagedReceipt, answer: Recorded | Exception):
        if isinstance(answer, KeyReused):
            self._conflict(receipt)
        elif isinstance(answer, (LedgerRefusal, UnknownStore)):
            self._reject(receipt, str(answer), _("Mend the receipt and import the file again."))
        elif isinstance(answer, Exception):
            raise answer
        else:
            self.outcome.known_before += answer.is_replay
            self.outcome.recorded += not answer.is_replay
            self.outcome.points += 0 if answer.is_replay else answer.points
            self._settled(receipt)

    # -- refunds -------------------------------------------------------------------------------------------------------
    def _refund(self, receipt: StagedReceipt):
        try:
            wanted, number = self._still_to_refund(receipt)
            for purchase_id, lines in self._matched(receipt, wanted):
                number += 1
                done = refund(
                    source=self._source,
                    client_key=_refund_key(receipt, number),
                    purchase_id=purchase_id,
                    lines=lines,
                    refunded_at=receipt.at,
                    store_code=receipt.store,
                )
                self.outcome.points_taken_back += done.points
        except KeyReused:
            self._conflict(receipt)
        except CannotMatch as reason:
            self._reject(receipt, _too_much(reason), _("Check the receipt it names, the products and the amounts."))
        except CannotRefundHere as reason:
            self._reject(receipt, str(reason), _("Name the receipt that is taken back in refunds_receipt."))
        except LedgerRefusal as reason:
            self._reject(receipt, str(reason), _("Mend the receipt and import the file again."))
        else:
            self.outcome.refunded += bool(wanted)
            self.outcome.known_before += not wanted
            self._settled(receipt)

    def _still_to_refund(self, receipt: StagedReceipt) -> tuple[list[GivenBack], int]:
        """What an earlier run has not refunded of this receipt yet, and how many refunds it has made of it."""
        wanted = [
            GivenBack(code, _quantity(milli), minor)
            for code, milli, minor in zip(receipt.products, receipt.millis, receipt.minors, strict=True)
        ]
        stored = _stored_refunds(self._source, receipt)
        if not stored:
            return wanted, 0
        lines = PurchaseLine.objects.filter(purchase__in=stored).values_list("product__code", "quantity", "total_minor")
        rest = Counter()
        for code, quantity, minor in [(w.product_code, w.quantity, w.total_minor) for w in wanted] + list(lines):
            rest[code, "quantity"] += quantity
            rest[code, "minor"] += minor
        left = [
            GivenBack(code, rest[code, "quantity"], rest[code, "minor"])
            for code in dict.fromkeys(receipt.products)
            if rest[code, "quantity"] or rest[code, "minor"]
        ]
        if min(rest.values()) < 0 or (left and receipt.refunds_receipt):
            raise KeyReused(receipt.receipt)
        return left, len(stored)

    def _matched(self, receipt: StagedReceipt, wanted: list[GivenBack]) -> list[tuple[int, list[tuple]]]:
        """The purchases and lines that are taken back. A refund that names no receipt takes from the member's latest."""
        if not wanted:
            return []
        if receipt.refunds_receipt:
            sale = Purchase.objects.filter(
                source__code=self._source, client_key=receipt.refunds_receipt, kind=Purchase.Kind.SALE
            ).first()
            if sale is None:
                raise CannotRefundHere(
                    _("Receipt %(receipt)s, which it takes back, is not known or comes later.")
                    % {"receipt": shown(receipt.refunds_receipt)}
                )
            return [(sale.pk, match(refundable_many([sale.pk])[sale.pk], wanted))]
        if receipt.member_id is None:
            raise CannotRefundHere(_("The refund names neither a receipt nor a member."))
        return _match_latest(receipt, wanted)

    # -- telling -------------------------------------------------------------------------------------------------------
    def _settled(self, receipt: StagedReceipt):
        self.outcome.lines += len(receipt.products)
        self._done(len(receipt.products))

    def _conflict(self, receipt: StagedReceipt):
        self._reject(
            receipt,
            _("Receipt %(receipt)s is stored already, and says something else there; the stored one stays.")
            % {"receipt": shown(receipt.receipt)},
            _("Give a corrected receipt a number of its own, or refund the stored one."),
        )

    def _reject(self, receipt: StagedReceipt, reason: str, remedy: str):
        self.outcome.rejected += 1
        self._problem(Problem(receipt.row, "receipt", reason, remedy))
        self._done(len(receipt.products))


@contextmanager
def _rare_collections():
    """Let Python look for cyclic garbage rarely: a batch makes hundreds of thousands of objects and hardly any cycle."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(1_000_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _close_own_connection():
    """Run in the posting thread, whose connection is not this one's."""
    connection.close()


@lru_cache(16_384)
def _quantity(milli: int) -> Decimal:
    return Decimal(milli).scaleb(-3)


def _purchase(receipt: StagedReceipt, source: str, *, earns: bool) -> PurchaseIn:
    millis = map(_quantity, receipt.millis)
    lines = list(map(Line, receipt.products, millis, receipt.minors, receipt.units))
    earning = None if earns else [0] * len(lines)
    return PurchaseIn(
        source,
        receipt.receipt,
        receipt.store,
        receipt.at,
        receipt.currency,
        lines,
        receipt.member_id,
        earning_minor=earning,
    )


def _refund_key(receipt: StagedReceipt, number: int) -> str:
    """The key of the n-th refund that a receipt's refunded lines make; the first one's is without number."""
    return f"{receipt.receipt}:refund" + (f":{number}" if number > 1 else "")


def _stored_refunds(source: str, receipt: StagedReceipt) -> list[Purchase]:
    stored = []
    while found := Purchase.objects.filter(
        source__code=source, client_key=_refund_key(receipt, len(stored) + 1), kind=Purchase.Kind.REFUND
    ).first():
        stored.append(found)
    return stored


def _match_latest(receipt: StagedReceipt, wanted: list[GivenBack]) -> list[tuple[int, list[tuple]]]:
    """Give back product by product, each from the member's latest purchase that has enough of it left."""
    by_sale: dict[int, list[GivenBack]] = defaultdict(list)
    for one in wanted:
        by_sale[_latest_with(receipt, one, by_sale)].append(one)
    left = refundable_many(by_sale)
    return [(id_, match(left[id_], by_sale[id_])) for id_ in sorted(by_sale)]


def _latest_with(receipt: StagedReceipt, wanted: GivenBack, by_sale: dict[int, list[GivenBack]]) -> int:
    sales = Purchase.objects.filter(
        member=receipt.member_id,
        kind=Purchase.Kind.SALE,
        purchased_at__lte=receipt.at,
        currency=receipt.currency,
        lines__product__code=wanted.product_code,
    )
    latest = list(sales.order_by("-purchased_at", "-pk").distinct().values_list("pk", flat=True)[:PURCHASES_SEARCHED])
    left = refundable_many(latest)
    for id_ in latest:
        try:
            match(left[id_], [*by_sale.get(id_, ()), wanted])
        except CannotMatch:
            continue
        return id_
    raise CannotRefundHere(
        _("The member bought no product %(product)s that could be taken back.")
        % {"product": shown(wanted.product_code)}
    )


def _too_much(reason: CannotMatch) -> str:
    product = {"product": shown(reason.product_code)}
    if reason.is_sold:
        return _("More of product %(product)s is given back than is left of the purchase.") % product
    return _("Product %(product)s was not part of the purchase.") % product
