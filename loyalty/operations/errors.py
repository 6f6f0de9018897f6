"""What the ledger refuses, each in words that say what to do. After any of them nothing has moved."""

from django.utils.translation import gettext as _


class LedgerRefusal(ValueError):
    """An act the ledger did not carry out."""


class CannotRecord(LedgerRefusal):
    """A purchase that was not recorded."""


class BadPurchase(CannotRecord):
    """A purchase that contradicts itself: no lines, a negative total, a time without zone."""


class UnknownMember(CannotRecord):
    """Nobody has this id, card, phone, e-mail or external id."""

    def __init__(self, reference=None):
        self.reference = reference
        named = f"{reference[0]} …{str(reference[1])[-4:]}" if isinstance(reference, tuple) else str(reference)
        super().__init__(
            _("No member is known by %(reference)s. Check it, or enrol the member first.") % {"reference": named}
        )


class KeyReused(CannotRecord):
    """The client key names another act already."""

    def __init__(self, client_key: str):
        self.client_key = client_key
        super().__init__(
            _(
                "The key %(key)s was used before for something else; nothing was changed. Send a new act under a new key."
            )
            % {"key": repr(client_key)}
        )


class NotEnoughPoints(LedgerRefusal):
    """More points were asked for than may be spent."""

    def __init__(self, available: int):
        self.available = available
        super().__init__(
            _("Only %(available)s points can be spent. Ask for no more than that.") % {"available": available}
        )


class CannotRefund(LedgerRefusal):
    """A refund that names no purchase or line, or more than was left of it."""


class SpendingBlocked(LedgerRefusal):
    """A promise of the ledger was found broken in this wallet; nothing is spent from it until staff has looked."""

    def __init__(self):
        super().__init__(
            _(
                "Points of this card cannot be spent at the moment: we are checking its balance. Please ask customer service."
            )
        )
