"""A member who signs in as members do: with the code from the letter."""

import re
import threading

import pytest
from django.core import mail

from tests.flows import world


def letters():
    """The letters sent, once the threads that carry them are done."""
    for thread in threading.enumerate():
        if thread.name == "sign-in code":
            thread.join(120)
    return mail.outbox


def code_in(letter) -> str:
    return re.search(r"\b\d{6}\b", letter.subject).group()


def enter(client, address: str, *, after: str = ""):
    """Sign in by code; returns the last response."""
    client.post(f"/portal/login/{after}", {"address": address})
    return client.post("/portal/login/code/", {"code": code_in(letters()[-1])})


@pytest.fixture
def market(db):
    return world.make(members_count=4)


@pytest.fixture
def hero(market, client):
    """The client, signed in as the market's first member."""
    enter(client, market.hero_email)
    return client
