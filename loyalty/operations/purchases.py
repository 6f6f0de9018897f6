"""Record purchases: store them, award points, evaluate tiers, in one round trip to PostgreSQL."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from itertools import count
from typing import NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from loyalty import explaining, rules, signals
from loyalty.earning import Basket, Plan, RuleSet
from loyalty.earning import UnknownCurrency as NoRate
from loyalty.operations import telling
from loyalty.operations.errors import BadPurchase, CannotRecord, KeyReused, SpendingBlocked, UnknownMember
from members.crypto import keyed_hash
from sales import catalogue
from sales.lines import Line, body_hash

POINTS = 1  # the currency of this house; stamps and cashback will have their own wallets
MINOR_MAX = 10**12
RECORDED, REPLAYED, CONFLICT, NO_MEMBER, OTHER_ACT, NEWER_RULES = 0, 1, 2, 3, 4, 9
BLOCKED_STATE = "RG001"  # raised by loyalty_take_from_lots


class PurchaseIn(NamedTuple):
    """One receipt as a client tells it. Of member_id and member_reference at most one is given; without, nobody earns.

    `earning_minor` is the part of each line that may earn: not what a reward or points paid for. None: the whole of each.
    """

    source: str
    client_key: str
    store_code: str
    purchased_at: datetime
    currency: str
    lines: Sequence[Line]
    member_id: int | None = None
    member_reference: tuple[str, str] | None = None
    earning_minor: Sequence[int] | None = None

    @property
    def has_member(self) -> bool:
        return self.member_id is not None or self.member_reference is not None


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


class _Values(NamedTuple):
    """What one purchase hands to the posting functions, its lines' goods and prices aside."""

    source_id: int
    client_key: str
    body_hash: bytes
    member_id: int | None
    reference_kind: str | None
    reference_hash: bytes | None
    store_id: int
    at: str
    currency: str
    total_minor: int
    day: date
    expiry: date
    base_micropoints: int
    extra_micropoints: int
    category_ids: list[int | None]
    line_micropoints: Sequence[int]
    line_extra: Sequence[int] | None
    inputs: str | None


class _Item(NamedTuple):
    place: int
    purchase: PurchaseIn
    plan: Plan
    values: _Values
    elements: tuple[str, ...] | None  # of array literals; None for a checkout, which is seldom posted as a batch


@dataclass
class Planned:
    """A batch that the rules were asked about, ready to post. `errors` are those that never reach the ledger, by place."""

    size: int
    latest_rule_set: int
    groups: list[tuple[RuleSet, list[_Item]]]
    errors: dict[int, Exception]
    batch: Sequence[PurchaseIn]


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


# -- planning: plain Python, no query once the catalogue is warm -------------------------------------------------------


def plan(batch: Sequence[PurchaseIn]) -> Planned:
    """Ask the rules about every basket. No member's state is needed, so it may run while another batch is posted."""
    known = rules.known()
    planned = Planned(len(batch), known.latest_id, [], {}, batch)
    products = rules.products_of(catalogue.facts_of(line for purchase in batch for line in purchase.lines))
    for place, purchase in enumerate(batch):
        try:
            rule_set, made, values = _plan_one(purchase, known, products)
        except (CannotRecord, catalogue.UnknownStore, rules.NoRuleSet) as reason:
            planned.errors[place] = reason
            continue
        if not planned.groups or planned.groups[-1][0] is not rule_set:
            planned.groups.append((rule_set, []))
        elements = _elements(values) if len(batch) > 1 else None
        planned.groups[-1][1].append(_Item(place, purchase, made, values, elements))
    return planned


def _plan_one(purchase: PurchaseIn, known: rules.Known, products: dict) -> tuple[RuleSet, Plan, _Values]:
    _check(purchase)
    lines, at = purchase.lines, purchase.purchased_at
    rule_set = known.live_at(at)
    totals = [line.total_minor for line in lines]
    of_lines = [products[line.product_code] for line in lines]
    try:
        made = rule_set.plan(_basket(purchase, rule_set, of_lines, totals))
    except NoRate as reason:
        raise BadPurchase(str(reason)) from None
    day = at.astimezone(_programme_zone()).date()
    values = _Values(
        catalogue.source_id(purchase.source),
        purchase.client_key,
        _body_hash(purchase),
        purchase.member_id,
        *_reference(purchase.member_reference),
        catalogue.store_id(purchase.store_code),
        at.astimezone(UTC).isoformat(),
        purchase.currency,
        sum(totals),
        day,
        rule_set.expires_on(day),
        made.base_micropoints,
        made.extra_micropoints,
        [product.type_id for product in of_lines],
        made.line_micropoints,
        made.line_extra_micropoints or None,
        json.dumps(found) if (found := _inputs(rule_set, made)) else None,
    )
    return rule_set, made, values


