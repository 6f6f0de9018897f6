"""Visits to a web shop: by a small script of our own, with the visitor's yes, each view once."""

import json
import uuid
from datetime import timedelta

import pytest
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from api.models import ApiClient
from api.operations import create_client
from api.visits import BATCHES_PER_MINUTE, SALT
from members import operations
from members.knowing import Touchpoint
from members.models import VisitSite

pytestmark = pytest.mark.django_db
SHOP = "https://shop.example.com"


@pytest.fixture(autouse=True)
def nobody_was_here():
    cache.clear()


@pytest.fixture
def shop():
    return VisitSite.objects.create(name="Shop", origins=[SHOP])


def batch(shop, *, visitor="", events=None, **more):
    events = events or [{"id": uuid.uuid4().hex, "kind": "page", "subject": "/tea/", "ago_ms": 500}]
    return {"site": shop.key, "visitor": visitor, "consent": True, "events": events} | more


def send(said, *, origin=SHOP, address="127.0.0.1", **headers):
    return Client(REMOTE_ADDR=address).post(
        "/api/v1/visits", json.dumps(said), content_type="text/plain", headers={"Origin": origin, **headers}
    )


def test_a_batch_is_kept_once_under_an_id_that_we_made_and_signed(shop):
    said = batch(shop)
    first = send(said)
    assert first.headers["Access-Control-Allow-Origin"] == SHOP
    visitor = first.json()["visitor"]
    assert send(said | {"visitor": visitor}).json()["visitor"] == visitor
    (kept,) = Touchpoint.objects.all()
    assert (kept.member_id, kept.kind, kept.subject, kept.source) == (None, "page", "/tea/", f"web:{shop.key}")
    assert signing.loads(visitor, salt=SALT) not in json.dumps([kept.subject, kept.client_key])


def test_an_id_that_is_forged_or_has_had_its_time_is_made_anew(shop):
    forged = send(batch(shop, visitor="somebody-else")).json()["visitor"]
    assert signing.loads(forged, salt=SALT)
    old = signing.TimestampSigner(salt=SALT)
    assert send(batch(shop, visitor=old.sign("x"))).json()["visitor"] != old.sign("x")
    assert Touchpoint.objects.values("visitor_hash").distinct().count() == 2


@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        ({"consent": False}, {}, 204),
        ({}, {"DNT": "1"}, 204),
        ({}, {"Sec-GPC": "1"}, 204),
        ({"site": "unknown"}, {}, 403),
        ({"events": []}, {}, 403),
        ({"events": [{"id": "0" * 16, "kind": "like"}]}, {}, 403),
        ({"more": 1}, {}, 403),
    ],
)
def test_what_nobody_allowed_is_not_kept(shop, change, headers, status):
    assert send(batch(shop) | change, **headers).status_code == status
    assert not Touchpoint.objects.exists()


def test_another_site_cannot_send_in_a_shops_name(shop):
    assert send(batch(shop), origin="https://evil.example").status_code == 403
    VisitSite.objects.update(is_live=False)
    assert send(batch(shop)).status_code == 403
    assert not Touchpoint.objects.exists()


def test_one_address_sends_so_many_batches_a_minute(shop, settings):
    """Counted in a memory of its own: other tests flush the Redis that all share, and a counter with it."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    said, own = batch(shop), "198.51.100.7"
    assert {send(said, address=own).status_code for _ in range(BATCHES_PER_MINUTE)} == {200}
    assert send(said, address=own).status_code == 429
    assert send(said, address="198.51.100.8").status_code == 200


def test_a_counter_that_is_flushed_while_it_counts_begins_anew(shop, monkeypatch):
    add = cache.add

    def flushed(*given, **more):
        add(*given, **more)
        cache.clear()

    monkeypatch.setattr(cache, "add", flushed)
    assert send(batch(shop)).status_code == 200


def test_a_bad_body_is_refused_and_costs_nothing(shop):
    for body in ("{", "[]", "x" * 20_000, '{"site": 1}'):
        answer = Client().post("/api/v1/visits", body, content_type="text/plain", headers={"Origin": SHOP})
        assert answer.status_code == 403


def test_who_signs_in_gets_their_earlier_visits_once_and_only_with_their_yes(shop):
    visitor = send(batch(shop)).json()["visitor"]
    token = create_client(name="shop", source="shop", scopes=[ApiClient.Scope.PROFILE])[1]
    at = timezone.now() - timedelta(days=1)
    yes, no = (
        operations.enrol(at=at, source="t", email=f"{n}@example.com", consents=[("email", "profiling", n == 1)])
        for n in (1, 2)
    )

    def claim(member):
        said = {"visitor": visitor, "member": {"public_id": str(member.public_id)}}
        return (
            Client()
            .post(
                "/api/v1/visits/claims",
                json.dumps(said),
                content_type="application/json",
                headers={"Authorization": f"Bearer {token}"},
            )
            .json()
        )

    assert [claim(no), claim(yes), claim(yes)] == [{"claimed": 0}, {"claimed": 1}, {"claimed": 0}]
    assert Touchpoint.objects.get().member_id == yes.pk


def test_a_shop_is_named_as_browsers_name_it():
    site = VisitSite(name="Shop", origins=["https://Shop.example.com/tea?x=1"])
    site.clean()
    assert site.origins == [SHOP]
    with pytest.raises(ValidationError, match="begin with https"):
        VisitSite(name="Shop", origins=["shop.example.com"]).clean()
