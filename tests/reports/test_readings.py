"""Slow answers are kept with the moment they speak of, and read anew in the background; quick ones are asked as they were."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

from loyalty import liability as books
from members import clock
from reports import crossing, evaluating, owed, readings, tasks, waiting
from reports.models import Evaluation, Reading
from reports.panels import PANELS, Table
from reports.panels import read as read_panel
from sales.models import Store
from tests.campaigns.conftest import *  # noqa: F403 - the same town
from tests.campaigns.people import AT
from tests.reports.test_pages import signed_in, text_of

NOW = AT + timedelta(days=14)


@pytest.fixture(autouse=True)
def slow(monkeypatch, settings, db):
    """Everything takes longer than a reader waits; no reading of another test is near."""
    settings.REPORTS_ARE_KEPT = True
    monkeypatch.setattr(readings, "QUICK_S", -1.0)
    monkeypatch.setattr(readings, "cache", DummyCache("", {}))


class Asked:
    """A question that counts how often it was asked."""

    def __init__(self, name="panel:nothing-of-the-house"):
        self.times = 0
        self.question = readings.Question(name, self.ask)

    def ask(self, _at):
        self.times += 1
        return self.times

    def read(self, at):
        return readings.read(self.question, at=at)


def test_a_slow_answer_is_kept_and_says_as_of_when():
    asked = Asked()
    assert asked.read(NOW) == readings.Answer(1, NOW)
    assert asked.read(NOW + timedelta(hours=3)) == readings.Answer(1, NOW)
    assert asked.times == 1


def test_what_is_older_than_a_day_or_from_the_future_is_asked_anew():
    asked = Asked()
    asked.read(NOW)
    later = NOW + timedelta(hours=27)
    assert asked.read(later) == readings.Answer(2, later)
    assert asked.read(NOW) == readings.Answer(3, NOW)


def test_a_quick_answer_is_no_row(monkeypatch):
    monkeypatch.setattr(readings, "QUICK_S", 3600.0)
    asked = Asked()
    asked.read(NOW)
    assert asked.read(NOW + timedelta(minutes=6)).value == 2
    assert not Reading.objects.exists()


def test_the_beat_reads_anew_what_is_old_and_forgets_what_nobody_wants(town):
    town(12)
    for code in ("stores", "stages"):
        read_panel(PANELS[code], at=NOW)
    crossing.cross(crossing.Question(), at=NOW)
    owed.read(books.currencies()[0], at=NOW)
    Reading.objects.create(question="panel:gone", language="en", at=NOW, took_s=9, asked_at=NOW)
    assert readings.refresh(at=NOW + timedelta(minutes=4)) == 0
    soon = NOW + timedelta(minutes=6)
    assert readings.refresh(at=soon) == 4
    assert set(Reading.objects.values_list("at", flat=True)) == {soon}
    assert sorted(Reading.objects.values_list("question", flat=True)) == [
        "crossing:month:store:3", "owed:points:now", "panel:stages", "panel:stores",
    ]  # fmt: skip
    Reading.objects.filter(question="panel:stores").update(
        took_s=600
    )  # ten minutes: not before three hours and a third
    assert readings.refresh(at=soon + timedelta(hours=3)) == 3
    assert readings.refresh(at=soon + timedelta(hours=4), until=lambda: True) == 0
    assert readings.refresh(at=soon + timedelta(days=30)) == 0
    assert not Reading.objects.exists()


def test_a_kept_table_is_the_very_table_in_page_export_and_interface(town, monkeypatch):
    town(25)
    first = {code: read_panel(panel, at=NOW) for code, panel in PANELS.items()}
    again = {code: read_panel(panel, at=NOW + timedelta(hours=1)) for code, panel in PANELS.items()}
    assert first == again
    assert sum(isinstance(one, Table) for one in first.values()) >= 7
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    client = signed_in("marketer")
    told = client.get("/reports/figures/stores.json").json()
    assert datetime.fromisoformat(told["as_of"]) == NOW
    assert "As of" in text_of(client.get("/reports/figures/stores/"))
    assert NOW.isoformat() in client.get("/reports/figures/stores.csv").content.decode()


def test_what_is_owed_is_the_same_after_it_was_kept(town, settings):
    town(5)
    currency = books.currencies()[0]
    first = owed.read(currency, at=NOW)
    assert owed.read(currency, at=NOW + timedelta(hours=1)) == first
    settings.REPORTS_ARE_KEPT = False
    assert owed.read(currency, at=NOW) == first


def test_a_day_that_is_past_is_kept_for_itself(db):
    client = signed_in("analyst")
    assert "2017-11-30" in text_of(client.get("/reports/liability/?day=2017-11-30"))
    assert [one.question for one in Reading.objects.filter(question__startswith="owed")] == ["owed:points:2017-11-30"]
    assert readings.refresh(at=datetime.now(UTC) + timedelta(days=1)) == 0


def test_in_a_large_shop_a_new_question_is_counted_by_a_worker_and_the_page_looks_again(town, monkeypatch):
    town(12)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(readings, "LARGE", -2)
    begun = []
    monkeypatch.setattr(tasks.read_once, "delay", lambda *said: begun.append(said))
    monkeypatch.setattr(waiting, "cache", LocMemCache("begun", {}))
    client, path = signed_in("marketer"), "/reports/crossing/?rows=store&columns=tier&months=3"
    for _again in range(2):
        page = client.get(path)
        assert (page.status_code, page["Refresh"]) == (202, "3")
        assert "Being counted" in page.content.decode()
    assert begun == [("crossing:store:tier:3", "en")]
    assert tasks.read_once(*begun[0]) is True
    assert tasks.read_once(*begun[0]) is False
    assert "Elm Street" in text_of(client.get(path))
    for other in ("power/", "liability/", "liability.csv"):
        assert client.get(f"/reports/{other}").status_code == 202
    monkeypatch.setattr(readings, "LARGE", 2_000_000)
    assert client.get("/reports/liability/?day=2017-11-30").status_code == 200


def test_people_behind_a_figure_are_kept_by_number_and_leave_when_they_are_erased(town):
    members, *_ = town(12)
    asked = crossing.Question("store", "month", "sales", 3)
    found = crossing.people(asked, row="Elm Street", column=None, at=NOW)
    assert len(found) == 12
    members[0].__class__.objects.filter(pk=members[0].pk).update(status="erased")
    assert len(crossing.people(asked, row="Elm Street", column=None, at=NOW)) == 11
    long_name = crossing._people_question("store", "month", 3, "A name that goes on and on " * 9, None)
    assert len(long_name.name) < 120
    assert crossing._named_people(long_name.name.partition(":")[2]) is None


def test_an_evaluation_is_the_same_after_it_was_kept(town):
    town(12)
    made = Evaluation.objects.create(
        name="Bakery", kpi="sales", changed_on=(AT - timedelta(days=40)).date(), days=30, target_percent=5, created_at=NOW, store=Store.objects.get()
    )  # fmt: skip
    first = evaluating.evaluate(made, at=NOW)
    assert first.changed.after
    assert evaluating.evaluate(made, at=NOW + timedelta(hours=1)) == first
    assert readings.refresh(at=NOW + timedelta(hours=2)) == 1
    made.delete()
    assert readings.refresh(at=NOW + timedelta(hours=5)) == 0
    assert not Reading.objects.exists()
