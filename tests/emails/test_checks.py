"""The lint finds what would embarrass the shop, and says where."""

import pytest

from emails import checks, starters
from emails.checks import ERROR, WARNING
from emails.models import EmailTemplate
from tests.emails.writing import FOOTER, email, text

pytestmark = pytest.mark.django_db


def found(template, level=ERROR):
    return [(problem.field, problem.message) for problem in checks.problems(template) if problem.level == level]


def button(url):
    return ("button", {"button_text": "Go", "button_url": url})


def test_the_starters_have_no_problem_in_any_language():
    starters.write("win_back", name="Win back")
    for template in EmailTemplate.objects.all():
        assert checks.problems(template) == []


def test_a_subject_is_asked_for_and_may_be_too_long():
    assert found(email(FOOTER, subject=" ")) == [("subject", "The subject is empty.")]
    assert "71 characters" in found(email(FOOTER, subject="x" * 71), WARNING)[0][1]
    assert found(email(FOOTER, preheader=""), WARNING)[0][0] == "preheader"


def test_without_a_legal_footer_nothing_is_sent():
    [(field, message)] = found(email(text("<p>Hi</p>")))
    assert field == "body"
    assert "legal footer" in message


@pytest.mark.parametrize("source", ["{{ nickname }}", "{% if nickname %}x{% endif %}"])
def test_an_unknown_field_is_named_with_its_place(source):
    assert found(email(text(f"<p>{source}</p>"), FOOTER)) == [("body.b0.text", "There is no field “nickname”.")]


@pytest.mark.parametrize(("source", "level"), [
    ("{{ given_name }}", ERROR), ("{{ given_name | upcase }}", ERROR), ("{% if tier %}{{ family_name }}{% endif %}", ERROR),
    ("{% if given_name %}a{% else %}{{ given_name }}{% endif %}", ERROR), ("{{ tier }}", ERROR),
    ('{{ given_name | default: "you" }}', None), ("{% if given_name != blank %}{{ given_name }}{% endif %}", None),
    ("{{ points }}", None),
])  # fmt: skip
def test_a_field_that_may_be_missing_needs_words_for_that_case(source, level):
    problems = checks.problems(email(text(f"<p>{source}</p>"), FOOTER))
    assert [problem.level for problem in problems] == ([level] if level else [])


@pytest.mark.parametrize("url", [
    "example.com", "http://", "https://nowhere", "javascript:alert(1)", "//evil.example.com", "https://a b.example.com", "mailto:",
    "{{ portal_url }}no-such-page/", "{{ points }}",
])  # fmt: skip
def test_a_link_that_leads_nowhere_is_found(url):
    assert [field for field, _message in found(email(button(url), FOOTER))] == ["body.b0.button_url"]


@pytest.mark.parametrize("url", [
    "https://example.com/a?b=c#d", "mailto:hello@example.com", "tel:+15550100", "{{ portal_url }}offers/", "{{ portal_url }}",
    "{{ shop_url }}bread", "https://example.com/?tier={{ tier | default: 'x' }}",
])  # fmt: skip
def test_a_good_link_is_left_alone(url):
    assert found(email(button(url), FOOTER)) == []


def test_a_dead_link_inside_a_text_is_found_too():
    assert found(email(text('<p><a href="nowhere">x</a></p>'), FOOTER))[0][0] == "body.b0.text"


def test_a_link_carries_no_personal_data():
    [(_field, message)] = found(email(button('https://example.com/?n={{ given_name | default: "x" }}'), FOOTER))
    assert "given_name" in message


def test_a_button_without_an_address_and_an_image_without_words_are_found():
    hero = ("hero", {"heading": "Hi", "button_text": "Go", "button_url": ""})
    assert found(email(hero, FOOTER))[0] == ("body.b0.button_url", "The button “Go” leads nowhere.")
    template = email(("image", {"image": None, "alt": "", "url": ""}), FOOTER)
    template.body[0].value["image"] = object()
    assert "no words" in dict(found(template))["body.b0.alt"]


def test_a_message_that_gmail_would_cut_is_too_heavy():
    heavy = email(*[text(f"<p>{'word ' * 3000}</p>")] * 8, FOOTER)
    assert "102 kB" in found(heavy)[0][1]


@pytest.mark.parametrize("source", ["{{ given_name", "{% if points %}", "{{ points | replace: 'a', 'b' }}", "{% assign a = 1 %}",
                                    "{% include 'x' %}", "x" * 20_001])  # fmt: skip
def test_what_liquid_cannot_read_or_may_not_do_is_an_error_in_its_place(source):
    assert [field for field, _message in found(email(text(f"<p>{source}</p>"), FOOTER))] == ["body.b0.text"]


def test_each_problem_of_a_saved_template_links_to_its_place():
    template = starters.write("win_back", name="Win back")
    template.subject = ""
    [problem] = checks.problems(template)
    assert problem.fix_url == f"/cms/emails/templates/edit/{template.pk}/#:w:contentpath=subject"


def test_what_goes_out_the_slow_way_is_said_and_stops_nothing():
    cautious = email(text("<p>{% case points %}{% when 1 %}one{% else %}some{% endcase %}</p>"), FOOTER)
    [problem] = checks.problems(cautious)
    assert (problem.level, problem.field) == (WARNING, "body")
    assert problem.message.startswith("Sent by the slow renderer, because of")
