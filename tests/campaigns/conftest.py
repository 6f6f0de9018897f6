import itertools
import json
import uuid
from datetime import timedelta

import pytest
from wagtail.models import Locale

import experiments.operations
from campaigns import operations
from campaigns.models import Audience
from delivery.models import Message
from emails.models import EmailTemplate
from members.crypto import keyed_hash
from members.models import Consent, Identifier, Member
from push.models import PushTemplate, PushWording
from sales.models import Purchase, PurchaseLine
from tests.campaigns.people import AT, catalogue, points_currency, shop, tiers


def email_template(name="Come back", subject="We kept your points"):
    body = [
        {
            "type": "text",
            "id": str(uuid.uuid4()),
            "value": {"text": "<p>You have {{ points | default: 'some' }} points.</p>"},
        },
        {
            "type": "offers",
            "id": str(uuid.uuid4()),
            "value": {"title": "Again?", "slot": "buy_again", "fallback": "See you soon"},
        },
        {"type": "footer", "id": str(uuid.uuid4()), "value": {"why": "You get this because you joined."}},
    ]
    locale = Locale.objects.get_or_create(language_code="en")[0]
    return EmailTemplate.objects.create(name=name, subject=subject, body=json.dumps(body), locale=locale)


def push_template(name="A note", title="Come back", url="/portal/"):
    template = PushTemplate(name=name, url=url)
    template.wordings = [PushWording(language="en", title=title, body="You have {{ points }} points.")]
    template.save()
    return template


@pytest.fixture
def email():
    return email_template()


def enrol_quickly(count, **facts):
    people = Member.objects.bulk_create(
        Member(
            public_id=uuid.uuid5(uuid.NAMESPACE_URL, f"town-{i}"), joined_at=AT - timedelta(days=300),
            given_name=f"Given{i}", family_name="Smith", **facts,
        )
        for i in range(count)
    )  # fmt: skip
    addresses = [f"m{i}@example.com" for i in range(count)]
    Identifier.objects.bulk_create(
        Identifier(member=one, kind="email", value=address, value_hash=keyed_hash(address, kind="email"))
        for one, address in zip(people, addresses, strict=True)
    )
    Consent.objects.bulk_create(
        Consent(member=one, channel="email", is_granted=True, at=one.joined_at, source="test") for one in people
    )
    return people


def sale(member, at, total_minor, place, key):
    source, store = place
    return Purchase(
        source=source, client_key=key, body_hash=b"x" * 16, member=member, store=store, purchased_at=at, currency="USD",
        total_minor=total_minor,
    )  # fmt: skip


@pytest.fixture
def town():
    """Members 0…n with an e-mail address and consent, each with a few purchases before AT; the shop and its products."""

    def make(count=40, **facts):
        _tree, products = catalogue()
        place = shop()
        tiers()
        points_currency()
        people = enrol_quickly(count, **facts)
        sales = [
            sale(one, AT - timedelta(days=20 + i % 60), 1000 + 37 * i, place, f"before-{i}")
            for i, one in enumerate(people)
        ]
        Purchase.objects.bulk_create(sales)
        PurchaseLine.objects.bulk_create(
            PurchaseLine(purchase=one, line_no=1, product=products[i % 2], quantity=1, total_minor=one.total_minor)
            for i, one in enumerate(sales)
        )
        return people, place, products

    return make


@pytest.fixture
def everybody():
    return Audience.objects.create(name="Everybody", conditions={"match": "all", "conditions": []})


@pytest.fixture
def same_chance(monkeypatch):
    """Members fall into the same arms in every run: the salts of a test's experiments are counted, not drawn."""
    create, numbers = experiments.operations.create, itertools.count()
    monkeypatch.setattr(
        experiments.operations, "create", lambda **facts: create(**{"salt": f"chance {next(numbers)}", **facts})
    )


@pytest.fixture
def draft(everybody, email, same_chance):
    """A campaign of two variants and a holdout of a quarter, unless said otherwise. Its chance is always the same."""

    def make(**changes):
        settings = {"name": "Spring", "audience": everybody, "holdout_percent": 25, **changes}
        settings.setdefault(
            "variants", [{"name": "A", "email_template": email}, {"name": "B", "email_template": email}]
        )
        return operations.create(**settings)

    return make


def deliver(campaign, *, sent_at, but=()):
    """Mark the campaign's waiting messages sent, as delivery does when a hop took them; `but` fail."""
    rows = Message.objects.filter(cause=campaign.cause, state="pending")
    rows.filter(member__in=[one.pk for one in but]).update(state="failed")
    rows.filter(state="pending").update(state="sent", sent_at=sent_at, attempted_at=sent_at)
