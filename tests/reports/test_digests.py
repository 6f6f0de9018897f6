"""What each role should know, by e-mail: each period once, only what the reader may see, figures those of the pages."""

import email
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email import policy

import pytest
from django.test import Client

import care.operations
from delivery import contents
from delivery.models import Message
from loyalty.operations import record_purchase
from members import modules
from members import operations as members
from members.roles import Role
from reports.digests import kinds, writing
from reports.models import DigestChoice, DigestIssue
from reports.panels import PANELS, read
from reports.panels.tables import Column, Table
from reports.tasks import send_digests
from reports.templatetags.report_cells import told_lines
from sales.lines import Line
from sales.models import Store
from tests.flows import world

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 9, 11, 30, tzinfo=UTC)  # half past seven in New York


@pytest.fixture(autouse=True)
def market(settings):
    settings.TIME_ZONE = "America/New_York"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return world.make(members_count=12, at=MONDAY)


def staff(role, **more):
    return members.add_staff(email=f"{role}@example.com", roles=[role], **more)


def letter(message) -> str:
    handler, issue = contents.resolve(message.content)
    raw = handler.writer(issue)({}, "x@example.com", MONDAY, "token-of-the-message")
    return email.message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()


def test_each_role_gets_its_own_once_a_week_whoever_asks_how_often(market):
    care.operations.open_case(
        topic="complaint", text="Cold", channel="form", at=MONDAY - timedelta(days=1), source="t", client_key="1"
    )
    readers = {
        role: staff(role) for role in (Role.MARKETER, Role.SERVICE, Role.ANALYST, Role.ADMINISTRATOR, Role.CASHIER)
    }
    for hours in range(3):
        writing.send_due(at=MONDAY + timedelta(hours=hours))
    got = {one.user_id: one.cause.split(":")[1] for one in Message.objects.order_by("pk")}
    assert got == {
        readers[Role.MARKETER].pk: "marketer", readers[Role.SERVICE].pk: "service", readers[Role.ANALYST].pk: "analyst",
        readers[Role.ADMINISTRATOR].pk: "manager",
    }  # fmt: skip
    assert Message.objects.count() == 4
    assert set(Message.objects.values_list("purpose", flat=True)) == {"transactional"}
    assert writing.send_due(at=MONDAY + timedelta(days=7)) == 4


def test_who_wants_it_daily_gets_it_daily_and_who_wants_none_gets_none():
    daily, none = staff(Role.SERVICE), staff(Role.ANALYST)
    DigestChoice.objects.create(user=daily, kind="service", every="day", changed_at=MONDAY)
    DigestChoice.objects.create(user=none, kind="analyst", every="never", changed_at=MONDAY)
    assert [writing.send_due(at=MONDAY + timedelta(days=day)) for day in (0, 0, 1, 2)] == [1, 0, 1, 1]
    assert set(Message.objects.values_list("user", flat=True)) == {daily.pk}


def test_the_figures_are_those_of_the_page_and_small_groups_stay_hidden():
    """A service desk may open members; its digest lies in a mailbox, so groups under ten are hidden there all the same."""
    reader = staff(Role.ANALYST)
    writing.send_due(at=MONDAY)
    said = letter(Message.objects.get(user=reader))
    ends = writing.period_end("week", at=MONDAY)
    table = read(PANELS["stages"], at=ends).for_eyes(sees_persons=False)
    for place, row in enumerate(table.rows):
        assert f"- {row[0]}: " in said
        assert (f"{row[0]}: Members < 10" in said) == (place in table.hidden)
    assert "Ada" not in said


def test_of_months_and_days_the_newest_come_first():
    def lines(columns, *rows):
        return told_lines(Table(columns, rows, MONDAY), 2)

    month, n = Column("month", "Month", "month"), Column("n", "New", "count")
    months = [(date(2026, number, 1), number) for number in range(1, 8)]
    assert lines((month, n), *months) == ["2026-07: New 7", "2026-06: New 6"]
    survey = Column("survey", "Survey", "text")
    answers = [("Visit", *months[0]), ("Visit", *months[6]), ("Website", *months[6])]
    assert lines((survey, month, n), *answers) == ["Visit · 2026-07: New 7", "Website · 2026-07: New 7"]
    assert lines((survey, n), ("Visit", 3), ("Website", 9)) == ["Visit: New 3", "Website: New 9"]


def test_who_leads_one_store_reads_of_that_store_alone():
    store, other = Store.objects.order_by("code")[:2]
    reader = staff(Role.STORE_MANAGER)
    store.staff.add(reader)
    for one in (store, other):
        record_purchase(
            source="test", client_key=f"digest-{one.code}", store_code=one.code, purchased_at=MONDAY - timedelta(days=2), currency="USD",
            lines=[Line("milk", Decimal(1), 349)],
        )  # fmt: skip
    writing.send_due(at=MONDAY)
    said = letter(Message.objects.get(user=reader))
    assert store.name in said
    assert f"{store.name}: 1 sales, $3.49" in said
    assert other.name not in said.split("New and lost")[0]


def test_it_is_written_in_the_readers_language_and_frozen():
    reader = staff(Role.SERVICE, language="zh-hans")
    writing.send_due(at=MONDAY)
    issue = DigestIssue.objects.get()
    said = letter(Message.objects.get(user=reader))
    assert issue.sections[0]["title"] in said
    assert issue.language == "zh-hans"
    care.operations.open_case(topic="complaint", text="Late", channel="form", at=MONDAY, source="t", client_key="2")
    assert letter(Message.objects.get(user=reader)) == said


def test_everybody_chooses_and_reads_their_own_on_a_page():
    reader = staff(Role.SERVICE)
    browser = Client()
    browser.force_login(reader)
    browser.cookies["sessionid_staff"] = browser.cookies["sessionid"].value
    assert "service" in browser.get("/staff/digests/").content.decode()
    assert browser.get("/staff/digests/service/").status_code == 200
    assert browser.get("/staff/digests/marketer/").status_code == 404
    browser.post("/staff/digests/", {"service": "never", "marketer": "day"})
    assert list(DigestChoice.objects.values_list("kind", "every")) == [("service", "never")]
    assert writing.send_due(at=MONDAY) == 0


def test_every_section_of_every_digest_can_be_asked():
    asked = kinds.Asked(MONDAY - timedelta(days=7), MONDAY, None)
    for kind in kinds.KINDS.values():
        assert all(one.lines for one in writing.sections(kind, asked))


def test_switched_off_nothing_is_sent():
    staff(Role.SERVICE)
    modules.remember(["digests"])
    assert send_digests() is None
    assert not Message.objects.exists()
