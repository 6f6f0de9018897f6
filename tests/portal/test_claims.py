"""A receipt without points: found and given once, or looked for by somebody."""

from datetime import timedelta
from decimal import Decimal

import pytest

import loyalty.queries
from care.models import Case
from loyalty import operations
from members.clock import now
from sales import queries as sales
from sales.lines import Line
from tests.portal.conftest import enter


@pytest.fixture
def receipt(market):
    """A purchase of $24.60 recorded for nobody: the card stayed at home."""
    return operations.record_purchase(
        source="till:292", client_key="R-1001", store_code="292", purchased_at=now() - timedelta(days=2), currency="USD",
        lines=[Line("milk", Decimal(2), 698), Line("coffee", Decimal(1), 1762)],
    )  # fmt: skip


def claim(client, number="R-1001", total="24.60"):
    return client.post("/portal/claim/", {"receipt": number, "total": total, "words": "Store 292"}, follow=True)


def balance(member) -> int:
    return loyalty.queries.balance(member.pk, at=now()).available


def test_a_receipt_that_is_found_gives_its_points_at_once_and_explains_them(market, hero, receipt):
    before = balance(market.hero)
    page = claim(hero).content.decode()
    newest = loyalty.queries.entries(market.hero.pk, limit=1)[0]
    assert newest.points >= 24
    assert f"{newest.points} points are yours" in page
    assert balance(market.hero) == before + newest.points
    assert "$24.60" in newest.sentence
    assert hero.get(f"/portal/history/{newest.version}/").status_code == 200
    assert not Case.objects.exists()


def test_a_receipt_is_given_once_whoever_asks(market, hero, client, receipt):
    claim(hero)
    first = balance(market.hero)
    assert "given already" in claim(hero).content.decode()
    assert balance(market.hero) == first
    hero.post("/portal/logout/")
    enter(client, "bruno.bloom.1@example.com")
    assert "given already" in claim(client).content.decode()
    assert not Case.objects.exists(), "a receipt that was given is nobody's to look for"


def test_what_was_claimed_can_be_refunded_and_the_sales_stay_as_they_were(market, hero, receipt):
    before = sum(one.total_minor for one in sales.receipts())
    claim(hero)
    assert sum(one.total_minor for one in sales.receipts()) == before
    newest = loyalty.queries.entries(market.hero.pk, limit=1)[0]
    [mine] = sales.receipts(source_code="claims", member_id=market.hero.pk)
    assert mine.pk == newest.purchase_id
    points = balance(market.hero)
    operations.refund(
        source="till:292", client_key="back", purchase_id=mine.pk, lines=sales.refundable(mine), refunded_at=now()
    )
    assert balance(market.hero) == points - newest.points


@pytest.mark.parametrize(("number", "total"), [("R-9999", "24.60"), ("R-1001", "24.61")])
def test_what_is_not_found_becomes_one_case_and_moves_nothing(market, hero, receipt, number, total):
    before = balance(market.hero)
    page = claim(hero, number, total).content.decode()
    assert "a colleague looks for it" in page
    claim(hero, number, total)
    [case] = Case.objects.all()
    assert (case.member_id, case.receipt, case.topic.code, case.channel) == (
        market.hero.pk,
        number,
        "missing_points",
        "portal",
    )
    assert "We are on it" in page
    assert balance(market.hero) == before


def test_old_partly_refunded_and_other_members_receipts_are_not_given(market, hero, receipt):
    old = operations.record_purchase(
        source="till:292", client_key="R-OLD", store_code="292", purchased_at=now() - timedelta(days=90), currency="USD",
        lines=[Line("milk", Decimal(1), 349)],
    )  # fmt: skip
    operations.refund(
        source="till:292",
        client_key="part",
        purchase_id=receipt.purchase_id,
        lines=[(1, Decimal(1), 349)],
        refunded_at=now(),
    )
    for number, total in (("R-OLD", 349), ("R-1001", 2460)):
        with pytest.raises(operations.ReceiptNotFound):
            operations.claim_receipt(member_id=market.hero.pk, receipt=number, total_minor=total, at=now())
    theirs = sales.receipts(member_id=market.member_ids[1]).first()
    with pytest.raises(operations.CannotClaim, match="given already"):
        operations.claim_receipt(
            member_id=market.hero.pk,
            receipt=str(theirs.public_id),
            total_minor=theirs.total_minor,
            at=theirs.purchased_at,
        )
    assert old.member_id is None


def test_guessing_receipts_ends_after_five(market, hero):
    for number in range(5):
        claim(hero, f"GUESS-{number}", "1.00")
    assert "Too many wrong codes" in claim(hero, "GUESS-6", "1.00").content.decode()
    assert Case.objects.count() == 5
