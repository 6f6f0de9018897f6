"""From claimed messages to bytes: contacts in one query per claim and channel, then each message rendered by itself.

Nothing here commits to sending. What cannot be composed is told apart from what may be sent, and stops nobody else.
"""

import contextlib
import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth import get_user_model

from delivery import contents, opening, queries, quiet, tokens
from delivery.channels import Outgoing
from delivery.models import BY_CONSENT, Channel
from delivery.outbox import Claimed, Ready
from emails.fields import READ_AS, VOUCHER
from members.crypto import keyed_hash
from members.queries import contacts
from push.queries import app_devices, devices

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

    def domains(self) -> dict[int, str]:
        """Of e-mail: the domain each message goes to."""
        return {
            one: item.recipient.rpartition("@")[2].lower()
            for one, item in self.outgoing.items()
            if isinstance(item.recipient, str) and "@" in item.recipient
        }


_NOBODY = Addressee(address=None, address_hash=None, personal={})


class Composer:
    """Composes what one worker claimed for one channel. Addresses, names and policy are asked once for all of it."""

    def __init__(self, claimed: Sequence[Claimed], *, channel: str):
        self._writers, self._token_of = functools.cache(_writer), tokens.maker()
        self._codes = opening.codes(one.values for one in claimed)
        self._addressees = _addressees(claimed, channel)
        self._policy = queries.policies().get(channel)
        self._is_email = channel == Channel.EMAIL
        self._sender = contents.envelope_sender() if self._is_email else ""
        self._host = contents.internet_host()

    def compose(self, chunk: Sequence[Claimed], *, at) -> Composed:
        """Render what can be rendered of one chunk."""
        composed = Composed([], {}, {})
        has_night = self._policy is not None and self._policy.quiet_from is not None
        for one in chunk:
            addressee = self._addressees[one.id]
            if addressee.address is not None:
                try:
                    composed.outgoing[one.id] = self._outgoing(one, addressee)
                except Exception as error:  # noqa: BLE001 (whatever is wrong with one message, the others go on)
                    # The error's text may quote the member's values: its kind is enough to find the template at fault.
                    logger.warning("Message %s cannot be rendered: %s", one.id, type(error).__name__)
                    composed.failed[one.id] = f"{one.content} cannot be rendered: {type(error).__name__}"
                    continue
            is_urgent = one.purpose not in BY_CONSENT
            resume_at = _quiet_until(addressee, self._policy, at) if has_night and not is_urgent else None
            composed.ready.append(
                Ready(
                    one.id, one.member_id, addressee.address_hash, resume_at, "quiet" if resume_at else "",
                    is_urgent=is_urgent,
                )
            )  # fmt: skip
        return composed

    def _outgoing(self, one: Claimed, addressee: Addressee) -> Outgoing:
        write = self._writers(one.content)
        token = self._token_of(one.id)
        values = one.values | addressee.personal
        if self._codes:
            values |= self._codes.get(one.values.get(VOUCHER), {})
        content = write(values, addressee.address if self._is_email else "", one.due_at, token)
        return Outgoing(f"{token}@{self._host}", addressee.address, content, self._sender)


def _writer(content: str) -> contents.Writer:
    handler, frozen = contents.resolve(content)
    return handler.writer(frozen)


def _names(claimed: Sequence[Claimed]) -> set[str]:
    """The personal fields that the contents of these messages show. Content that is not there shows nothing."""
    shown: set[str] = set()
    for content in {one.content for one in claimed}:
        with contextlib.suppress(contents.UnknownContent):
            handler, frozen = contents.resolve(content)
            shown |= handler.names(frozen)
    return shown


def _addressees(claimed: Sequence[Claimed], channel: str) -> dict[int, Addressee]:
    members = {one.member_id for one in claimed if one.member_id}
    found = _GATHER[channel](members, _names(claimed))
    for_staff = [one for one in claimed if one.user_id] if channel == Channel.EMAIL else []
    users = _users({one.user_id for one in for_staff})
    names = opening.names({one.values[READ_AS] for one in for_staff if one.values.get(READ_AS)})
    return {
        one.id: found.get(one.member_id, _NOBODY)
        if one.member_id
        else _read_as(one, users.get(one.user_id, _NOBODY), names)
        for one in claimed
    }


def _read_as(one: Claimed, addressee: Addressee, names: dict[int, dict]) -> Addressee:
    """A test goes to a colleague in the words a member would get: with that member's name, or with nobody's."""
    if READ_AS not in one.values:
        return addressee
    return Addressee(addressee.address, addressee.address_hash, names.get(one.values[READ_AS], {}))


def _members_by_email(member_ids: set[int], names: set[str]) -> dict[int, Addressee]:
    return {
        member_id: _addressee(contact, contact.address, contact.address_hash)
        for member_id, contact in contacts(member_ids, kind="email", names=names).items()
    }


def _members_by_push(member_ids: set[int], names: set[str], find=devices) -> dict[int, Addressee]:
    """Devices, and the names from the card's contact: every member has a card, not every one an e-mail address."""
    reached = find(member_ids)
    return {
        member_id: _addressee(contact, reached[member_id], b"")
        for member_id, contact in contacts(reached, kind="card", names=names).items()
    }


def _members_by_app(member_ids: set[int], names: set[str]) -> dict[int, Addressee]:
    return _members_by_push(member_ids, names, find=app_devices)


def _members_by_phone(member_ids: set[int], names: set[str]) -> dict[int, Addressee]:
    return {
        member_id: _addressee(contact, contact.address, keyed_hash(contact.address, kind=Channel.SMS))
        for member_id, contact in contacts(member_ids, kind="phone", names=names).items()
    }


_GATHER = {
    Channel.EMAIL: _members_by_email, Channel.PUSH: _members_by_push, Channel.MOBILE: _members_by_app,
    Channel.SMS: _members_by_phone,
}  # fmt: skip


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
    try:
        zone = ZoneInfo(addressee.time_zone or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(settings.TIME_ZONE)
    return quiet.resume_at(at, zone=zone, quiet_from=policy.quiet_from, quiet_until=policy.quiet_until)
