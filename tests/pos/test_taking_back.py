"""Refunds in full, in part, at another store; and the sale a cashier takes back because it was a slip."""

import uuid
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

import loyalty.operations
from members import operations
from members.models import Access
from pos import giving_back
from sales.lines import Line
from sales.models import Purchase, Store
from sales.refunds import Sold
from tests.pos.test_till import available, key_of, refund, seen_in, sell
from tests.signing_in import at_door


def refunds() -> list[int]:
    return list(Purchase.objects.filter(kind=Purchase.Kind.REFUND).order_by("pk").values_list("total_minor", flat=True))


# -- the rule ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 50), st.integers(0, 100_000), st.lists(st.integers(1, 50), max_size=20))
def test_pieces_given_back_one_after_another_come_to_the_whole_line(pieces, minor, steps):
    left_pieces, left_minor = pieces, minor
    for step in [*steps, pieces]:
        if not (taken := min(step, left_pieces)):
            break
        quantity, money = giving_back.by_pieces(Sold(1, "tea", Decimal(left_pieces), left_minor), taken)
        assert 0 <= money <= left_minor
        left_pieces, left_minor = left_pieces - int(quantity), left_minor - money
    assert (left_pieces, left_minor) == (0, 0)


def test_more_than_is_left_is_refused_in_words():
    for said in ({"pieces-1": "3"}, {"money-2": "9.00"}, {"pieces-1": "two"}):
        with pytest.raises(ValueError, match=r"line|Line|pieces|digits"):
            giving_back.chosen(
                [Sold(1, "tea", Decimal(2), 400), Sold(2, "till-amount", Decimal(1), 800)],
                said,
                by_amount="till-amount",
            )


# -- the pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_part_of_an_amount_comes_back_and_then_the_rest(till, counter):
    sold = sell(till, counter.maria, "24.60").url
    refund(till, sold, **{"money-1": "10.00"})
    assert (refunds(), available(counter.maria)) == ([-1000], 14)
    refund(till, sold)
    assert (refunds(), available(counter.maria)) == ([-1000, -1460], 0)


@pytest.mark.django_db
def test_enter_confirms_only_what_was_shown(till, counter):
    sold = sell(till, counter.maria, "24.60").url
    shown = till.get(f"{sold}refund/")
    said = {"key": key_of(shown), "seen": seen_in(shown), "money-1": "10.00"}
    asked = till.post(f"{sold}refund/", said)
    assert (asked.status_code, refunds()) == (200, [])
    assert "$10.00" in asked.content.decode()
    till.post(f"{sold}refund/", {**said, "seen": seen_in(asked)})
    assert refunds() == [-1000]


@pytest.mark.django_db
def test_lines_come_back_by_pieces_at_another_store_found_by_the_number_on_the_receipt(till, counter, client):
    loyalty.operations.record_purchase(
        source="web", client_key="R-1001", store_code="S1", purchased_at=timezone.now(), currency="USD", member_id=counter.maria.pk,
        lines=[Line("tea", Decimal(3), 1_000, name="Tea"), Line("rice", Decimal("0.5"), 200, name="Rice")],
    )  # fmt: skip
    purchase = Purchase.objects.get()
    other = Store.objects.create(code="S2", name="Oak Street")
    kim = operations.add_staff(email="kim@example.com", roles=["cashier"], given_name="Kim")
    other.staff.add(kim)
    at_door(client, kim, "pos")
    page = f"/pos/sales/{purchase.public_id}/refund/"
    assert client.get(page).status_code == 404, "a sale of another store does not exist until its receipt was shown"
    assert "no sale with this number" in client.get("/pos/refunds/", {"receipt": "R-9"}).content.decode()
    assert client.get("/pos/refunds/", {"receipt": "R-1001"}).url == page
    html = client.get(page).content.decode()
    assert "sold at another store" in html
    assert "3 pieces" in html
    done = refund(client, f"/pos/sales/{purchase.public_id}/", **{"pieces-1": "1", "pieces-2": "0"})
    back = Purchase.objects.get(kind=Purchase.Kind.REFUND)
    assert (back.total_minor, back.store, done.url) == (-333, other, f"/pos/sales/{back.public_id}/")
    assert client.get(done.url).status_code == 200
    refund(client, f"/pos/sales/{purchase.public_id}/")
    assert (refunds(), available(counter.maria)) == ([-333, -867], 0)
    assert client.get(page).url == "/pos/refunds/", "nothing is left"


@pytest.mark.django_db
def test_a_lost_receipt_is_found_beside_its_member(till, counter):
    sold = sell(till, counter.maria).url
    html = till.get(f"/pos/members/{counter.maria.public_id}/purchases/").content.decode()
    assert f"{sold}refund/" in html
    assert "$24.60" in html


@pytest.mark.django_db
def test_a_slip_is_voided_by_whoever_made_it_and_that_is_written_down(till, counter, client):
    sell(till, counter.maria, "24.60")
    sell(till, counter.maria, "99.00")
    shown = till.get("/pos/void/")
    html = shown.content.decode()
    assert "$99.00" in html
    last = Purchase.objects.order_by("-pk").first()
    said = {"key": key_of(shown), "seen": seen_in(shown), "sale": str(last.public_id)}
    first, second = till.post("/pos/void/", said), till.post("/pos/void/", said)
    assert first.url == second.url, "pressed twice: one"
    assert (refunds(), available(counter.maria)) == ([-9900], 24)
    assert Access.objects.filter(act="voided", user=counter.cashier, member=counter.maria).count() == 1
    dana = operations.add_staff(email="dana@example.com", roles=["cashier"])
    counter.store.staff.add(dana)
    at_door(client, dana, "pos")
    assert client.get("/pos/void/").url == "/pos/", "somebody else's sale is no slip of mine"
    assert client.post("/pos/void/", {**said, "key": uuid.uuid4().hex}).url == "/pos/"
    assert refunds() == [-9900]
