"""Each door keeps a session of its own, so that a cashier's till and a marketer's desk in one browser stay apart; and a module
that is switched off has no addresses.
"""

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import Http404
from django.utils.translation import gettext as _

from config import modules

DOORS = ("portal", "pos", "desk", "reports", "cms", "admin", "api", "staff")


def session_cookie_for(path: str) -> str:
    """Name the session cookie of the door a path leads to; everything else shares the ordinary one."""
    door = path.split("/", 2)[1] if path.startswith("/") else ""
    return f"{settings.SESSION_COOKIE_NAME}_{door}" if door in DOORS else settings.SESSION_COOKIE_NAME


class DoorSessionMiddleware(SessionMiddleware):
    def process_request(self, request):
        name = session_cookie_for(request.path_info)
        request.session_cookie_name = name
        if name != settings.SESSION_COOKIE_NAME:  # Django's middleware knows one name only: show it the door's cookie
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            if name in request.COOKIES:
                request.COOKIES[settings.SESSION_COOKIE_NAME] = request.COOKIES[name]
        super().process_request(request)

    def process_response(self, request, response):
        response = super().process_response(request, response)
        name = getattr(request, "session_cookie_name", settings.SESSION_COOKIE_NAME)
        if name != settings.SESSION_COOKIE_NAME and settings.SESSION_COOKIE_NAME in response.cookies:
            morsel = response.cookies.pop(settings.SESSION_COOKIE_NAME)
            attributes = {key: value for key, value in morsel.items() if value != ""}
            response.cookies[name] = morsel.value
            response.cookies[name].update(attributes)
        return response


class ModuleMiddleware:
    """404 for the addresses of a module that is switched off, whoever asks."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, _view, _args, _kwargs):
        if not modules.is_open(request.resolver_match.route):
            raise Http404(_("This part is switched off here."))
