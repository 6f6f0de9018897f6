"""The manager's pages over the ledger: reviews, stopped wallets, the value of a point."""

from datetime import date

import pytest
from django.test import Client

from loyalty import operations, queries
from loyalty.models import BlockedWallet, PointValue, Review
from members import clock
from members.operations import add_staff
from tests.loyalty.conftest import MARCH
from tests.signing_in import at_door


@pytest.fixture
def manager(db, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: MARCH)
    return at_door(Client(), add_staff(email="boss@example.com", roles=["store_manager"]), "cms")


@pytest.fixture
def wallet(shop):
    member = shop.member()
    shop.buy(member, 10_000)
    return queries.wallet_of(member.pk)


def hold(wallet):
    return operations.hold_for_review(
        wallet_id=wallet.pk, version=1, pattern="velocity", facts={"purchases": 9}, at=MARCH
    ).review_id


@pytest.mark.parametrize(("decision", "state", "available"), [("release", "released", 100), ("cancel", "cancelled", 0)])
def test_a_review_is_decided_with_a_reason_and_who_decided_is_kept(manager, wallet, decision, state, available):
    pk = hold(wallet)
    page = manager.get("/cms/programme/reviews/").content.decode()
    assert "9 purchases with one card within an hour" in page
    manager.post(f"/cms/programme/reviews/{pk}/decide/", {"decision": decision, "reason": " "})
    assert Review.objects.get().state == "open"
    manager.post(f"/cms/programme/reviews/{pk}/decide/", {"decision": decision, "reason": "Seen the receipts"})
    review = Review.objects.get()
    assert (review.state, review.decided_by.email) == (state, "boss@example.com")
    assert "receipts" not in review.decision_reason, "the words lie apart"
    assert queries.wallet_of(wallet.member_id).available == available
    assert "Seen the receipts" in manager.get("/cms/programme/reviews/").content.decode()


def test_a_stopped_wallet_is_shown_and_spending_allowed_again_with_a_reason(manager, wallet):
    operations.block_spending(breaches=[(wallet.pk, "Nothing is below zero", "debt -1")], at=MARCH)
    assert "debt -1" in manager.get("/cms/programme/reviews/").content.decode()
    manager.post(f"/cms/programme/wallets/{wallet.pk}/allow/", {"reason": "Repaired"})
    assert BlockedWallet.objects.get().lifted_by.email == "boss@example.com"
    assert queries.wallet_of(wallet.member_id).spending_blocked_at is None


def test_the_value_of_a_point_is_set_from_a_day_on_and_never_before_the_newest(manager, db):
    said = {"minor_per_1000": 800, "effective_from": "2026-04-01", "note": "Board"}
    assert manager.post("/cms/programme/value/", said).status_code == 302
    newest = PointValue.objects.order_by("-effective_from").first()
    assert (newest.minor_per_1000, newest.effective_from, newest.note) == (800, date(2026, 4, 1), "Board")
    refused = manager.post("/cms/programme/value/", said | {"effective_from": "2026-03-01"})
    assert "the past keeps its values" in refused.content.decode()
    assert "$8.00" in refused.content.decode()
