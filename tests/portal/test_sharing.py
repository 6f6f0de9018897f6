"""Points given to another member from the portal: once, within what one has, and told in words where it cannot be."""

import pytest

import loyalty.queries
from loyalty import operations as loyalty_operations
from members.clock import now
from members.models import Consent, Identifier, Member
from members.queries import consent_now

pytestmark = pytest.mark.django_db
GIFT = "/portal/sharing/gift/"


@pytest.fixture
def friend(market):
    return Member.objects.exclude(pk=market.hero.pk).order_by("pk").first()


@pytest.fixture
def purse(market):
    loyalty_operations.adjust(
        member_id=market.hero.pk,
        points=200,
        reason="sorry",
        source="test",
        client_key="purse",
        by_user_id=None,
        at=now(),
    )
    return available(market.hero)


def available(member):
    return loyalty.queries.balance(member.pk, at=now()).available


def card_of(member):
    return Identifier.objects.get(member=member, kind="card").value


def test_a_gift_given_by_a_double_tap_is_given_once(market, hero, friend, purse):
    before = available(friend)
    said = {"key": "one tap", "card": card_of(friend), "points": 40}
    for _tap in range(2):
        told = hero.post(GIFT, said, follow=True).content.decode()
        assert "Given. They keep their last day." in told
    assert (available(market.hero), available(friend)) == (purse - 40, before + 40)


@pytest.mark.parametrize(
    "refused",
    [
        ("friend", 100_000, "points"),
        ("own", 10, "These are your own points already. Choose somebody else."),
        ("0000000000000", 10, "No card has this number. Check it with them."),
        ("friend", 0, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_given_is_said_and_moves_nothing(market, hero, friend, purse, refused):
    card, points, words = refused
    number = {"friend": card_of(friend), "own": card_of(market.hero)}.get(card, card)
    before = available(friend)
    answer = hero.post(GIFT, {"key": "one tap", "card": number, "points": points})
    form = answer.context["gift_form"]
    assert answer.status_code == 422
    assert words in " ".join(error for errors in form.errors.values() for error in errors)
    assert form["card"].value() == number, "what was typed stays"
    assert (available(market.hero), available(friend)) == (purse, before)


def test_each_topic_has_a_word_of_its_own_on_each_channel(market, hero):
    said = {"channel": "email", "purpose": "points", "is_granted": "1"}
    hero.post("/portal/preferences/consent/", said)
    hero.post("/portal/preferences/consent/", said | {"purpose": "marketing", "is_granted": "0"})
    known = consent_now(market.hero.pk, at=now())
    assert (known["email", "points"], known["email", "marketing"]) == (True, False)
    page = hero.get("/portal/preferences/").context
    shown = {(topic["name"] if isinstance(topic, dict) else topic.name) for topic in page["topics"]}
    assert len(shown) > 1
    assert Consent.objects.filter(member=market.hero, purpose="points", source="portal").count() == 1
