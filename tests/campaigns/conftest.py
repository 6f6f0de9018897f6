import json
import uuid
from datetime import timedelta

import pytest
from wagtail.models import Locale

from campaigns import operations
from campaigns.models import Audience
from delivery.models import Message
from emails.models import EmailTemplate
from members.models import Member
from members.operations import enrol
from push.models import PushTemplate, PushWording
from tests.campaigns.people import AT, catalogue, points_currency, sell, shop, tiers


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


def push_template(name="A note", title="Come back"):
    template = PushTemplate(name=name, url="/portal/")
    template.wordings = [PushWording(language="en", title=title, body="You have {{ points }} points.")]
    template.save()
    return template


@pytest.fixture
def email():
    return email_template()


@pytest.fixture
def town():
    """Members 0…n with an e-mail address and consent, each with a few purchases before AT; the shop and its products."""

    def make(count=40, **facts):
        _tree, products = catalogue()
        place = shop()
        tiers()
        points_currency()
        people = []
        for i in range(count):
            person = enrol(
                at=AT - timedelta(days=300), given_name=f"Given{i}", family_name="Smith", email=f"m{i}@example.com",
                source="test", consents=("email",), public_id=uuid.uuid5(uuid.NAMESPACE_URL, f"town-{i}"), **facts,
            )  # fmt: skip
            sell(
                person, AT - timedelta(days=20 + i % 60), 1000 + 37 * i, products[i % 2], place=place, key=f"before-{i}"
            )
            people.append(person)
        return people, place, products

    return make


@pytest.fixture
def everybody():
    return Audience.objects.create(name="Everybody", conditions={"match": "all", "conditions": []})


@pytest.fixture
def draft(everybody, email):
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


def fixed_chance(campaign, salt="a fixed salt"):
    """Members of `town` always fall into the same arms under this salt."""
    return salt


def all_members():
    return Member.objects.order_by("pk")
