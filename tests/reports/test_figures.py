"""Panels, crossings, small groups, exports, what analysts keep: each figure is one table, whoever shows it."""

import csv
import io
import itertools
from datetime import date, timedelta
from email import message_from_bytes, policy

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from hypothesis import given
from hypothesis import strategies as st

from delivery import contents
from delivery.models import Message
from insights import lift
from members import clock
from members.models import Member, User
from members.operations import add_staff
from reports import crossing, editions, evaluating, figures, letters, power
from reports.models import Dashboard, Edition, Evaluation, Mailing, SavedView
from reports.panels import PANELS, Column, Table, read
from sales.models import Purchase, Store
from tests.campaigns.conftest import *  # noqa: F403 - the same town and audience
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT
from tests.journeys.conftest import STEPS, live, put_in
from tests.reports.test_pages import signed_in, text_of

NOW = AT + timedelta(days=14)


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def analyst(db):
    return signed_in("analyst")


@pytest.fixture
def two_stores(db, town):
    """Twenty-five members at the first store, three of them at a second one too."""
    people, (source, _first), _products = town(25)
    second = Store.objects.create(code="2", name="=Oak Lane")
    Purchase.objects.bulk_create(sale(one, AT, 1234, (source, second), f"oak-{one.pk}") for one in people[:3])
    return people


def exported(response):
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_every_figure_has_a_page_a_definition_and_the_same_table_everywhere(analyst, two_stores):
    library = text_of(analyst.get("/reports/figures/"))
    for code, panel in PANELS.items():
        assert str(panel.title) in library.replace("&#x27;", "'")
        page = text_of(analyst.get(f"/reports/figures/{code}/"))
        table = figures.seen(panel, User.objects.get(email="analyst@example.com"), at=NOW)
        if table is None:
            assert "Nothing to show yet" in page
            assert analyst.get(f"/reports/figures/{code}.csv").status_code == 404
            continue
        assert "What is this?" in page
        assert "time zone America/New_York" in page
        told = analyst.get(f"/reports/figures/{code}.json").json()
        assert len(told["rows"]) == len(exported(analyst.get(f"/reports/figures/{code}.csv"))[1:]) - bool(
            table.total
        ) - 1 - bool(table.hidden)
        held = pq.read_table(io.BytesIO(analyst.get(f"/reports/figures/{code}.parquet").content))
        assert held.num_rows == len(told["rows"])
    assert analyst.get("/reports/figures/nothing/").status_code == 404


def test_a8_page_export_interface_and_purchases_agree_to_the_cent(two_stores):
    client = signed_in("marketer")
    truth = sum(
        Purchase.objects.filter(purchased_at__gt=NOW - timedelta(days=91)).values_list("total_minor", flat=True)
    )
    told = client.get("/reports/figures/stores.json").json()
    assert told["total"][2] == sum(row[2] for row in told["rows"]) == truth
    rows = exported(client.get("/reports/figures/stores.csv"))
    assert int(next(row for row in rows if row[0] == "TOTAL")[2]) == truth
    assert f"{truth / 100:,.2f}" in text_of(client.get("/reports/figures/stores/"))
    assert any(row[1] == "'=Oak Lane" for row in rows)


def test_a10_groups_under_ten_are_hidden_from_who_may_not_see_persons(analyst, two_stores):
    page = text_of(analyst.get("/reports/figures/stores/"))
    assert "&lt; 10" in page
    assert "2 rows are kept back" in page
    told = analyst.get("/reports/figures/stores.json").json()
    assert all(row[2] is None and row[4] is None for row in told["rows"])
    open_to = signed_in("marketer").get("/reports/figures/stores.json").json()
    assert sorted(row[4] for row in open_to["rows"]) == [3, 25]
    assert "oak-" not in page


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_one_hidden_group_can_never_be_told_from_the_total(people):
    columns = (Column("name", "Name", "text"), Column("people", "People"))
    rows = tuple((f"g{place}", n) for place, n in enumerate(people))
    table = Table(columns, rows, NOW, "people", total=("Total", sum(people)))
    seen = table.for_eyes(sees_persons=False)
    assert all(n is None or n == 0 or n >= 10 for _name, n in seen.rows)
    hidden = [n for n, (_name, shown) in zip(people, seen.rows, strict=True) if shown is None]
    assert len(hidden) != 1 or not [n for n in people if n >= 10]
    assert table.for_eyes(sees_persons=True) is table


