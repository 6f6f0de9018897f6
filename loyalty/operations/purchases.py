"""Record purchases: store them, award points, evaluate tiers, in one round trip to PostgreSQL."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import NamedTuple

from django.db import DatabaseError, connection, transaction

from loyalty import explaining, rules, signals
from loyalty.earning import RuleSet
from loyalty.operations import telling
from loyalty.operations.errors import CannotRecord, KeyReused, SpendingBlocked, UnknownMember
from loyalty.operations.planned_purchases import Item, Planned, PurchaseIn, plan
from loyalty.operations.planned_purchases import programme_zone as _programme_zone  # noqa: F401 (the other verbs ask here)
from loyalty.operations.written_purchases import CALL, CALL_ONE, columns_of, values_of_one
from sales.lines import Line

POINTS = 1  # the currency of this house; stamps and cashback will have their own wallets
_USED = 14  # the place of the benefits used in the answer
RECORDED, REPLAYED, CONFLICT, NO_MEMBER, OTHER_ACT, NEWER_RULES = 0, 1, 2, 3, 4, 9
BLOCKED_STATE = "RG001"  # raised by loyalty_take_from_lots


class TierMove(NamedTuple):
    member_id: int
    from_tier: str
    to_tier: str
    purchase_id: int | None


@dataclass(slots=True)
class Recorded:
    """The answer to one purchase. `available` is what the member could spend right after it; None without a member.

    `points` are all it earned, `bonuses` included: what rules with a memory gave with it, in any currency.
    """

    purchase_id: int
    public_id: object
    member_id: int | None
    points: int
    available: int | None
    debt_paid: int
    tier_code: str | None
    tier_after_code: str | None
    is_replay: bool
    bonuses: list[dict]
    _parts: tuple = field(repr=False, compare=False)

    @property
    def explanation(self) -> dict:
        """Which rules made the points, in what order, and why others did not. A replay reads it from the award."""
        plan, rule_set, row = self._parts
        if self.is_replay:
            return explaining.of_purchase(self.purchase_id)
        return explaining.of_plan(rule_set, plan, row)


def record_purchase(
    *,
    source: str,
    client_key: str,
    store_code: str,
    purchased_at: datetime,
    currency: str,
    lines: Sequence[Line],
    member_id: int | None = None,
    member_reference: tuple[str, str] | None = None,
    earning_minor: Sequence[int] | None = None,
) -> Recorded:
    """Record one purchase and award its points, in one SQL round trip.

    The same key and body again give the same answer (`is_replay`). Raises KeyReused, UnknownMember, BadPurchase,
    sales.catalogue.UnknownStore; then nothing has moved.
    """
    purchase = PurchaseIn(
        source, client_key, store_code, purchased_at, currency, lines, member_id, member_reference, earning_minor
    )
    [answer] = record_purchases([purchase])
    if isinstance(answer, Exception):
        raise answer
    return answer


def record_purchases(batch: Sequence[PurchaseIn]) -> list[Recorded | Exception]:
    """Record many purchases in one statement: per purchase its answer, or the exception that says why not.

    Purchases of one wallet are posted in the order given. One that is refused does not hold up the others.
    """
    return post(plan(batch))


# -- posting: one SQL call ---------------------------------------------------------------------------------------------


def post(planned: Planned) -> list[Recorded | Exception]:
    """Post a planned batch: one statement for each rule set it falls under, all in one transaction."""
    answers: list[Recorded | Exception | None] = [None] * planned.size
    for place, reason in planned.errors.items():
        answers[place] = reason
    if len(planned.groups) > 1 and not connection.in_atomic_block:
        with transaction.atomic():
            newer = _post_groups(planned, answers)
            transaction.set_rollback(newer)
    else:
        newer = _post_groups(planned, answers)
    if newer:
        rules.forget()
        return post(plan(planned.batch))
    _tell(answers)
    return answers


def _post_groups(planned: Planned, answers: list) -> bool:
    """Post group after group. True when a newer rule set was published meanwhile; then nothing was written."""
    return any(_post_group(planned.latest_rule_set, rule_set, items, answers) for rule_set, items in planned.groups)


def _post_group(latest: int, rule_set: RuleSet, items: list[Item], answers: list) -> bool:
    while items:
        rows = _again_after_races(partial(_call, latest, rule_set, items, count()))
        refused = {row[0]: row[1] for row in rows if row[1] in {NO_MEMBER, OTHER_ACT}}
        if rows[0][1] == NEWER_RULES:
            return True
        if not refused:
            _take_answers(rows, rule_set, items, answers)
            return False
        for place, outcome in refused.items():
            item = items[place - 1]
            answers[item.place] = _refusal(outcome, item.purchase)
        items = [item for n, item in enumerate(items, 1) if n not in refused]
    return False


def _call(latest: int, rule_set: RuleSet, items: list[Item], tries: Iterator[int]) -> list[tuple]:
    """Post by one statement: a checkout of a known member by the short way, unless points wait or end when a wallet is left alone.

    The short way meets a key that another kind of act has only when it writes; a second try goes the general way, which says so.
    """
    known = rules.known()
    head = [POINTS, latest, rule_set.id, known.ladder, known.ladder_from, known.tier_percents(rule_set)]
    is_checkout = len(items) == 1 and items[0].purchase.has_member and not rule_set.holds_points_back
    if is_checkout and next(tries) == 0:
        told = telling.for_one(rule_set, items[0].plan)
        text, values = CALL_ONE, [*values_of_one(items[0]), *told, connection.in_atomic_block]
    else:
        text, values = CALL, [*columns_of(items), telling.for_many(rule_set, [item.plan for item in items])]
    with connection.prepared_cursor() as cursor:
        cursor.execute(text, [*head, *values])
        return cursor.fetchall()


def _again_after_races(call):
    """Run it again when another transaction claimed the same key first or the two deadlocked; the second run finds out.

    Inside a caller's transaction there is nothing to run again: its other statements are lost with this one.
    """
    for pause in (0.01, 0.05, 0.2, 0):
        try:
            return call()
        except DatabaseError as error:
            state = getattr(error.__cause__, "sqlstate", "")
            if state == BLOCKED_STATE:
                raise SpendingBlocked from None
            if state not in {"23505", "40P01"} or connection.in_atomic_block or not pause:
                raise
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _take_answers(rows: list[tuple], rule_set: RuleSet, items: list[Item], answers: list):
    codes = rules.known().tier_codes
    for row in rows:
        item = items[row[0] - 1]
        row = (*row[:_USED], _json(row[_USED]), *row[_USED + 1 :])  # noqa: PLW2901 (the same answer, its benefits read)
        if row[1] == CONFLICT:
            answers[item.place] = KeyReused(item.purchase.client_key)
            continue
        (
            _,
            outcome,
            purchase_id,
            public_id,
            member_id,
            _,
            points,
            debt_paid,
            available,
            tier,
            _,
            tier_after,
            *_,
            said,
        ) = row
        bonuses = _json(said) or []
        points += sum(bonus["amount"] for bonus in bonuses if bonus["currency"] == "points")
        answers[item.place] = Recorded(
            purchase_id, public_id, member_id, points, available, debt_paid, codes.get(tier), codes.get(tier_after),
            outcome == REPLAYED, bonuses, (item.plan, rule_set, row),
        )  # fmt: skip


def _json(said):
    """A jsonb column of a raw query, which Django's cursors hand over as text."""
    return json.loads(said) if isinstance(said, str) else said


def _refusal(outcome: int, purchase: PurchaseIn) -> CannotRecord:
    if outcome == OTHER_ACT:
        return KeyReused(purchase.client_key)
    return UnknownMember(purchase.member_reference or purchase.member_id)


def _tell(answers: Iterable[Recorded | Exception]):
    new = [a for a in answers if isinstance(a, Recorded) and not a.is_replay]
    if not new:
        return
    moves = [
        TierMove(a.member_id, a.tier_code, a.tier_after_code, a.purchase_id)
        for a in new
        if a.tier_code != a.tier_after_code
    ]
    transaction.on_commit(
        partial(signals.purchases_recorded.send, sender=Recorded, purchase_ids=[a.purchase_id for a in new]),
        robust=True,  # the purchase stands, whatever becomes of the news
    )
    if moves:
        transaction.on_commit(partial(signals.tier_changed.send, sender=Recorded, changes=moves), robust=True)
