"""Words are extracted, checked and compiled without GNU gettext, and every app's Chinese is complete."""

import gettext
from pathlib import Path

import pytest

from config import messages
from config.management.commands.messages import our_apps


@pytest.mark.parametrize("app", our_apps(), ids=lambda path: path.name)
def test_every_word_a_user_sees_has_its_chinese(app):
    assert messages.troubles(app) == []


def test_the_same_words_have_the_same_chinese_in_every_app():
    """Django shows one of them everywhere; where the meaning differs, the words say so by a context."""
    assert messages.clashes(our_apps()) == []


@pytest.fixture
def app(tmp_path) -> Path:
    folder = tmp_path / "shop"
    (folder / "templates").mkdir(parents=True)
    (folder / "views.py").write_text(
        "from django.utils.translation import gettext as _, ngettext\n"
        'A = _("Good morning")\nB = ngettext("%(n)s point", "%(n)s points", 2)\n'
    )
    (folder / "templates" / "page.html").write_text(
        "{% load i18n %}{% translate 'Welcome' %}{% blocktranslate trimmed with a=b %}\n  Hello {{ a }}\n{% endblocktranslate %}"
    )
    return folder


def _translate(app, pairs):
    path = messages.path_of(app)
    text = path.read_text()
    for english, chinese in pairs.items():
        text = text.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{chinese}"')
        text = text.replace(
            f'msgid_plural "{english}"\nmsgstr[0] ""', f'msgid_plural "{english}"\nmsgstr[0] "{chinese}"'
        )
    path.write_text(text)


WORDS = {"Good morning": "早上好", "%(n)s points": "%(n)s 积分", "Welcome": "欢迎", "Hello %(a)s": "%(a)s，您好"}


def test_python_and_templates_are_extracted_and_missing_words_are_named(app):
    messages.update(app)
    found = messages.troubles(app)
    assert [t for t in found if "Good morning" in t and "no Chinese" in t]
    assert len(found) == 4


def test_translated_words_pass_and_work_once_compiled(app):
    messages.update(app)
    _translate(app, WORDS)
    assert messages.troubles(app) == []
    messages.compile_(app)
    with messages.path_of(app).with_suffix(".mo").open("rb") as file:
        words = gettext.GNUTranslations(file)
    assert words.gettext("Welcome") == "欢迎"
    assert words.ngettext("%(n)s point", "%(n)s points", 2) == "%(n)s 积分"


def test_a_second_extraction_keeps_translations_and_drops_what_is_gone(app):
    messages.update(app)
    _translate(app, WORDS)
    (app / "views.py").write_text('from django.utils.translation import gettext as _\nA = _("Good evening")\n')
    messages.update(app)
    text = messages.path_of(app).read_text()
    assert "欢迎" in text
    assert "Good morning" not in text
    assert [t for t in messages.troubles(app) if "Good evening" in t]


def test_a_word_not_yet_extracted_a_fuzzy_one_and_a_lost_placeholder_are_each_named(app):
    messages.update(app)
    _translate(app, WORDS | {"Hello %(a)s": "您好"})
    path = messages.path_of(app)
    path.write_text(path.read_text().replace('msgid "Welcome"', '#, fuzzy\nmsgid "Welcome"'))
    (app / "more.py").write_text('from django.utils.translation import gettext as _\nB = _("Unseen")\n')
    found = "\n".join(messages.troubles(app))
    assert "'Welcome' is marked fuzzy" in found
    assert "'Hello %(a)s' has other placeholders" in found
    assert "'Unseen' is not in the catalogue" in found


def test_two_apps_that_translate_one_word_differently_are_named(app, tmp_path):
    other = tmp_path / "counter"
    other.mkdir()
    (other / "views.py").write_text('from django.utils.translation import gettext as _\nA = _("Good morning")\n')
    for one in (app, other):
        messages.update(one)
        _translate(one, WORDS)
    assert messages.clashes([app, other]) == []
    text = messages.path_of(other).read_text()
    messages.path_of(other).write_text(text.replace("早上好", "早"))
    assert messages.clashes([app, other]) == [
        "'Good morning' is '早上好' in shop but '早' in counter; choose one, or give a context."
    ]
