import csv
import html
import io
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from campaigns import operations, rehearsal, verdicts
from campaigns.models import Campaign
from members import clock
from members.operations import add_staff
from reports import charts, exports, lift, programme
from sales.models import Purchase
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import deliver, sale
from tests.campaigns.people import AT

END = AT + timedelta(days=14)


@pytest.fixture
def analyst(db):
    return signed_in("analyst")


def signed_in(*roles):
    client = Client()
    client.force_login(add_staff(email=f"{'-'.join(roles)}@example.com", roles=list(roles)))
    client.cookies["sessionid_reports"] = client.cookies["sessionid"].value
    return client


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: END)


@pytest.fixture
def measured(town, draft):
    def make(count=300, *, kind="ordinary", **changes):
        people, place, _products = town(count)
        campaign = operations.launch(campaign=draft(kind=kind, **changes), at=AT)
        bought = [
            sale(one, AT + timedelta(days=2), 500 + 31 * i, place, f"in-{i}") for i, one in enumerate(people[::2])
        ]
        Purchase.objects.bulk_create(bought)
        deliver(campaign, sent_at=AT)
        operations.finish(campaign=campaign, at=AT)
        if kind == "rehearsal":
            rehearsal.simulate(campaign=campaign, at=AT, effect={"purchases": 1.0}, seed=3)
        operations.measure(campaign=campaign, at=END)
        return Campaign.objects.get(pk=campaign.pk)

    return make


def text_of(response):
    assert response.status_code == 200
    return response.content.decode()


def test_the_overview_holds_every_figure_and_its_moment(analyst, town):
    people, *_ = town(20)
    operations.import_history(
        [
            {
                "name": "Campaign 18",
                "started_at": AT,
                "ended_at": END,
                "reached": [p.pk for p in people[:9]],
                "redemptions": {},
            }
        ]
    )
    page = text_of(analyst.get("/reports/"))
    assert "not randomised: lift unknown" in page
    assert "Campaign 18" in page
    assert page.count("<svg role=") >= 2
    assert "As of" in page


def test_an_empty_programme_is_no_blank_page(analyst):
    assert "No purchase yet" in text_of(analyst.get("/reports/"))
    assert "No campaign was sent yet" in text_of(analyst.get("/reports/campaigns/"))


def test_a_report_says_its_verdict_with_interval_members_and_power(analyst, measured):
    campaign = measured()
    page = text_of(analyst.get(f"/reports/campaigns/{campaign.pk}/"))
    for words in (
        "Split as planned",
        "95 % interval",
        "members per arm",
        "re-randomisations",
        "held out",
        "intention to treat",
    ):
        assert words in page
    assert "Rehearsal" not in page
    assert str(campaign.analysis_seed) in page


def test_a_rehearsal_is_labelled_wherever_it_appears_and_shows_the_truth(analyst, measured):
    campaign = measured(kind="rehearsal", holdout_percent=50)
    page = text_of(analyst.get(f"/reports/campaigns/{campaign.pk}/"))
    assert "Rehearsal – simulated responses" in page
    assert "The estimate beside the truth" in page
    assert "+100.0 %" in page
    assert "Rehearsal – simulated responses" in text_of(analyst.get("/reports/campaigns/"))


def test_a_rehearsal_changes_no_programme_figure(analyst, measured, town):
    campaign = measured(60, kind="rehearsal")
    before = (programme.weekly(at=END), programme.repeat_rate(at=END))
    campaign.rehearsal_outcomes.update(spend_minor=10**9, orders=50)
    assert (programme.weekly(at=END), programme.repeat_rate(at=END)) == before
    page = text_of(analyst.get("/reports/"))
    assert "Rehearsals are never counted" in page


def test_a_broken_split_hides_the_verdict(analyst, measured):
    campaign = measured()
    figures = campaign.reports.get().figures
    figures["sample_ratio"] |= {"verdict": "red", "p_value": 0.0000001}
    campaign.reports.create(as_of=END + timedelta(days=1), is_final=False, figures=figures)
    final = campaign.reports.get(is_final=True)
    assert final.figures["sample_ratio"]["verdict"] == "ok"
    broken = campaign.reports.get(is_final=False)
    assert verdicts.of(broken).tone == "hidden"


