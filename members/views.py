"""The staff vestibule: where a signed-in person chooses a door, and is handed over to it."""

from dataclasses import dataclass

from django.contrib.auth import BACKEND_SESSION_KEY, logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from members import doors, modules
from members.access import has_role
from members.roles import Role


@dataclass(frozen=True)
class Door:
    """A staff door as the vestibule shows it. Each door's own views ask for roles again, more finely."""

    name: str
    title: str
    purpose: str
    icon: str
    roles: tuple


DOORS = {
    door.name: door
    for door in (
        Door("pos", _("Till"), _("Find a member, record sales, refund"), "receipt", (Role.CASHIER, Role.STORE_MANAGER)),
        Door("desk", _("Service desk"), _("Explain points, put things right"), "headset", (Role.SERVICE,)),
        Door(
            "cms", _("Campaigns"), _("E-mails, audiences, campaigns, the programme"), "megaphone",
            (Role.MARKETER, Role.APPROVER, Role.STORE_MANAGER),
        ),
        Door(
            "reports", _("Reports"), _("Lift and the programme in figures"), "chart",
            (Role.ANALYST, Role.MARKETER, Role.APPROVER),
        ),
    )
}  # fmt: skip


@never_cache
@require_safe
def start(request):
    """The doors that are open to whoever signed in here."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return render(
        request,
        "members/start.html",
        {"doors": [door for door in DOORS.values() if has_role(request.user, *door.roles) and _is_on(door)]},
    )


def _is_on(door: Door) -> bool:
    return door.name != "pos" or modules.is_on("till")


@never_cache
@require_safe
def enter(request, door: str):
    """Hand a signed-in member of staff over to a door; anybody else is asked to sign in first, and comes back here."""
    if door not in DOORS or not _is_on(DOORS[door]):
        raise Http404
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not has_role(request.user, *DOORS[door].roles):
        raise PermissionDenied(gettext("Your role does not open this door. Ask an administrator for it."))
    response = redirect(doors.next_path(request, door))
    doors.open_door(response, user=request.user, door=door, backend=request.session[BACKEND_SESSION_KEY])
    logout(request)
    return response


@require_POST
def leave(request):
    """Sign out of the door this address belongs to, and of no other."""
    door = doors.door_of(request.path_info)
    logout(request)
    return redirect(doors.enter_url(door) if door else "account_login")
