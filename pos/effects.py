"""What a sale or a refund did to a balance, as the till shows it."""

from dataclasses import dataclass

import loyalty.queries

ENTRIES_LOOKED_AT = 100


@dataclass(frozen=True)
class Effect:
    """Points before and after, and why, in words."""

    before: int
    after: int
    sentences: list[str]


def effect_of(purchase) -> Effect | None:
    """The effect of a recent purchase of a member; None if it moved nothing, or lies too far back to be shown here."""
    if purchase.member_id is None:
        return None
    entries = loyalty.queries.entries(purchase.member_id, limit=ENTRIES_LOOKED_AT)
    moved = [entry for entry in entries if entry.purchase_id == purchase.pk]
    if not moved:
        return None
    return Effect(
        moved[-1].available_after - moved[-1].points, moved[0].available_after, [e.sentence for e in reversed(moved)]
    )


@dataclass(frozen=True)
class Before:
    """A refund that was not made yet: what goes back, and the balance on either side of it."""

    money_minor: int
    points: int
    debt_added: int
    points_restored: int
    available_before: int | None
    available_after: int | None


def before(preview) -> Before:
    """The effect of a refund to confirm, from the ledger's preview."""
    known = preview.available is not None
    taken = preview.points - preview.debt_added
    return Before(
        money_minor=preview.money_minor,
        points=preview.points,
        debt_added=preview.debt_added,
        points_restored=preview.points_restored,
        available_before=preview.available + taken - preview.points_restored if known else None,
        available_after=preview.available,
    )
