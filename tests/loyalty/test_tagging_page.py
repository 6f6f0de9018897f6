"""Tags of products by the page; who publishes rules; wallets beside points; points to check at the desk."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty import beside_points, operations, queries
from loyalty.models import Review, RuleDraft, Transfer
from members.operations import add_staff
from sales.models import Product
from sales.queries import products_by_tag
from tests.loyalty.conftest import MARCH
from tests.signing_in import at_door


def staff(role, door="cms"):
    return at_door(Client(), add_staff(email=f"{role}@example.com", roles=[role]), door)


def test_a_tag_is_put_on_a_category_and_on_codes_and_taken_off_and_rules_obey_it(shop):
    manager, page = staff("store_manager"), reverse("programme_tags")
    assert manager.post(page, {"tag": "fresh"}).status_code == 422, "for no product"
    manager.post(page, {"tag": "fresh", "categories": ["PRODUCE"], "codes": "milk, nothing"})
    assert products_by_tag() == [("fresh", 2)]
    shop.publish([{"code": "fresh", "multiply_percent": 300, "when": {"tags": ["Fresh"]}}])
    member = shop.member()
    assert shop.buy(member, 1_000, product="apples").points == 30
    manager.post(page, {"tag": "fresh", "codes": "apples", "take_off": "1"})
    assert shop.buy(member, 1_000, product="apples").points == 10
    shown = manager.get(page, {"tag": "fresh"}).content.decode()
    assert "Milk (milk)" in shown
    assert Product.objects.get(code="milk").tags == ["fresh"]
    marketer = staff("marketer")
    assert marketer.get(page).status_code == 200
    marketer.post(page, {"tag": "x", "codes": "milk"})
    assert products_by_tag() == [("fresh", 1)], "a marketer only looks"


def test_another_publishes_what_one_submitted_if_the_shop_asks_for_it(shop):
    one, two = (add_staff(email=f"{n}@shop.example", roles=["store_manager"]).pk for n in ("one", "two"))
    operations.set_rule_policy(approver_differs=True)
    at = timezone.now()
    draft = operations.create_draft(
        name="New", definition={"earn": [{"currency": "USD", "points": 2, "per_minor": 100}]}, by_user_id=one, at=at
    )
    operations.submit_draft(draft_id=draft.pk, by_user_id=one, at=at)
    said = {"draft_id": draft.pk, "live_from": at + timedelta(days=1), "at": at}
    with pytest.raises(operations.CannotPublish, match="colleague"):
        operations.publish_draft(by_user_id=one, **said)
    assert RuleDraft.objects.get().state == "submitted"
    operations.publish_draft(by_user_id=two, **said)
    assert RuleDraft.objects.get().state == "published"
    manager = staff("store_manager")
    manager.post(reverse("programme_rule_policy"), {})
    assert not operations.approver_differs()


def test_wallets_beside_points_tell_their_own_entries(shop):
    shop.publish(
        [
            {"code": "card", "name": "Coffee card", "kind": "stamps", "by": "visits", "every": 1},
            {"code": "back", "name": "Cashback", "kind": "spend", "every_minor": 100, "gives": {"cashback:USD": 2}},
        ]
    )  # fmt: skip
    member = shop.member()
    bought = shop.buy(member, 1_000)
    shop.refund(bought, (1, 1_000))
    found = {wallet.currency: wallet for wallet in beside_points.wallets(member.pk)}
    assert [(entry.amount, entry.sentence) for entry in found["stamps"].entries] == [
        (-1, "1 stamp taken back: Coffee card (1 visit) no longer stands"), (1, "1 stamp for Coffee card (1 visit)"),
    ]  # fmt: skip
    assert found["cashback:USD"].words == "$0.00 cashback"
    assert [entry.amount for entry in found["cashback:USD"].entries] == [-20, 20]


def test_the_desk_decides_on_points_that_look_like_fraud(shop):
    member = shop.member()
    shop.buy(member, 5_000)
    act = Transfer.objects.get()
    operations.hold_for_review(
        wallet_id=act.wallet_id, version=act.version, pattern="velocity", facts={"purchases": 9}, at=MARCH
    )
    review = Review.objects.get()
    service = staff("service", door="desk")
    assert "9 purchases with one card" in service.get(reverse("desk:checks")).content.decode()
    decide = reverse("desk:decide_check", args=[review.pk])
    service.post(decide, {"decision": "release", "reason": ""})
    assert queries.balance(member.pk, at=MARCH).pending == 50, "a decision needs a reason"
    service.post(decide, {"decision": "release", "reason": "A school trip"})
    assert queries.balance(member.pk, at=MARCH).available == 50
    assert "1 act waits" not in service.get(reverse("desk:find")).content.decode()
