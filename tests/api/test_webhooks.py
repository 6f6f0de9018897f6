"""Events over the wire: read by version, and sent to webhooks that may be dead for a day."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from api import tokens, webhooks
from api.models import Webhook
from api.operations import create_client
from loyalty import queries
from tests.loyalty.conftest import open_shop

URL = "https://till.example/regulars"


class Consumer:
    """What a careful consumer does: checks the signature, passes over what is not newer, and stops if one is missing."""

    def __init__(self, secret):
        self.secret = secret
        self.versions: dict[str, int] = {}
        self.balances: dict[str, int] = {}
        self.doubled = 0
        self.script: list = []

    def __call__(self, url, body, headers):
        move = self.script.pop(0) if self.script else "take"
        if move == "dead":
            raise ConnectionError("nobody answers")
        if move == "broken":
            return 503
        self._take(body, headers["Regulars-Signature"])
        if move == "reply lost":
            raise TimeoutError("no reply")
        return 204

    def _take(self, body, signature):
        seconds, digest = (part.partition("=")[2] for part in signature.split(","))
        expected = hmac.new(self.secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(digest, expected)
        for event in json.loads(body)["events"]:
            seen = self.versions.get(event["wallet"], 0)
            if event["version"] <= seen:
                self.doubled += 1
                continue
            assert event["version"] == seen + 1, "a version was left out"
            assert event["available"] == self.balances.get(event["wallet"], 0) + event["change"]
            self.versions[event["wallet"]] = event["version"]
            self.balances[event["wallet"]] = event["available"]


@pytest.fixture
def shop(db):
    tokens.forget()
    return open_shop()


@pytest.fixture
def till(shop):
    machine, token = create_client(name="till", source="till")
    machine.http = Client(headers={"Authorization": f"Bearer {token}"})
    return machine


@pytest.fixture
def consumer(till):
    _webhook, secret = webhooks.subscribe(client=till, url=URL, at=timezone.now())
    return Consumer(secret)


def due_again():
    """As if the pause were over. Real time is not waited for."""
    Webhook.objects.update(due_at=timezone.now())


def lives(shop, members, *, rounds=3):
    for _ in range(rounds):
        for member in members:
            sale = shop.buy(member, 10_000)
            shop.redeem(member, 30)
            shop.refund(sale, (1, 5_000))


def as_the_ledger_has_it(members):
    wallets = [queries.wallet_of(member.pk) for member in members]
    return {str(w.public_id): w.version for w in wallets}, {str(w.public_id): w.available for w in wallets}


def test_every_version_is_told_once_and_in_order(shop, consumer):
    members = [shop.member() for _ in range(3)]
    lives(shop, members)
    assert webhooks.deliver(send=consumer) == webhooks.Told(27, 0)
    assert webhooks.deliver(send=consumer) == webhooks.Told(0, 0)
    lives(shop, members, rounds=1)
    assert webhooks.deliver(send=consumer) == webhooks.Told(9, 0)
    assert (consumer.versions, consumer.balances) == as_the_ledger_has_it(members)
    assert consumer.doubled == 0


def test_more_events_than_fit_into_one_request_are_told_in_several(shop, consumer, monkeypatch):
    monkeypatch.setattr(webhooks, "BATCH_EVENTS", 4)
    members = [shop.member() for _ in range(3)]
    lives(shop, members)
    assert webhooks.deliver(send=consumer).events == 27
    assert (consumer.versions, consumer.balances) == as_the_ledger_has_it(members)


def test_a_consumer_dead_for_a_day_hears_everything_afterwards(shop, consumer):
    members = [shop.member() for _ in range(2)]
    pauses = []
    lives(shop, members, rounds=1)
    consumer.script = ["dead"] * 20 + ["broken"] * 15
    for failure in range(35):
        if failure % 10 == 5:
            lives(shop, members, rounds=1)
        webhooks.deliver(send=consumer)
        webhook = Webhook.objects.get()
        pauses.append(webhook.due_at - timezone.now())
        due_again()
    assert sum(pauses, timedelta()) > timedelta(hours=24)
    assert max(pauses) <= webhooks.LONGEST_PAUSE
    assert webhook.failures == 35
    webhooks.deliver(send=consumer)
    assert (consumer.versions, consumer.balances) == as_the_ledger_has_it(members)
    assert Webhook.objects.get().failures == 0


def test_a_lost_reply_doubles_and_never_loses(shop, consumer):
    members = [shop.member() for _ in range(2)]
    lives(shop, members)
    consumer.script = ["reply lost", "reply lost"]
    for _ in range(3):
        webhooks.deliver(send=consumer)
        due_again()
    assert consumer.doubled == 36
    assert (consumer.versions, consumer.balances) == as_the_ledger_has_it(members)


def test_a_webhook_in_anothers_hands_or_paused_is_left_alone(shop, consumer):
    lives(shop, [shop.member()])
    later = timezone.now() + timedelta(seconds=30)
    for left_alone in (
        {"claimed_until": later},
        {"claimed_until": None, "due_at": later},
        {"due_at": timezone.now(), "is_active": False},
    ):
        Webhook.objects.update(**left_alone)
        assert webhooks.deliver(send=consumer) == webhooks.Told(0, 0)
    Webhook.objects.update(is_active=True, claimed_until=timezone.now() - timedelta(seconds=1))
    assert webhooks.deliver(send=consumer).events == 9


def test_a_webhook_hears_nothing_of_what_was_before_it(shop, till):
    member = shop.member()
    shop.buy(member, 10_000)
    _webhook, secret = webhooks.subscribe(client=till, url=URL, at=timezone.now())
    consumer = Consumer(secret)
    consumer.versions[str(queries.wallet_of(member.pk).public_id)] = 1
    consumer.balances[str(queries.wallet_of(member.pk).public_id)] = 100
    shop.buy(member, 5_000)
    assert webhooks.deliver(send=consumer).events == 1


# -- over the API ------------------------------------------------------------------------------------------------------


def test_a_wallets_events_are_read_by_version(shop, till):
    member = shop.member()
    lives(shop, [member], rounds=1)
    [wallet] = till.http.get(f"/api/v1/members/{member.public_id}/wallets").json()
    assert (wallet["currency"], wallet["version"], wallet["available"]) == ("points", 3, 20)
    address = f"/api/v1/wallets/{wallet['id']}/events"
    first = till.http.get(address, {"limit": 2}).json()
    assert ([e["version"] for e in first["events"]], first["version"], first["more"]) == ([1, 2], 2, True)
    rest = till.http.get(address, {"after": first["version"]}).json()
    assert ([e["version"] for e in rest["events"]], rest["more"]) == ([3], False)
    event = first["events"][1]
    assert (event["change"], event["available"], event["into_account"]) == (-30, 70, "redeemed")
    assert till.http.get(address, {"after": 2**63}).status_code == 422
    assert till.http.get("/api/v1/wallets/00000000-0000-0000-0000-000000000007/events").status_code == 404


def test_a_client_keeps_its_own_webhooks_and_sees_no_other(shop, till):
    made = till.http.post("/api/v1/webhooks", {"url": URL}, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in till.http.get("/api/v1/webhooks").json()[0]
    _other, token = create_client(name="other")
    stranger = Client(headers={"Authorization": f"Bearer {token}"})
    assert stranger.get("/api/v1/webhooks").json() == []
    assert stranger.delete(f"/api/v1/webhooks/{made.json()['id']}").status_code == 404
    assert till.http.delete(f"/api/v1/webhooks/{made.json()['id']}").status_code == 204
    assert not Webhook.objects.exists()
    bad = till.http.post("/api/v1/webhooks", {"url": "http://plain.example/"}, content_type="application/json")
    assert bad.status_code == 422
    _reader, token = create_client(name="writer", scopes=["purchases:write"])
    writer = Client(headers={"Authorization": f"Bearer {token}"})
    assert writer.get("/api/v1/webhooks").status_code == 403


def test_the_secret_is_not_stored_in_clear(shop, till, django_assert_num_queries):
    from django.db import connection

    _webhook, secret = webhooks.subscribe(client=till, url=URL, at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM api_webhook")
        assert secret.encode() not in bytes(cursor.fetchone()[0])


def test_a_purchase_that_took_an_hour_to_commit_is_told_all_the_same(committed_db):
    """The reader keeps its place at the oldest statement that may still write, not at the time of its last look."""
    from django.db import connection

    shop, slow = open_shop(), connection.copy()
    member, other = shop.member(), shop.member()
    client, _token = create_client(name="till")
    webhook, secret = webhooks.subscribe(client=client, url=URL, at=timezone.now() - timedelta(hours=2))
    consumer = Consumer(secret)
    shop.buy(member, 500)
    with slow.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "UPDATE loyalty_wallet SET version = version + 1, available = available + 5, lot_points[1] = lot_points[1] + 5 WHERE member_id = %s",
            [member.pk],
        )
        cursor.execute(
            """INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                             points, available_after, expires_on, reason, note, occurred_at, posted_at)
               SELECT wallet_id, 2, source_id, 'slow', 0, body_hash, debit_account, credit_account, 5, 10, expires_on, reason, note,
                      occurred_at, statement_timestamp()
                 FROM loyalty_transfer WHERE wallet_id = (SELECT id FROM loyalty_wallet WHERE member_id = %s)""",
            [member.pk],
        )
    shop.buy(other, 500)
    webhooks.deliver(send=consumer)
    webhook.refresh_from_db()
    with slow.cursor() as cursor:
        cursor.execute(
            "SELECT xact_start, posted_at FROM pg_stat_activity, loyalty_transfer WHERE pid = pg_backend_pid() AND client_key = 'slow'"
        )
        began, posted_at = cursor.fetchone()
        assert webhook.scanned_until <= began <= posted_at
        cursor.execute("COMMIT")
    slow.close()
    Webhook.objects.update(due_at=timezone.now())
    assert webhooks.deliver(send=consumer).events == 1
    assert sorted(consumer.versions.values()) == [1, 2]
