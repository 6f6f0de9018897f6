"""The staff vestibule: where a signed-in person chooses a door, and is handed over to it."""

from django.contrib.auth import BACKEND_SESSION_KEY, logout
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from members import doors
from members.access import has_role
from members.roles import Role

ENTERS = {
    "pos": (Role.CASHIER, Role.STORE_MANAGER),
    "desk": (Role.SERVICE,),
    "reports": (Role.ANALYST, Role.MARKETER, Role.APPROVER, Role.STORE_MANAGER),
    "cms": (Role.MARKETER, Role.APPROVER),
}
"""Who finds which door open. Each door's own views say it again, more finely."""


@never_cache
@require_safe
def start(request):
    """The doors that are open to whoever signed in here."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return render(
        request,
        "members/start.html",
        {"doors": [door for door, roles in ENTERS.items() if has_role(request.user, *roles)]},
    )


@never_cache
@require_safe
def enter(request, door: str):
    """Hand a signed-in member of staff over to a door; anybody else is asked to sign in first, and comes back here."""
    if door not in ENTERS:
        raise Http404
    if not request.user.is_authenticated:
        from django.contrib.auth.views import redirect_to_login

        return redirect_to_login(request.get_full_path())
    if not has_role(request.user, *ENTERS[door]):
        raise PermissionDenied(_("Your role does not open this door. Ask an administrator for it."))
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
