"""The till's pages by request: what they find, record, refuse and take back."""

import re
import uuid

import pytest
from django.utils import timezone

import loyalty.queries
from members import operations, queries
from members.models import Access, Member
from sales.models import Purchase, Store
from tests.signing_in import at_door


def key_of(response) -> str:
    return re.search(r'name="key" value="(\w+)"', response.content.decode())[1]


def seen_in(response) -> str:
    """What the page says it has shown the effect of."""
    return re.search(r'name="seen" value="(\w+)"', response.content.decode())[1]


def refund(till, sold: str, **said):
    """See the effect of a refund, then confirm it."""
    shown = till.get(f"{sold}refund/", said)
    return till.post(f"{sold}refund/", {"key": key_of(shown), "seen": seen_in(shown), **said})


def sell(till, member, amount="24.60", key=None):
    page = f"/pos/members/{member.public_id}/"
    return till.post(page, {"amount": amount, "key": key or key_of(till.get(page))})


def available(member) -> int:
    return loyalty.queries.balance(member.pk, at=timezone.now()).available


@pytest.mark.parametrize("asked", ["card", "0123", "5550123", "(212) 555-0123", "maria@example.com", "jones"])
def test_one_match_leads_straight_to_the_member(till, counter, asked):
    text = queries.identifiers(counter.maria)["card"].value if asked == "card" else asked
    answer = till.get("/pos/", {"q": text})
    assert (answer.status_code, answer.url) == (302, f"/pos/members/{counter.maria.public_id}/")


def test_several_matches_are_listed_behind_masks(till, counter):
    operations.enrol(at=timezone.now(), source="test", given_name="Maria", family_name="Smith", phone="+12125559876")
    html = till.get("/pos/", {"q": "maria"}).content.decode()
    assert "Maria J." in html
    assert "Maria S." in html
    assert [secret for secret in ("Jones", "Smith", "5550123", "5559876", "maria@example.com") if secret in html] == []


def test_the_member_page_is_masked_too(till, counter):
    html = till.get(f"/pos/members/{counter.maria.public_id}/").content.decode()
    assert "Maria J." in html
    assert [secret for secret in ("Jones", "5550123", "maria@example.com") if secret in html] == []


def test_nobody_found_offers_to_enrol_with_what_was_typed(till):
    html = till.get("/pos/", {"q": "212 555 7777"}).content.decode()
    assert "/pos/enrol/?contact=212%20555%207777" in html


def test_a_card_with_a_wrong_digit_is_told_apart_from_an_unknown_one(till, counter):
    card = queries.identifiers(counter.maria)["card"].value
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert (
        "one digit is wrong"
        in till.get("/pos/", {"q": wrong}).content.decode().split("<main")[1].split('role="alert" hidden')[1]
    )


def test_a_sale_shows_the_balance_before_and_after_and_why(till, counter):
    answer = sell(till, counter.maria)
    purchase = Purchase.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/pos/sales/{purchase.public_id}/")
    assert (purchase.total_minor, purchase.store, purchase.source.code) == (2460, counter.store, counter.source)
    html = till.get(answer.url).content.decode()
    change = re.search(r'class="till-change".*?</p>', html, re.DOTALL)[0]
    assert re.sub(r"<[^>]+>", " ", change).split()[-3:] == ["0", "24", "points"]
    assert "$24.60 at 1 point per $1" in html
    assert list(Access.objects.values_list("user", "member", "act", "door", "note")) == [
        (counter.cashier.pk, counter.maria.pk, "awarded", "pos", str(purchase.public_id))
    ]


def test_a_second_enter_is_no_second_sale(till, counter):
    key = uuid.uuid4().hex
    first, second = sell(till, counter.maria, key=key), sell(till, counter.maria, key=key)
    assert first.url == second.url
    assert Purchase.objects.count() == 1
    assert Access.objects.count() == 1


def test_another_amount_from_the_same_page_is_asked_about_and_keeps_what_was_typed(till, counter):
    key = uuid.uuid4().hex
    sell(till, counter.maria, key=key)
    again = sell(till, counter.maria, "30.00", key=key)
    html = again.content.decode()
    assert "press Enter again" in html
    assert 'value="30.00"' in html
    assert (Purchase.objects.count(), available(counter.maria)) == (1, 24)
    assert sell(till, counter.maria, "30.00", key=key_of(again)).status_code == 302
    assert Purchase.objects.count() == 2


@pytest.mark.parametrize("amount", ["", "abc", "0", "-5", "1e3", "12.345", "9999999", "2900000000017"])
def test_an_amount_that_makes_no_sense_is_refused_and_kept(till, counter, amount):
    answer = sell(till, counter.maria, amount)
    assert answer.status_code == 200
    assert f'value="{amount}"' in answer.content.decode() or not amount
    assert not Purchase.objects.exists()


