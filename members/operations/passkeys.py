"""Passkeys (WebAuthn): signing in by the phone's own lock, without a code and without a word to remember.

The browser's half is in the portal's page; the server's half is python-fido2's. The state between the two steps goes into the
visitor's session. A passkey is bound to the site's name, so a look-alike site gets nothing from it. Always real time.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from members.crypto import keyed_hash
from members.models import Member, Passkey

PASSKEYS_MAX = 10


class BadPasskey(Exception):
    """The browser's answer proves nothing; the text says what to do."""

    def __init__(self, words: str = ""):
        super().__init__(words or _("This passkey did not work. Try again, or use a code."))


@dataclass(frozen=True)
class Asked:
    """`options` go to the browser's credentials API, `state` into the visitor's session until the answer."""

    options: dict
    state: dict


def _server(host: str) -> Fido2Server:
    """Our half, for the host's name the visitor came by."""
    return Fido2Server(PublicKeyCredentialRpEntity(id=host.rpartition(":")[0] or host, name=settings.SHOP_NAME))


def begin_passkey(*, member: Member, host: str) -> Asked:
    """Ask the browser to make a passkey for a signed-in member."""
    card = member.identifiers.filter(kind="card").first()
    name = member.name or (f"{settings.SHOP_NAME} ····{card.value[-4:]}" if card else settings.SHOP_NAME)
    options, state = _server(host).register_begin(
        PublicKeyCredentialUserEntity(id=member.public_id.bytes, name=name, display_name=name),
        credentials=[AttestedCredentialData(bytes(one.credential)) for one in member.passkeys.all()],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(dict(options), state)


@transaction.atomic
def add_passkey(*, member: Member, host: str, state: dict | None, answer: dict, name: str, at=None) -> Passkey:
    """Keep the passkey the browser made. Raises BadPasskey."""
    if not state:
        raise BadPasskey
    if member.passkeys.count() >= PASSKEYS_MAX:
        raise BadPasskey(_("You have ten passkeys already. Remove one first."))
    try:
        data = _server(host).register_complete(state, answer)
    except (ValueError, TypeError, KeyError) as reason:
        raise BadPasskey from reason
    credential = data.credential_data
    return Passkey.objects.create(
        member=member, name=name[:80], credential_hash=_hash(credential.credential_id), credential=bytes(credential),
        uses=data.counter, created_at=at or timezone.now(),
    )  # fmt: skip


def begin_passkey_login(*, host: str) -> Asked:
    """Ask the browser for any passkey of this site."""
    options, state = _server(host).authenticate_begin(user_verification=UserVerificationRequirement.REQUIRED)
    return Asked(dict(options), state)


@transaction.atomic
def finish_passkey_login(*, host: str, state: dict | None, answer: dict, at=None) -> Member:
    """The member whose passkey answered. Raises BadPasskey: for an unknown one, a wrong answer, a copied device."""
    if not state:
        raise BadPasskey
    try:
        said = AuthenticationResponse.from_dict(answer)
        held = (
            Passkey.objects.select_for_update(of=["self"])
            .select_related("member")
            .get(credential_hash=_hash(said.raw_id))
        )
        _server(host).authenticate_complete(state, [AttestedCredentialData(bytes(held.credential))], answer)
    except (ValueError, TypeError, KeyError, Passkey.DoesNotExist) as reason:
        raise BadPasskey from reason
    uses = said.response.authenticator_data.counter
    if held.member.status != Member.Status.ACTIVE or (uses <= held.uses and (uses or held.uses)):
        raise BadPasskey  # a counter that stands still or goes back is a copy of the device
    Passkey.objects.filter(pk=held.pk).update(uses=uses, used_at=at or timezone.now())
    return held.member


def remove_passkey(*, member: Member, passkey_id: int) -> bool:
    """Forget a passkey of this member; False when they have no such one."""
    return bool(member.passkeys.filter(pk=passkey_id).delete()[0])


def _hash(credential_id: bytes) -> bytes:
    return keyed_hash(credential_id.hex(), kind="passkey")
