"""Members come in by a code from their own mailbox, and nobody else does."""

import pytest

from members.models import Consent, LoginCode, Member
from tests.portal.conftest import code_in, enter, letters


def test_the_code_from_the_letter_opens_the_portal(market, client):
    response = enter(client, market.hero_email)
    assert (response.status_code, response.url) == (302, "/portal/")
    assert "sessionid_portal" in client.cookies
    assert "sessionid" not in client.cookies
    assert market.hero.given_name in client.get("/portal/").content.decode()


def test_the_letter_goes_to_the_member_alone_and_keeps_the_code_out_of_the_database(market, client):
    client.post("/portal/login/", {"address": market.hero_email.upper()})
    letter = letters()[-1]
    assert letter.to == [market.hero_email]
    assert code_in(letter) in letter.body
    stored = LoginCode.objects.get()
    assert code_in(letter).encode() not in bytes(stored.code_hash)


def test_the_letter_is_written_in_the_members_language(market, client):
    Member.objects.filter(pk=market.hero.pk).update(language="zh-hans")
    client.post("/portal/login/", {"address": market.hero_email})
    assert "登录验证码" in letters()[-1].body


def test_a_code_opens_once(market, client):
    enter(client, market.hero_email)
    code = code_in(letters()[-1])
    client.post("/portal/logout/")
    assert client.post("/portal/login/code/", {"code": code}).status_code == 302  # nothing was asked for any more
    assert client.get("/portal/").status_code == 302


def test_a_wrong_code_is_refused_and_six_tries_close_the_door(market, client):
    client.post("/portal/login/", {"address": market.hero_email})
    right = code_in(letters()[-1])
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for _ in range(5):
        assert "wrong or has expired" in client.post("/portal/login/code/", {"code": wrong}).content.decode()
    assert client.post("/portal/login/code/", {"code": right}).status_code == 200
    assert client.get("/portal/").status_code == 302


def test_a_stranger_sees_the_same_page_and_gets_no_letter(market, client):
    known = client.post("/portal/login/", {"address": market.hero_email}, follow=True)
    before = len(letters())
    unknown = client.post("/portal/login/", {"address": "nobody@example.com"}, follow=True)
    assert len(letters()) == before
    assert (known.status_code, known.redirect_chain) == (unknown.status_code, unknown.redirect_chain)
    page = known.content.decode().replace(market.hero_email, "nobody@example.com")
    assert _without_tokens(page) == _without_tokens(unknown.content.decode())


def _without_tokens(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if "csrf" not in line.lower())


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example/", "/cms/", "javascript:alert(1)"])
def test_signing_in_never_leads_out_of_the_portal(market, client, evil):
    assert enter(client, market.hero_email, after=f"?next={evil}").url == "/portal/"


def test_signing_in_leads_back_to_where_one_knocked(market, client):
    knocked = client.get("/portal/history/")
    assert knocked.url == "/portal/login/?next=%2Fportal%2Fhistory%2F"
    assert enter(client, market.hero_email, after="?next=/portal/history/").url == "/portal/history/"


@pytest.mark.parametrize("status", ["merged", "erased"])
def test_a_session_of_a_member_who_is_gone_opens_nothing(market, hero, status):
    Member.objects.filter(pk=market.hero.pk).update(status=status)
    assert hero.get("/portal/").status_code == 302
    assert (
        hero.post(
            "/portal/preferences/consent/", {"channel": "email", "purpose": "marketing", "is_granted": "1"}
        ).status_code
        == 302
    )
    assert not Consent.objects.filter(member=market.hero, source="portal").exists()


@pytest.mark.parametrize("path", ["", "card/", "history/", "history/1/", "offers/", "preferences/"])
def test_every_page_asks_who_is_there(db, client, path):
    response = client.get(f"/portal/{path}")
    assert response.status_code == 302
    assert response.url.startswith("/portal/login/?next=")


def test_pages_of_a_member_are_kept_in_no_cache(hero):
    assert "no-store" in hero.get("/portal/history/")["Cache-Control"]