def test_nobody_awards_themselves(till, counter):
    me = operations.enrol(at=timezone.now(), source="test", email="Casey@example.com")
    answer = sell(till, me)
    assert "your own account" in answer.content.decode()
    assert not Purchase.objects.exists()


def test_a_full_refund_shows_its_effect_first_and_then_takes_everything_back(till, counter):
    sold = sell(till, counter.maria).url
    preview = till.get(f"{sold}refund/")
    html = preview.content.decode()
    assert "$24.60" in html
    change = re.search(r'class="till-change".*?</p>', html, re.DOTALL)[0]
    assert re.sub(r"<[^>]+>", " ", change).split()[-3:] == ["24", "0", "points"]
    assert (Purchase.objects.count(), available(counter.maria)) == (1, 24)
    done = till.post(f"{sold}refund/", {"key": key_of(preview), "seen": seen_in(preview)})
    refund = Purchase.objects.get(kind=Purchase.Kind.REFUND)
    assert (done.url, refund.total_minor) == (f"/pos/sales/{refund.public_id}/", -2460)
    assert available(counter.maria) == 0
    assert "refund of $24.60" in till.get(done.url).content.decode()
    assert set(Access.objects.values_list("act", flat=True)) == {"awarded", "refunded"}


def test_a_refund_pressed_twice_is_one_and_a_second_refund_is_told_there_is_nothing_left(till, counter):
    sold = sell(till, counter.maria).url
    shown = till.get(f"{sold}refund/")
    said = {"key": key_of(shown), "seen": seen_in(shown)}
    first, second = (till.post(f"{sold}refund/", said) for _ in range(2))
    assert first.url == second.url
    assert till.get(f"{sold}refund/").url == sold
    assert till.post(f"{sold}refund/", {"key": uuid.uuid4().hex}).url == sold
    assert Purchase.objects.filter(kind=Purchase.Kind.REFUND).count() == 1


def test_another_stores_sales_do_not_exist_here(till, counter, client):
    other = Store.objects.create(code="S2", name="Oak Street")
    colleague = operations.add_staff(email="kim@example.com", roles=["cashier"])
    other.staff.add(colleague)
    sold = sell(till, counter.maria).url
    at_door(client, colleague, "pos")
    assert [client.get(url).status_code for url in (sold, f"{sold}refund/")] == [404, 404]
    assert client.post(f"{sold}refund/", {"key": "k"}).status_code == 404
    assert client.post("/pos/store/", {"store": "S1"}).status_code == 404
    assert available(counter.maria) == 24


def test_a_cashier_of_two_stores_chooses_one(till, counter):
    other = Store.objects.create(code="S2", name="Oak Street")
    other.staff.add(counter.cashier)
    till.post("/pos/store/", {"store": "S2"})
    sell(till, counter.maria)
    assert Purchase.objects.get().store == other


def test_a_cashier_without_a_store_is_told_whom_to_ask(client, db):
    cashier = operations.add_staff(email="new@example.com", roles=["cashier"])
    html = at_door(client, cashier, "pos").get("/pos/").content.decode()
    assert "Ask an administrator" in html


@pytest.mark.parametrize(
    ("contact", "kind", "value"),
    [("212 555 0199", "phone", "+12125550199"), ("New@example.com", "email", "new@example.com")],
)
def test_enrolling_takes_one_field_and_leads_to_the_sale(till, counter, contact, kind, value):
    answer = till.post("/pos/enrol/", {"contact": contact})
    member = queries.by_identifier(kind, value)
    assert (answer.status_code, answer.url) == (302, f"/pos/members/{member.public_id}/")
    assert sell(till, member).status_code == 302
    assert available(member) == 24
    assert not member.consents.exists()


def test_a_known_phone_is_named_with_the_way_to_its_member(till, counter):
    html = till.post("/pos/enrol/", {"contact": "212-555-0123", "given_name": "M"}).content.decode()
    assert "belongs to a member already" in html
    assert f"/pos/members/{counter.maria.public_id}/" in html
    assert Member.objects.count() == 1


def test_what_is_no_phone_and_no_card_is_told_beside_its_field(till, counter):
    html = till.post("/pos/enrol/", {"contact": "12"}).content.decode()
    assert "not a phone number" in html
    html = till.post("/pos/enrol/", {"contact": "212 555 0199", "card": "2900000000011"}).content.decode()
    assert "not a card of ours" in html
    assert Member.objects.count() == 1


def test_an_unknown_member_is_not_found(till):
    assert till.get(f"/pos/members/{uuid.uuid4()}/").status_code == 404


def test_lists_cost_the_same_queries_for_one_sale_and_for_three(till, counter, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counted = []
    for sales in (1, 2):
        for _ in range(sales):
            sell(till, counter.maria)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            till.get("/pos/")
        counted.append(len(asked))
    assert counted[0] == counted[1]
