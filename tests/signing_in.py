"""Signing staff in at a door, for tests that are about what lies behind it."""

from django.conf import settings
from django.http import HttpResponse

from members import doors


def cookie_for(user, door: str) -> tuple[str, str]:
    """The name and value of the session cookie that this door gives to this user."""
    response = doors.open_door(HttpResponse(), user=user, door=door)
    name = f"{settings.SESSION_COOKIE_NAME}_{door}"
    return name, response.cookies[name].value


def at_door(client, user, door: str):
    """Django's test client, signed in as `user` at one door."""
    name, value = cookie_for(user, door)
    client.cookies[name] = value
    return client


def page_signed_in(page, address: str, user, door: str):
    """A browser's page, signed in as `user` at one door."""
    name, value = cookie_for(user, door)
    page.context.add_cookies([{"name": name, "value": value, "url": address}])
    return page
