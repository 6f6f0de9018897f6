"""The page of what is owed, and its figures for the books."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client

from loyalty import liability
from loyalty.models import Wallet
from members import clock
from members.operations import add_staff
from tests.loyalty.conftest import MARCH, open_shop


def signed_in(role):
    client = Client()
    client.force_login(add_staff(email=f"{role}@example.com", roles=[role]))
    client.cookies["sessionid_reports"] = client.cookies["sessionid"].value
    return client


@pytest.fixture
def analyst(db):
    return signed_in("analyst")


@pytest.fixture
def shop(db, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: MARCH + timedelta(days=40))
    shop = open_shop()
    for months in (0, 1, 2, 5, 9):
        member = shop.member()
        shop.buy(member, 12_345, at=MARCH - timedelta(days=30 * months))
        shop.redeem(member, 20, at=MARCH + timedelta(days=1))
    return shop


def rows_of(response):
    text = response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_page_shows_cohorts_beside_their_chart_and_that_they_equal_the_ledger(analyst, shop):
    page = analyst.get("/reports/liability/").content.decode()
    assert "equal to the ledger" in page
    assert "not equal" not in page
    assert "<svg role=" in page
    assert "Cohorts add up to 515 points, the ledger holds 515." in page
    assert "$5.15" in page
    assert "Breakage is unknown: no points have reached their last day yet" in page
    assert "Liability, without breakage" in page
    assert "100%" not in page


def test_a_closed_month_can_be_asked_for_again(analyst, shop):
    page = analyst.get("/reports/liability/?day=2026-02-28").content.decode()
    assert "Cohorts add up to 492 points" in page
    assert analyst.get("/reports/liability/?day=nonsense").status_code == 200
    assert analyst.get("/reports/liability/?day=2026-02-31").status_code == 200


def test_an_unknown_currency_is_not_found_and_an_empty_programme_says_so(analyst, db):
    assert "No points yet" in analyst.get("/reports/liability/").content.decode()
    assert analyst.get("/reports/liability/?currency=shells").status_code == 404
    assert [row["points_owed"] for row in rows_of(analyst.get("/reports/liability.csv"))][:3] == ["0", "0", "0"]


def test_the_export_adds_up_to_its_control_totals(analyst, shop):
    rows = rows_of(analyst.get("/reports/liability.csv"))
    cohorts = [row for row in rows if row["earned_in"][:2] == "20"]
    by_name = {row["earned_in"]: row for row in rows}
    owed = sum(sum(row) for row in Wallet.objects.values_list("available", "pending", "held"))
    for column in ("points_owed", "liability_minor", "net_liability_minor"):
        assert sum(int(row[column]) for row in cohorts) == int(by_name["TOTAL"][column])
    assert int(by_name["TOTAL"]["points_owed"]) == int(by_name["LEDGER"]["points_owed"]) == owed
    assert by_name["DIFFERENCE"]["points_owed"] == "0"
    assert (by_name["TOTAL"]["breakage_share"], by_name["TOTAL"]["breakage_minor"]) == ("", "")
    assert "last day" in by_name["BREAKAGE UNKNOWN"]["available_points"]
    months = rows_of(analyst.get("/reports/movements.csv"))
    assert months[-1]["month"] == "DIFFERENCE"
    assert months[-1]["closing"] == "0"
    assert int(months[-3]["issued"]) - int(months[-3]["redeemed"]) == owed


def test_a_currency_named_like_a_formula_is_text_in_the_export(analyst, shop, monkeypatch):
    found = liability.liability(currency=liability.currencies()[0], at=MARCH)
    forged = liability.Liability(
        "=1+1", found.at, found.value, found.cohorts, found.ledger_points, found.debt, found.breakage
    )
    monkeypatch.setattr(liability, "owed", lambda *_, **__: forged)
    assert {row["currency"] for row in rows_of(analyst.get("/reports/liability.csv"))} == {"'=1+1"}


def test_a_store_manager_reads_it_and_is_shown_no_page_they_cannot_open(shop):
    page = signed_in("store_manager").get("/reports/liability/").content.decode()
    assert "equal to the ledger" in page
    assert "/reports/campaigns/" not in page
