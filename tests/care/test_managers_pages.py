"""Managers say who answers what, and which fields a member has, on pages; nobody writes JSON, and nobody else changes it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from care.models import Survey, Topic
from members.models import CustomField, LifecycleRules
from members.operations import add_staff, switch_modules
from portal.models import MenuItem
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


def entered(client, role):
    return at_door(client, add_staff(email=f"{role}@example.com", roles=[role]), "cms")


def address(model, act, *args):
    return reverse(f"wagtailsnippets_{model._meta.app_label}_{model._meta.model_name}:{act}", args=args)


@pytest.fixture
def manager(client):
    return entered(client, "store_manager")


def test_a_topics_words_are_written_one_a_line(manager):
    topic = Topic.objects.get(code="rewards")
    page = manager.get(address(Topic, "edit", topic.pk)).content.decode()
    assert "gift card\ncoupon" not in page
    assert "voucher\ncoupon" in page
    said = {
        "name_en": "Rewards", "name_zh": "", "code": "rewards", "team": topic.team_id, "place": 30, "reply_hours": 12,
        "close_hours": 48, "words": "voucher\n\n coupon \nvoucher\n优惠券", "is_for_members": "on",
    }  # fmt: skip
    assert manager.post(address(Topic, "edit", topic.pk), said).status_code == 302
    topic.refresh_from_db()
    assert (topic.words, topic.reply_hours, topic.is_answered_by_pages) == (["voucher", "coupon", "优惠券"], 12, False)


def test_a_custom_field_is_made_on_a_page_and_its_code_and_kind_then_stay(manager):
    said = {
        "label_en": "Shoe size",
        "label_zh": "鞋码",
        "code": "shoe_size",
        "kind": "choice",
        "place": 5,
        "choices": "38\n39",
    }
    manager.post(address(CustomField, "add"), said)
    field = CustomField.objects.get()
    assert (field.code, field.choices) == ("shoe_size", ["38", "39"])
    manager.post(address(CustomField, "edit", field.pk), said | {"code": "other", "kind": "text", "choices": "40"})
    field.refresh_from_db()
    assert (field.code, field.kind, field.choices) == ("shoe_size", "choice", ["40"])


def test_no_choice_leads_to_a_part_that_is_switched_off_and_what_was_chosen_stays(client):
    manager = add_staff(email="m@example.com", roles=["store_manager"])
    door, closed = at_door(client, manager, "cms"), "After a case was closed"
    survey = Survey.objects.create(name="Solved?", kind="csat", question_en="?", occasion="case_closed")
    switch_modules(off=["cases", "goals", "gift", "household"], by_user=None, at=timezone.now())
    assert closed not in door.get(address(Survey, "add")).content.decode()
    assert closed in door.get(address(Survey, "edit", survey.pk)).content.decode()
    writer = at_door(client, add_staff(email="w@example.com", roles=["marketer"]), "cms")
    page = writer.get(address(MenuItem, "add")).content.decode()
    assert "History of points" in page
    assert "Stamps and challenges" not in page
    assert "Sharing points" not in page


def test_the_rules_of_stages_are_one_row_that_can_be_changed_and_not_removed(manager):
    rules = LifecycleRules.objects.get()
    values = {f.name: getattr(rules, f.name) for f in rules._meta.fields if f.name != "id"}
    assert manager.post(address(LifecycleRules, "edit", 1), values | {"new_days": 45}).status_code == 302
    rules.refresh_from_db()
    assert rules.new_days == 45
    assert manager.post(address(LifecycleRules, "delete", 1)).status_code in {302, 403}
    assert LifecycleRules.objects.count() == 1


@pytest.mark.parametrize("model", [Topic, CustomField, LifecycleRules])
def test_only_managers_change_them(client, model):
    marketer = entered(client, "marketer")
    assert marketer.get(address(model, "list")).status_code == 302
    assert marketer.get(address(model, "edit", 1)).status_code in {302, 404}