@pytest.mark.django_db
def test_any_two_dimensions_can_be_crossed_and_totals_reconcile(two_stores):
    for rows, columns in itertools.permutations(crossing.DIMENSIONS, 2):
        found = crossing.cross(crossing.Question(rows, columns, "sales", 6), at=NOW)
        total = found.cells[None, None][0]
        assert total == sum(Purchase.objects.values_list("total_minor", flat=True))
        inner = {key: held[0] for key, held in found.cells.items() if None not in key}
        assert sum(inner.values()) == total
        for row in found.rows:
            assert found.cells[row, None][0] == sum(v for (r, _c), v in inner.items() if r == row)
        for column in found.columns:
            assert found.cells[None, column][0] == sum(v for (_r, c), v in inner.items() if c == column)


def test_a7_from_a_number_to_its_members_is_one_click_and_small_groups_stay_closed(analyst, two_stores):
    grid = text_of(signed_in("marketer").get("/reports/crossing/?rows=store&columns=channel&months=3"))
    assert "/reports/crossing/people/?rows=store" in grid
    where = "/reports/crossing/people/?rows=store&columns=channel&measure=sales&months=3&row="
    page = text_of(signed_in("marketer").get(where + "%3DOak Lane"))
    assert all(str(one.public_id) in page for one in two_stores[:3])
    assert "/desk/members/" not in page  # nor a link to a page they cannot open
    assert text_of(signed_in("marketer", "service").get(where + "%3DOak Lane")).count("/desk/members/") == 3
    closed = text_of(analyst.get(where + "%3DOak Lane"))
    assert "Fewer than ten people" in closed
    assert "/desk/members/" not in closed
    rows = exported(analyst.get("/reports/crossing.csv?rows=store&columns=channel&months=3"))
    assert [row[2] for row in rows if row[0] == "'=Oak Lane"] == [""]
    assert analyst.get("/reports/crossing/?rows=store&columns=store").status_code == 404
    assert analyst.get("/reports/crossing/?months=x").status_code == 404


def test_a_person_keeps_views_and_arranges_a_page_that_nobody_else_sees(analyst, two_stores):
    analyst.post(
        "/reports/crossing/save/",
        {"name": "Mine", "rows": "tier", "columns": "month", "measure": "sales", "months": "6"},
    )
    kept = SavedView.objects.get()
    assert "Mine" in text_of(analyst.get("/reports/crossing/"))
    other = signed_in("marketer")
    assert "Mine" not in text_of(other.get("/reports/crossing/"))
    assert other.post(f"/reports/crossing/views/{kept.pk}/forget/").status_code == 404
    assert analyst.post(f"/reports/crossing/views/{kept.pk}/forget/").status_code == 302
    for panel, act in (("stores", "add"), ("stores", "up"), ("stages", "remove")):
        assert analyst.post("/reports/figures/move/", {"panel": panel, "act": act}).status_code == 302
    assert Dashboard.objects.get().panels == [
        *(code for code in figures.START[:-1] if code != "stages"),
        "stores",
        "weeks",
    ]
    assert "Arrange my page" in text_of(analyst.get("/reports/figures/arrange/"))
    assert 'href="/reports/figures/stores/"' in text_of(analyst.get("/reports/"))
    assert 'href="/reports/figures/stores/"' not in text_of(other.get("/reports/"))


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.sampled_from("abcdef"),
    st.sampled_from(["up", "down", "add", "remove", "x"]),
)
def test_arranging_neither_loses_nor_doubles_a_figure(codes, code, act):
    after = figures.moved(list(codes), code, act)
    expected = set(codes) | {code} if act == "add" else set(codes) - {code} if act == "remove" else set(codes)
    assert set(after) == expected
    assert len(after) == len(expected)


@pytest.mark.django_db
def test_new_and_back_less_lost_is_the_change_in_active(two_stores):
    rows = read(PANELS["new_and_lost"], at=NOW).rows
    for (_m, before, *_rest), (_month, active, new, back, lost) in itertools.pairwise(rows):
        assert active - before == new + back - lost
    assert rows[-1][1] == 25


@pytest.mark.django_db
def test_a_month_is_frozen_once_and_never_changed(two_stores):
    made = editions.make_edition(at=NOW)
    assert made.month == date(2017, 11, 1)
    assert editions.make_edition(at=NOW + timedelta(days=1)) is None
    assert made.panels["stores"]["hidden_rows"] == [0, 1]
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Edition.objects.update(panels={})
    client = signed_in("analyst")
    assert "November 2017" in text_of(client.get("/reports/editions/"))
    assert "never changed since" in text_of(client.get("/reports/editions/2017-11/"))
    assert client.get("/reports/editions/2017-10/").status_code == 404
    assert client.get("/reports/editions/nonsense/").status_code == 404


