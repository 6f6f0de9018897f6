"""How staff enter a door. Everybody signs in at one place; each door then keeps a session of its own.

`/staff/login/` (django-allauth: password, second factor, passkey, rate limits) is the vestibule. `/staff/enter/pos/` hands
the person over: it opens a fresh session under that door's cookie and leaves the vestibule empty, so that a till and a
marketer's desk in one browser stay apart, and leaving a door really leaves it.
"""

from importlib import import_module
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

STAFF_DOORS = ("pos", "desk", "reports", "cms")
BY_PASSWORD = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 - the name of a back end


def door_of(path: str) -> str:
    """The door a path leads to: `/pos/sales/` → `pos`. Empty for a path of no staff door."""
    door = path.strip("/").partition("/")[0]
    return door if door in STAFF_DOORS else ""


def enter_url(door: str, *, next_path: str = "") -> str:
    url = reverse("members:enter", args=[door])
    return f"{url}?{urlencode({'next': next_path})}" if next_path else url


def redirect_to_sign_in(request) -> HttpResponseRedirect:
    """To the sign-in of the door this request knocked at, and back here afterwards (a form's POST: back to the door)."""
    door = door_of(request.path_info)
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else f"/{door}/"
    return HttpResponseRedirect(enter_url(door, next_path=back) if door else settings.LOGIN_URL)


def next_path(request, door: str) -> str:
    """Where to after signing in: what `next` asks for if it lies behind this door, else the door itself."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and ".." not in wanted
    return wanted if is_ours and door_of(wanted) == door else f"/{door}/"


def open_door(response, *, user, door: str, backend: str = BY_PASSWORD):
    """Sign `user` in at one door: a new session under the door's own cookie. The caller has proved who it is."""
    if door not in STAFF_DOORS or not user.is_active or not user.is_staff:
        raise ValueError(f"{user.pk} cannot enter {door!r}: a door is one of {STAFF_DOORS}, and for active staff.")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    response.set_cookie(
        f"{settings.SESSION_COOKIE_NAME}_{door}",
        session.session_key,
        max_age=settings.SESSION_COOKIE_AGE,
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=settings.SESSION_COOKIE_SECURE or None,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
    return response
