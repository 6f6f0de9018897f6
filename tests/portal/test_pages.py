"""The pages around the points: card, pocket, messages, questions, undo, pages of words; what is another member's is not there."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone

import care.queries
import delivery.operations
import loyalty.queries
from care.models import Answer
from delivery.models import Message
from emails import starters as emails
from emails.operations import freeze
from loyalty.models import Redemption
from loyalty.operations import publish_rule_set, record_purchase
from members import operations
from members.clock import now
from members.models import Member
from portal import starters
from portal.models import Article, MenuItem
from sales.lines import Line
from tests.portal import scene
from tests.portal.conftest import enter


@pytest.fixture
def life(db, client):
    """The scene, its hero signed in."""
    made = scene.make()
    enter(client, made.hero_email)
    return made


def test_the_code_of_the_card_changes_and_is_the_members_own(client, market, hero):
    first, second = (hero.get("/portal/card/code/").json() for _time in range(2))
    assert first["qr"].startswith("<svg")
    assert operations.accept_card_token(token=second["token"]) == market.hero
    assert market.hero_card not in first["token"]


def test_the_card_hears_of_new_points_and_of_nothing_else(market, hero):
    version = loyalty.queries.wallet_of(market.hero.pk).version
    assert hero.get(f"/portal/card/news/?after={version}").json() == {}
    assert hero.get("/portal/card/news/?after=x").json() == {}
    record_purchase(
        source="till:292", client_key="now", store_code="292", purchased_at=timezone.now(), currency="USD",
        lines=[Line("milk", Decimal(1), 1000)], member_id=market.hero.pk,
    )  # fmt: skip
    told = hero.get(f"/portal/card/news/?after={version}").json()
    assert told["words"].startswith("+1")
    assert told["points"] == f"{loyalty.queries.balance(market.hero.pk, at=now()).available:,}"


def test_the_pocket_holds_card_balance_and_vouchers(life, client):
    page = client.get("/portal/card/pocket/").content.decode()
    code = loyalty.queries.active_entitlements(life.hero.pk, at=now()).exclude(voucher=None).get().voucher.code
    assert life.hero_card in page
    assert code[:4] in page
    assert f"{loyalty.queries.balance(life.hero.pk, at=now()).available:,}" in page


def test_a_reward_goes_back_while_it_is_unused_and_only_by_its_owner(life, client):
    taken = Redemption.objects.get(wallet__member=life.hero)
    before = loyalty.queries.balance(life.hero.pk, at=now()).available
    client.post("/portal/logout/")
    enter(client, "bruno.bloom.1@example.com")
    client.post(f"/portal/rewards/undo/{taken.public_id}/")
    assert loyalty.queries.balance(life.hero.pk, at=now()).available == before
    client.post("/portal/logout/")
    enter(client, life.hero_email)
    for _twice in range(2):
        client.post(f"/portal/rewards/undo/{taken.public_id}/")
    assert loyalty.queries.balance(life.hero.pk, at=now()).available == before + taken.points


def test_a_question_is_answered_once_by_whom_it_was_put_to(life, client):
    [asked] = care.queries.open_surveys(life.hero.pk, at=now())
    address = f"/portal/surveys/{asked.token}/"
    assert asked.survey.question in client.get("/portal/").content.decode()
    assert "Choose a number" in client.post(address, {"score": "9"}).content.decode()
    client.post(address, {"score": "5", "comment": "Lovely"})
    assert Answer.objects.get().score == 5
    assert asked.survey.question not in client.get("/portal/").content.decode()
    client.post("/portal/logout/")
    enter(client, "bruno.bloom.1@example.com")
    assert client.get(address).status_code == client.post(address, {"score": "1"}).status_code == 404


def test_messages_that_were_sent_can_be_read_again_and_nobody_elses(market, hero, client):
    frozen = freeze(template=emails.write("win_back", name="Back"), language="en", site_url="http://x.example")
    delivery.operations.enqueue(
        messages=Member.objects.filter(pk__in=market.member_ids).values(member_id=F("pk")), cause="letters", channel="email",
        at=now(), content=f"emails.FrozenEmail:{frozen.pk}",
    )  # fmt: skip
    assert "favourites are waiting" not in hero.get("/portal/messages/").content.decode(), "not sent yet"
    Message.objects.filter(member=market.hero).update(state="sent", sent_at=now())
    page = hero.get("/portal/messages/").content.decode()
    assert f"{market.hero.given_name}, your favourites are waiting" in page
    assert page.count("/m/v/") == 1


def test_points_that_wait_say_from_when_they_can_be_spent(market, hero):
    definition = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "pending": {"days": 14}}
    publish_rule_set(definition=definition, live_from=now() - timedelta(minutes=5), name="Waiting")
    record_purchase(
        source="till:292", client_key="now", store_code="292", purchased_at=now(), currency="USD",
        lines=[Line("milk", Decimal(1), 1000)], member_id=market.hero.pk,
    )  # fmt: skip
    day = loyalty.queries.next_maturity(market.hero.pk)
    assert timedelta(days=13) <= day - now().date() <= timedelta(days=15)
    page = hero.get("/portal/").content.decode()
    assert f"can be spent from {day:%b}. {day.day}" in page or f"can be spent from {day:%B} {day.day}" in page


def test_pages_of_words_are_open_in_the_readers_language_and_drafts_are_not_there(client, db):
    assert starters.write() == 8
    assert starters.write() == 0, "what is there stays"
    assert "Show your card" in client.get("/portal/pages/how-it-works/").content.decode()
    assert (
        "出示会员卡"
        in client.get("/portal/pages/how-it-works/", headers={"accept-language": "zh-hans"}).content.decode()
    )
    assert "Terms of the programme" in client.get("/portal/login/").content.decode(), "at the foot of every page"
    Article.objects.filter(slug="help", locale__language_code="zh-hans").delete()
    assert client.get("/portal/pages/help/", headers={"accept-language": "zh-hans"}).status_code == 200, (
        "in the other language"
    )
    Article.objects.filter(slug="help").update(live=False)
    assert client.get("/portal/pages/help/").status_code == 404
    assert "Answers to what members ask most" not in client.get("/portal/pages/").content.decode()


def test_pages_are_searched_in_the_readers_language_with_the_words_around(db, client):
    starters.write()
    page = client.get("/portal/pages/", {"q": "receipt points"}).content.decode()
    assert "1 page for" in page
    assert "/portal/pages/help/" in page
    assert "…" in page
    assert "Nothing is written about that" in client.get("/portal/pages/", {"q": "zebra"}).content.decode()
    client.cookies["django_language"] = "zh-hans"
    assert "/portal/pages/help/" in client.get("/portal/pages/", {"q": "小票"}).content.decode()


def test_a_menu_leads_where_its_lines_say_in_both_languages(db, client):
    starters.write()
    assert "/portal/pages/terms/" in client.get("/portal/pages/help/").content.decode()
    english = Article.objects.get(slug="help", locale__language_code="en")
    MenuItem.objects.create(menu="foot", place=2, article=english)
    MenuItem.objects.create(menu="foot", place=1, name_en="The shop", name_zh="商店", url="https://shop.example.com/")
    foot = client.get("/portal/pages/terms/").content.decode().partition("<footer")[2]
    assert foot.index("The shop") < foot.index("/portal/pages/help/")
    assert "/portal/pages/terms/" not in foot
    client.cookies["django_language"] = "zh-hans"
    foot = client.get("/portal/pages/terms/").content.decode().partition("<footer")[2]
    assert "商店" in foot
    assert "帮助" in foot


def test_pages_are_built_of_the_blocks_of_emails_and_parts_stand_on_other_pages(life, client):
    starters.write()
    article = Article.objects.get(slug="help", locale__language_code="en")
    article.body = [
        {
            "type": "hero",
            "value": {
                "heading": "Spring {{ given_name }}",
                "text": "New <things>",
                "button_text": "See",
                "button_url": "{{ portal_url }}offers/",
            },
        },
        {
            "type": "columns",
            "value": {
                "first": [{"type": "text", "value": {"text": "<p>One</p>"}}],
                "second": [{"type": "button", "value": {"button_text": "Go", "button_url": "javascript:x"}}],
                "third": [],
            },
        },
        {
            "type": "products",
            "value": {"heading": "Week", "products": [{"name": "Rye", "price": "$4", "text": "Dark", "url": ""}]},
        },
    ]
    article.save()
    page = client.get("/portal/pages/help/").content.decode()
    for words in ("<h2>Spring</h2>", "New &lt;things&gt;", 'href="/portal/offers/"', "One", 'href="#"', "Rye"):
        assert words in page
    assert "Spring" not in client.get("/portal/").content.decode()
    Article.objects.filter(pk=article.pk).update(stands_on="home")
    assert "Spring" in client.get("/portal/").content.decode()
    Article.objects.filter(slug="help").update(stands_on="rewards")
    assert "Spring" in client.get("/portal/rewards/").content.decode()
    assert client.get("/portal/pages/help/").status_code == 404
