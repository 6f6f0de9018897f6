"""Each door has a session of its own: signing in or out of one leaves the others alone."""

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import RequestFactory

from config.middleware import DoorSessionMiddleware, session_cookie_for


@pytest.mark.parametrize(
    ("path", "cookie"),
    [
        ("/pos/", "sessionid_pos"),
        ("/cms/pages/3/", "sessionid_cms"),
        ("/", "sessionid"),
        ("/m/u/x", "sessionid"),
        ("/posh/", "sessionid"),
    ],
)
def test_the_cookie_is_named_after_the_door(path, cookie):
    assert session_cookie_for(path) == cookie


def _through(path, cookies, act):
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)

    def view(request):
        act(request)
        return HttpResponse()

    return DoorSessionMiddleware(view)(request)


def test_a_door_writes_and_reads_its_own_cookie_only(db):
    response = _through("/pos/", {}, lambda request: request.session.update({"cashier": 7}))
    assert set(response.cookies) == {"sessionid_pos"}
    assert response.cookies["sessionid_pos"]["httponly"]
    cookies = {name: morsel.value for name, morsel in response.cookies.items()}
    seen = {}
    _through("/pos/", cookies, lambda request: seen.update(pos=request.session.get("cashier")))
    _through("/desk/", cookies, lambda request: seen.update(desk=request.session.get("cashier")))
    _through("/", cookies, lambda request: seen.update(home=request.session.get("cashier")))
    assert seen == {"pos": 7, "desk": None, "home": None}


def test_leaving_one_door_deletes_its_cookie_and_no_other(db):
    pos, desk = SessionStore(), SessionStore()
    for session in (pos, desk):
        session["in"] = True
        session.save()
    cookies = {"sessionid_pos": pos.session_key, "sessionid_desk": desk.session_key}
    response = _through("/pos/", cookies, lambda request: request.session.flush())
    assert response.cookies["sessionid_pos"].value == ""
    assert response.cookies["sessionid_pos"]["max-age"] == 0
    assert set(response.cookies) == {"sessionid_pos"}
    assert SessionStore(desk.session_key)["in"] is True


def test_signing_in_at_one_door_signs_in_nowhere_else(client, db):
    assert settings.SESSION_COOKIE_NAME == "sessionid"
    user = get_user_model().objects.create_user("till@example.com")
    client.force_login(user)  # Django's test client writes the ordinary cookie
    assert "sessionid" in client.cookies
    assert client.get("/pos/").status_code in {302, 403}
