"""What a member sees first, and each entry behind it: the rooms' answers put together for one reader."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import loyalty.queries
import sales.queries
from loyalty import collecting
from members import masking
from members.queries import identifiers


@dataclass(frozen=True)
class Glance:
    """The head of the home page. Points are whole numbers; `missing` is 0 and `next_tier` empty at the top of the ladder."""

    points: int
    pending: int
    owed: int
    tier: str
    next_tier: str
    qualifying: int
    missing: int
    goal: int
    by: date
    expiring_points: int
    expiring_on: date | None
    tier_sentences: list[str]  # the way up first if there is one, then what keeps the tier, then what comes by itself
    has_way: bool  # the first of them is the way up
    beside: list[str]  # what is theirs in other units than points: “3 stamps”, “$1.20 cashback”
    matures_on: date | None  # when the first of the pending points can be spent; None while somebody looks at them


@dataclass(frozen=True)
class History:
    """One page of entries, newest first. What stands before them plus their sum is what stands after them."""

    entries: list
    opening: int
    closing: int
    next_before: int | None
    unposted: int = 0  # expired already, but the job that books it has not come by yet; negative

    @property
    def change(self) -> int:
        return sum(entry.points for entry in self.entries)


@dataclass(frozen=True)
class Line:
    name: str
    quantity: str
    total_minor: int


@dataclass(frozen=True)
class Receipt:
    store: str
    at: datetime
    currency: str
    total_minor: int
    is_refund: bool
    lines: list[Line]


def tier_name(tier) -> str:
    """A tier's name in the reader's language; empty for no tier."""
    if not tier:
        return ""
    return tier.name


def of(member, *, at) -> Glance:
    balance = loyalty.queries.balance(member.pk, at=at)
    way = loyalty.queries.tier_progress(member.pk, at=at)
    expires_on, expiring = balance.next_expiry or (None, 0)
    return Glance(
        points=balance.available, pending=balance.pending, owed=balance.debt, tier=tier_name(way.tier),
        next_tier=tier_name(way.next_tier), qualifying=way.qualifying, missing=way.missing,
        goal=way.qualifying + way.missing, by=way.window_ends, expiring_points=expiring, expiring_on=expires_on,
        tier_sentences=way.sentences, has_way=bool(way.way and way.way.amounts),
        beside=collecting.beside_points(member.pk, at=at),
        matures_on=loyalty.queries.next_maturity(member.pk) if balance.pending else None,
    )  # fmt: skip


def history(member, *, at, limit: int, before_version: int | None = None) -> History:
    """A page of the ledger; one entry more is read, to know whether there is another page."""
    found = loyalty.queries.entries(member.pk, limit=limit + 1, before_version=before_version)
    shown = found[:limit]
    if not shown:
        return History([], 0, 0, None)
    oldest = shown[-1]
    return History(
        entries=shown,
        opening=oldest.available_after - oldest.points,
        closing=shown[0].available_after,
        next_before=oldest.version if len(found) > limit else None,
        unposted=0
        if before_version
        else loyalty.queries.balance(member.pk, at=at).available - shown[0].available_after,
    )


def by_month(member, entries: list) -> list[dict]:
    """Entries under the month they happened in, in the member's own time zone."""
    zone = ZoneInfo(member.time_zone)
    months = groupby(entries, key=lambda entry: entry.occurred_at.astimezone(zone).strftime("%Y-%m"))
    found = [list(group) for _month, group in months]
    return [{"begin": group[0].occurred_at, "entries": group} for group in found]


def entry(member, version: int):
    """One entry of this member's own ledger, or None: another member's does not exist here."""
    found = loyalty.queries.entries(member.pk, limit=1, before_version=version + 1)
    return found[0] if found and found[0].version == version else None


def receipt(member, entry) -> Receipt | None:
    """The receipt an entry came from, if it came from one of this member's."""
    if not entry.purchase_id:
        return None
    found = sales.queries.receipts(member_id=member.pk).prefetch_related("lines__product__category")
    purchase = found.filter(pk=entry.purchase_id).first()
    if purchase is None:
        return None
    lines = [
        Line(_line_name(line.product), _quantity(line), line.total_minor)
        for line in sorted(purchase.lines.all(), key=lambda line: line.line_no)
    ]
    return Receipt(
        purchase.store.name, purchase.purchased_at, purchase.currency, purchase.total_minor,
        purchase.kind == purchase.Kind.REFUND, lines,
    )  # fmt: skip


def _line_name(product) -> str:
    """The reviewed name of the product's type where there is one, else the name the till knows."""
    category = product.category
    return (
        (category.name if category and (category.name_en or category.name_zh) else "") or product.name or product.code
    )


def _quantity(line) -> str:
    """“3”, “0.42 kg”; empty for one piece and for lines that count nothing."""
    number = abs(line.quantity).normalize()
    if not number or (number == 1 and not line.unit):
        return ""
    return f"{number:f} {line.unit}".strip()


def card_number(member) -> str:
    held = identifiers(member).get("card")
    return held.value if held else ""


def details(member) -> dict[str, str]:
    """How the member is recognised: their own page, so the card in clear, the rest as a reminder only."""
    held = identifiers(member)
    shown = {kind: masking.identifier(kind, held[kind].value) for kind in ("email", "phone") if kind in held}
    return {"name": member.name, "card": held["card"].value if "card" in held else "", **shown}
