"""One member's offers, with the reason of each in words, wherever the member or a colleague looks; and each look is one exposure."""

import email
import html
from email import policy

import pytest
from django.utils import timezone

import recommender.queries
from api.models import ApiClient
from api.operations import create_client
from campaigns import operations as campaigns
from campaigns.models import Audience, Recipient
from delivery import contents, tokens
from delivery.models import Message
from members.operations import add_staff
from recommender.models import Exposure
from sales.models import Store
from tests.campaigns.conftest import email_template
from tests.flows import world
from tests.portal.conftest import enter
from tests.signing_in import at_door


@pytest.fixture
def market(db):
    return world.make(members_count=12)


def shown(market, slot, limit) -> list[tuple[str, str]]:
    """The names and reasons that stand in the member's list."""
    return [(one.name, one.reason) for one in recommender.queries.recommendations(market.hero.pk, slot, limit=limit)]


def everything_of(market, slot, text) -> bool:
    """Whether one of the slot's offers stands there with its own reason."""
    return any(name in text and reason in text for name, reason in shown(market, slot, 7))


def page(answer) -> str:
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_the_portal_the_till_the_desk_and_the_interface_say_why(market, client):
    enter(client, market.hero_email)
    portal = page(client.get("/portal/offers/"))
    cashier = add_staff(email="cashier@example.com", roles=["cashier"])
    cashier.stores.add(Store.objects.get(code="292"))
    till = page(at_door(client, cashier, "pos").get(f"/pos/members/{market.hero.public_id}/"))
    service = add_staff(email="service@example.com", roles=["service"])
    desk = page(at_door(client, service, "desk").get(f"/desk/members/{market.hero.public_id}/"))
    _client, token = create_client(name="shop", source="shop", scopes=ApiClient.Scope.values)
    told = client.get(
        f"/api/v1/members/{market.hero.public_id}/offers", headers={"Authorization": f"Bearer {token}"}
    ).json()
    for slot in ("buy_again", "new_for_you"):
        for text in (portal, till, desk):
            assert everything_of(market, slot, text)
        of_list = dict(shown(market, slot, 7))
        assert told[slot]
        assert all(of_list[one["name"]] == one["reason"] for one in told[slot])
    channels = Exposure.objects.filter(member=market.hero).values_list("channel", flat=True)
    assert {"portal", "till", "desk", "api"} == set(channels)


def test_the_letter_says_why(market):
    now = timezone.now()
    campaign = campaigns.create(
        name="Spring", audience=Audience.objects.create(name="All", conditions={}), holdout_percent=0,
        variants=[{"name": "A", "email_template": email_template()}], offers_buy_again=2,
    )  # fmt: skip
    campaigns.launch(campaign=campaign, at=now)
    message = Message.objects.get(cause=campaign.cause, member=market.hero)
    handler, written = contents.resolve(message.content)
    values = Recipient.objects.get(campaign=campaign, member=market.hero).values
    raw = handler.writer(written)(values, market.hero_email, now, tokens.maker()(message.pk))
    letter = email.message_from_bytes(bytes(raw), policy=policy.default)
    for kind in ("plain", "html"):
        assert everything_of(market, "buy_again", html.unescape(letter.get_body((kind,)).get_content()))
