"""Freezing: once, for ever, per language; links by index; the lint in the way."""

import re

import pytest
from django.db import DatabaseError, transaction

from emails import operations, rendering
from emails.models import FrozenEmail
from emails.operations import CannotFreeze, link_target
from emails.starters import WIN_BACK, body_of


def test_the_same_text_freezes_to_the_same_row_and_a_change_to_another(template, freeze):
    first = freeze(template)
    assert freeze(template).pk == first.pk
    template.subject = "Something else"
    template.save_revision().publish()
    assert freeze(template).pk != first.pk
    assert FrozenEmail.objects.count() == 2


def test_each_language_freezes_its_own_words_and_a_missing_one_falls_back(template, freeze):
    english, chinese = freeze(template), freeze(template, "zh-hans")
    assert "waiting" in english.subject
    assert "在等您" in chinese.subject
    assert "退订" in chinese.html
    assert 'lang="zh-Hans"' in chinese.html
    assert freeze(template, "fr").subject == english.subject


def test_an_unpublished_translation_is_not_sent(template, freeze):
    chinese = template.get_translations().get()
    chinese.unpublish()
    assert freeze(template, "zh-hans").subject == freeze(template).subject


def test_what_is_frozen_cannot_be_changed_or_deleted(template, freeze):
    frozen = freeze(template)
    for attempt in (lambda: FrozenEmail.objects.update(subject="x"), frozen.delete):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            attempt()
    assert FrozenEmail.objects.get().subject == frozen.subject


def test_the_starter_is_fast_light_and_names_its_fields(template, freeze):
    frozen = freeze(template)
    assert frozen.is_fast
    assert frozen.notice == ""
    assert frozen.size_bytes < 40_000
    assert {"given_name", "points", "buy_again", "new_for_you", "unsubscribe_url"} <= set(frozen.fields)


def test_every_link_is_tracked_by_its_index_and_leads_where_the_author_said(template, freeze, message, values):
    frozen = freeze(template)
    raw = rendering.render(frozen, values, message=message)
    text = raw.replace(b"=\r\n", b"").decode()
    indexes = set(re.findall(rf"{re.escape(message.click_base)}([0-9-]+)", text))
    assert {"0", "1", "2-0", "2-1", "2-2", "3-0", "3-1"} <= indexes
    values["buy_again"][1]["url"] = "https://shop.example.com/bread"
    assert link_target(frozen, "1", values) == "https://regulars.example.com/portal/offers/"
    assert link_target(frozen, "2-1", values) == "https://shop.example.com/bread"
    assert all(link_target(frozen, index, values) for index in indexes)
    assert message.unsubscribe_url in text
    assert f"{message.click_base}u" not in text


@pytest.mark.parametrize("index", ["", "99", "-1", "1-0", "2", "2-9", "2--1", "x", "1/../2", "²", "2-²"])
def test_an_index_nobody_wrote_leads_nowhere(template, freeze, values, index):
    assert link_target(freeze(template), index, values) is None


def test_a_stored_address_that_is_not_of_the_web_leads_nowhere(template, freeze, values):
    values["buy_again"][0]["url"] = "javascript:alert(1)"
    assert link_target(freeze(template), "2-0", values) is None


def test_a_template_with_errors_is_not_frozen_and_says_why(template, freeze):
    template.subject = ""
    with pytest.raises(CannotFreeze) as refused:
        freeze(template)
    assert [problem.field for problem in refused.value.problems] == ["subject"]
    assert FrozenEmail.objects.count() == 0


def test_names_of_fields_are_found_wherever_they_stand(db):
    words = WIN_BACK["en"]
    template = operations.EmailTemplate(name="x", subject="{{ family_name }}", body=body_of(words), locale_id=1)
    frozen = operations.build(template=template, language="en", site_url="https://x.example.com")
    assert "family_name" in frozen.fields
    assert "shop_name" in frozen.fields