def test_a_report_is_mailed_when_it_is_due_once_and_only_to_who_may_read_it(analyst, two_stores):
    reader = User.objects.get(email="analyst@example.com")
    analyst.post("/reports/editions/mail/", {"every": "week"})
    mailing = Mailing.objects.get()
    assert (mailing.due_at.weekday(), mailing.due_at > NOW) == (0, True)
    assert letters.send_due(at=NOW) == 0
    assert letters.send_due(at=mailing.due_at) == 1
    assert letters.send_due(at=mailing.due_at) == 0
    sent = Message.objects.get()
    assert (sent.user_id, sent.channel, sent.purpose) == (reader.pk, "email", "transactional")
    assert Mailing.objects.get().due_at == mailing.due_at + timedelta(days=7)
    reader.groups.clear()
    assert letters.send_due(at=mailing.due_at + timedelta(days=7)) == 0
    assert Message.objects.count() == 1


def test_a_mailed_report_holds_what_its_reader_may_see_and_stays_what_it_was(analyst, two_stores):
    reader = User.objects.get(email="analyst@example.com")
    Dashboard.objects.create(user=reader, panels=["stages", "stores"], changed_at=NOW)
    Mailing.objects.create(user=reader, every="day", due_at=NOW)
    letters.send_due(at=NOW)

    def arrives() -> tuple[str, dict[str, str]]:
        handler, letter = contents.resolve(Message.objects.get().content)
        raw = handler.writer(letter)({"given_name": "Ann"}, reader.email, NOW, "token-of-the-message")
        mail = message_from_bytes(raw, policy=policy.default)
        held = {one.get_filename(): one.get_content() for one in mail.iter_attachments()}
        return mail.get_body(("plain",)).get_content(), held

    said, held = arrives()
    Dashboard.objects.all().delete()
    Member.objects.update(lifecycle_stage="lapsed")
    assert arrives() == (said, held)
    assert "Members by life-cycle stage" in said
    assert "2 · =Oak Lane: Sales < 10" in said
    assert list(held) == ["stages.csv", "stores.csv"]
    assert "'=Oak Lane" in held["stores.csv"]
    assert "12.34" not in said


def test_a_change_is_held_against_before_target_and_the_stores_that_did_not_change(analyst, town):
    people, (source, first), _products = town(5)
    second = Store.objects.create(code="2", name="Oak Lane")
    changed = date(2017, 12, 5)
    days = {first: (1000, 1300), second: (1000, 1100)}
    for store, (before, after) in days.items():
        for day, minor in ((-3, before), (3, after)):
            at = AT + timedelta(days=4 + day)
            Purchase.objects.bulk_create([sale(people[0], at, minor, (source, store), f"{store.pk}{day}")])
    said = {
        "name": "New bakery",
        "kpi": "sales",
        "changed_on": changed,
        "days": 7,
        "target_percent": 10,
        "store": first.pk,
    }
    assert analyst.post("/reports/evaluations/", said).status_code == 302
    found = evaluating.evaluate(Evaluation.objects.get(), at=NOW)
    assert (found.changed.change, found.control.change) == (pytest.approx(0.3), pytest.approx(0.1))
    assert found.beyond_control == pytest.approx(1.3 / 1.1 - 1)
    assert (found.is_complete, found.reached) == (True, True)
    page = text_of(analyst.get("/reports/evaluations/"))
    assert "Target reached" in page
    assert "+18.2 %" in page
    assert analyst.post("/reports/evaluations/", said | {"days": 3}).status_code == 422


def test_a_file_is_measured_on_a_page_and_a_bad_cell_is_named(analyst):
    rows = [f"u{i},{'AB'[i % 2]},{10 + i % 7 + (i % 2)}" for i in range(60)]
    said = {"variant": "group", "control": "A", "metrics": "revenue", "unit": "user", "correction": "holm"}

    def upload(text):
        held = io.BytesIO(("user,group,revenue\n" + text).encode())
        held.name = "results.csv"
        return analyst.post("/reports/experiment/", said | {"file": held})

    page = text_of(upload("\n".join(rows)))
    for words in ("B against A", "95 % interval", "Split as planned", "60 units in 60 rows", "<svg role="):
        assert words in page
    bad = upload("\n".join([*rows, "u99,A,abc"]))
    assert bad.status_code == 422
    assert "Row 62, field “revenue”: “abc” is no number." in bad.content.decode()
    broken = text_of(upload("\n".join(row.replace(",B,", ",A,") if i < 40 else row for i, row in enumerate(rows))))
    assert "no verdict is shown" in broken
    assert "B against A" not in broken


