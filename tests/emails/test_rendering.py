"""The fast renderer gives the bytes of the slow one, and those bytes say what the template says."""

import dataclasses
import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emails import rendering, slow
from emails.facts import Letterhead, MessageFacts, Unsendable
from emails.fields import prepare
from emails.smtp import stuffed
from tests.emails.writing import FOOTER, frozen, text
from tests.emails.writing import email as write

MESSAGE = MessageFacts(
    message_id="<m.1@regulars.example.com>",
    to="amelia@example.com",
    from_="Larkfield Market <hello@larkfield.example.com>",
    date=datetime(2027, 1, 4, 9, 0, tzinfo=UTC),
    token="tok_en-123",
    link_base="https://regulars.example.com/m",
    unsubscribe_url="https://regulars.example.com/m/u/tok_en-123",
    view_online_url="https://regulars.example.com/m/v/tok_en-123",
    pixel_url="https://regulars.example.com/m/o/tok_en-123.gif",
)

HERO = (
    "hero",
    {
        "heading": 'Dear {{ given_name | default: "friend" }} & co',
        "text": "You are {{ tier }}{% if points > 100 %}, rich{% elsif points == 0 %}, new{% else %}, saving{% endif %}.",
        "button_text": "Go, {{ given_name | upcase }}",
        "button_url": "{{ portal_url }}offers/?tier={{ tier }}",
    },
)
EVERYTHING = frozen(
    write(
        HERO,
        ("points", {"heading": "{{ given_name }}", "shows_tier": True, "shows_expiry": True}),
        ("offers", {"slot": "buy_again", "heading": "Buy again", "fallback": "Nothing, {{ given_name }}."}),
        ("offers", {"slot": "new_for_you", "heading": "", "fallback": "Nothing new."}),
        text(
            '<h2>{{ given_name | capitalize }}</h2><p>{% unless tier == "Gold" %}not gold{% endunless %} '
            '{{ expiring_on }} {{ points | number }} {{ next_tier | downcase | default: "top" }} {{ family_name | truncate: 5 }}</p>'
            "<p>{% for o in buy_again %}{{ forloop.index }}. {{ o.name | strip }}{% if forloop.last %}.{% else %}, {% endif %}{% endfor %}</p>"
            '<p><a href="https://shop.example.com/?a=1&amp;b={{ tier }}">here</a> <a href="mailto:x@example.com">mail</a></p>'
            '<ul><li>{% if given_name != blank and points >= 5 or tier == "x" %}a{% endif %}</li><li>{% if tier == empty %}e{% endif %}</li></ul>'
        ),
        FOOTER,
        subject='{{ given_name | default: "Hello" }}: {{ points | number }} points, {{ tier }}',
        preheader="{{ given_name }} {{ points }}",
    )
)
NASTY = ["<b>&\"'</b>", "👩‍👩‍👧", "مرحبا", "林思远", ".", "..", "=", "=?utf-8?q?x?=", "\r\nBcc: x@example.com", "\x00\x85\u2028",
         "\ud800", "{{ points }}", "a" * 300, " ", "  x  ", "é" * 90, "\t", "x\ty", "javascript:alert(1)", "\ue000", "ß", "İ"]  # fmt: skip
words = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=40), st.lists(st.sampled_from(NASTY), max_size=4).map("".join)
)
numbers = st.one_of(st.none(), st.integers(-10, 10**9), st.just("12"), st.just("many"))
offers = st.one_of(
    st.none(),
    st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "reason", "benefit", "icon_url", "url"), words)),
        max_size=3,
    ),
)
members = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("given_name", "family_name", "tier", "next_tier"), words),
        **dict.fromkeys(("points", "points_to_next_tier", "tier_progress", "expiring_points"), numbers),
        "expiring_on": st.one_of(st.just("2027-01-31"), words),
        "buy_again": offers,
        "new_for_you": offers,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(members)
def test_fast_and_slow_give_the_same_bytes_for_any_member(values):
    assert EVERYTHING.is_fast
    fast = rendering.render(EVERYTHING, values, message=MESSAGE)
    assert fast == slow.render(EVERYTHING, values, message=MESSAGE)
    assert fast.isascii()
    assert max(len(line) for line in fast.split(b"\r\n")) <= 78
    assert b"\n" not in fast.replace(b"\r\n", b"")
    assert b"\r" not in fast.replace(b"\r\n", b"")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(members, st.text("aZ09_-", min_size=8, max_size=60), st.integers(0, 80), st.booleans())
