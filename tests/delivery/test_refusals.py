"""The page of addresses that are not written to: asked, closed and opened by hand; what providers told is shown as it came."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from delivery import operations
from delivery.models import ProviderEvent, Suppression
from members.models import Access
from members.operations import add_staff
from tests.delivery.conftest import AT
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return at_door(Client(), add_staff(email="m@shop.example", roles=["marketer"]), "cms")


def ask(operator, address, channel="email", **more):
    where = reverse("delivery_refusals_decide" if more else "delivery_refusals_look_up")
    return operator.post(where, {"channel": channel, "address": address} | more, follow=True).content.decode()


def test_an_address_is_asked_about_opened_and_closed_by_hand(operator):
    operations.suppress(channel="email", address="ada@example.com", reason="hard_bounce", at=AT)
    page = operator.get(reverse("delivery_refusals")).content.decode()
    assert "The address does not exist" in page
    assert "ada@example.com" not in page, "the list can be asked and not read"
    assert "closed on March 10, 2026 (The address does not exist)." in ask(operator, " Ada@Example.com")
    assert "written to again" in ask(operator, "ada@example.com", answer="again")
    assert not Suppression.objects.exists()
    assert "not on the list." in ask(operator, "ada@example.com")
    ask(operator, "+1 212 555 0123", channel="sms", answer="never")
    assert list(Suppression.objects.values_list("channel", "reason")) == [("sms", "manual")]
    assert "Entered by staff" in ask(operator, "2125550123", channel="sms")


def test_what_is_no_address_changes_nothing_and_says_why(operator):
    for address in ("nobody", ""):
        assert "errorlist" in ask(operator, address, answer="never")
    assert (
        operator.post(reverse("delivery_refusals_decide"), {"channel": "email", "address": "a@example.com"}).status_code
        == 404
    )
    assert not Suppression.objects.exists()


def test_a_providers_news_is_shown_as_it_came_and_who_looked_is_noted(operator, enrolled, outbox):
    [ada] = enrolled()
    [message] = outbox()
    told = {"event": "hard_bounce", "email": "m1@example.com"}
    known = ProviderEvent.objects.create(
        provider="brevo", key=b"1", kind="bounced", message=message, at=AT, received_at=AT, raw=json.dumps(told)
    )
    stray = ProviderEvent.objects.create(provider="brevo", key=b"2", kind="queued", at=AT, received_at=AT, raw=None)
    page = operator.get(reverse("delivery_refusals")).content.decode()
    assert "campaign:1" in page
    assert "no message of ours" in page
    assert "m1@example.com" not in page
    assert "m1@example.com" in operator.get(reverse("delivery_refusals_event", args=[known.pk])).content.decode()
    assert list(Access.objects.values_list("member_id", "door")) == [(ada.pk, "cms")]
    assert "Forgotten" in operator.get(reverse("delivery_refusals_event", args=[stray.pk])).content.decode()
    assert operator.get(reverse("delivery_refusals_event", args=[0])).status_code == 404
