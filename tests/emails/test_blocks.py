"""Every block: what its MJML says stands in the HTML and in the text, fast and slow agree, and each value has its fallback."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from emails import compiling, previewing, raw_mjml, rendering, slow
from emails.blocks import Look
from emails.enclosures import Needs, needs
from tests.emails.test_rendering import MESSAGE
from tests.emails.writing import BRAND, FOOTER, email, frozen

HAND = (
    '<mj-section background-color="#ffffff"><mj-column><mj-text><h2>By hand</h2><p onclick="x()">For {{ given_name | default: "you" }}'
    '<script>alert(1)</script></p></mj-text><mj-image src="https://shop.example.com/a.png" alt="A loaf"/>'
    '<mj-button href="https://shop.example.com/hand">Go</mj-button></mj-column></mj-section>'
)


def part(kind, value, serial):
    return {"type": kind, "value": value, "id": serial}


COLUMNS = {
    "first": [part("text", {"text": "<p>Baked at six.</p>"}, "c1")],
    "second": [part("button", {"button_text": "Fruit", "button_url": "https://shop.example.com/fruit"}, "c2")],
    "third": [part("text", {"text": "<p>Cheese from the valley.</p>"}, "c3")],
}
PRODUCTS = {
    "heading": "This week",
    "products": [
        {"name": "Rye", "text": "Dark", "price": "$4", "url": "https://shop.example.com/rye"},
        {"name": "Oats"},
        {"name": "Spelt"},
    ],
}
CONDITION = {
    "audience": "12",
    "content": [part("text", {"text": "<p>You are in it.</p>"}, "q1"), part("divider", {}, "q2")],
    "otherwise": [part("text", {"text": "<p>You are not.</p>"}, "q3")],
}
EVERYTHING = (
    ("columns", COLUMNS), ("products", PRODUCTS), ("tier", {"heading": "Tier", "fallback": "You are at the top."}),
    ("expiring", {"heading": "", "fallback": "Nothing expires.", "button_text": "Spend", "button_url": "{{ portal_url }}rewards/"}),
    ("coupon", {"heading": "Ten off", "code": "BREAD10", "text": "Once", "valid_until": "2027-03-01"}),
    ("voucher", {"pool": "7", "heading": "Yours", "text": "At the till", "shows_qr": True, "fallback": "All are gone."}),
    ("survey", {"survey": "3:csat", "question": "How was it?", "low_label": "bad", "high_label": "good"}),
    ("condition", CONDITION), ("mjml", {"mjml_source": HAND, "text": "By hand, in words"}), ("social", {"heading": "Find us"}), FOOTER,
)  # fmt: skip


class Structure(HTMLParser):
    """Links, images, words and columns of a page, in their order."""

    def __init__(self, html):
        super().__init__()
        self.links, self.images, self.words, self.columns, self._skips = [], [], [], 0, 0
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._skips += tag in ("style", "title")
        self.columns += (tag == "div" and "mj-outlook-group-fix" in (attrs.get("class") or "")) or tag == "mj-column"
        if tag in ("a", "mj-button") and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag in ("img", "mj-image"):
            self.images.append((attrs.get("src"), attrs.get("alt")))
            if tag == "mj-image" and attrs.get("href"):
                self.links.append(attrs["href"])

    def handle_endtag(self, tag):
        self._skips -= tag in ("style", "title")

    def handle_data(self, data):
        if not self._skips:
            self.words.append(data)


@pytest.fixture(scope="module")
def everything():
    return frozen(email(*EVERYTHING))


VALUES = previewing.sample_values("en", needs=Needs(audiences=frozenset({12})))


@pytest.mark.parametrize("kind", range(len(EVERYTHING)), ids=[kind for kind, _value in EVERYTHING])
def test_the_html_of_a_block_has_the_structure_of_its_mjml(kind):
    """What MJML means by a link, an image, a text and a column is there once compiled, in the same order and number."""
    template, look = email(EVERYTHING[kind]), Look(brand=BRAND, language="en", site_url="https://r.example.com")
    source = compiling._mjml(template, look)
    said = Structure(source.partition("</mj-head>")[2])
    made = Structure(compiling.mjml2html(source))
    assert made.links == said.links
    assert made.images == said.images
    assert made.columns == said.columns
    assert re.sub(r"lqz\d+zql|\W", "", said.text) in re.sub(r"lqz\d+zql|\W", "", made.text)


@pytest.mark.parametrize("values", [VALUES, {}, VALUES | {"in_audience_12": False}], ids=["known", "nobody", "outside"])
def test_fast_and_slow_give_the_same_bytes_for_every_block(everything, values):
    assert everything.is_fast
    assert rendering.render(everything, values, message=MESSAGE) == slow.render(everything, values, message=MESSAGE)


def told(mail, values):
    context = rendering.context_of(mail, values, message=MESSAGE)
    return Structure(slow.html(mail, context)), slow.text(mail, context)


def test_a_member_reads_their_own_values(everything):
    page, text = told(everything, VALUES)
    for words in (
        "Silver",
        "420 more points to Gold",
        "260 points expire on",
        "KXM4-7TPW-9R2D-H3Q",
        "Valid until Jan. 31, 2027",
        "You are in it.",
    ):
        assert words in page.text
        assert words in text
    assert "You are not." not in page.text + text
    assert (f"{MESSAGE.click_base}qr.png", "KXM4-7TPW-9R2D-H3Q") in page.images
    assert page.columns >= 3 + 3
    assert "https://shop.example.com/hand" in [link["url"] for link in everything.links]


def test_who_has_no_value_reads_the_authors_words_instead(everything):
    page, text = told(everything, {})
    for words in ("You are at the top.", "Nothing expires.", "All are gone.", "You are not."):
        assert words in page.text
        assert words in text
    for words in ("How was it?", "You are in it.", "qr.png"):
        assert words not in page.text + text


def test_each_number_of_a_question_is_a_link_of_its_own(everything):
    scores = [link["url"] for link in everything.links if "survey_url" in link["url"]]
    assert [url.rpartition("=")[2] for url in scores] == ["1", "2", "3", "4", "5"]


def test_the_shops_other_places_stand_in_the_brand(monkeypatch):
    assert "Find us" not in frozen(email(("social", {"heading": "Find us"}), FOOTER)).html


def test_what_an_email_needs_is_read_from_all_its_depths():
    assert needs(email(*EVERYTHING)) == Needs(frozenset({12}), frozenset({3}), frozenset({7}))
    inside = {"audience": "4", "content": [part("survey", {"survey": "9:nps", "question": "?"}, "s")], "otherwise": []}
    assert needs(email(("condition", inside), FOOTER)) == Needs(frozenset({4}), frozenset({9}), frozenset())


def test_markup_by_hand_keeps_nothing_that_runs(everything):
    assert "By hand" in everything.html
    assert "alert" not in everything.html
    assert "onclick" not in everything.html


@pytest.mark.parametrize(("source", "why"), [
    ("<mj-raw><script>x</script></mj-raw>", "mj-raw"), ("<mj-include path='/etc/passwd'/>", "mj-include"), ("<mj-text>a</mj-text>", "mj-section"),
    ("<mj-section><mj-column>", "not closed"), ("<mj-section></mj-column></mj-section>", "closes nothing"), ("<script>1</script>", "script"),
    ('<mj-section><mj-column><mj-button href="javascript:x">a</mj-button></mj-column></mj-section>', "no address"), ("stray", "outside"),
    ("<mj-section onload='x'></mj-section>", "mj-section"),
])  # fmt: skip
def test_mjml_that_was_not_understood_is_refused(source, why):
    with pytest.raises(raw_mjml.BadMjml, match=why):
        raw_mjml.safe(source)


def test_a_coupons_last_day_is_written_as_its_readers_write_it():
    day = {"heading": "Ten", "code": "X", "valid_until": date(2027, 3, 1).isoformat()}
    assert "2027年3月1日" in frozen(email(("coupon", day), FOOTER, language="zh-hans")).text
