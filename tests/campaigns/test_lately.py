"""The last times that what sets off a campaign happened: what would come of each, and what did."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import lately, operations
from campaigns.models import Audience, Entry
from campaigns.tasks import run_due
from members import clock
from members.operations import add_staff, give_consent
from sales.models import Purchase
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(town):
    """Twelve members, and a way for one of them to buy."""
    people, place, _products = town(12)
    bought = []

    def buy(member, at):
        bought.append(member)
        return Purchase.objects.bulk_create([sale(member, at, 500, place, f"late-{len(bought)}")])

    return people, buy


def test_of_a_draft_it_says_who_would_come_in_and_why_not_and_nothing_is_written(shop, draft):
    people, buy = shop
    others = [one.pk for one in people[1:]]
    audience = Audience.objects.create(
        name="Not in French", conditions={"match": "all", "conditions": [{"type": "language", "languages": ["en"]}]}
    )
    type(people[0]).objects.filter(pk=people[0].pk).update(language="zh-hans")
    give_consent(member=people[1], channel="email", is_granted=False, source="test", at=AT)
    for minute, one in enumerate(people, 1):
        buy(one, AT - timedelta(minutes=minute))
    campaign = draft(timing="triggered", trigger="purchase", audience=audience)
    told = lately.last(campaign, at=AT)
    assert [one.member.pk for one in told] == [people[0].pk, *others[:9]]
    assert [one.fate for one in told] == ["skipped:not_in_audience", "skipped:no_consent", *["would"] * 8]
    assert [one.is_in for one in told] == [False, False, *[True] * 8]
    assert [one.member.pk for one in lately.last(campaign, at=AT, member_id=people[11].pk)][:1] == [people[11].pk]
    assert not Entry.objects.exists()


def test_of_a_live_one_it_says_what_it_did_and_why_it_did_nothing(shop, draft, monkeypatch):
    people, buy = shop
    buy(people[0], AT - timedelta(minutes=1))
    campaign = draft(timing="triggered", trigger="purchase", reentry="never", delay_minutes=60, holdout_percent=0)
    campaign = operations.launch(campaign=campaign, at=AT)
    buy(people[1], AT + timedelta(minutes=1))
    for minutes in (5, 70):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: AT + timedelta(minutes=minutes))
        run_due()
    buy(people[1], AT + timedelta(minutes=60))
    buy(people[2], AT + timedelta(minutes=80))
    campaign.refresh_from_db()
    told = lately.last(campaign, at=AT + timedelta(minutes=81))
    assert [(one.member.pk, one.fate) for one in told[:4]] == [
        (people[2].pk, "unheard"), (people[1].pk, "again"), (people[1].pk, "waiting"), (people[0].pk, "too_early"),
    ]  # fmt: skip


def test_the_page_tells_it_of_masked_members_and_of_any_one(shop, draft, monkeypatch, client):
    people, buy = shop
    buy(people[3], AT - timedelta(minutes=1))
    monkeypatch.setattr(clock, "now", lambda: AT)
    marketer = at_door(client, add_staff(email="mara@example.com", roles=["marketer"]), "cms")
    address = reverse("cms_campaign_lately", args=[draft(timing="triggered", trigger="purchase").pk])
    page = marketer.get(address).content.decode()
    assert "Given3 S." in page
    assert "Smith" not in page
    assert "Would come in" in page
    assert page.index("Given3 S.") < page.index("Given0 S.")
    alone = marketer.get(address, {"member": people[3].public_id}).content.decode()
    assert "Given3 S." in alone
    assert "Given0 S." not in alone
    assert marketer.get(reverse("cms_campaign_lately", args=[draft(name="Once").pk])).status_code == 404
