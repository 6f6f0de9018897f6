"""What staff do at the till and what customers ask of stores, as figures that equal a count by hand."""

import html
import re
from datetime import timedelta

import pytest
from django.utils import timezone

import care.operations
from members import operations
from reports.panels import PANELS
from sales.models import Store
from tests.campaigns.people import catalogue, sell, shop
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


def table(code: str, at):
    found = PANELS[code].ask(at)
    return [dict(zip([column.code for column in found.columns], row, strict=True)) for row in found.rows], found.total


def test_the_board_of_the_till_counts_who_came_again_and_nobodys_own_account():
    """Casey enrols three: one comes again, one does not, and one is Casey."""
    at, (milk, _tea), place = timezone.now(), catalogue()[1], shop()
    casey, dana = (operations.add_staff(email=f"{name}@example.com", roles=["cashier"]) for name in ("casey", "dana"))
    again, once, self_, hers = (
        operations.enrol(at=at - timedelta(days=20), source="till", email=f"{name}@example.com")
        for name in ("again", "once", "casey", "hers")
    )
    for user, member in ((casey, again), (casey, once), (casey, self_), (dana, hers)):
        operations.note_access(user=user, member_id=member.pk, act="enrolled", door="pos", at=at - timedelta(days=10))
        operations.note_access(user=user, member_id=member.pk, act="awarded", door="pos", at=at - timedelta(days=10))
    for member, days in ((again, (10, 3)), (once, (10,)), (self_, (9, 5, 2)), (hers, (10,))):
        for day in days:
            sell(member, at - timedelta(days=day), 1000, milk, place=place, key=f"{member.pk}-{day}")
    operations.note_access(user=dana, member_id=hers.pk, act="voided", door="pos", at=at - timedelta(days=9))
    rows, total = table("counter", at)
    assert rows == [
        {"person": "casey@example.com", "enrolled": 2, "stayed": 1, "sales": 2, "voided": 0},
        {"person": "dana@example.com", "enrolled": 1, "stayed": 0, "sales": 1, "voided": 1},
    ]
    assert total[1:] == (3, 1, 3, 1)


def test_cases_by_store_and_the_first_reply_by_channel_equal_a_count_by_hand():
    at, (milk, _tea), place = timezone.now(), catalogue()[1], shop()
    sam = operations.add_staff(email="sam@example.com", roles=["service"])
    member = operations.enrol(at=at - timedelta(days=90), source="test", email="m@example.com")
    for day in range(40):
        sell(member, at - timedelta(days=1 + day), 1000, milk, place=place, key=f"v{day}")
    asked = [("portal", 2), ("portal", 4), ("email", 10), ("phone", None)]
    for number, (channel, hours) in enumerate(asked):
        case = care.operations.open_case(
            topic="complaint", text="Spoiled", channel=channel, at=at - timedelta(days=3), source="t", client_key=str(number),
            member_id=member.pk, store_code=place[1].code,
        ).case  # fmt: skip
        if hours:
            care.operations.reply(
                case=case, text="Sorry", by_user=sam, at=at - timedelta(days=3) + timedelta(hours=hours)
            )
    rows, total = table("complaints", at)
    assert [(row["cases"], row["visits"], row["rate"]) for row in rows] == [(4, 40, 100.0)]
    assert total[1:3] == (4, 40)
    rows, total = table("first_replies", at)
    assert {row["channel"]: (row["cases"], row["replied"], row["hours"]) for row in rows} == {
        "Portal": (2, 2, 3.0), "E-mail": (1, 1, 10.0), "Phone": (1, 0, None),
    }  # fmt: skip
    assert total[1:3] == (4, 3)


def test_from_complaints_by_store_to_the_very_cases_in_a_click_and_the_totals_are_equal(client):
    """Each store's figure leads to as many cases as it says, the total to all of them; cases without a store are in neither."""
    at, (milk, _tea), place = timezone.now(), catalogue()[1], shop()
    second = Store.objects.create(code="2", name="Oak Lane")
    member = operations.enrol(at=at - timedelta(days=90), source="test", email="m@example.com")
    for day in range(20):
        sell(member, at - timedelta(days=1 + day), 1000, milk, place=place, key=f"v{day}")
    for number, (store, days) in enumerate([("1", 3), ("1", 40), ("2", 5), ("", 6), ("1", 120)]):
        care.operations.open_case(
            topic="complaint", text="Spoiled", channel="portal", at=at - timedelta(days=days), source="t", client_key=str(number),
            member_id=member.pk, store_code=store,
        )  # fmt: skip
    analyst = at_door(client, operations.add_staff(email="ana@example.com", roles=["analyst"]), "reports")
    page = analyst.get("/reports/figures/complaints/").content.decode()
    rows, total = table("complaints", at)
    leading = re.findall(r'<td><a href="(/reports/cases/[^"]+)">([^<]+)</a></td>', page)
    assert [name for _address, name in leading] == ["Elm Street", "Oak Lane", "Total"]
    counted = {row["store"]: row["cases"] for row in rows} | {"Total": total[1]}
    assert counted == {"Elm Street": 2, "Oak Lane": 1, "Total": 3}
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1" aria-hidden="true"><path aria-label="([^"]+)"', page)
    assert bars == [(leading[0][0], "Per 1,000: 100; name: Elm Street")]  # the bar leads where its row does
    assert not re.search(r"#row-|vega\.github", page)
    assert next(row["rate"] for row in rows if row["store"] == second.name) is None
    for address, name in leading:
        told = analyst.get(html.unescape(address)).content.decode()
        assert len(re.findall(r"<td>C-\d+</td>", told)) == counted[name]
        assert "m@example.com" not in told
        assert "/desk/cases/" not in told  # no link to a page they cannot open
    assert analyst.get("/reports/cases/?store=9").status_code == 404
    assert analyst.get("/reports/cases/?at=yesterday").status_code == 404
