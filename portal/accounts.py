"""Whose page this is: the member behind the session, and the account a member signs in with."""

from functools import wraps

from django.contrib.auth import get_user_model
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

BACKEND = "django.contrib.auth.backends.ModelBackend"


def account_of(member):
    """The account of a member, made on first sign-in. It has no password and no address: codes open it."""
    user, is_new = get_user_model().objects.get_or_create(
        member=member, defaults={"username": f"member-{member.public_id}"}
    )
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def member_of(request):
    """The active member behind the session, or None."""
    member = request.user.member if request.user.is_authenticated and request.user.member_id else None
    return member if member is not None and member.status == member.Status.ACTIVE else None


def member_only(view):
    """Give the view `request.member`; somebody who is not signed in as an active member signs in first."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        member = member_of(request)
        if member is None:
            back = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("portal:home")
            return redirect(f"{reverse('portal:login')}?{urlencode({'next': back})}")
        request.member = member
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return guarded