def test_the_csv_holds_the_frozen_figures(analyst, measured):
    campaign = measured()
    response = analyst.get(f"/reports/campaigns/{campaign.pk}/figures.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    figures = campaign.reports.get().figures
    assert [row["metric"] for row in rows] == [one["metric"] for one in figures["comparisons"]]
    assert float(rows[0]["absolute"]) == pytest.approx(figures["comparisons"][0]["absolute"])


def test_a8_the_interface_holds_the_very_figures_of_page_and_csv(analyst, measured):
    campaign = measured()
    told = analyst.get(f"/reports/campaigns/{campaign.pk}/figures.json").json()
    report = campaign.reports.get()
    assert told == {
        "campaign": campaign.name, "as_of": report.as_of.isoformat(), "zone": settings.TIME_ZONE, "is_final": True,
        "figures": report.figures,
    }  # fmt: skip
    assert analyst.get(f"/reports/campaigns/{campaign.pk + 1}/figures.json").status_code == 404


def test_a1_a_report_shows_members_means_both_differences_with_doubt_and_what_is_left_after_its_cost(analyst, measured):
    campaign = measured()
    page = html.unescape(text_of(analyst.get(f"/reports/campaigns/{campaign.pk}/")))
    told = lift.context(campaign.reports.get().figures)
    for arm in told["arms"]:
        assert {arm["name"], f"{arm['n']:,}", *arm["metrics"]} <= shown_in(
            page, [arm["name"], f"{arm['n']:,}", *arm["metrics"]]
        )
    first = told["comparisons"][0]
    doubt = [first[name] for name in ("absolute", "low", "high", "relative", "relative_low", "relative_high")]
    doubt += [told["worth"][part][end] for part in ("revenue", "net") for end in ("total", "low", "high")]
    assert set(doubt) == shown_in(page, doubt)
    assert "uplift" not in page.lower()


def shown_in(page, words):
    return {word for word in words if word in page}


def test_weeks_add_up_to_what_was_sold(analyst, town):
    town(25)
    response = analyst.get("/reports/weeks.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert sum(int(row["total_minor"]) for row in rows) == sum(Purchase.objects.values_list("total_minor", flat=True))
    assert sum(int(row["purchases"]) for row in rows) == 25


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "-5.20",
        "@SUM(A1)",
        '=HYPERLINK("x")',
        "|cmd",
        "%0A",
        "＝1+1",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\ufeff=1",
    ],
)
def test_no_cell_becomes_a_formula(cell):
    assert exports.safe_cell(cell) == f"'{cell}"


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(alphabet="abc ü中文", min_size=1)))
def test_ordinary_cells_stay_what_they_are(cell):
    assert exports.safe_cell(cell) == cell


def test_a_campaigns_name_cannot_run_in_a_spreadsheet(analyst, measured):
    measured(name="=cmd|' /C calc'!A0")
    body = analyst.get("/reports/campaigns.csv").content.decode("utf-8-sig")
    assert "\"'=cmd" in body


@pytest.mark.parametrize("path", ["/reports/", "/reports/campaigns/", "/reports/weeks.csv", "/reports/campaigns.csv"])
def test_reports_are_for_analysts_and_marketers(db, path):
    assert Client().get(path).status_code == 302
    assert signed_in("cashier").get(path).status_code == 403
    assert signed_in("marketer").get(path).status_code == 200


def test_the_overview_asks_as_much_with_one_campaign_as_with_three(analyst, town, django_assert_max_num_queries):
    people, *_ = town(5)
    for n in range(3):
        operations.import_history(
            [{"name": f"Campaign {n}", "started_at": AT, "ended_at": END, "reached": [people[0].pk], "redemptions": {}}]
        )
    analyst.get("/reports/")
    with django_assert_max_num_queries(40):
        analyst.get("/reports/")


def test_a_chart_says_what_it_shows_and_takes_the_pages_colours():
    rows = [{"name": "Spend & more", "low": -1.0, "estimate": 2.0, "high": 5.0}]
    svg = charts.intervals(rows, title="Relative difference, %", label='A "label"', truth=3.0)
    assert svg.startswith('<svg role="img" aria-label="A &quot;label&quot;"')
    assert "var(--pine)" in svg
    assert "currentColor" in svg
    assert "#01020" not in svg


def test_a_bar_leads_where_its_row_does_and_a_row_kept_back_leads_nowhere():
    svg = charts.bars([{"name": name, "value": 3} for name in "ABC"], title="Members", label="Bars")
    led = charts.leading(svg, ["/people/?is=A&at=2026", "", "/people/?is=C"])
    assert re.findall(r"<a ([^>]*)>", led) == [
        'href="/people/?is=A&amp;at=2026" tabindex="-1" aria-hidden="true"', 'href="/people/?is=C" tabindex="-1" aria-hidden="true"'
    ]  # fmt: skip
    assert led.count('aria-label="Members: 3; name: ') == 3
    assert "<a " not in charts.leading(svg, [])
    assert "href" not in charts.leading(svg, [])


def test_a_chart_names_the_days_and_months_of_its_table_whatever_the_zone_of_the_server():
    kinds = ("owed",)
    months = [{"month": f"2025-{month:02}-01", "kind": "owed", "value": 5, "place": 0} for month in (11, 12)]
    drawn = charts.stacked_months(months, title="", label="", kinds=kinds)
    assert "2025-11" in drawn
    assert "2025-10" not in drawn
    one_day = charts.band([{"x": "2026-11-22", "low": -1, "estimate": 0, "high": 1}], title="", label="")
    assert "Nov 22" in one_day
