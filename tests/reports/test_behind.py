"""From a number to its people: each row that counts members leads to exactly those members."""

import html
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models.functions import TruncMonth

from care.models import Case
from loyalty import operations as loyalty
from loyalty.models import Transfer
from members import clock
from members.models import Member, User
from reports import behind, figures
from reports.panels import PANELS, read
from sales.models import Purchase, Source, Store
from tests.campaigns.conftest import *  # noqa: F403 - the same town, audience and draft
from tests.campaigns.conftest import sale
from tests.reports.test_one_truth import NOW, house  # noqa: F401 - a shop in which every figure has something to show
from tests.reports.test_pages import measured, signed_in, text_of  # noqa: F401 - a measured campaign

LEADING = [code for code, panel in PANELS.items() if panel.people]
LINK = re.compile(r'href="(/reports/figures/[a-z_]+/people/\?[^"]+)"( tabindex="-1")?')


BARS = {"stages", "tiers", "stores", "products", "value", "churn", "cases"}


def links_on(page: str, *, bars: bool = False) -> list[str]:
    """The links of the tables, or those of the charts' bars."""
    return [html.unescape(one) for one, is_bar in LINK.findall(page) if bool(is_bar) == bars]


def test_every_row_that_counts_members_leads_to_just_as_many(house):  # noqa: F811
    client = signed_in("marketer")
    assert set(LEADING) >= {
        "stages",
        "tiers",
        "stores",
        "products",
        "rfm",
        "value",
        "churn",
        "new_and_lost",
        "retention",
        "weeks",
        "cases",
        "surveys",
    }
    for code in LEADING:
        table = read(PANELS[code], at=NOW)
        counted = table.place(table.people)
        expected = [row[counted] for row in table.rows if row[counted]]
        page = text_of(client.get(f"/reports/figures/{code}/"))
        links = links_on(page)
        assert len(links) == len(expected), code
        if code in BARS:
            assert links_on(page, bars=True) == links, code
        found = [client.get(one).context["count"] for one in links]
        if code == "tier_flow":  # a member may step twice
            assert all(0 < n <= steps for n, steps in zip(found, expected, strict=True))
        else:
            assert found == expected, code


def test_the_people_of_a_store_are_those_who_bought_there(house):  # noqa: F811
    client = signed_in("marketer", "service")
    place = (Source.objects.first(), Store.objects.create(code="S2", name="Oak Lane"))
    Purchase.objects.bulk_create(sale(one, NOW - timedelta(days=2), 700, place, f"oak-{one.pk}") for one in house[:12])
    link, other = links_on(text_of(client.get("/reports/figures/stores/")))
    assert {told[0] for told in client.get(other).context["people"]} == {str(one.public_id) for one in house[:12]}
    page = text_of(client.get(link))
    assert {str(one.public_id) for one in house} == set(re.findall(r"/desk/members/([0-9a-f-]{36})/", page))
    [case] = links_on(text_of(client.get("/reports/figures/cases/")))
    [(asked, _purchases, _spend, last, _all)] = client.get(case).context["people"]
    assert asked == str(Case.objects.get().member.public_id)
    assert last > NOW - timedelta(days=366)
    assert text_of(client.get("/reports/")).count("/people/?") > 10, (
        "the first page leads there as well: two clicks in all"
    )
    Member.objects.filter(pk=house[3].pk).update(status="erased")
    assert str(house[3].public_id) not in text_of(client.get(link))


def test_the_first_page_holds_what_an_overview_must(house):  # noqa: F811
    client = signed_in("marketer")
    page = html.unescape(text_of(client.get("/reports/")))
    tiles = page.split('class="reports-board"', 1)[0]
    for words in (
        "Active members",
        "Programme lift",
        "Came back",
        "Points outstanding",
        "Liability after breakage",
        "breakage",
        "Net promoter score",
    ):
        assert words in tiles, words
    assert re.search(
        r"per member against the control group, 95 % interval −?\+?\$[0-9.,]+ to",
        re.sub("[−+\u2060]", "", tiles),
    )
    for code in ("earn_and_burn", "tier_flow", "retention", "new_and_lost", "programme_lift"):
        assert f'href="/reports/figures/{code}/"' in page, code


