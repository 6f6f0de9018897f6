"""Who may open what: every address of the resolver has a row in tests/routes.toml, and the rows are asked for, one by one.

A refusal is a request to sign in, 401, 403 or 404. An administrator opens whatever a role of staff opens.
"""

import re
import tomllib
import uuid
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils import timezone

from config.middleware import DOORS
from members import operations
from members.models import User
from members.roles import Role

TABLE = tomllib.loads((Path(__file__).parent / "routes.toml").read_text())
STAFF = set(Role.values)
WHO = ["anonymous", "member", *sorted(STAFF), "api"]
GROUPS = {
    "everyone": set(WHO),
    "staff": STAFF,
    "nobody": set(),
    "demo": set(),  # these addresses do not exist outside the demo
}
SAMPLES = {
    "int": "1",
    "uuid": str(uuid.UUID(int=7)),
    "slug": "x",
    "uuidstr": str(uuid.UUID(int=7)),
    "str": "x",
    "path": "x",
    "": "x",
}


def routes(resolver=None, prefix="") -> dict[str, object]:
    """Every route of the house and the callback behind it; the first of two equal ones is the one that answers."""
    found = {}
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found = routes(pattern, route) | found
        else:
            found.setdefault(route, pattern)
    return found


@cache
def ours() -> dict[str, object]:
    """Routes that need a row of their own: all but those of packages, which the table sums up by prefix."""
    return {route: pattern for route, pattern in routes().items() if not _package(pattern)}


def _package(pattern) -> str:
    module = getattr(pattern.callback, "__module__", "")
    return next((package for package in TABLE["packages"] if module == package or module.startswith(package + ".")), "")


def allowed(words: str) -> set[str]:
    who = set()
    for word in words.split():
        who |= GROUPS.get(word, {word})
    return who | ({"administrator"} if who & STAFF else set())


def address_of(route: str, pattern) -> str:
    """An address that this route answers to, with invented names for what it is asked about."""
    if isinstance(pattern.pattern, RegexPattern):
        route = re.sub(r"\(\?P<\w+>[^()]*\)", "1", route)
    route = re.sub(r"<(?:(\w+):)?\w+>", lambda match: SAMPLES.get(match[1] or "", "x"), route)
    return "/" + re.sub(r"[\^$\\]", "", route)


def test_every_route_has_a_row_and_every_row_has_a_route():
    assert set(TABLE["routes"]) - set(ours()) == set(), "rows of routes that are gone"
    assert set(ours()) - set(TABLE["routes"]) == set(), (
        "routes without a row: say in tests/routes.toml who may open them"
    )


def test_the_rows_name_only_people_who_exist():
    words = {word for row in [*TABLE["routes"].values(), *TABLE["packages"].values()] for word in row.split()}
    assert words <= {*WHO, *GROUPS}


def test_a_view_for_staff_has_the_roles_of_its_row():
    for route, pattern in ours().items():
        if roles := getattr(pattern.callback, "roles", None):
            assert allowed(TABLE["routes"][route]) == {str(role) for role in roles} | {"administrator"}, route


@pytest.fixture
def visitor(db, settings):
    """A browser in which one person is signed in at every door there is, as far as a session can make it so."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def visit(who: str) -> Client:
        if who == "api":
            return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {_token()}"})
        client = Client(raise_request_exception=False)
        user = _user(who)
        if user:
            for cookie in [
                django_settings.SESSION_COOKIE_NAME,
                *(f"{django_settings.SESSION_COOKIE_NAME}_{door}" for door in DOORS),
            ]:
                client.cookies[cookie] = _session(user)
        return client

    return visit


def _user(who: str):
    if who == "anonymous":
        return None
    if who == "member":
        return User.objects.create(username="m", member=operations.enrol(at=timezone.now(), source="test"))
    return operations.add_staff(email=f"{who}@example.com", roles=[who])


def _session(user) -> str:
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.create()
    return session.session_key


def _token() -> str:
    from api.models import ApiClient
    from api.operations import create_client

    return create_client(name="till", source="till", scopes=ApiClient.Scope.values)[1]


def is_refused(response, address: str) -> bool:
    if response.status_code in {401, 403, 404}:
        return True
    to = response.headers.get("Location", "")
    if address.startswith("/cms/") and response.status_code == 302 and to == "/cms/":
        return True  # Wagtail sends whom it refuses back to its first page, with a message
    doors_of_sign_in = ("/staff/enter/", "/staff/login/", "/portal/login/", "/cms/login/")
    asked_to_sign_in = response.status_code == 302 and to.startswith(doors_of_sign_in)
    return asked_to_sign_in and not address.startswith(doors_of_sign_in)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_table_is_what_the_house_does(visitor, who, method):
    """Refused means refused, for GET and for an empty POST; allowed means an answer, and never an error of ours."""
    browser, wrong = visitor(who), []
    for route, pattern in ours().items():
        is_allowed, address = who in allowed(TABLE["routes"][route]), address_of(route, pattern)
        if is_allowed and method == "post":
            continue  # what a POST does is the business of the tests of its own door
        response = getattr(browser, method)(address)
        refused = is_refused(response, address) and not (response.status_code == 404 and "<" in route and is_allowed)
        refused = refused or (not is_allowed and response.status_code == 405)  # the other method is asked too
        if response.status_code >= 500 or refused == is_allowed:
            wrong.append(
                f"{method.upper()} {address} as {who}: {response.status_code} {response.headers.get('Location', '')}"
            )
    assert not wrong


@pytest.mark.parametrize("who", ["anonymous", "member", "cashier"])
def test_packages_are_closed_to_whom_their_row_leaves_out(visitor, who):
    browser, wrong = visitor(who), []
    for route, pattern in routes().items():
        package = _package(pattern)
        if not package or who in allowed(TABLE["packages"][package]) or route in TABLE["open"]:
            continue
        address = address_of(route, pattern)
        response = browser.get(address)
        if not is_refused(response, address):
            wrong.append(f"{address} as {who}: {response.status_code} {response.headers.get('Location', '')}")
    assert not wrong
