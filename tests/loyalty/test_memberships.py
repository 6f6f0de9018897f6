"""A paid tier follows the subscription: events signed for real, twice, late, in any order, and with grace on a failed payment."""

from datetime import timedelta

import pytest
from django.urls import reverse

from loyalty import billing, operations
from loyalty.models import Membership, PaymentEvent, Wallet
from members import clock
from tests.loyalty.stripe_double import PERIOD_S, SECRET, StripeDouble
from tests.loyalty.verdict import assert_sound


@pytest.fixture
def provider(settings):
    double = StripeDouble()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_URL = (
        "sk_test_double",
        SECRET,
        double.url,
    )
    yield double
    double.stop()


@pytest.fixture
def plan(shop, provider):
    operations.change_tier(code="plus", name_en="Plus", how="paid", rank=8, benefits=[("Free delivery", "免运费")])
    return operations.add_plan(
        tier_code="plus", price_id="price_plus", amount_minor=499, currency="USD", interval="month"
    )


class Joining:
    def __init__(self, shop, provider, plan, client):
        self.provider, self.client, self.member, self.at = provider, client, shop.member(), clock.now()
        address = operations.join(
            member_id=self.member.pk, plan=plan, success_url="https://x/ok", cancel_url="https://x/no"
        )
        self.session = address.rsplit("/", 1)[1]
        self.ends = int(self.at.timestamp()) + PERIOD_S

    def tell(self, event) -> str:
        body, signature = event
        answer = self.client.post(
            reverse("stripe_events"), body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        return answer.json()["outcome"] if answer.status_code == 200 else answer.status_code

    @property
    def tier(self):
        wallet = Wallet.objects.filter(member=self.member).first()
        return wallet and wallet.tier.code

    @property
    def subscription(self):
        return next(iter(self.provider.subscriptions))


@pytest.fixture
def joining(shop, provider, plan, client):
    return Joining(shop, provider, plan, client)


def test_paying_switches_the_tier_on_once(joining):
    assert joining.tier is None
    paid = joining.provider.pay(joining.session, ends=joining.ends)
    assert [joining.tell(paid), joining.tell(paid)] == ["obeyed", "replay"]
    held = operations.membership_of(joining.member.pk)
    assert (joining.tier, held.status, held.plan.price_id) == ("plus", "active", "price_plus")
    assert PaymentEvent.objects.get().raw == paid[0].decode()
    with pytest.raises(operations.CannotJoin, match="already"):
        operations.join(member_id=joining.member.pk, plan=held.plan, success_url="https://x", cancel_url="https://x")
    assert_sound()


def test_an_event_that_the_provider_did_not_sign_changes_nothing(joining):
    body, signature = joining.provider.pay(joining.session, ends=joining.ends)
    assert joining.tell((body.replace(b"cs_", b"cx_"), signature)) == 400
    assert joining.tell((body, "t=1,v1=00")) == 400
    assert (joining.tier, PaymentEvent.objects.count()) == (None, 0)


def test_a_failed_payment_keeps_the_tier_for_its_grace_and_then_ends_it(joining):
    joining.tell(joining.provider.pay(joining.session, ends=joining.ends))
    assert joining.tell(joining.provider.becomes(joining.subscription, "past_due")) == "obeyed"
    held = operations.membership_of(joining.member.pk)
    assert (joining.tier, held.status) == ("plus", "grace")
    operations.evaluate_tiers(at=held.grace_until - timedelta(minutes=1))
    assert joining.tier == "plus"
    operations.evaluate_tiers(at=held.grace_until + timedelta(minutes=1))
    assert joining.tier == "member"
    joining.tell(joining.provider.becomes(joining.subscription, "active"))
    assert joining.tier == "plus"


def test_events_out_of_order_come_to_what_the_provider_says_now(joining):
    paid = joining.provider.pay(joining.session, ends=joining.ends)
    failed = joining.provider.becomes(joining.subscription, "past_due")
    ended = joining.provider.becomes(joining.subscription, "canceled")
    joining.provider.becomes(joining.subscription, "active")
    assert [joining.tell(event) for event in (ended, paid, failed)] == ["obeyed"] * 3
    assert (joining.tier, Membership.objects.get().status) == ("plus", "active")


def test_leaving_keeps_the_tier_until_the_period_is_over(joining):
    joining.tell(joining.provider.pay(joining.session, ends=joining.ends))
    left = operations.leave(member_id=joining.member.pk, at=clock.now())
    assert (left.is_leaving, left.status, joining.tier) == (True, "active", "plus")
    joining.tell(joining.provider.becomes(joining.subscription, "canceled"))
    assert (joining.tier, Membership.objects.get().status) == ("member", "ended")
    with pytest.raises(operations.CannotJoin, match="no membership"):
        operations.leave(member_id=joining.member.pk, at=clock.now())


def test_an_event_is_kept_and_asked_for_again_while_the_provider_is_down(joining):
    paid = joining.provider.pay(joining.session, ends=joining.ends)
    joining.provider.is_down = True
    assert joining.tell(paid) == 503
    assert PaymentEvent.objects.get().handled_at is None
    joining.provider.is_down = False
    assert joining.tell(paid) == "obeyed"
    assert joining.tier == "plus"


def test_news_that_never_came_are_asked_for(joining):
    joining.tell(joining.provider.pay(joining.session, ends=joining.ends))
    joining.provider.becomes(joining.subscription, "canceled")
    assert operations.refresh_all(at=joining.at + timedelta(days=31)) == 1
    assert joining.tier == "member"


def test_somebody_elses_events_are_kept_and_ignored(joining):
    assert joining.tell(joining.provider.event("balance.available", {"object": "balance"})) == "ignored"
    assert Membership.objects.count() == 0


def test_nothing_happens_while_no_keys_are_set(shop, client, settings):
    settings.STRIPE_SECRET_KEY = settings.STRIPE_WEBHOOK_SECRET = ""
    assert operations.open_plans() == []
    with pytest.raises(billing.NotSetUp):
        billing.subscription("sub_1")
    assert client.post(reverse("stripe_events"), b"{}", content_type="application/json").status_code == 503
