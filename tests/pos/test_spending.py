"""What a member spends at the till: what fits is offered, what is shown is done, and a phone number alone spends nothing."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone

import loyalty.operations
import loyalty.queries
from loyalty.models import Entitlement, Redemption, Reward, SpendingPolicy
from members import operations, queries
from members.models import Access
from pos import letters
from sales.lines import Line
from sales.models import Product, Purchase
from tests.pos.test_till import available, key_of

pytestmark = pytest.mark.django_db
AMOUNT = re.compile(r"<template data-to-pay>(.*?)</template>")


def reward(**others) -> Reward:
    given = {
        "name_en": "Five off",
        "kind": "amount",
        "amount": 500,
        "points": 300,
        "valid_from": timezone.now() - timedelta(days=1),
    }
    return Reward.objects.create(**given | others)


class AtOnce:
    """A thread that has ended when it is started."""

    def __init__(self, *, target, name, args=()):
        self.name, self.work = name, partial(target, *args)

    def start(self):
        self.work()


@pytest.fixture
def maria(counter):
    """Eight hundred points, and room below the limit of a thousand."""
    loyalty.operations.record_purchase(
        source="web", client_key="before", store_code="S1", purchased_at=timezone.now() - timedelta(days=2), currency="USD",
        lines=[Line("tea", Decimal(1), 80_000)], member_id=counter.maria.pk,
    )  # fmt: skip
    return counter.maria


def page_of(member) -> str:
    return f"/pos/members/{member.public_id}/"


def scan(till, member):
    return till.get("/pos/", {"q": queries.identifiers(member)["card"].value})


def panel(till, member, **said) -> str:
    return till.get(f"{page_of(member)}fits/", said).content.decode()


def pay(till, member, amount="20.00", key=None, **said):
    return till.post(page_of(member), {"amount": amount, "key": key or uuid.uuid4().hex, **said})


def to_pay(html: str) -> str:
    return AMOUNT.search(html)[1]


def test_points_pay_a_part_and_the_panel_says_beforehand_what_is_left(till, maria):
    scan(till, maria)
    html = panel(till, maria, amount="20.00", points="500")
    assert to_pay(html) == "$15.00"
    assert "800 points = $8.00" in html
    sold = pay(till, maria, points="500", expected="1500")
    assert "$15.00" in till.get(sold.url).content.decode()
    assert available(maria) == 800 - 500 + 15, "what was paid with points earns nothing"


def test_several_rewards_and_points_go_on_one_sale_all_or_nothing(till, maria):
    scan(till, maria)
    five, two = reward(), reward(name_en="Two off", amount=200, points=100)
    chosen = {"reward": [str(five.public_id), str(two.public_id)], "points": "200"}
    assert to_pay(panel(till, maria, amount="20.00", **chosen)) == "$11.00"
    refused = pay(till, maria, **{**chosen, "points": "900"})
    assert refused.status_code == 200
    assert (available(maria), Redemption.objects.count(), Purchase.objects.filter(source__code="till:S1").count()) == (
        800,
        0,
        0,
    )
    sold = pay(till, maria, **chosen)
    assert sold.status_code == 302
    assert (Redemption.objects.count(), Entitlement.objects.filter(uses_left=0).count()) == (2, 2)
    assert available(maria) == 800 - 600 + 11


def test_a_second_enter_spends_nothing_twice(till, maria):
    scan(till, maria)
    key, five = uuid.uuid4().hex, reward()
    first, second = (pay(till, maria, key=key, reward=[str(five.public_id)], points="100") for _ in range(2))
    assert first.url == second.url
    assert (Redemption.objects.count(), available(maria)) == (1, 800 - 400 + 14)


def test_only_what_fits_the_basket_and_the_balance_is_offered(till, maria):
    scan(till, maria)
    reward(name_en="Dear", points=5_000)
    reward(name_en="Large basket", basket_minor_from=3_000)
    reward(name_en="Fits")
    html = panel(till, maria, amount="20.00")
    assert ["Fits" in html, "Dear" in html, "Large basket" in html] == [True, False, False]
    assert "Large basket" in panel(till, maria, amount="30.00")
    fits = Reward.objects.get(name_en="Fits")
    reward(name_en="Costly too", points=600)
    assert "too few points left" in panel(till, maria, amount="20.00", reward=[str(fits.public_id)])


def test_a_free_product_is_handed_over_without_a_sale_and_only_once(till, maria):
    scan(till, maria)
    coffee = reward(
        name_en="A coffee", kind="product", amount=1, product=Product.objects.create(code="coffee"), points=50
    )
    key = uuid.uuid4().hex
    for _ in range(2):
        done = pay(till, maria, amount="", key=key, reward=[str(coffee.public_id)])
        assert done.url == page_of(maria)
    assert (available(maria), Redemption.objects.count(), Entitlement.objects.get().uses_left) == (750, 1, 0)


def test_a_voucher_and_a_gift_card_are_told_apart_by_their_code(till, maria):
    now = timezone.now()
    pool = loyalty.operations.create_pool(
        name="Spring", reward=reward(), count=1, valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=9)
    )
    card = loyalty.operations.issue_gift_card(
        minor=700, currency="USD", valid_until=(now + timedelta(days=99)).date(), source="web", client_key="g", at=now
    )
    said = {"amount": "20.00", "code": pool.codes[0]}
    html = till.post(f"{page_of(maria)}codes/", said).content.decode()
    assert (to_pay(html), 'id="missing"' in html) == ("$15.00", False), "who brings a code need not show a card as well"
    benefit = re.search(r'name="benefit" value="([\w-]+)" checked', html)[1]
    html = till.post(f"{page_of(maria)}codes/", {**said, "code": card.code, "benefit": benefit}).content.decode()
    assert to_pay(html) == "$8.00"
    sealed = re.search(r'name="card" value="([^"]+)"', html)[1]
    assert str(card.card.pk) != sealed
    assert pay(till, maria, benefit=benefit, card=sealed).status_code == 302
    card.card.wallet.refresh_from_db()
    assert card.card.wallet.available == 0
    wrong = till.post(f"{page_of(maria)}codes/", {"amount": "20.00", "code": "ABCD-EFGH-JKMN-PQRT"}).content.decode()
    assert "mistyped" in wrong or "not known" in wrong


def test_a_phone_number_alone_spends_nothing(till, maria):
    assert till.get("/pos/", {"q": "0123"}).status_code == 302
    assert 'id="missing"' in panel(till, maria, amount="20.00", points="100")
    refused = pay(till, maria, points="100")
    assert "Ask for their card" in refused.content.decode()
    assert 'value="20.00"' in refused.content.decode(), "what was typed stays"
    assert (available(maria), Purchase.objects.filter(source__code="till:S1").exists()) == (800, False)
    scan(till, maria)
    assert pay(till, maria, points="100").status_code == 302


def test_from_the_limit_on_the_member_gives_a_code_of_their_own(till, maria):
    SpendingPolicy.objects.update(confirm_points=300)
    scan(till, maria)
    assert "own code" in pay(till, maria, points="300").content.decode()
    token = operations.card_token(member_id=maria.pk).text
    shown = till.post(
        f"{page_of(maria)}shown/", {"scanned": token, "amount": "20.00", "points": "300"}
    ).content.decode()
    assert 'id="missing"' not in shown
    assert pay(till, maria, points="300").status_code == 302
    assert set(Access.objects.values_list("act", flat=True)) == {"confirmed", "awarded"}
    assert "own code" in pay(till, maria, points="300").content.decode(), "a yes is for one sale"
    again = till.post(f"{page_of(maria)}shown/", {"scanned": token}).content.decode()
    assert 'role="alert"' in again, "a code that was used is refused"


def test_a_member_without_the_app_reads_out_a_code_they_were_sent(till, maria, monkeypatch):
    monkeypatch.setattr(letters, "Thread", AtOnce)
    asked = till.post(f"{page_of(maria)}agreed/", {"points": "100", "amount": "20.00"}).content.decode()
    assert 'name="agreed"' in asked
    [letter] = mail.outbox
    assert (letter.to, "Elm Street" in letter.body) == (["maria@example.com"], True)
    code = re.match(r"\d{6}", letter.subject)[0]
    wrong = till.post(f"{page_of(maria)}agreed/", {"points": "100", "agreed": "000000" if code != "000000" else "1"})
    assert "wrong or has expired" in wrong.content.decode()
    right = till.post(f"{page_of(maria)}agreed/", {"points": "100", "agreed": code}).content.decode()
    assert 'id="missing"' not in right
    assert pay(till, maria, points="100").status_code == 302


def test_another_members_card_beside_a_sale_makes_the_sale_theirs(till, maria):
    ann = operations.enrol(at=timezone.now(), source="test", given_name="Ann")
    scanned = {"scanned": queries.identifiers(ann)["card"].value, "amount": "12.50"}
    moved = till.post(f"{page_of(maria)}shown/", scanned)
    assert moved.headers["HX-Redirect"] == f"{page_of(ann)}?amount=12.50"
    assert 'value="12.50"' in till.get(moved.headers["HX-Redirect"]).content.decode()


def test_a_voucher_scanned_first_waits_for_its_member(till, maria):
    now = timezone.now()
    pool = loyalty.operations.create_pool(
        name="Spring", reward=reward(), count=1, valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=9)
    )
    html = till.get("/pos/", {"q": pool.codes[0]}).content.decode()
    assert "Whose is this sale?" in html
    found = till.get("/pos/", {"q": "0123", "code": pool.codes[0]})
    assert f'value="{pool.codes[0]}"' in till.get(found.url).content.decode()


def test_nobody_spends_their_own_points_at_their_own_till(till, counter, maria):
    me = operations.enrol(at=timezone.now(), source="test", email="casey@example.com")
    assert "your own account" in pay(till, me, points="100").content.decode()
    assert "your own account" in till.post(f"{page_of(me)}codes/", {"code": "x"}).content.decode()


def test_a_page_that_forgot_its_key_is_told_to_choose_anew(till, maria):
    scan(till, maria)
    assert "too old" in pay(till, maria, card="forged").content.decode()
    assert "too old" in pay(till, maria, benefit="none").content.decode()
    assert "whole number" in pay(till, maria, points="ten").content.decode()
    assert key_of(till.get(page_of(maria)))
