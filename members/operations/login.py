"""Signing a member in by a code sent to an address of theirs. Always real time, whatever the business clock says.

Nobody learns from it who is a member: an unknown address gets a row, a limit and a refusal like any other. A code is six
digits, lives ten minutes, opens once, and is tried five times at most; five codes per address and twenty per network in
fifteen minutes, so that a stranger can keep a member out for a quarter of an hour at worst.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from members import normalise
from members.crypto import keyed_hash
from members.models import LOGIN_TRIES, Identifier, LoginCode, Member
from members.operations.enrolment import AlreadyKnown, enrol

LIFETIME = timedelta(minutes=10)
WINDOW = timedelta(minutes=15)
CODES_PER_ADDRESS_MAX = 5
CODES_PER_NETWORK_MAX = 20
FORGOTTEN_AFTER = timedelta(days=1)


class TooManyLogins(Exception):
    """Too many codes were asked for; wait a quarter of an hour."""

    def __init__(self):
        super().__init__(_("Too many codes were asked for. Wait 15 minutes, then try again."))


class WrongCode(Exception):
    """The code is wrong, used, too old or tried too often: which of these is nobody's business."""

    def __init__(self):
        super().__init__(_("This code is wrong or has expired. Check it, or ask for a new one."))


@dataclass(frozen=True)
class LoginStart:
    """`login_id` goes into the visitor's session. Send `code` to `address` by `kind` if there is one; show nothing of it."""

    login_id: UUID
    kind: str
    address: str = ""
    code: str = ""
    language: str = ""
    member_id: int | None = None


@dataclass(frozen=True)
class Joined:
    """Who typed the right code; `is_new` when they became a member by it."""

    member: Member
    is_new: bool


def kind_of(identifier: str) -> str:
    """What somebody typed into the one field that takes both: "email" or "phone"."""
    return "email" if "@" in identifier else "phone"


def start_login(*, identifier: str, at=None, network: str = "", language: str = "", joins: bool = False) -> LoginStart:
    """Begin with an e-mail address or phone number; `network` is the asker's IP address, for the limit.

    `joins`: they want to become a member, so that an address nobody has gets a code too, in `language`; finish with
    `finish_join`. Raises ValueError when the text is neither, TooManyLogins beyond the limits.
    """
    at = at or timezone.now()
    kind = kind_of(identifier)
    value = normalise.NORMALISERS[kind](identifier)
    value_hash = keyed_hash(value, kind=kind)
    network_hash = keyed_hash(network, kind="network") if network else None
    _refuse_too_many(value_hash, network_hash, at)
    known = Identifier.objects.select_related("member").filter(kind=kind, value_hash=value_hash).first()
    if known and known.member.status != Member.Status.ACTIVE:
        known = None
    code = f"{secrets.randbelow(10**6):06d}"
    login = LoginCode(
        identifier=known, identifier_hash=value_hash, network_hash=network_hash, created_at=at, expires_at=at + LIFETIME
    )
    login.code_hash = _code_hash(login.public_id, code)
    with transaction.atomic():
        LoginCode.objects.filter(expires_at__lt=at - FORGOTTEN_AFTER).delete()
        login.save()
    if known is None:
        return LoginStart(login.public_id, kind, value, code, language) if joins else LoginStart(login.public_id, kind)
    return LoginStart(login.public_id, kind, value, code, known.member.language, known.member_id)


def finish_login(*, login_id, code: str, at=None) -> Member:
    """The member whose code this is. Raises WrongCode; a wrong try is counted even if the caller rolls nothing back."""
    at = at or timezone.now()
    login = _proved(login_id, code, at)
    if login.identifier is None:
        raise WrongCode
    _use(login, at)
    return login.identifier.member


def finish_join(*, login_id, code: str, identifier: str, language: str, time_zone: str, at=None) -> Joined:
    """The member whose code this is, enrolled now if nobody had this address. `identifier` is what the code was sent to.

    Raises WrongCode. A member who joins again is simply signed in, so joining tells nobody who is a member.
    """
    at = at or timezone.now()
    login = _proved(login_id, code, at)
    if login.identifier is not None:
        _use(login, at)
        return Joined(login.identifier.member, is_new=False)
    kind = kind_of(identifier)
    value = normalise.NORMALISERS[kind](identifier)
    if not hmac.compare_digest(bytes(login.identifier_hash), keyed_hash(value, kind=kind)):
        raise WrongCode  # the code proves another address than the one to be enrolled
    with transaction.atomic():
        _use(login, at)
        try:
            member = enrol(at=at, source="portal", language=language, time_zone=time_zone, **{kind: value})
        except AlreadyKnown as known:  # enrolled at a till since the code was sent
            return Joined(Member.objects.get(pk=known.member_id), is_new=False)
        Identifier.objects.filter(member=member, kind=kind).update(verified_at=at)
    return Joined(member, is_new=True)


def _proved(login_id, code: str, at) -> LoginCode:
    """The open login this code belongs to, the try counted. Raises WrongCode."""
    open_logins = _open(login_id, at)
    # The try is counted first, and by the database: two hundred guesses at once are still five.
    if not open_logins.filter(tries__lt=LOGIN_TRIES).update(tries=F("tries") + 1):
        raise WrongCode
    login = LoginCode.objects.select_related("identifier__member").get(public_id=login_id)
    if not hmac.compare_digest(bytes(login.code_hash), _code_hash(login.public_id, normalise.digits(code))):
        raise WrongCode
    if login.identifier is not None and login.identifier.member.status != Member.Status.ACTIVE:
        raise WrongCode
    return login


def _use(login: LoginCode, at):
    """Close a login for good; of two at once one gets in."""
    if not _open(login.public_id, at).update(used_at=at):
        raise WrongCode
    Identifier.objects.filter(pk=login.identifier_id, verified_at=None).update(verified_at=at)


def _open(login_id, at):
    return LoginCode.objects.filter(public_id=login_id, used_at=None, expires_at__gt=at, created_at__lte=at)


def _code_hash(login_id: UUID, code: str) -> bytes:
    return keyed_hash(f"{login_id}:{code}", kind="login_code")


def _refuse_too_many(value_hash: bytes, network_hash: bytes | None, at):
    recent = LoginCode.objects.filter(created_at__gt=at - WINDOW)
    if recent.filter(identifier_hash=value_hash).count() >= CODES_PER_ADDRESS_MAX:
        raise TooManyLogins
    if network_hash and recent.filter(network_hash=network_hash).count() >= CODES_PER_NETWORK_MAX:
        raise TooManyLogins
