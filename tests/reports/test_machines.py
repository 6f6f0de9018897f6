"""The analyst's figures over the wire: the very tables and frozen reports of the pages, to the cent, and nothing of small groups."""

from datetime import time, timedelta

import pytest

from api import tokens
from api.models import ApiClient
from api.operations import create_client
from campaigns import queries as campaigns
from campaigns.models import Campaign
from members import clock
from reports import machines
from reports.panels import PANELS
from sales.models import Purchase, Store
from tests.api.test_endpoints import Till
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT
from tests.reports.test_pages import END, measured, signed_in, text_of  # noqa: F401 (a fixture)


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: END)


@pytest.fixture
def machine(db):
    return _client("reports", ApiClient.Scope.REPORTS)


def _client(name, scope) -> Till:
    tokens.forget()
    return Till(create_client(name=name, scopes=[scope])[1])


def test_a_token_reads_figures_only_with_their_scope(machine):
    assert ApiClient.Scope.REPORTS == machines.SCOPE
    other = _client("till", ApiClient.Scope.MEMBERS)
    for path in ("figures", "figures/stores", "lift/campaigns", "lift/campaigns/1", "lift/series/1", "lift/programme"):
        refused = other.get(path)
        assert refused.status_code == 403
        assert "reports:read" in refused.json()["detail"]
    assert [one["code"] for one in machine.get("figures").json()] == list(PANELS)
    assert machine.get("figures/nothing").status_code == 404


def test_a8_page_interface_export_and_purchases_agree_to_the_cent(machine, town):
    """A machine sees what an analyst sees; a store with forty members may be shown to both."""
    people, (source, first), _products = town(40)
    Purchase.objects.bulk_create(sale(one, AT, 1234 + n, (source, first), f"m-{n}") for n, one in enumerate(people))
    told = machine.get("figures/stores").json()
    truth = sum(
        Purchase.objects.filter(purchased_at__gt=END - timedelta(days=91), purchased_at__lte=END).values_list(
            "total_minor", flat=True
        )
    )
    assert told["total"][2] == sum(row[2] for row in told["rows"]) == truth
    analyst = signed_in("analyst")
    page = analyst.get("/reports/figures/stores.json").json()
    assert {name: told[name] for name in ("columns", "rows", "total", "hidden_rows")} == {
        name: page[name] for name in ("columns", "rows", "total", "hidden_rows")
    }
    assert f"{truth / 100:,.2f}" in text_of(analyst.get("/reports/figures/stores/"))
    assert (told["zone"], told["currency"]) == ("America/New_York", "USD")


def test_groups_under_ten_are_kept_back_from_machines(machine, town):
    people, (source, _first), _products = town(25)
    second = Store.objects.create(code="2", name="Oak Lane")
    Purchase.objects.bulk_create(sale(one, AT, 1234, (source, second), f"oak-{one.pk}") for one in people[:3])
    told = machine.get("figures/stores").json()
    assert told["hidden_rows"]
    assert all(told["rows"][place][2] is None for place in told["hidden_rows"])


def test_a_campaigns_report_is_the_frozen_one(machine, measured):  # noqa: F811
    campaign = measured(60)
    report = campaigns.latest_report(campaign)
    [line] = machine.get("lift/campaigns").json()
    assert (line["number"], line["is_final"]) == (campaign.pk, True)
    told = machine.get(f"lift/campaigns/{campaign.pk}").json()
    assert told["verdict"] == line["verdict"]
    assert told["figures"]["comparisons"] == report.figures["comparisons"]
    assert told["figures"]["worth"] == report.figures["worth"]
    assert machine.get("lift/programme").json() == []
    assert machine.get("lift/programme/2026-01-01").status_code == 404
    assert machine.get(f"lift/campaigns/{campaign.pk + 1}").status_code == 404


def test_a_series_reads_the_same_on_its_page_in_the_list_and_over_the_wire(machine, measured, draft):  # noqa: F811
    series = draft(name="Friday letter", timing="recurring", repeat="weekly", weekdays=[4], local_time=time(9))
    Campaign.objects.filter(pk=series.pk).update(status="live", launched_at=AT)
    date = measured(60)
    Campaign.objects.filter(pk=date.pk).update(series=series, occurs_on=AT.date())
    told = machine.get(f"lift/series/{series.pk}").json()
    pooled, _broken = campaigns.pooled(series)
    assert (told["dates"], told["left_out"], told["in_all"]["absolute"]) == (1, 0, pooled.total)
    assert told["members"] == {"held_out": pooled.n_control, "sent": pooled.n_treated}
    analyst = signed_in("analyst")
    page = text_of(analyst.get(f"/reports/campaigns/{series.pk}/"))
    assert told["verdict"] in page
    assert f"/reports/campaigns/{date.pk}/" in page
    assert told["verdict"] in text_of(analyst.get("/reports/campaigns/"))
    assert told["verdict"] in [one["verdict"] for one in machine.get("lift/campaigns").json()]
    assert machine.get(f"lift/series/{date.pk}").status_code == 404


def test_a_broken_split_hands_no_difference_to_anybody(machine, measured, monkeypatch):  # noqa: F811
    campaign = measured(60)
    report = campaigns.latest_report(campaign)
    assert report.figures["comparisons"]
    report.figures["sample_ratio"]["verdict"] = "red"
    monkeypatch.setattr(campaigns, "latest_report", lambda _campaign: report)
    told = machine.get(f"lift/campaigns/{campaign.pk}").json()
    assert (told["figures"]["comparisons"], told["figures"]["worth"]) == ([], None)
    analyst = signed_in("analyst")
    assert analyst.get(f"/reports/campaigns/{campaign.pk}/figures.json").json()["figures"]["comparisons"] == []
    assert len(analyst.get(f"/reports/campaigns/{campaign.pk}/figures.csv").content.splitlines()) == 1