def test_a_token_breaks_over_lines_as_if_it_had_stood_there_from_the_beginning(values, token, stretch, has_pixel):
    """Lines are kept with a mark in the token's place; wherever a soft line break cuts it, the bytes are the same."""
    base = f"https://{'r' * stretch}.example.com/m"
    message = dataclasses.replace(
        MESSAGE, token=token, link_base=base, unsubscribe_url=f"{base}/u/{token}",
        view_online_url=f"{base}/v/{token}", pixel_url=f"{base}/o/{token}.gif" if has_pixel else "",
    )  # fmt: skip
    assert rendering._compiled(EVERYTHING).plan_for(EVERYTHING, message) is not None
    reference = slow.render(EVERYTHING, values, message=message)
    assert rendering.render(EVERYTHING, values, message=message) == reference
    letterhead = Letterhead(message.from_, base, "regulars.example.com")
    travelling = rendering.writer(EVERYTHING, letterhead=letterhead, token_length=len(token))(
        values, message.to, message.date, token
    )
    written = slow.render(EVERYTHING, values, message=letterhead.facts(to=message.to, date=message.date, token=token))
    assert bytes(travelling) == written
    assert stuffed(travelling) == stuffed(written)  # it brings its doubled dots along


@pytest.mark.parametrize("source", [
    "{{ unsubscribe_url | upcase }}", "{{ unsubscribe_url | truncate: 40 }}",
    "{% if view_online_url == 'x' %}x{% else %}{{ points }}{% endif %}", "{{ view_online_url | strip | default: 'x' }}",
])  # fmt: skip
def test_a_template_that_looks_into_the_tokens_address_gets_the_same_bytes_too(source):
    template = frozen(write(text(f"<p>{source}</p>"), FOOTER))
    assert template.is_fast
    for token in ("tok_en-123", "another-token"):
        message = dataclasses.replace(
            MESSAGE, token=token, **{name: getattr(MESSAGE, name).replace("tok_en-123", token) for name in
                                     ("unsubscribe_url", "view_online_url", "pixel_url")}
        )  # fmt: skip
        for points in (1, None, "12"):
            values = {"points": points}
            assert rendering.render(template, values, message=message) == slow.render(template, values, message=message)


@settings(max_examples=60, deadline=None)
@given(members)
def test_a_mail_reader_reads_what_the_template_says(values):
    """Python's parser undoes the MIME; Liquid alone, without any MIME, gives what it must find."""
    read = email.message_from_bytes(rendering.render(EVERYTHING, values, message=MESSAGE), policy=email.policy.default)
    context = rendering.context_of(EVERYTHING, values, message=MESSAGE)
    assert read.get_body(("html",)).get_content().replace("\r\n", "\n") == slow.html(EVERYTHING, context)
    assert read.get_body(("plain",)).get_content().replace("\r\n", "\n") == slow.text(EVERYTHING, context)
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert not read.defects


@settings(max_examples=50, deadline=None)
@given(words)
def test_no_value_becomes_markup_or_a_header(name):
    raw = rendering.render(EVERYTHING, {"given_name": name, "tier": name}, message=MESSAGE)
    read = email.message_from_bytes(raw, policy=email.policy.default)
    plain = rendering.render(EVERYTHING, {"given_name": "Ann", "tier": "Ann"}, message=MESSAGE)
    usual = email.message_from_bytes(plain, policy=email.policy.default)
    assert read.keys() == usual.keys()
    html, html_usual = (m.get_body(("html",)).get_content() for m in (read, usual))
    assert html.count("<b>") == html_usual.count("<b>")
    assert html.count("href=") == html_usual.count("href=")


def shown(template, values, part="html"):
    return email.message_from_bytes(
        rendering.render(frozen(template), values, message=MESSAGE), policy=email.policy.default
    ).get_body((part,)).get_content()  # fmt: skip


def test_each_context_has_its_own_escaping():
    template = write(
        text("<p>{{ tier }}</p>"),
        ("image", {"image": None, "alt": "{{ tier }}", "url": ""}),
        FOOTER,
        subject="{{ tier }}",
    )
    assert "&lt;a href=&#34;x&#34;&gt;" in shown(template, {"tier": '<a href="x">'})
    assert 'tier <a href="x">' not in shown(template, {"tier": '<a href="x">'})
    assert '<a href="x">' in shown(write(text("<p>{{ tier }}</p>"), FOOTER), {"tier": '<a href="x">'}, "plain")


