"""What the desk undoes: points that expired, points set aside, rewards nobody used. Each with a reason or a key of its own."""

import uuid

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.rewards
import members.operations
import members.queries
from members import clock
from members.access import Role, access_member, staff_only

service = staff_only(Role.SERVICE)
SOURCE = "desk"


def offered(person, *, at) -> dict:
    """For the member's page."""
    return {
        "expired": loyalty.rewards.reinstatable(person.pk, at=at),
        "holds": loyalty.rewards.open_holds(person.pk, at=at),
        "unused": loyalty.rewards.unused_rewards(person.pk),
        "key": uuid.uuid4().hex,
    }


@service
@require_POST
def reinstate(request, public_id):
    """Give expired points back, with a reason that the member reads."""
    version = request.POST.get("version", "")
    return _act(
        request, public_id, _("Given back. The balance is %(points)s points now."), loyalty.operations.reinstate,
        expiry_version=int(version) if version.isdecimal() else 0, reason=request.POST.get("reason", ""),
        of_member=True,
    )  # fmt: skip


@service
@require_POST
def void_hold(request, public_id):
    """Let points go that are set aside."""
    return _act(
        request, public_id, _("Let go. The balance is %(points)s points now."), loyalty.operations.void,
        hold_id=_own(request, public_id, "hold", loyalty.rewards.open_holds),
    )  # fmt: skip


@service
@require_POST
def take_back(request, public_id):
    """Take an unused reward back."""
    return _act(
        request, public_id, _("Taken back. The balance is %(points)s points now."), loyalty.operations.reverse_redemption,
        redemption_id=_own(request, public_id, "redemption", _unused),
    )  # fmt: skip


def _unused(member_id, **_at):
    return loyalty.rewards.unused_rewards(member_id)


def _own(request, public_id, field, listed):
    """The public id of one of this member's, as the page listed it; one of nobody when it is not."""
    person, asked = access_member(request.user, public_id), request.POST.get(field, "")
    return next(
        (one.public_id for one in listed(person.pk, at=clock.now()) if str(one.public_id) == asked), uuid.UUID(int=0)
    )


def _act(request, public_id, words, verb, *, of_member=False, **arguments):
    person = access_member(request.user, public_id)
    if members.queries.is_own_account(request.user, person):
        messages.error(request, _("This is your own account. A colleague puts it right."))
        return redirect("desk:member", public_id)
    try:
        done = verb(
            source=SOURCE, client_key=request.POST.get("key", "")[:64], at=clock.now(), by_user_id=request.user.pk,
            **({"member_id": person.pk} if of_member else {}), **arguments,
        )  # fmt: skip
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
        return redirect("desk:member", public_id)
    if not done.is_replay:
        members.operations.note_access(
            user=request.user, member_id=person.pk, act="adjusted", door="desk", note=verb.__name__
        )
    messages.success(request, words % {"points": f"{done.available:,}"})
    return redirect("desk:member", public_id)
