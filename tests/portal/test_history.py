"""Every point is explained, and what a page shows adds up to the balance."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import loyalty.queries
from loyalty.operations import adjust, refund
from sales.models import Purchase
from sales.queries import refundable
from tests.portal.conftest import enter


def _page(client, address):
    html = client.get(address).content.decode()
    told = {name: int(re.search(rf'data-{name}="(-?\d+)"', html).group(1)) for name in ("opening", "change", "closing")}
    versions = [int(found) for found in re.findall(r'href="/portal/history/(\d+)/"', html)]
    older = re.search(r'href="(\?before=\d+)"', html)
    return told, versions, older and older.group(1)


def _gifts(member, count):
    for number in range(count):
        adjust(
            member_id=member.pk, points=number + 1, reason="sorry", source="test", client_key=f"gift-{number}",
            by_user_id=None, at=timezone.now(),
        )  # fmt: skip


def test_the_pages_add_up_from_nothing_to_the_balance(market, hero):
    _gifts(market.hero, 50)
    balance = loyalty.queries.balance(market.hero.pk, at=timezone.now()).available
    assert f'data-points="{balance}"' in hero.get("/portal/").content.decode()
    address, seen, above = "/portal/history/", [], balance
    while address:
        told, versions, older = _page(hero, address)
        assert told["opening"] + told["change"] == told["closing"] == above
        seen, above = seen + versions, told["opening"]
        address = older and f"/portal/history/{older}"
    assert above == 0
    assert seen == [entry.version for entry in loyalty.queries.entries(market.hero.pk, limit=1000)]
    assert len(seen) > 50


def test_an_entry_says_what_when_where_why_and_the_balance_after(market, hero):
    entry = next(one for one in loyalty.queries.entries(market.hero.pk, limit=50) if one.purchase_id)
    purchase = Purchase.objects.get(pk=entry.purchase_id)
    html = hero.get(f"/portal/history/{entry.version}/").content.decode()
    assert purchase.store.name in html
    assert entry.sentence in html
    assert f"{entry.available_after:,}" in html
    for line in purchase.lines.select_related("product__category"):
        assert line.product.category.name_en in html


def test_a_refund_stands_beside_its_purchase(market, hero):
    purchase = Purchase.objects.filter(member=market.hero).order_by("-purchased_at").first()
    lines = refundable(purchase)
    refund(
        source="test", client_key="back", purchase_id=purchase.pk, lines=lines, refunded_at=timezone.now(),
    )  # fmt: skip
    newest = loyalty.queries.entries(market.hero.pk, limit=1)[0]
    assert newest.points < 0
    html = hero.get(f"/portal/history/{newest.version}/").content.decode()
    assert "Refund receipt" in html
    told, versions, _older = _page(hero, "/portal/history/")
    assert versions[0] == newest.version
    assert told["closing"] == newest.available_after


def test_another_members_entry_does_not_exist(market, client):
    theirs = [entry.version for entry in loyalty.queries.entries(market.hero.pk, limit=50)]
    _gifts(market.hero, 40)
    other = market.member_ids[1]
    mine = {entry.version for entry in loyalty.queries.entries(other, limit=100)}
    theirs = {entry.version for entry in loyalty.queries.entries(market.hero.pk, limit=100)} - mine
    enter(client, "bruno.bloom.1@example.com")
    assert theirs
    assert {client.get(f"/portal/history/{version}/").status_code for version in theirs} == {404}


def test_a_page_costs_the_same_queries_for_one_entry_and_for_twenty(market, hero):
    newest = loyalty.queries.entries(market.hero.pk, limit=50)
    oldest_page = f"/portal/history/?before={newest[-1].version + 1}"
    hero.get("/portal/history/")
    counts = []
    for address in (oldest_page, "/portal/history/"):
        with CaptureQueriesContext(connection) as queries:
            hero.get(address)
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 2  # the first page also asks for what has expired unbooked, and for other wallets


def test_a_new_member_is_told_what_to_do_first(market, client):
    from members.operations import enrol

    enrol(at=timezone.now(), source="test", given_name="Nia", email="nia@example.com")
    enter(client, "nia@example.com")
    for address in ("/portal/", "/portal/history/"):
        assert "Your first points are one purchase away" in client.get(address).content.decode()
