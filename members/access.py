"""Who may see what: roles for screens, one gate per kind of object. Doors ask here, and nowhere else.

A gate answers with the object or with 404: that something exists is already news. An administrator has every role.
"""

import functools

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils.translation import gettext as _

from members.doors import redirect_to_sign_in
from members.models import Member
from members.roles import Role

__all__ = ["Role", "access_member", "access_store", "has_role", "roles_of", "staff_only"]

SEES_MEMBERS = (Role.CASHIER, Role.STORE_MANAGER, Role.SERVICE, Role.MARKETER, Role.APPROVER)
SEES_ALL_STORES = (Role.SERVICE, Role.MARKETER, Role.APPROVER, Role.ANALYST)


def roles_of(user) -> frozenset[str]:
    """The role names of a user, read once per user object, which lives as long as its request."""
    if not user.is_authenticated or not user.is_active or not user.is_staff:
        return frozenset()
    if not hasattr(user, "_roles"):
        user._roles = frozenset(user.groups.values_list("name", flat=True))  # noqa: SLF001 - a cache on its own owner
    return user._roles  # noqa: SLF001


def has_role(user, *roles: str) -> bool:
    """Whether the user has one of the roles; an administrator has all."""
    held = roles_of(user)
    return bool(held) and (Role.ADMINISTRATOR in held or not held.isdisjoint(roles))


def staff_only(*roles: str):
    """A view for these roles: others are asked to sign in, or told that this is not theirs (403)."""

    def decorate(view):
        @functools.wraps(view)
        def guarded(request, *args, **kwargs):
            if not request.user.is_authenticated:
                return redirect_to_sign_in(request)
            if not has_role(request.user, *roles):
                raise PermissionDenied(_("Your role does not open this page. Ask an administrator for it."))
            return view(request, *args, **kwargs)

        guarded.roles = frozenset(roles)
        return guarded

    return decorate


def access_member(user, public_id) -> Member:
    """The member, for staff who meet members and for the member themselves; a merged one is the member it became.

    Raises Http404.
    """
    allowed = Member.objects.exclude(status=Member.Status.ERASED)
    if getattr(user, "member_id", None):
        allowed = allowed.filter(pk=user.member_id)
    elif not has_role(user, *SEES_MEMBERS):
        allowed = allowed.none()
    try:
        found = allowed.get(public_id=public_id)
    except (Member.DoesNotExist, ValidationError):
        raise Http404(_("There is no such member.")) from None
    while found.merged_into is not None:
        found = found.merged_into
    return found


def stores_of(user):
    """The stores a user may act for, as a QuerySet: their own, or all for roles that serve every store."""
    all_stores = user._meta.get_field("stores").related_model.objects
    if has_role(user, *SEES_ALL_STORES):
        return all_stores.all()
    if has_role(user, Role.CASHIER, Role.STORE_MANAGER):
        return all_stores.filter(staff=user)
    return all_stores.none()


def access_store(user, code: str):
    """The store, for its own cashiers and managers and for roles that serve all stores. Raises Http404."""
    store = stores_of(user).filter(code=code).first()
    if store is None:
        raise Http404(_("There is no such store."))
    return store
