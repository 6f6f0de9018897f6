"""A member sees what we hold, takes it along, and leaves in two steps."""

import io
import re
import zipfile

import pytest
from django.contrib.sessions.models import Session

from members.models import Member


@pytest.fixture(autouse=True)
def erasure_log(settings, tmp_path):
    settings.ERASURE_LOG = str(tmp_path / "erasures.log")


def test_the_page_counts_what_there_is_and_hands_it_out(hero, market):
    page = hero.get("/portal/data/").content.decode()
    assert "Download everything" in page
    answer = hero.get("/portal/data/download/")
    assert answer["Cache-Control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        assert market.hero_email in files.read("data.json").decode()


def test_the_first_step_says_what_is_lost_and_deletes_nothing(hero, market):
    page = hero.get("/portal/data/delete/").content.decode()
    assert "This is what you would lose" in page
    assert re.search(r"<dt>Points</dt><dd>[\d,]+</dd>", page)
    assert Member.objects.get(pk=market.hero.pk).status == "active"


def test_an_unticked_box_deletes_nothing(hero, market):
    answer = hero.post("/portal/data/delete/confirm/", follow=True)
    assert "Tick the box first" in answer.content.decode()
    assert Member.objects.get(pk=market.hero.pk).status == "active"


def test_the_second_step_deletes_and_says_goodbye(hero, market):
    answer = hero.post("/portal/data/delete/confirm/", {"understood": "yes"}, follow=True)
    assert answer.redirect_chain == [("/portal/goodbye/", 302)]
    assert Member.objects.get(pk=market.hero.pk).status == "erased"
    assert hero.get("/portal/").url.startswith("/portal/login/"), "signed out, with no account to sign in to"


def test_a_login_left_half_way_leaves_no_address_behind(client, market):
    client.post("/portal/login/", {"address": market.hero_email})
    held = [session.get_decoded() for session in Session.objects.all()]
    assert held
    assert market.hero_email not in str(held)
    assert market.hero_email in client.get("/portal/login/code/").content.decode(), "the reader sees where it was sent"
