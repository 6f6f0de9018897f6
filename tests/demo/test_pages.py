"""The demo's pages: role cards, sign-in per door, the inbox, and none of it anywhere else."""

import json
import os
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone

from demo import operations, queries
from demo.models import InboxMessage
from demo.roles import ROLES
from tests.flows import world

ADDRESSES = ["/", "/design/", "/about-the-data/", "/inbox/", "/inbox/1/", "/inbox/1/html/"]


@pytest.fixture
def demo(settings, db):
    settings.DEMO = True


@pytest.fixture
def market(demo):
    made = world.make(members_count=3)
    story = {"public_id": str(made.hero.public_id), "name": made.hero.name}
    operations.remember(featured={"near_tier": story}, weeks_moved=463)
    return made


# -- nowhere but in the demo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
def test_outside_the_demo_its_pages_do_not_exist(client, db, address):
    assert not django_settings.DEMO
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.code)
def test_outside_the_demo_nobody_signs_in_by_one_click(client, db, role):
    response = client.post(role.sign_in_url)
    assert response.status_code == 404
    assert not any(name.startswith("sessionid") for name in response.cookies)


def test_production_does_not_even_install_the_demo():
    secrets = {
        "REGULARS_MODE": "production", "SECRET_KEY": "k" * 60, "FIELD_KEYS": json.dumps({"1": "ab" * 32}), "HASH_KEY": "cd" * 32,
        "ALLOWED_HOSTS": "shop.example", "SITE_URL": "https://shop.example", "DATABASE_URL": "postgres://a:b@localhost/x",
        "DATABASE_OWNER_URL": "postgres://o:b@localhost/x", "REDIS_URL": "redis://localhost/0", "EMAIL_URL": "smtp://localhost",
        "VAPID_PRIVATE_KEY": "A" * 43,
    }  # fmt: skip
    asked = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.urls import resolve, Resolver404\n"
        "assert 'demo' not in settings.INSTALLED_APPS\n"
        "assert not any('demo' in p for t in settings.TEMPLATES for p in t['OPTIONS']['context_processors'])\n"
        "for door in ('pos', 'portal', 'desk', 'reports'):\n"
        "    try: resolve(f'/{door}/demo-sign-in/')\n"
        "    except Resolver404: pass\n"
        "    else: raise SystemExit(door)\n"
        "print('no demo')\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=root, env=os.environ | secrets | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "no demo\n", done.stderr


# -- signing in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.code)
def test_one_click_opens_a_roles_own_door_and_no_other(market, client, role):
    response = client.post(role.sign_in_url)
    assert (response.status_code, response.url) == (302, role.home)
    assert {name for name in response.cookies if name.startswith("sessionid")} == {f"sessionid_{role.door}"}


def test_signing_in_is_a_post(market, client):
    assert {client.get(role.sign_in_url).status_code for role in ROLES} == {405}


def test_a_member_of_ones_choice_opens_their_own_portal(market, client):
    other = world.Member.objects.get(pk=market.member_ids[2])
    client.post("/portal/demo-sign-in/", {"member": str(other.public_id)})
    assert other.given_name in client.get("/portal/").content.decode()
    client.post("/portal/demo-sign-in/", {"member": "nonsense"})
    assert market.hero.given_name in client.get("/portal/").content.decode()


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example/pos/", "/cms/", "/portal/"])
def test_signing_in_leads_only_behind_the_door_it_opens(market, client, evil):
    assert client.post("/pos/demo-sign-in/", {"next": evil}).url == "/pos/"
    assert client.post("/pos/demo-sign-in/", {"next": "/pos/enrol/"}).url == "/pos/enrol/"


def test_before_there_is_a_member_the_card_leads_back_with_a_word(demo, client):
    page = client.post("/portal/demo-sign-in/", follow=True).content.decode()
    assert "There is no member yet" in page


# -- the home page -----------------------------------------------------------------------------------------------------


