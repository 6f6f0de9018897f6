"""Rules as experiments: who is held out is logged before the rule counts, as the posting function will have it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from experiments.buckets import bucket
from experiments.models import Assignment
from loyalty import operations
from loyalty.models import RuleTrial
from members import clock
from members.models import Member
from members.operations import add_staff
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
STARTS = NOW + timedelta(days=2)
RULE = {
    "code": "fresh", "name": "Fresh Tuesday", "multiply_percent": 200, "when": {"categories": ["PRODUCE"]},
    "trial": {"salt": "of this rule", "holdout_percent": 30},
}  # fmt: skip


def publish(rules, *, at=NOW, live_from=STARTS):
    definition = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": rules}
    made = operations.create_draft(name="d", definition=definition, by_user_id=None, at=at)
    operations.submit_draft(draft_id=made.pk, by_user_id=None, at=at)
    return operations.publish_draft(draft_id=made.pk, live_from=live_from, by_user_id=None, at=at)


def assigned():
    rows = Assignment.objects.select_related("arm").order_by("member_id")
    return {row.member_id: (row.arm.is_holdout, row.propensity, row.assigned_at) for row in rows}


def test_everybody_is_assigned_before_the_rule_counts_and_who_joins_later_too(shop):
    first = [shop.member() for _ in range(40)]
    publish([RULE])
    held = {m.pk: bucket("of this rule", m.public_id) < 3000 for m in first}
    assert assigned() == {pk: (is_held, pytest.approx(0.3 if is_held else 0.7), NOW) for pk, is_held in held.items()}
    late = shop.member()
    assert operations.assign_trials(at=STARTS) == 1
    assert operations.assign_trials(at=STARTS) == 0
    assert assigned()[late.pk][0] == (bucket("of this rule", late.public_id) < 3000)
    assert assigned()[late.pk][2] == STARTS


def test_the_next_version_with_the_same_trial_goes_on_with_it(shop):
    shop.member()
    publish([RULE])
    publish([RULE | {"multiply_percent": 300}], live_from=STARTS + timedelta(days=1))
    assert RuleTrial.objects.count() == 1


def test_a_trial_that_no_version_names_any_more_takes_nobody_new(shop):
    publish([RULE])
    publish([], live_from=STARTS)
    shop.member()
    assert operations.assign_trials(at=STARTS) == 0


def test_what_the_posting_function_gives_agrees_with_the_log(shop):
    members = [shop.member() for _ in range(30)]
    publish([RULE])
    points = {m.pk: shop.buy(m, 1000, at=STARTS + timedelta(hours=1), product="apples").points for m in members}
    assert points == {m.pk: 10 if assigned()[m.pk][0] else 20 for m in members}
    assert set(points.values()) == {10, 20}


def test_the_lift_of_a_rule_is_reported_like_a_campaigns(shop, monkeypatch):
    members = [shop.member() for _ in range(60)]
    publish([RULE])
    logged = assigned()
    for n, member in enumerate(members):
        spent = 1000 + 10 * (n % 7) + (0 if logged[member.pk][0] else 800)
        shop.buy(member, spent, at=STARTS + timedelta(hours=n))
        shop.buy(member, 50_000, at=STARTS - timedelta(hours=1))  # before the rule: counts for nothing
    monkeypatch.setattr(clock, "now", lambda: STARTS + timedelta(days=20))
    analyst = at_door(Client(), add_staff(email="al@example.com", roles=["analyst"]), "reports")
    trial = RuleTrial.objects.get()
    page = analyst.get(reverse("reports:rule_trial", args=[trial.pk]))
    first = page.context["figures"]["comparisons"][0]
    assert first["absolute"] == pytest.approx(800, abs=30)
    assert first["low"] < first["absolute"] < first["high"]
    assert (first["n_control"], first["n_treated"]) == tuple(
        sum(is_held is flag for is_held, *_ in logged.values()) for flag in (True, False)
    )
    assert page.context["verdict"].tone == "good"
    assert "Fresh Tuesday" in analyst.get(reverse("reports:rule_trials")).content.decode()
    assert Member.objects.count() == 60
