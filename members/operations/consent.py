"""What a member allowed. A word is added, never changed; the latest one counts."""

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from members.confirmation import AskedConsent
from members.models import Consent, ConsentProof
from members.operations import confirming
from members.queries import has_consent
from members.signals import consent_changed


class NotAChannel(ValueError):
    """There is no such channel or purpose."""


@transaction.atomic
def give_consent(
    *, member, channel: str, purpose: str = Consent.Purpose.MARKETING, is_granted: bool, at, source: str,
    text_version: str = "", address: str = "", detail: str = "",
) -> Consent | AskedConsent:  # fmt: skip
    """Write down a member's word on one channel and purpose; `member` is a Member or its id.

    `address` is the network address it came from, `detail` whatever else proves it; both are encrypted and erasable.
    A yes that must be confirmed first (members.confirmation) is answered by the question that now waits, and counts for nothing
    until then; one that stands already needs no second confirmation.
    """
    if channel not in Consent.Channel.values or purpose not in Consent.Purpose.values:
        raise NotAChannel(
            _("There is no channel %(channel)s for %(purpose)s.") % {"channel": channel, "purpose": purpose}
        )
    member_id = getattr(member, "pk", member)
    if is_granted and confirming.must_confirm(channel, purpose):
        if not has_consent(member_id, channel, purpose, at=at):
            return confirming.ask(
                member_id=member_id, purpose=purpose, at=at, source=source, text_version=text_version, address=address
            )
    elif not is_granted and channel == Consent.Channel.EMAIL:
        confirming.drop(member_id=member_id, purpose=purpose, at=at)
    return write_consent(
        member_id=member_id, channel=channel, purpose=purpose, is_granted=is_granted, at=at, source=source,
        text_version=text_version, address=address, detail=detail,
    )  # fmt: skip


@transaction.atomic
def write_consent(
    *, member_id: int, channel: str, purpose: str, is_granted: bool, at, source: str, text_version: str = "",
    address: str = "", detail: str = "",
) -> Consent:  # fmt: skip
    """Add the word itself: of what was asked and confirmed, or needs no confirmation."""
    consent = Consent.objects.create(
        member_id=member_id, channel=channel, purpose=purpose, is_granted=is_granted, at=at, source=source,
        text_version=text_version,
    )  # fmt: skip
    if address or detail:
        ConsentProof.objects.create(consent=consent, address=address, detail=detail)
    transaction.on_commit(
        partial(consent_changed.send_robust, sender=Consent, member_id=member_id, channel=channel, purpose=purpose)
    )
    return consent
