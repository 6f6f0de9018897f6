"""The whole way of a paid membership with localstripe: another's implementation of Stripe calls our address with its own signatures."""

import os
import socket
import subprocess
import sys
import time

import pytest
import requests

from loyalty import operations
from loyalty.models import Membership, PaymentEvent, Wallet
from tests.loyalty.conftest import open_shop

PATIENCE_S = 60
SECRET = "whsec_of_localstripe"
START = "import localstripe.server as s; s.store.dump_to_disk = lambda: None; s.start()"


def until(condition):
    """Wait until something is so; the condition's last answer."""
    begun = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - begun < PATIENCE_S, "it never came"
        time.sleep(0.05)
    return found


def answers(url) -> bool:
    try:
        return requests.get(url, timeout=5).status_code < 500
    except requests.ConnectionError:
        return False


@pytest.fixture
def stripe_at(tmp_path):
    """localstripe on a free port; its files stay in a folder of the test's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", START, "--port", str(port), "--from-scratch"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOME": str(tmp_path)})
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{url}/js.stripe.com/v3/"))
        yield url
    finally:
        process.terminate()
        process.wait()
        log.close()


def tier_of(member) -> str:
    wallet = Wallet.objects.filter(member=member).select_related("tier").first()
    return wallet.tier.code if wallet else ""


def test_a_subscription_switches_the_tier_on_and_off_over_the_wire(site, stripe_at, settings):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_URL = (
        "sk_test_12345",
        SECRET,
        stripe_at,
    )
    member = open_shop().member()
    operations.change_tier(code="plus", name_en="Plus", how="paid", rank=8)
    operations.add_plan(tier_code="plus", price_id="plus-monthly", amount_minor=499, currency="USD", interval="month")

    def ask(path, method="POST", **said):
        answer = requests.request(method, f"{stripe_at}{path}", data=said, auth=("sk_test_12345", ""), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    for name, secret in (("ours", SECRET), ("forged", "whsec_of_somebody_else")):
        ask(f"/_config/webhooks/{name}", url=f"{site}/api/v1/stripe/events/", secret=secret)
    ask(
        "/v1/plans",
        id="plus-monthly",
        amount=499,
        currency="usd",
        interval="month",
        nickname="Plus",
        **{"product[name]": "Plus"},
    )
    card = ask(
        "/v1/tokens",
        **{"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"},
    )
    customer = ask("/v1/customers", email="member@example.com", source=card["id"])
    subscription = ask(
        "/v1/subscriptions", customer=customer["id"],
        **{"items[0][plan]": "plus-monthly", "metadata[member]": str(member.public_id)},
    )  # fmt: skip
    until(lambda: tier_of(member) == "plus")
    held = Membership.objects.get()
    assert (held.subscription_id, held.status, held.plan.price_id) == (subscription["id"], "active", "plus-monthly")

    ask(f"/v1/subscriptions/{subscription['id']}", method="DELETE")
    until(lambda: tier_of(member) == "member")
    assert Membership.objects.get().status == "ended"
    told = PaymentEvent.objects.filter(kind__startswith="customer.subscription").order_by("kind")
    both = ["customer.subscription.created", "customer.subscription.deleted"]
    until(lambda: list(told.exclude(handled_at=None).values_list("kind", flat=True)) == both)
    until(lambda: not PaymentEvent.objects.filter(handled_at=None).exists())  # nothing is still on its way to us