def _elements(values: _Values) -> tuple[str, ...]:
    """The values as elements of PostgreSQL array literals."""
    return (
        str(values.source_id),
        _quoted(values.client_key),
        "\\\\x" + values.body_hash.hex(),
        "NULL" if values.member_id is None else str(values.member_id),
        "NULL" if values.reference_kind is None else _quoted(values.reference_kind),
        "NULL" if values.reference_hash is None else "\\\\x" + values.reference_hash.hex(),
        str(values.store_id),
        values.at,
        values.currency,
        str(values.total_minor),
        values.day.isoformat(),
        values.expiry.isoformat(),
        str(values.base_micropoints),
        str(values.extra_micropoints),
        '"{' + ",".join(["NULL" if n is None else str(n) for n in values.category_ids]) + '}"',
        '"{' + ",".join(map(str, values.line_micropoints)) + '}"',
        '"{' + ",".join(map(str, values.line_extra)) + '}"' if values.line_extra else "NULL",
        _quoted(values.inputs) if values.inputs else "NULL",
    )


def _basket(purchase: PurchaseIn, rule_set: RuleSet, products: list, totals: list[int]) -> Basket:
    """The purchase as the rules see it; happy hours and days are those of the store."""
    if not rule_set.has_basket_rules:  # then no rule asks for time, place or quantity
        return Basket(purchase.currency, purchase.purchased_at, products, totals, earning_minor=purchase.earning_minor)
    at = purchase.purchased_at.astimezone(catalogue.store_zone(purchase.store_code))
    quantities = [int(line.quantity * 1000) for line in purchase.lines] if rule_set.terms else None
    return Basket(purchase.currency, at, products, totals, purchase.store_code, quantities, purchase.earning_minor)


@lru_cache
def _programme_zone() -> ZoneInfo:
    """The time zone whose days and months points expire and tiers are counted by."""
    return ZoneInfo(settings.TIME_ZONE)


def _check(purchase: PurchaseIn):
    if not purchase.lines:
        raise BadPurchase("A purchase has at least one line. Send the amount as a line if there is no list of goods.")
    if not 0 < len(purchase.client_key) <= 120 or "\0" in purchase.client_key:
        raise BadPurchase("client_key: 1 to 120 characters, made and stored by the client before its first try.")
    if purchase.purchased_at.tzinfo is None:
        raise BadPurchase("purchased_at needs a time zone, such as 2026-03-01T17:05:00-05:00.")
    if purchase.member_id is not None and purchase.member_reference is not None:
        raise BadPurchase("Give member_id or member_reference, not both.")
    if purchase.earning_minor is not None and len(purchase.earning_minor) != len(purchase.lines):
        raise BadPurchase("earning_minor: one amount for each line.")
    for number, line in enumerate(purchase.lines, 1):
        if line.total_minor < 0 or line.quantity < 0:
            raise BadPurchase(
                f"Line {number}: a sale's line is never negative. Take goods back by a refund of their purchase."
            )
        if purchase.earning_minor is not None and not 0 <= purchase.earning_minor[number - 1] <= line.total_minor:
            raise BadPurchase(f"Line {number}: what earns lies between nothing and the line's total.")
        if line.total_minor > MINOR_MAX:
            raise BadPurchase(
                f"Line {number}: a total of {line.total_minor} minor units is beyond {MINOR_MAX}. Check the unit."
            )


def _body_hash(purchase: PurchaseIn) -> bytes:
    return body_hash(
        member=purchase.member_reference or purchase.member_id,
        store_code=purchase.store_code,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        lines=purchase.lines,
    )


def _reference(reference: tuple[str, str] | None) -> tuple[str | None, bytes | None]:
    if reference is None:
        return None, None
    kind, value = reference
    return kind, keyed_hash(value, kind=kind)


def _inputs(rule_set: RuleSet, made: Plan) -> dict:
    """What the rules looked at beyond lines, categories and totals, which are stored as columns."""
    found = {}
    if services := [n for n, product in enumerate(made.basket.products, 1) if product.is_service]:
        found["services"] = services
    if rule_set.asks_brand:
        found["brands"] = [product.brand for product in made.basket.products]
    if made.basket.earning_minor is not None:
        found["earning"] = list(made.basket.earning_minor)
    if rule_set.asks_tags:
        found["tags"] = [product.tags for product in made.basket.products]
    if rule_set.has_basket_rules:
        found["store"] = made.basket.store
        found["at"] = made.basket.at.replace(tzinfo=None).isoformat()
    return found


