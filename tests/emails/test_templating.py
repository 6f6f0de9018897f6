"""What a template cannot do, whoever writes it."""

import pytest
from liquid.exceptions import LiquidError

from emails.templating import Vault, parse, syntax_problem

ATTACKS = [
    "{{ ''.__class__ }}", "{{ given_name.__class__.__mro__ }}", "{{ given_name | eval }}", "{{ request }}",
    "{% include '/etc/passwd' %}", "{% render '/etc/passwd' %}", "{% load x %}", "{% debug %}",
    "{% assign a = 'x' %}", "{% capture a %}x{% endcapture %}", "{% increment a %}", "{% cycle 1, 2 %}",
    "{{ 'a' | append: 'a' }}", "{{ 'a' | times: 9 }}", "{{ 'a' | replace: 'a', 'aa' }}", "{{ 'a' | prepend: 'a' }}",
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}",
    "{% tablerow i in (1..10) %}x{% endtablerow %}",
    "{% liquid echo 'x' %}", "{% echo 'x' %}", "{{ 'a' | split: '' | join: 'b' }}", "{{ 9 | divided_by: 0 }}",
    "{{ given_name | truncate: 999999999 }}", "{{ 'x' | base64_decode }}", "{{ x | date: '%s' }}", "{{ x | safe }}",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_or_shows_nothing(attack):
    """Nothing of Python is reached, nothing grows, nothing is read from disk."""
    try:
        shown = parse(attack, is_html=True).render({"given_name": "Ann", "points": 1})
    except LiquidError:
        return
    assert shown in ("", "Ann")


@pytest.mark.parametrize("literal", ["<b>", "a & b", '"'])
def test_a_fallback_is_escaped_like_a_value(literal):
    quote = "'" if '"' in literal else '"'
    shown = parse(f"{{{{ given_name | default: {quote}{literal}{quote} }}}}", is_html=True).render({"given_name": ""})
    assert "<b>" not in shown
    assert "&" in shown


def test_a_default_stands_in_for_nothing_but_not_for_zero():
    render = parse("{{ points | default: 'none' }}", is_html=False).render
    assert [render({"points": value}) for value in (0, None, "", [], False, 7)] == [
        "0",
        "none",
        "none",
        "none",
        "none",
        "7",
    ]
    assert render({}) == "none"


def test_a_vault_gives_back_what_it_hid_as_its_author_meant_it():
    vault = Vault()
    hidden = vault.hide(
        "<p>{{ given_name | default: &quot;you &amp; me&quot; }} {% if points &gt; 3 %}x{% endif %}</p>"
    )
    assert "{" not in hidden
    assert vault.restore(hidden) == '<p>{{ given_name | default: "you & me" }} {% if points > 3 %}x{% endif %}</p>'


def test_a_piece_that_cannot_be_read_is_explained():
    assert "read" in syntax_problem("{{ points")
    assert "replace" in syntax_problem("{{ points | replace: 'a', 'b' }}")
    assert "read" in syntax_problem("{% if points %}")
    assert syntax_problem("plain {{ points }}") == ""