def test_each_month_of_the_liability_leads_to_who_is_owed_points_of_it(house):  # noqa: F811
    client = signed_in("marketer", "service")
    page = text_of(client.get("/reports/liability/"))
    links = [html.unescape(one) for one in re.findall(r'href="(/reports/liability/[0-9-]+/people/\?[^"]+)"', page)]
    months = [one.split("/")[3] for one in links]
    answers = [client.get(one) for one in links]
    earned = {}  # by hand: nobody spent all that they had of a month, but one who spent 17 of their oldest
    for member, month in Transfer.objects.filter(credit_account__in=(10, 11), wallet__currency__code="points").values_list(
        "wallet__member", TruncMonth("occurred_at", tzinfo=ZoneInfo(settings.TIME_ZONE))
    ):  # fmt: skip
        earned.setdefault(month.date().isoformat(), set()).add(member)
    assert len(months) == 3
    assert [answer.context["count"] for answer in answers] == [len(earned[month]) for month in months]
    listed = {told[0] for told in answers[0].context["people"]}
    assert listed == {str(one.public_id) for one in house if one.pk in earned[months[0]]}
    assert "Earned in" in text_of(answers[0])
    nowhere = ("2001-01-01/people/", "x/people/", f"{months[0]}/people/?currency=none")
    assert [client.get(f"/reports/liability/{one}").status_code for one in nowhere] == [404] * 3


def test_a_month_of_few_stays_closed_to_who_may_not_open_members(house):  # noqa: F811
    loyalty.adjust(
        member_id=house[0].pk, points=30, reason="Sorry", source="desk", client_key="few", by_user_id=None, at=NOW - timedelta(days=90)
    )  # fmt: skip
    asked = f"/reports/liability/{(NOW - timedelta(days=90)).strftime('%Y-%m')}-01/people/"
    closed = signed_in("analyst").get(asked)
    assert (closed.context["people"], closed.context["count"]) == ([], 0)
    assert "Fewer than ten people" in text_of(closed)
    assert str(house[0].public_id) not in text_of(closed)
    assert signed_in("marketer").get(asked).context["count"] == 1


def test_a_small_group_stays_closed_to_who_may_not_open_members(house):  # noqa: F811
    analyst, panel = signed_in("analyst"), PANELS["value"]
    reader = User.objects.get(email="analyst@example.com")
    assert figures.seen(panel, reader, at=NOW).hidden
    assert not links_on(text_of(analyst.get("/reports/figures/value/")))
    answer = analyst.get("/reports/figures/value/people/?is=3")
    assert (answer.context["people"], answer.context["count"]) == ([], 0)
    closed = text_of(answer)
    assert "Fewer than ten people" in closed
    assert not any(str(one.public_id) in closed for one in house)
    opened = signed_in("marketer").get("/reports/figures/value/people/?is=3")
    assert opened.context["count"] == 3


NOWHERE = (
    "stages/people/?is=nothing", "stages/people/", "value/people/?is=11", "staff/people/?is=x", "nothing/people/?is=x",
    "retention/people/?is=2026-01-01",
)  # fmt: skip


def test_a_row_that_is_not_there_leads_nowhere(house):  # noqa: F811
    client = signed_in("marketer")
    assert [client.get(f"/reports/figures/{path}").status_code for path in NOWHERE] == [404] * len(NOWHERE)


def test_a_long_group_lists_two_hundred_and_counts_all(db, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(behind, "SHOWN", 5)
    Member.objects.bulk_create(Member(joined_at=NOW, given_name=str(n)) for n in range(12))
    client = signed_in("marketer")
    [link] = links_on(text_of(client.get("/reports/figures/stages/")))
    answer = client.get(link)
    assert (answer.context["count"], len(answer.context["people"])) == (12, 5)
    assert "the first 5 are listed" in answer.content.decode()


def test_the_members_of_an_arm_are_those_assigned_to_it(db, measured):  # noqa: F811
    campaign = measured(40)
    client = signed_in("marketer")
    page = html.unescape(text_of(client.get(f"/reports/campaigns/{campaign.pk}/")))
    links = re.findall(rf'href="(/reports/campaigns/{campaign.pk}/people/\?is=[^"]+)"', page)
    assert len(links) == 3
    arms = {arm["name"]: arm["n"] for arm in campaign.reports.get().figures["arms"]}
    for link in links:
        assert client.get(link).context["count"] == arms[link.partition("?is=")[2]]
    assert client.get(f"/reports/campaigns/{campaign.pk}/people/?is=Nobody").status_code == 404