def test_a_value_inside_an_address_is_percent_encoded_and_a_whole_address_must_be_one():
    template = frozen(
        write(text('<p><a href="https://x.example.com/?q={{ tier }}">a</a></p>'), FOOTER), is_tracked=False
    )
    html = slow.html(template, prepare({"tier": 'a&b="c"'}, language="en", fixed={}))
    assert 'href="https://x.example.com/?q=a%26b%3D%22c%22"' in html
    offers = frozen(write(("offers", {"slot": "buy_again", "heading": "", "fallback": "x"}), FOOTER), is_tracked=False)
    html = slow.html(
        offers, prepare({"buy_again": [{"name": "n", "url": "javascript:alert(1)"}]}, language="en", fixed={})
    )
    assert "javascript" not in html
    assert 'href="#"' in html


def test_headers_promise_one_click_unsubscribe_and_the_same_message_at_every_attempt():
    raw = rendering.render(EVERYTHING, {}, message=MESSAGE)
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert read["List-Unsubscribe"] == "<https://regulars.example.com/m/u/tok_en-123>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["Message-ID"] == "<m.1@regulars.example.com>"
    assert read["Date"] == "Mon, 04 Jan 2027 09:00:00 +0000"
    assert raw == rendering.render(EVERYTHING, {}, message=MESSAGE)


@pytest.mark.parametrize("change", [
    {"to": "jürgen@example.com"}, {"to": "a@example.com\r\nBcc: b@example.com"}, {"to": "no address"},
    {"unsubscribe_url": "https://x.example.com/>\r\nX: y"}, {"message_id": "<a\r\nb@x>"},
])  # fmt: skip
def test_what_cannot_stand_in_a_header_is_not_sent(change):
    with pytest.raises(Unsendable):
        rendering.render(EVERYTHING, {}, message=dataclasses.replace(MESSAGE, **change))
    with pytest.raises(Unsendable):
        slow.render(EVERYTHING, {}, message=dataclasses.replace(MESSAGE, **change))


@pytest.mark.parametrize(
    "sender", ["乐购市场 <hello@example.com>", "hello@example.com", '"Market, Larkfield" <hello@example.com>']
)
@pytest.mark.parametrize("subject", ["短", "很长的标题" * 20, "a " * 60 + "end", "=?utf-8?q?x?=", "é"])
def test_sender_and_subject_in_any_language_are_read_as_written(sender, subject):
    template = frozen(write(FOOTER, subject=subject))
    message = dataclasses.replace(MESSAGE, from_=sender)
    raw = rendering.render(template, {}, message=message)
    assert raw == slow.render(template, {}, message=message)
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert read["Subject"] == " ".join(subject.split())
    assert read["From"].addresses[0].addr_spec == "hello@example.com"
    assert read["From"].addresses[0].display_name == ("" if sender[0] == "h" else sender.partition("<")[0].strip(' "'))


@pytest.mark.parametrize(("source", "what"), [
    ("{% case tier %}{% when 'Gold' %}gold{% else %}other{% endcase %}", "case"),
    ("{% for o in buy_again limit: 1 %}{{ o.name }}{% endfor %}", "limit"),
    ("{% if tier contains 'o' %}o{% endif %}", "contains"),
    ("{{ buy_again.size }}", "size"),
])  # fmt: skip
def test_what_cannot_be_frozen_into_segments_is_rendered_slowly_and_says_so(source, what):
    template = frozen(write(text(f"<p>{source}</p>"), FOOTER))
    assert not template.is_fast
    assert what in template.notice
    values = {"tier": "Gold", "buy_again": [{"name": "Milk"}, {"name": "Bread"}]}
    assert rendering.render(template, values, message=MESSAGE) == slow.render(template, values, message=MESSAGE)


def test_without_a_pixel_address_there_is_no_pixel():
    with_pixel = rendering.render(EVERYTHING, {}, message=MESSAGE)
    without = rendering.render(EVERYTHING, {}, message=dataclasses.replace(MESSAGE, pixel_url=""))
    assert b".gif" in with_pixel
    assert b".gif" not in without
    assert b'width=3D"1"' not in without