def test_the_home_page_has_a_card_per_role_the_tour_and_who_is_worth_meeting(market, client):
    html = client.get("/").content.decode()
    for role in ROLES:
        assert html.count(f'action="{role.sign_in_url}"') >= 2  # the card and the bar
    assert market.hero.name in html
    assert "points from Gold" in html
    assert "moved 463 weeks" in html


def test_an_empty_demo_says_what_to_wait_for(demo, client):
    html = client.get("/").content.decode()
    assert "still being made" in html
    assert "Nobody yet" in html
    assert "Nothing was sent yet" in client.get("/inbox/").content.decode()


def test_a_step_taken_is_ticked(market, client):
    assert "is-done" not in client.get("/").content.decode()
    client.post("/portal/demo-sign-in/", {"step": "explain", "next": "/portal/history/"})
    assert client.get("/").content.decode().count("is-done") == 1


def test_the_page_about_the_data_says_by_how_many_weeks(market, client):
    html = client.get("/about-the-data/").content.decode()
    assert "463 weeks" in html
    assert "1,469,307" in html


def test_every_component_and_icon_is_shown(demo, client):
    html = client.get("/design/").content.decode()
    assert html.count("design/icons.svg#cat-") > 15
    for component in ("btn--primary", "switch", "table--cards", "dialog", "empty", "banner--error", "meter"):
        assert component in html


# -- the inbox ---------------------------------------------------------------------------------------------------------


HELLO = "<html lang='en'><head><title>Hello</title></head><body><h1>Hello</h1><a href='https://example.com'>x</a></body></html>"


def letter(html: str = HELLO) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["To"], made["From"] = "您的积分", "ada@example.com", "shop@example.com"
    made["List-Unsubscribe"] = "<http://localhost/m/u/abc>"
    made.set_content("Plain hello")
    made.add_alternative(html, subtype="html")
    return made


def _mail(html: str = HELLO) -> InboxMessage:
    return operations.record_email(letter(html).as_bytes(), to="ada@example.com", at=timezone.now())


def test_a_recorded_mail_is_listed_and_read_in_every_way(demo, client):
    mail = _mail()
    assert (mail.subject, mail.preview) == ("您的积分", "Plain hello")
    assert "您的积分" in client.get("/inbox/").content.decode()
    page = reverse("demo:message", args=[mail.pk])
    assert "sandbox=" in client.get(page).content.decode()
    assert "Plain hello" in client.get(page, {"as": "text"}).content.decode()
    assert "List-Unsubscribe" in client.get(page, {"as": "headers"}).content.decode()
    assert "Content-Type: multipart/alternative" in client.get(page, {"as": "source"}).content.decode()


def test_a_mail_may_run_nothing_in_its_frame(demo, client):
    mail = _mail("<html><head></head><body><script>alert(1)</script></body></html>")
    answer = client.get(reverse("demo:message_html", args=[mail.pk]))
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert '<base target="_blank">' in answer.content.decode()


def test_a_push_is_read_as_the_device_shows_it(demo, client):
    payload = {"title": "200 points", "body": "Tap to see", "url": "javascript:alert(1)"}
    push = operations.record_push(json.dumps(payload).encode(), to="http://localhost/x", at=timezone.now())
    html = client.get(reverse("demo:message", args=[push.pk])).content.decode()
    assert "200 points" in html
    assert 'href="javascript' not in html
    assert client.get(reverse("demo:message_html", args=[push.pk])).status_code == 404


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"[]", b"7", b""])
def test_a_push_of_nonsense_is_kept_all_the_same(demo, client, payload):
    push = operations.record_push(payload, to="x", at=timezone.now())
    assert client.get(reverse("demo:message", args=[push.pk])).status_code == 200


def test_the_inbox_finds_by_address_and_channel(demo, client):
    _mail()
    assert queries.inbox(channel="push").count() == 0
    assert queries.inbox(to="ADA@").count() == 1
    assert "No such message" in client.get("/inbox/?to=zoe").content.decode()
    assert "您的积分" in client.get("/inbox/?to=ada&channel=email").content.decode()