def test_before_the_start_a_page_says_how_many_members_it_takes_and_what_those_there_can_show(analyst, town):
    people, place, _products = town(30)
    Purchase.objects.bulk_create(
        sale(one, NOW - timedelta(days=3), 1000 + 100 * i, place, f"p-{i}") for i, one in enumerate(people[:20])
    )
    found, _at = power.spread(days=28, at=NOW)
    spent = [
        sum(p.total_minor for p in one.purchases.filter(purchased_at__gte=NOW - timedelta(days=28))) for one in people
    ]
    assert (found.members, found.mean, found.sd) == (
        30,
        pytest.approx(np.mean(spent)),
        pytest.approx(np.std(spent, ddof=1)),
    )
    said = {"effect": 5.0, "held_out": 50, "days": 28, "members": None}
    told = power.answer(said, at=NOW)
    assert told["plain"]["needed"].n_control == lift.members_needed(found.mean, found.sd, 0.05)
    assert not told["plain"]["is_enough"]
    assert told["cuped"]["needed"].n <= told["plain"]["needed"].n
    page = text_of(analyst.get("/reports/power/?effect=5&held_out=50&days=28"))
    assert f"{told['plain']['needed'].n:,}" in page
    assert "too few" in page
    assert analyst.get("/reports/power/?effect=nothing").status_code == 422


def test_an_empty_programme_has_no_spread_to_speak_of(analyst, db):
    assert "nothing can be said" in text_of(analyst.get("/reports/power/"))


def test_the_funnel_of_a_journey_is_a_figure_like_the_others(db, town):
    people, *_ = town(3)
    journey = live(STEPS["wait"], STEPS["tag"], at=NOW)
    put_in(journey, people, at=NOW)
    [row] = read(PANELS["journeys"], at=NOW).rows
    assert (row[0], *row[2:]) == ("Welcome", 3, 3, 0, 0, 0)


def test_a9_programme_lift_stands_on_page_one_with_its_interval_or_is_said_to_be_unknown(analyst, town, monkeypatch):
    from campaigns import programme_lift
    from experiments import operations as experiments  # the star import above names the package

    assert "no standing control group" in text_of(analyst.get("/reports/"))
    people, place, _products = town(60)
    made = experiments.open_control(percent=20, starts_at=AT - timedelta(days=1))
    made.experiment.__class__.objects.filter(pk=made.experiment.pk).update(salt="always the same")
    Purchase.objects.bulk_create(
        sale(one, AT + timedelta(days=1), 700 + 13 * i, place, f"c{i}") for i, one in enumerate(people)
    )
    experiments.keep_control(at=AT - timedelta(days=1))
    programme_lift.keep(at=NOW)
    page = text_of(analyst.get("/reports/"))
    assert "per member against the control group" in page
    whole = text_of(analyst.get("/reports/programme-lift/"))
    for words in (
        "20 % of members get no marketing",
        "Differences, with their doubt",
        "holds however often it is read",
    ):
        assert words in whole


def test_what_happens_today_stands_on_the_first_page_and_is_counted_anew_when_asked(two_stores):
    client, sold = signed_in("marketer"), Purchase.objects.order_by("pk").last()
    assert "Today so far" in text_of(client.get("/reports/"))
    before = text_of(client.get("/reports/now/"))
    assert 'hx-get="/reports/now/"' in before
    assert "$77.01" not in before
    place = (sold.source, sold.store)
    sale(two_stores[0], NOW, 7701, place, "just now").save()
    sale(two_stores[0], NOW - timedelta(hours=10), 5, place, "yesterday").save()
    assert "$77.01" in text_of(client.get("/reports/now/"))


def test_staff_of_other_roles_read_nothing_here(db):
    add_staff(email="till@example.com", roles=["cashier"])
    client = signed_in("cashier")
    for path in ("figures/", "crossing/", "experiment/", "evaluations/", "editions/", "programme-lift/"):
        assert client.get(f"/reports/{path}").status_code == 403
