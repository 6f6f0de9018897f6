"""From claimed messages to bytes: contacts in one query per claim and channel, then each message rendered by itself.

Nothing here commits to sending. What cannot be composed is told apart from what may be sent, and stops nobody else.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth import get_user_model

from delivery import contents, queries, quiet, tokens
from delivery.channels import Outgoing
from delivery.models import Channel, Message
from delivery.outbox import Claimed, Ready
from members.crypto import keyed_hash
from members.queries import contacts
from push.queries import devices

logger = logging.getLogger(__name__)


class Addressee(NamedTuple):
    """Where a message goes, and the personal fields that only now are put into it."""

    address: Any  # None: there is none
    address_hash: bytes | None
    personal: dict
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    ready: list[Ready]
    outgoing: dict[int, Outgoing]
    failed: dict[int, str]


_NOBODY = Addressee(address=None, address_hash=None, personal={})


class Composer:
    """Composes what one worker claimed for one channel. Addresses, names and policy are asked once for all of it."""

    def __init__(self, claimed: Sequence[Claimed], *, channel: str):
        self._addressees = _addressees(claimed, channel)
        self._policy = queries.policies().get(channel)
        self._is_email = channel == Channel.EMAIL
        self._sender = contents.envelope_sender() if self._is_email else ""
        self._resolve = functools.cache(contents.resolve)

    def compose(self, chunk: Sequence[Claimed], *, at) -> Composed:
        """Render what can be rendered of one chunk."""
        composed = Composed([], {}, {})
        for one in chunk:
            addressee = self._addressees.get(one.id, _NOBODY)
            if addressee.address is not None:
                try:
                    composed.outgoing[one.id] = self._outgoing(one, addressee)
                except Exception as error:  # noqa: BLE001 (whatever is wrong with one message, the others go on)
                    # The error's text may quote the member's values: its kind is enough to find the template at fault.
                    logger.warning("Message %s cannot be rendered: %s", one.id, type(error).__name__)
                    composed.failed[one.id] = f"{one.content} cannot be rendered: {type(error).__name__}"
                    continue
            resume_at = _quiet_until(addressee, self._policy, at) if one.purpose == Message.Purpose.MARKETING else None
            composed.ready.append(Ready(one.id, one.member_id, addressee.address_hash, resume_at))
        return composed

    def _outgoing(self, one: Claimed, addressee: Addressee) -> Outgoing:
        handler, frozen = self._resolve(one.content)
        token = tokens.token_for(one.id)
        facts = contents.Facts(token, one.due_at, addressee.address if self._is_email else "")
        content = handler.render(frozen, one.values | addressee.personal, facts)
        return Outgoing(contents.internet_name(token), addressee.address, content, self._sender)


def _addressees(claimed: Sequence[Claimed], channel: str) -> dict[int, Addressee]:
    members = {one.member_id for one in claimed if one.member_id}
    found = _members_by_email(members) if channel == Channel.EMAIL else _members_by_push(members)
    users = _users({one.user_id for one in claimed if one.user_id}) if channel == Channel.EMAIL else {}
    return {
        one.id: found.get(one.member_id, _NOBODY) if one.member_id else users.get(one.user_id, _NOBODY)
        for one in claimed
    }


def _members_by_email(member_ids: set[int]) -> dict[int, Addressee]:
    return {
        member_id: _addressee(contact, contact.address, keyed_hash(contact.address, kind=Channel.EMAIL))
        for member_id, contact in contacts(member_ids, kind="email").items()
    }


def _members_by_push(member_ids: set[int]) -> dict[int, Addressee]:
    """Devices, and the names from the card's contact: every member has a card, not every one an e-mail address."""
    reached = devices(member_ids)
    return {
        member_id: _addressee(contact, reached[member_id], b"")
        for member_id, contact in contacts(reached, kind="card").items()
    }


def _addressee(contact, address, address_hash: bytes) -> Addressee:
    personal = {"given_name": contact.given_name, "family_name": contact.family_name}
    return Addressee(address, address_hash, personal, contact.time_zone)


def _users(user_ids: set[int]) -> dict[int, Addressee]:
    staff = get_user_model().objects.filter(pk__in=user_ids, is_active=True).exclude(email="") if user_ids else ()
    return {
        user.pk: Addressee(
            user.email, keyed_hash(user.email.lower(), kind=Channel.EMAIL),
            {"given_name": user.first_name, "family_name": user.last_name},
        )
        for user in staff
    }  # fmt: skip


def _quiet_until(addressee: Addressee, policy, at):
    if policy is None or policy.quiet_from is None:
        return None
    try:
        zone = ZoneInfo(addressee.time_zone or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(settings.TIME_ZONE)
    return quiet.resume_at(at, zone=zone, quiet_from=policy.quiet_from, quiet_until=policy.quiet_until)
