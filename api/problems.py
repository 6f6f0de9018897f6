"""Errors as problem JSON (RFC 9457): which field, and what to do about it."""

import json

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api.refused_orders import noting

TITLES = {
    400: gettext_lazy("The request cannot be read"),
    401: gettext_lazy("No valid token"),
    403: gettext_lazy("The token does not allow this"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("The method is not allowed here"),
    409: gettext_lazy("The key was used for something else"),
    422: gettext_lazy("A field cannot be accepted"),
    429: gettext_lazy("Too many tries"),
}


class Refused(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, detail: str, *, field: str = "", code: str = ""):
        """`code` says what the field alone does not (api/refused_orders/wording.py)."""
        super().__init__(detail)
        self.status, self.detail, self.field, self.code = status, detail, field, code


def problem(status: int, detail: str, errors: list[tuple[str, str]] = ()) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": str(TITLES[status]),
        "status": status,
        "detail": detail,
        "errors": [{"field": field, "message": message} for field, message in errors],
    }
    response = HttpResponse(json.dumps(body), status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def refused(request, reason: Refused) -> HttpResponse:
    noting.note(request, noting.code_of(reason.status, reason.field, reason.code), reason.field)
    return problem(reason.status, reason.detail, [(reason.field, reason.detail)] if reason.field else [])


def invalid(request, reason) -> HttpResponse:
    """Every field that pydantic did not take, by its path in the body: lines.2.total_minor."""
    errors = [(_path(error["loc"]), error["msg"]) for error in reason.errors]
    noting.note(request, noting.SHAPES.get(reason.errors[0]["type"], "invalid"), errors[0][0])
    named = ", ".join(dict.fromkeys(field for field, _message in errors))
    return problem(
        422, _("Correct %(fields)s and send the request again; nothing was changed.") % {"fields": named}, errors
    )


def _path(location: tuple) -> str:
    """Ninja leads with where the field stands (body) and how the parameter is called; a caller knows neither."""
    inside = location[2:] if location[:1] == ("body",) else location[1:]
    return ".".join(str(part) for part in inside) or ".".join(str(part) for part in location)


def unauthenticated(_request, _reason) -> HttpResponse:
    return problem(401, _("Send the header “Authorization: Bearer” with the token of an active client."))


def missing(request, _reason) -> HttpResponse:
    noting.note(request, noting.code_of(404))
    return problem(404, _("There is nothing under this address that this client may see."))


def http_error(request, reason) -> HttpResponse:
    noting.note(request, noting.code_of(reason.status_code))
    return problem(reason.status_code if reason.status_code in TITLES else 400, str(reason))
