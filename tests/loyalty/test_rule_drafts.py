"""Drafts of rule sets: edited by several people, published once, and never in the past."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from loyalty import operations
from loyalty.authoring.models import RuleAct, RuleDraft
from loyalty.models import RuleSet
from loyalty.operations.rule_drafts import mark_of
from members.operations import add_staff

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=7)
EARN = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "expiry": {"months": 12}}
FRESH = {"code": "fresh", "name": "Fresh", "multiply_percent": 200, "when": {"categories": ["PRODUCE"]}}
BAKED = {"code": "baked", "name": "Baked", "multiply_percent": 300, "when": {"categories": ["BAKERY"]}}


@pytest.fixture
def anna(db):
    return add_staff(email="anna@example.com", roles=["store_manager"])


@pytest.fixture
def ben(db):
    return add_staff(email="ben@example.com", roles=["store_manager"])


def draft(**definition):
    return operations.create_draft(name="Summer", definition=EARN | definition, by_user_id=None, at=AT)


def save(made, part, value, *, seen, by):
    return operations.save_part(draft_id=made.pk, part=part, value=value, seen=mark_of(seen), by_user_id=by.pk, at=AT)


def test_two_people_at_two_rules_lose_nothing(anna, ben):
    made = draft(rules=[FRESH])
    save(made, "rules.fresh", FRESH | {"multiply_percent": 250}, seen=FRESH, by=anna)
    save(made, "rules.baked", BAKED, seen=None, by=ben)
    made.refresh_from_db()
    assert made.definition["rules"] == [FRESH | {"multiply_percent": 250}, BAKED]


def test_of_two_people_at_one_rule_the_second_is_shown_both(anna, ben):
    made = draft(rules=[FRESH])
    theirs = FRESH | {"multiply_percent": 250}
    save(made, "rules.fresh", theirs, seen=FRESH, by=anna)
    with pytest.raises(operations.DraftConflict) as conflict:
        save(made, "rules.fresh", FRESH | {"multiply_percent": 300}, seen=FRESH, by=ben)
    assert conflict.value.theirs == theirs
    assert conflict.value.act.by_user == anna
    made.refresh_from_db()
    assert made.definition["rules"] == [theirs]
    save(made, "rules.fresh", FRESH | {"multiply_percent": 300}, seen=theirs, by=ben)  # having seen both
    made.refresh_from_db()
    assert made.definition["rules"][0]["multiply_percent"] == 300


def test_a_rule_removed_meanwhile_is_a_conflict_too(anna, ben):
    made = draft(rules=[FRESH])
    save(made, "rules.fresh", None, seen=FRESH, by=anna)
    with pytest.raises(operations.DraftConflict) as conflict:
        save(made, "rules.fresh", FRESH | {"multiply_percent": 300}, seen=FRESH, by=ben)
    assert conflict.value.theirs is None


def test_a_new_rule_never_replaces_one_of_the_same_code(anna):
    made = draft(rules=[FRESH])
    with pytest.raises(operations.CannotChange, match="Choose another code"):
        save(made, "rules.fresh", BAKED | {"code": "fresh"}, seen=None, by=anna)
    made.refresh_from_db()
    assert made.definition["rules"] == [FRESH]


def test_the_basics_are_saved_apart_from_the_rules(anna):
    made = draft(rules=[FRESH])
    save(made, "basics", EARN | {"expiry": {"months": 6}}, seen=EARN, by=anna)
    made.refresh_from_db()
    assert made.definition == EARN | {"expiry": {"months": 6}, "rules": [FRESH]}


def test_a_draft_is_published_once_submitted_and_then_closed(anna, ben):
    made = draft(rules=[FRESH])
    with pytest.raises(operations.CannotPublish, match="Submit"):
        operations.publish_draft(draft_id=made.pk, live_from=LATER, by_user_id=ben.pk, at=AT)
    operations.submit_draft(draft_id=made.pk, by_user_id=anna.pk, at=AT)
    version = operations.publish_draft(draft_id=made.pk, live_from=LATER, by_user_id=ben.pk, at=AT)
    made.refresh_from_db()
    assert (made.state, made.published_as) == (RuleDraft.State.PUBLISHED, version)
    assert (version.definition, version.live_from) == (made.definition, LATER)
    acts = made.acts.order_by("pk").values_list("act", "by_user__email")
    assert list(acts) == [("created", None), ("submitted", anna.email), ("published", ben.email)]
    with pytest.raises(operations.CannotChange, match="closed"):
        save(made, "rules.fresh", None, seen=FRESH, by=anna)


def test_a_change_after_submitting_opens_the_draft_again(anna):
    made = draft(rules=[FRESH])
    operations.submit_draft(draft_id=made.pk, by_user_id=anna.pk, at=AT)
    assert save(made, "rules.fresh", None, seen=FRESH, by=anna).state == RuleDraft.State.OPEN


def test_a_version_never_begins_in_the_past_or_among_posted_purchases(shop, anna):
    made = draft()
    operations.submit_draft(draft_id=made.pk, by_user_id=anna.pk, at=AT)
    before = RuleSet.objects.count()
    with pytest.raises(operations.CannotPublish, match="still to come"):
        operations.publish_draft(draft_id=made.pk, live_from=AT - timedelta(seconds=1), by_user_id=None, at=AT)
    shop.buy(shop.member(), 500, at=LATER)  # a till whose clock runs ahead
    with pytest.raises(operations.CannotPublish, match="posted already"):
        operations.publish_draft(draft_id=made.pk, live_from=LATER, by_user_id=None, at=AT)
    assert RuleSet.objects.count() == before
    operations.publish_draft(draft_id=made.pk, live_from=LATER + timedelta(seconds=1), by_user_id=None, at=AT)


def test_a_scheduled_version_can_be_called_off_and_is_then_never_in_force(anna):
    from loyalty import queries

    first = queries.live_rule_set(at=AT)
    made = draft(rules=[FRESH])
    operations.submit_draft(draft_id=made.pk, by_user_id=anna.pk, at=AT)
    scheduled = operations.publish_draft(draft_id=made.pk, live_from=LATER, by_user_id=anna.pk, at=AT)
    again = operations.call_off(version=scheduled.version, by_user_id=anna.pk, at=AT)
    assert (again.live_from, again.definition) == (LATER, first.definition)
    for moment in (LATER, LATER + timedelta(days=400)):
        assert queries.live_rule_set(at=moment) == again
    with pytest.raises(operations.CannotPublish, match="in force already"):
        operations.call_off(version=first.version, by_user_id=anna.pk, at=AT)


def test_the_history_is_only_ever_added_to(anna):
    act = draft().acts.get()
    for change in (lambda: RuleAct.objects.filter(pk=act.pk).update(act="changed"), act.delete):
        with (
            pytest.raises(DatabaseError, match=r"(?i)permission denied|never edited"),
            transaction.atomic(),
        ):
            change()
    act.refresh_from_db()
    assert act.act == RuleAct.Act.CREATED
