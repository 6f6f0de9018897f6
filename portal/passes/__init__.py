"""The card in the phone's own wallet. A wallet is offered when its keys are set (portal/passes/apple.py, google.py)."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.passes import apple, google


@dataclass(frozen=True)
class Wallet:
    """One wallet the card can be put into: its name for the address, and the words of its button."""

    code: str
    words: str


def offered() -> list[Wallet]:
    found = [Wallet("apple", _("Add to Apple Wallet"))] if apple.is_set_up() else []
    return found + ([Wallet("google", _("Add to Google Wallet"))] if google.is_set_up() else [])
