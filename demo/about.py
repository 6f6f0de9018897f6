"""What the page “About this data” says: real, moved, invented, hidden."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True)
class Part:
    title: str
    icon: str
    tint: str
    lines: list[str]


def parts(weeks: int) -> list[Part]:
    return [_real(), _moved(weeks), _invented(), _hidden()]


def _real() -> Part:
    return Part(_("Real"), "receipt", "pine", [
        _("155,848 receipts with 1,469,307 lines: what was bought together, when, in which store, for how much."),
        _("2,469 households. One household is one member here."),
        _("The year’s 27 campaigns and the coupons redeemed. Nobody was chosen by chance, so their lift is unknown and stays unknown."),
        _("What members bought after our campaign: the people of the data never saw it, so the honest report says how little can be known."),
    ])  # fmt: skip


def _moved(weeks: int) -> Part:
    moved = (
        ngettext(
            "Every receipt moved by the same %(weeks)s week, so that the year ends within the last seven days. Weekdays fit, holidays do not.",
            "Every receipt moved by the same %(weeks)s weeks, so that the year ends within the last seven days. Weekdays fit, holidays do not.",
            weeks,
        )
        % {"weeks": weeks}
        if weeks
        else _("Every receipt moved by the same whole number of weeks. Weekdays fit, holidays do not.")
    )
    return Part(_("Moved"), "calendar", "marigold", [
        moved,
        _("The times carry no zone. They fit UTC, so they are read as UTC, and the stores are put in New York’s time zone."),
        _("The finished campaign was planned and sent under a business clock set four weeks back. Security always uses real time."),
    ])  # fmt: skip


def _invented() -> Part:
    return Part(_("Invented"), "sparkle", "plum", [
        _("Larkfield Market, its name, colours and icons."),
        _("Names, @example.com addresses and 555-01xx phone numbers, drawn from a fixed seed; languages and consents as well."),
        _("Points, tiers and offers: computed from the real purchases by our own rules, as if the programme had existed."),
        _("The stamp card, the streak, the challenge, the badges and the voucher codes; they count from four weeks before the year’s end. The rule on trial runs over real purchases of people who never heard of it, so its report should find nothing."),
        _("Readable names of product types, in English and Chinese, reviewed by hand. The source’s own name stays on the product."),
        _("The rewards, and who took some: one member in seven, until four weeks before the year’s end, through the real operation."),
        _("Refunds: the data has none. A labelled script makes some through the real refund operation."),
        _("The campaign named Rehearsal: its opens, clicks and purchases are simulated with an effect that its report prints. It never enters the programme’s totals."),
    ])  # fmt: skip


def _hidden() -> Part:
    return Part(_("Hidden because unknown"), "ban", "quiet", [
        _("Stock, margin, cost and the stores’ cities: nobody knows them, so no screen shows them."),
        _("Quantities are not always pieces: fuel is counted in thousandths of a gallon, 8,869 lines have quantity zero and 11,226 have value zero. They stay on the receipt; points follow the money alone."),
        _("Unit prices: 44,595 lines do not divide to whole cents, so only line totals are kept and shown."),
        _("Tobacco, alcohol, fuel, gift cards, health and intimate goods are bought and earn points where the rules allow, but are never offered."),
    ])  # fmt: skip
