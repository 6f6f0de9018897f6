"""What the figures mean that are no panel: tiles of the first page, lines of a lift report, measures of a crossing. Told on demand, in words."""

from django.utils.translation import gettext_lazy as _

from campaigns import verdicts

TILES = (
    (_("Active members"), _("Members whose record is open: not merged into another, not erased.")),
    (
        _("Programme lift"),
        _("Spend per member of everybody who may be written to, less that of the standing control group, with its 95 % interval."),
    ),
    (_("Came back"), _("Of the members who bought in the last 365 days, the share that bought on a second day.")),
    (_("Points outstanding"), _("Points that members hold, from the ledger: neither spent nor expired.")),
    (
        _("Liability after breakage"),
        _("The worth of the points owed, less the share that is expected never to be claimed."),
    ),
    (_("Net promoter score"), _("Share of answers of 9 and 10 less the share of 0 to 6, last 91 days.")),
    (_("Satisfied"), _("Share of answers of 4 and 5 of five, last 91 days.")),
    (_("Campaigns measured"), _("Campaigns with a final report; rehearsals and imported ones are none.")),
    (_("Today so far"), _("Since midnight of the programme's zone: receipts and points as they were recorded until now.")),
)  # fmt: skip

CROSSED = (
    (_("Sales less refunds"), _("What receipts of sale came to, less what was refunded, each at its own moment.")),
    (_("Purchases"), _("Receipts of sale; refunds are none.")),
    (_("Different members"), _("Members with a receipt in the cell, each once.")),
    (_("Mean sale"), _("Sales before refunds divided by receipts of sale.")),
    (
        _("Tier now, stage now"),
        _("What the member holds now, not what they held when they bought; who is no member stands under none."),
    ),
)  # fmt: skip

_METRICS = {
    "spend": _("Purchases less refunds in the window, of everybody assigned, capped as the plan says."),
    "margin": _("What is kept of that spend: the margin of the goods' category where it has one of its own, else the one for all."),
    "net": _("That margin, or the whole spend where none is stated, less the points earned at what a point is worth."),
    "orders": _("Receipts of sale in the window."),
    "visits": _("Different days with a receipt of sale, in the programme's zone."),
    "buyers": _("Share of members with at least one receipt of sale."),
    "basket": _("Spend divided by receipts of sale, over all members of the arm."),
    "points_earned": _("Points given in the window less those taken back; what staff give out of goodwill is none."),
    "points_spent": _("Points redeemed in the window less those given back."),
    "redeemers": _("Share of members who bought a product type that was chosen for them; for the held-out it was chosen too and never shown."),
    "units": _("Pieces of the product types that were chosen for the member."),
    "withdrew": _("Share of members who took back a consent to marketing in the window."),
    "complained": _("Share of members who marked a message as unwanted in the window."),
}  # fmt: skip


def of_lift(told: list[str]) -> list[tuple[str, str]]:
    """The metrics that a report tells, each with what is counted."""
    return [(verdicts.metric_words(metric), _METRICS[metric]) for metric in told]
