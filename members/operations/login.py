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


def start_login(*, identifier: str, at=None, network: str = "") -> LoginStart:
    """Begin with an e-mail address or phone number; `network` is the asker's IP address, for the limit.

    Raises ValueError when the text is neither, TooManyLogins beyond the limits.
    """
    at = at or timezone.now()
    kind = "email" if "@" in identifier else "phone"
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
        return LoginStart(login.public_id, kind)
    return LoginStart(login.public_id, kind, value, code, known.member.language, known.member_id)


def finish_login(*, login_id, code: str, at=None) -> Member:
    """The member whose code this is. Raises WrongCode; a wrong try is counted even if the caller rolls nothing back."""
    at = at or timezone.now()
    open_logins = LoginCode.objects.filter(public_id=login_id, used_at=None, expires_at__gt=at, created_at__lte=at)
    # The try is counted first, and by the database: two hundred guesses at once are still five.
    if not open_logins.filter(tries__lt=LOGIN_TRIES).update(tries=F("tries") + 1):
        raise WrongCode
    login = LoginCode.objects.select_related("identifier__member").get(public_id=login_id)
    right = hmac.compare_digest(bytes(login.code_hash), _code_hash(login.public_id, normalise.digits(code)))
    if not right or login.identifier is None or login.identifier.member.status != Member.Status.ACTIVE:
        raise WrongCode
    if not open_logins.update(used_at=at):
        raise WrongCode
    Identifier.objects.filter(pk=login.identifier_id, verified_at=None).update(verified_at=at)
    return login.identifier.member


def _code_hash(login_id: UUID, code: str) -> bytes:
    return keyed_hash(f"{login_id}:{code}", kind="login_code")


def _refuse_too_many(value_hash: bytes, network_hash: bytes | None, at):
    recent = LoginCode.objects.filter(created_at__gt=at - WINDOW)
    if recent.filter(identifier_hash=value_hash).count() >= CODES_PER_ADDRESS_MAX:
        raise TooManyLogins
    if network_hash and recent.filter(network_hash=network_hash).count() >= CODES_PER_NETWORK_MAX:
        raise TooManyLogins
