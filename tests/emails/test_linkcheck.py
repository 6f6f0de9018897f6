"""Dead links: asked by a task with nobody waiting, remembered, and read by the lint."""

from datetime import UTC, datetime, timedelta

import pytest

from emails import checks, linkcheck
from emails.models import CheckedLink
from members import clock
from members.outgoing import Answer

AT = datetime(2027, 1, 4, 16, 0, tzinfo=UTC)
PAGE = "https://shop.example.com/page"
pytestmark = pytest.mark.django_db


class Web:
    """Answers by address; a list answers one after the other, an exception is raised."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, call):
        self.asked.append((call.method, call.url))
        said = self.answers[call.method]
        said = said.pop(0) if isinstance(said, list) else said
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Answer) else Answer(said, "")


def check(at=AT, **answers):
    web = Web(**answers)
    linkcheck.check_due(at=at, ask=web)
    return web


@pytest.fixture
def noted():
    assert linkcheck.dead([PAGE], at=AT) == {}
    assert linkcheck.unasked([PAGE]) == 1


def test_a_page_that_answers_is_well_for_a_day(noted):
    assert check(HEAD=200).asked == [("HEAD", PAGE)]
    assert (linkcheck.dead([PAGE], at=AT), linkcheck.unasked([PAGE])) == ({}, 0)
    assert check(at=AT + timedelta(hours=23)).asked == []
    assert check(at=AT + timedelta(hours=25), HEAD=200).asked == [("HEAD", PAGE)]


def test_a_page_that_is_gone_is_dead_at_once(noted):
    assert check(HEAD=404, GET=404).asked == [("HEAD", PAGE), ("GET", PAGE)]
    assert linkcheck.dead([PAGE], at=AT) == {PAGE: "404"}


def test_a_server_that_dislikes_head_is_asked_as_a_reader_would(noted):
    check(HEAD=405, GET=200)
    assert linkcheck.dead([PAGE], at=AT) == {}


@pytest.mark.parametrize("fault", [TimeoutError("no whole answer"), OSError("refused"), 503])
def test_one_bad_moment_is_forgiven_and_two_are_not(noted, fault):
    check(HEAD=fault, GET=fault)
    assert linkcheck.dead([PAGE], at=AT) == {}
    check(at=AT + timedelta(minutes=4), HEAD=fault, GET=fault)
    assert set(linkcheck.dead([PAGE], at=AT)) == {PAGE}
    check(at=AT + timedelta(days=2), HEAD=200)
    assert linkcheck.dead([PAGE], at=AT) == {}


def test_a_redirect_is_followed_to_where_it_ends(noted):
    web = check(HEAD=[Answer(302, "/there"), Answer(404, "")], GET=410)
    assert [url for _method, url in web.asked] == [
        PAGE,
        "https://shop.example.com/there",
        "https://shop.example.com/there",
    ]
    assert linkcheck.dead([PAGE], at=AT) == {PAGE: "410"}


def test_an_address_within_is_never_called(settings):
    settings.PRODUCTION = True
    linkcheck.dead(["https://169.254.169.254/latest/"], at=AT)
    linkcheck.check_due(at=AT)
    assert "public internet" in CheckedLink.objects.get().detail


def test_the_lint_stops_at_a_dead_link_with_the_way_to_it(template, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AT)
    template.body[0].value["button_url"] = PAGE
    assert [(p.field, p.level) for p in checks.problems(template)] == [
        (f"body.{template.body[0].id}.button_url", "warning")
    ]
    check(HEAD=404, GET=404)
    [problem] = checks.problems(template)
    assert (problem.level, problem.message) == ("error", f"The link {PAGE} is dead: 404.")
    assert problem.fix_url.endswith(f"#:w:contentpath=body.{template.body[0].id}.button_url")