@lru_cache(65536)
def _quoted(text: str) -> str:
    """An element of a PostgreSQL array literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- posting: one SQL call ---------------------------------------------------------------------------------------------

_CALL = """
SELECT * FROM loyalty_record_purchases(
    %s::smallint, %s::integer, %s::integer, %s::smallint[], %s::bigint[], %s::integer[],
    %s::bigint[], %s::text[], %s::bytea[], %s::bigint[], %s::text[], %s::bytea[], %s::bigint[], %s::timestamptz[],
    %s::text[], %s::bigint[],
    %s::integer[], %s::smallint[], %s::bigint[], %s::numeric[], %s::text[], %s::bigint[],
    %s::date[], %s::date[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb)
"""
_USED = 14  # the place of the benefits used in the answer
_HEAD = 10  # columns of _Item before the arrays of lines
_CALL_ONE = """
SELECT (r).* FROM (SELECT loyalty_record_purchase(
    %s::smallint, %s::integer, %s::integer, %s::smallint[], %s::bigint[], %s::integer[],
    %s::bigint, %s::text, %s::bytea, %s::bigint, %s::text, %s::bytea, %s::bigint, %s::timestamptz, %s::text, %s::bigint,
    %s::bigint[], %s::numeric[], %s::text[], %s::bigint[],
    %s::date, %s::date, %s::bigint, %s::bigint, %s::integer[], %s::bigint[], %s::bigint[], %s::jsonb, %s::uuid, %s::date,
    %s::text, %s::text, %s::text, %s::date, %s::text, %s::boolean) AS r OFFSET 0) answer
"""  # not FROM the function: PostgreSQL would lay out a table for its one row


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


def _post_group(latest: int, rule_set: RuleSet, items: list[_Item], answers: list) -> bool:
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


def _call(latest: int, rule_set: RuleSet, items: list[_Item], tries: Iterator[int]) -> list[tuple]:
    """Post by one statement: a checkout of a known member by the short way, unless points wait or end when a wallet is left alone.

    The short way meets a key that another kind of act has only when it writes; a second try goes the general way, which says so.
    """
    known = rules.known()
    tiers = known.tiers
    head = [
        POINTS,
        latest,
        rule_set.id,
        _literal(map(str, tiers)),
        _literal([str(tier.points_from) for tier in tiers.values()]) if known.has_plain_ladder else None,
        _literal([str(rule_set.tier_percents.get(tier.code, 100)) for tier in tiers.values()]),
    ]
    is_checkout = len(items) == 1 and items[0].purchase.has_member and not rule_set.holds_points_back
    if is_checkout and next(tries) == 0:
        told = telling.for_one(rule_set, items[0].plan)
        text, values = _CALL_ONE, [*_values_of_one(items[0]), *told, connection.in_atomic_block]
    else:
        text, values = _CALL, [*_columns(items), telling.for_many(rule_set, [item.plan for item in items])]
    with connection.prepared_cursor() as cursor:
        cursor.execute(text, [*head, *values])
        return cursor.fetchall()


def _values_of_one(item: _Item) -> list:
    goods, lines = item.plan.basket.products, item.purchase.lines
    values = item.values
    return [
        *values[:_HEAD],
        _literal([str(product.id) for product in goods]),
        _literal([str(line.quantity) for line in lines]),
        _literal([_quoted(line.unit) for line in lines]),
        _literal([str(line.total_minor) for line in lines]),
        values.day,
        values.expiry,
        values.base_micropoints,
        values.extra_micropoints,
        _literal(["NULL" if n is None else str(n) for n in values.category_ids]),
        _literal(map(str, values.line_micropoints)),
        _literal(map(str, values.line_extra)) if values.line_extra else None,
        values.inputs,
        str(uuid4()),
        values.day.replace(day=1),
    ]


def _columns(items: list[_Item]) -> list[str | None]:
    elements = [item.elements or _elements(item.values) for item in items]
    columns: list[str | None] = [_literal(column) for column in zip(*elements, strict=True)]
    if not any(item.plan.line_extra_micropoints for item in items):
        columns[-2] = None
    return [*columns[:_HEAD], *_line_columns(items), *columns[_HEAD:]]


def _line_columns(items: list[_Item]) -> Iterable[str]:
    lines = [line for item in items for line in item.purchase.lines]
    yield _literal([str(n) for n, item in enumerate(items, 1) for _ in item.purchase.lines])
    yield _literal([str(n) for item in items for n in range(1, len(item.purchase.lines) + 1)])
    yield _literal([str(product.id) for item in items for product in item.plan.basket.products])
    yield _literal([str(line.quantity) for line in lines])
    yield _literal([_quoted(line.unit) for line in lines])
    yield _literal([str(line.total_minor) for line in lines])


def _literal(parts: Iterable[str]) -> str:
    return "{" + ",".join(parts) + "}"


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


def _take_answers(rows: list[tuple], rule_set: RuleSet, items: list[_Item], answers: list):
    codes = {tier_id: tier.code for tier_id, tier in rules.known().tiers.items()}
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
