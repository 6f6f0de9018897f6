"""The pages on which a manager writes rules: no JSON by hand, nothing lost, everything in words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from loyalty import operations
from loyalty.authoring import starters
from loyalty.authoring.models import RuleDraft
from loyalty.models import RuleSet
from loyalty.operations.rule_drafts import mark_of
from members import clock
from members.operations import add_staff
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
EARN = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "expiry": {"months": 12}}
FRESH = {
    "code": "fresh_tuesday", "name": "Fresh Tuesday", "multiply_percent": 200,
    "when": {"categories": ["PRODUCE"], "weekdays": [2], "hours": ["16:00", "18:30"]},
}  # fmt: skip


@pytest.fixture(autouse=True)
def business_time(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def manager(db):
    return at_door(Client(), add_staff(email="anna@example.com", roles=["store_manager"]), "cms")


@pytest.fixture
def marketer(db):
    return at_door(Client(), add_staff(email="mia@example.com", roles=["marketer"]), "cms")


@pytest.fixture
def draft(db):
    return operations.create_draft(name="Summer", definition=EARN | {"rules": [FRESH]}, by_user_id=None, at=NOW)


def address(name, *args):
    return reverse(f"programme_{name}", args=args)


def definition_of(draft):
    draft.refresh_from_db()
    return draft.definition


def test_a_rule_is_written_in_a_form_and_read_as_a_sentence(shop, manager, draft):
    said = {
        "seen": mark_of(None), "name": "Fruit hour", "multiply_percent": "300", "priority": "10", "stacks": "on",
        "when__categories": ["PRODUCE > APPLES"], "when__weekdays": ["2", "4"], "when__hours_0": "16:00",
        "when__hours_1": "18:30", "when__basket_minor_from": "25.50", "when__stores": ["S1"], "when__from": "2026-07-01",
        "budget__points": "10000", "budget__member_period": "ever",
    }  # fmt: skip
    answer = manager.post(address("draft_add", draft.pk, "multiply"), said)
    assert answer.status_code == 302, answer.context["form"].errors
    made = definition_of(draft)["rules"][1]
    assert made == {
        "code": "fruit_hour", "name": "Fruit hour", "multiply_percent": 300, "stacks": True, "priority": 10,
        "when": {
            "categories": ["PRODUCE > APPLES"], "weekdays": [2, 4], "hours": ["16:00", "18:30"], "basket_minor_from": 2550,
            "stores": ["S1"], "from": "2026-07-01",
        },
        "budget": {"points": 10000},
    }  # fmt: skip
    page = manager.get(address("draft", draft.pk))
    assert (
        "Triple points on APPLES for baskets from $25.50 on Tuesdays and Thursdays, 16:00–18:30 from July 1, 2026 on "
        "in Main Street; at most 10,000 points in all" in page.content.decode()
    )


def test_the_sentence_of_the_plainest_happy_hour(shop, manager, draft):
    page = manager.get(address("draft", draft.pk)).content.decode()
    assert "Double points on PRODUCE on Tuesdays, 16:00–18:30" in page


@pytest.mark.parametrize(
    "kind",
    [
        "multiply",
        "bonus",
        "spend",
        "stamps",
        "visits",
        "streak",
        "challenge",
        "first_purchase",
        "birthday",
        "anniversary",
        "event",
        "referral",
        "exclude",
    ],
)
def test_every_kind_of_rule_has_a_form_and_says_what_is_missing_beside_the_field(shop, manager, draft, kind):
    url = address("draft_add", draft.pk, kind)
    assert manager.get(url).status_code == 200
    answer = manager.post(url, {"seen": mark_of(None), "name": ""})
    assert answer.status_code == 200
    assert "name" in answer.context["form"].errors
    assert definition_of(draft) == EARN | {"rules": [FRESH]}


GOOD = {
    "bonus": ({"bonus_points": "50"}, "50 points extra"),
    "spend": ({"every_minor": "10", "gives_points": "5", "period": "month", "times": "3"}, "5 points for every $10.00 spent within a month, at most 3 times"),
    "stamps": ({"by": "visits", "every": "1", "stamps": "1", "card_size": "10", "card_gives_points": "500", "period": "ever"}, "1 stamp for every 1 visit; a full card of 10 gives 500 points"),
    "visits": ({"every": "5", "gives_points": "50", "period": "ever", "once_a_day": "on"}, "50 points for every 5 visits"),
    "streak": ({"length": "4", "unit": "week", "gives_points": "80"}, "80 points for a purchase in each of 4 weeks in a row"),
    "challenge": ({"measure": "spend", "target": "100", "gives_points": "80", "period": "month"}, "80 points for reaching $100.00 (money spent) within a month"),
    "first_purchase": ({"gives_points": "80"}, "80 points with the first purchase"),
    "birthday": ({"gives_points": "80", "days_before": "0", "days_after": "6"}, "80 points around the birthday"),
    "event": ({"event": "survey", "gives_points": "80", "every": "1", "period": "ever"}, "80 points for: Survey answered, at most once"),
    "referral": ({"gives_points": "80", "gives_referrer_points": "40", "period": "year"}, "80 points to the friend and 40 points to who referred"),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_rules_of_every_kind_are_saved_and_read_back_the_same(shop, manager, draft, kind):
    said, sentence = GOOD[kind]
    answer = manager.post(address("draft_add", draft.pk, kind), {"seen": mark_of(None), "name": "It"} | said)
    assert answer.status_code == 302, answer.context["form"].errors
    made = definition_of(draft)["rules"][1]
    assert sentence in manager.get(address("draft", draft.pk)).content.decode()
    edit = address("draft_rule", draft.pk, "rules", made["code"])
    form = manager.get(edit).context["form"]
    unchanged = {"seen": mark_of(made)} | {
        name: value for field in form for name, value in _as_posted(field)
    }  # fmt: skip
    assert manager.post(edit, unchanged).status_code == 302
    assert definition_of(draft)["rules"][1] == made


def _as_posted(field):
    """What a browser would send for a bound field that nobody touched."""
    value = field.value()
    widget = field.field.widget
    if hasattr(widget, "widgets"):
        yield from (
            (field.html_name + suffix, part)
            for suffix, part in zip(widget.widgets_names, widget.decompress(value), strict=True)
            if part is not None
        )
    elif value not in (None, "", False, []):
        yield field.html_name, "on" if value is True else value


def test_a_mistake_stands_beside_its_field_in_words(shop, manager, draft):
    said = {
        "seen": mark_of(None),
        "name": "It",
        "multiply_percent": "0",
        "when__hours_0": "16:00",
        "when__categories.typed": "Unheard of",
    }
    form = manager.post(address("draft_add", draft.pk, "multiply"), said).context["form"]
    assert set(form.errors) == {"multiply_percent", "when__hours", "when__categories"}
    assert "Unheard of: not found" in form.errors["when__categories"][0]


def test_what_the_engine_alone_refuses_stands_beside_its_field_too(shop, manager, draft):
    said = {"seen": mark_of(None), "name": "It", "multiply_percent": "100", "budget__points": "10"}
    form = manager.post(address("draft_add", draft.pk, "multiply"), said).context["form"]
    assert "with a budget" in form.errors["multiply_percent"][0]
    assert list(
        manager.post(address("draft_add", draft.pk, "exclude"), {"seen": mark_of(None), "name": "All"})
        .context["form"]
        .errors
    ) == ["__all__"]


def test_a_second_editor_of_one_rule_sees_both_and_keeps_what_they_typed(shop, manager, draft):
    theirs = FRESH | {"multiply_percent": 300}
    operations.save_part(
        draft_id=draft.pk, part="rules.fresh_tuesday", value=theirs, seen=mark_of(FRESH), by_user_id=None, at=NOW
    )
    url = address("draft_rule", draft.pk, "rules", "fresh_tuesday")
    mine = {
        "name": "Fresh Tuesday",
        "multiply_percent": "250",
        "when__categories": ["PRODUCE"],
        "when__weekdays": ["2"],
        "when__hours_0": "16:00",
        "when__hours_1": "18:30",
    }
    answer = manager.post(url, mine | {"seen": mark_of(FRESH)})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Triple points" in page
    assert "2.5 times the points" in page
    assert 'value="250"' in page
    assert definition_of(draft)["rules"] == [theirs]
    assert manager.post(url, mine | {"seen": answer.context["seen"]}).status_code == 302
    assert definition_of(draft)["rules"][0]["multiply_percent"] == 250


def test_basics_are_filled_in_as_money_months_and_percent(shop, manager, draft):
    url = address("draft_basics", draft.pk)
    basics = {key: value for key, value in draft.definition.items() if key != "rules"}
    said = {
        "seen": mark_of(basics), "currency": "usd", "points": "3", "per": "2", "cost": "8.00", "expires": "never",
        "pending": "days", "pending_days": "14", "chooses": "first", "percent_max": "500",
        **{f"tier__{tier}": percent for tier, percent in (("member", "100"), ("silver", "125"), ("gold", "150"))},
    }  # fmt: skip
    tiers = [name for name in manager.get(url).context["form"].fields if name.startswith("tier__")]
    said |= dict.fromkeys(tiers, "100") | {tiers[-1]: "150"}
    answer = manager.post(url, said)
    assert answer.status_code == 302, answer.context["form"].errors
    assert definition_of(draft) == {
        "earn": [{"currency": "USD", "points": 3, "per_minor": 200}], "expiry": None, "tiers": {tiers[-1][6:]: 150},
        "pending": {"days": 14}, "point_cost": {"currency": "USD", "minor_per_1000": 800},
        "stacking": {"chooses": "first", "percent_max": 500}, "rules": [FRESH],
    }  # fmt: skip


@pytest.mark.parametrize("starter", [starter.code for starter in starters.STARTERS])
def test_every_template_becomes_a_draft_that_can_be_submitted(shop, manager, starter):
    assert manager.post(address("draft_new"), {"starter": starter}).status_code == 302
    made = RuleDraft.objects.get()
    page = manager.get(address("draft", made.pk))
    assert page.context["problems"] == []
    manager.post(address("draft_act", made.pk, "submit"))
    made.refresh_from_db()
    assert made.state == "submitted"


def test_from_draft_to_version_and_called_off_again(shop, manager, draft):
    manager.post(address("draft_act", draft.pk, "submit"))
    answer = manager.post(address("draft_act", draft.pk, "publish"), {"live_from": "2026-06-10T00:00"})
    published = RuleSet.objects.order_by("-version").first()
    assert answer.url == address("version", published.version)
    assert "scheduled" in manager.get(answer.url).content.decode()
    manager.post(address("version_call_off", published.version))
    page = manager.get(address("version", published.version)).content.decode()
    assert "replaced before it began" in page
    assert "Called off" in page


def test_a_version_cannot_begin_in_the_past(shop, manager, draft):
    operations.submit_draft(draft_id=draft.pk, by_user_id=None, at=NOW)
    before = RuleSet.objects.count()
    answer = manager.post(address("draft_act", draft.pk, "publish"), {"live_from": "2026-05-01T00:00"}, follow=True)
    assert "the past keeps its rules" in answer.content.decode()
    assert RuleSet.objects.count() == before


def test_the_difference_is_told_in_words(shop, manager, draft):
    other = operations.create_draft(
        name="Autumn", by_user_id=None, at=NOW,
        definition=EARN | {"expiry": None, "rules": [FRESH | {"multiply_percent": 300, "when": {"categories": ["PRODUCE"], "weekdays": [3]}}]},
    )  # fmt: skip
    page = manager.get(address("rules_difference"), {"from": f"d{draft.pk}", "to": f"d{other.pk}"})
    changes = page.context["changes"]
    assert [(c.kind, c.title, c.after) for c in changes] == [
        ("changed", "Expiry", "Points never expire"), ("changed", "Fresh Tuesday", "Triple points on PRODUCE on Wednesdays"),
    ]  # fmt: skip
    assert [(d.label, d.before, d.after) for d in changes[1].details] == [
        ("Multiply by", "200 %", "300 %"), ("Weekdays", "Tuesday", "Wednesday"), ("Hours", "16:00–18:30", "–"),
    ]  # fmt: skip


def test_pickers_find_categories_brands_products_and_stores_by_a_few_letters(shop, marketer):
    def found(what, text):
        return [one["value"] for one in marketer.get(address("rules_search", what), {"q": text}).json()["found"]]

    assert found("categories", "apples g") == ["PRODUCE > APPLES > APPLES GALA"]
    assert found("brands", "larK") == ["Larkfield"]
    assert found("stores", "main") == ["S1"]
    assert len(found("products", "milk")) == 1
    assert found("categories", " ") == []


def test_a_marketer_reads_drafts_and_versions_and_changes_nothing(shop, marketer, draft):
    for page in (address("rules"), address("draft", draft.pk), address("version", 1), address("what_ifs")):
        shown = marketer.get(page)
        assert shown.status_code == 200
        assert '<form method="post"' not in shown.content.decode().partition('class="nice-padding prog"')[2]
    assert marketer.post(address("draft_act", draft.pk, "discard")).status_code == 302
    draft.refresh_from_db()
    assert draft.state == "open"


def test_lists_ask_the_same_number_of_queries_for_one_rule_and_for_three(shop, manager, django_assert_num_queries):
    def queries_for(n):
        rules = [FRESH | {"code": f"r{i}", "when": {"categories": ["PRODUCE"], "stores": ["S1"]}} for i in range(n)]
        made = operations.create_draft(name="d", definition=EARN | {"rules": rules}, by_user_id=None, at=NOW)
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        manager.get(address("draft", made.pk))
        with CaptureQueriesContext(connection) as asked:
            manager.get(address("draft", made.pk))
        return len(asked)

    assert queries_for(1) == queries_for(3)


def test_a_what_if_is_asked_on_a_page_run_by_a_worker_and_read_there(shop, manager, draft, monkeypatch):
    from loyalty import tasks

    asked = []
    monkeypatch.setattr(tasks.run_what_if, "delay", asked.append)
    shop.buy(shop.member(), 2_000, at=NOW - timedelta(days=30))
    said = {"about": f"d{draft.pk}", "since": "2026-01-01", "until": "2026-05-31"}
    answer = manager.post(address("what_if_new"), said)
    assert answer.url == address("what_if", asked[0])
    page = manager.get(answer.url).content.decode()
    assert "Waiting for a worker" in page
    wrong = manager.post(address("what_if_new"), said | {"until": "2025-05-31"})
    assert "Choose a later one" in wrong.context["form"].errors["until"][0]
