"""Each module switched off alone: its addresses are gone, nobody is led to them, its clockwork rests, and all else goes on."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import Resolver404, resolve

import care.operations
import loyalty.operations
from campaigns.conditions import CONDITIONS
from campaigns.happenings import triggers
from campaigns.journeys import operations as journeys
from campaigns.journeys.kinds import KINDS
from care.models import Survey
from cms.audiencing.building import groups
from cms.journeying.showing import palette
from config import modules as routed
from config.celery import app
from config.middleware import DOORS
from emails.blocks.body import PartsAdapter, PartsBlock
from members import modules, operations
from members.models import Member, User
from members.roles import Role
from portal import starters
from tests.flows import world
from tests.test_routes import ours

ROOT = Path(__file__).resolve().parents[2]
STARTS = {
    "member": ["/portal/", "/portal/me/"],
    Role.SERVICE: ["/desk/"],
    Role.MARKETER: ["/cms/", "/reports/"],
    Role.STORE_MANAGER: ["/cms/", "/desk/cases/", "/desk/tasks/", "/desk/pipeline/", "/pos/"],
    Role.ANALYST: ["/reports/"],
    Role.CASHIER: ["/pos/", "/staff/"],
}
NOT_LINKED = {"duplicates"}
"""What no page of this small market leads to: nobody is twice in it."""
PAGES_MOST = 150
LINKS = ("href", "action", "formaction", "hx-get", "hx-post", "data-subscribe", "data-unsubscribe")
LEFT_ALONE = re.compile(
    r"^/(static|media|m)/|logout|/leave/|\.(csv|json|parquet|js|css|svg|pdf)$|/jsi18n/|/sprite/|/language/|/data/download/|^/staff/enter/"
    # The people behind a row are asked for by the row's name, which the walk drops with every query; their own test clicks each of them.
    r"|^/reports/figures/[a-z_]+/people/"
    # Wagtail's own pages lead to ours by its menu alone, which each page of ours has too.
    r"|^/cms/(account|bulk|collections|documents|images|locales|login|redirects|reports|search|sites|tags|users|workflows)/"
    r"|^/cms/snippets/.*/(add|copy|delete|history|usage|inspect|revisions|unpublish|workflow_history|preview|multiple)/"
)


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        if tag not in {"link", "script", "img"}:
            self.found |= {value for name, value in attrs if name in LINKS and value}


def links_of(page: str, address: str) -> set[str]:
    """The addresses of ours that a page leads to, without their queries."""
    parser = _Links()
    parser.feed(page)
    # The admin's menu is told to its script; it is the same on every page of the admin, so the first page speaks for all.
    menu = set(re.findall(r'"url": "(/cms/[^"]+)"', page)) if address == "/cms/" else set()
    found = {urlsplit(urljoin(address, link)) for link in parser.found | menu}
    return {one.path for one in found if one.scheme in {"", "http", "https"} and one.netloc in {"", "testserver"}}


def module_of(path: str) -> str:
    try:
        return routed.module_of(resolve(path).route)
    except Resolver404:
        return ""


@dataclass
class Crawl:
    """What one person was shown: each page with the modules it leads to."""

    pages: dict[str, set[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def leading_to(self, module: str) -> list[str]:
        """The pages that lead to a module and do not belong to it themselves."""
        return [page for page, led in self.pages.items() if module in led and module_of(page) != module]


def read(browser, address: str):
    response = browser.get(address)
    is_page = response.status_code == 200 and "html" in response.headers.get("Content-Type", "")
    return response, links_of(response.content.decode(), address) if is_page else set()


def shape_of(address: str) -> str:
    """Pages of one route are alike: two rows of a list need one visit."""
    return resolve(address).route if not address.startswith("/portal/pages/") else address


def crawl(browser, starts) -> Crawl:
    """Every kind of page that one person can reach by links, once each."""
    seen, waiting, shapes = Crawl(), list(starts), set()
    while waiting and len(seen.pages) < PAGES_MOST:
        address = waiting.pop(0)
        if LEFT_ALONE.search(address) or address in seen.pages:
            continue
        try:
            shape = shape_of(address)
        except Resolver404:
            seen.broken.append(address)
            continue
        if shape in shapes:
            continue
        shapes.add(shape)
        response, links = read(browser, address)
        if response.status_code in {301, 302}:
            waiting.append(urlsplit(response.headers["Location"]).path)
        elif response.status_code == 200:
            seen.pages[address] = {module_of(link) for link in links}
            waiting += sorted(links)
        elif response.status_code != 405:  # a form's address answers POST alone
            seen.broken.append(f"{address}: {response.status_code}")
    return seen


def browser_of(user) -> Client:
    client = Client()
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.create()
    name = django_settings.SESSION_COOKIE_NAME
    for cookie in (name, *(f"{name}_{door}" for door in DOORS)):
        client.cookies[cookie] = session.session_key
    return client


def served(market: world.World, clerk):
    """A life at the desk: a case with its words, a task, a household, and a merge that can be undone."""
    at, (hero, other, twin) = market.at, market.member_ids[:3]
    case = care.operations.open_case(
        topic="complaint", text="The tea was cold, twice, and nobody at the counter would hear of it.", channel="portal", at=at,
        member_id=hero, source="scene", client_key="case",
    ).case  # fmt: skip
    care.operations.note(case=case, text="Regular since spring.", by_user=clerk, at=at)
    care.operations.reply(case=case, text="We are sorry. The next one is on us.", by_user=clerk, at=at)
    care.operations.add_task(title="Ring them back", cause="scene", at=at, member_id=hero)
    house = loyalty.operations.found_household(name="Alvarez", head_id=hero, percent=40, at=at)
    loyalty.operations.join_household(household=house, member_id=other, percent=20, by_member_id=hero, at=at)
    loyalty.operations.merge_members(
        survivor_id=hero, absorbed_id=twin, by_user_id=clerk.pk, reason="The same telephone", at=at
    )


@pytest.fixture
def people(db, settings):
    """A small market with something in every module, and a browser of each role."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    market = world.make(members_count=4)
    staff = {
        role: operations.add_staff(email=f"{role}@example.com", roles=[role]) for role in STARTS if role != "member"
    }
    served(market, staff[Role.SERVICE])
    starters.write()
    survey = Survey.objects.filter(is_live=True).first()
    care.operations.invite(survey=survey, members=Member.objects.filter(pk=market.hero.pk), cause="crawl", at=market.at)
    journeys.create(name="Welcome")
    hero = User.objects.create(username="hero", member=market.hero)
    browsers = {role: browser_of(user) for role, user in staff.items()} | {"member": browser_of(hero)}
    return market, browsers


def test_each_module_off_alone_leaves_no_dead_link_and_every_page_stands(people):
    """One walk with everything on; then, for each module, the pages that led to it are read again without it."""
    market, browsers = people
    walks = {who: crawl(browsers[who], starts) for who, starts in STARTS.items()}
    assert {who: walk.broken for who, walk in walks.items() if walk.broken} == {}
    led = {module for walk in walks.values() for page in walk.pages.values() for module in page}
    wrong = []
    for module in modules.MODULES:
        operations.switch_modules(off=[module], by_user=None, at=market.at)
        for who, walk in walks.items():
            again = [page for page in STARTS[who][:1] if module_of(page) != module] + walk.leading_to(module)
            for page in dict.fromkeys(again):
                response, links = read(browsers[who], page)
                dead = [link for link in links if module_of(link) == module]
                if response.status_code != 200 or dead:
                    wrong.append(f"{module} off, {who} at {page}: {response.status_code} {dead}")
    assert wrong == []
    assert led >= {
        "goals", "household", "gift", "membership", "claims", "pages", "cases", "surveys", "tasks", "opportunities",
        "duplicates", "journeys", "offers", "retention", "push", "till", "partners", "what_if", "digests", "visits",
    } - NOT_LINKED, "the walk met what it is about"  # fmt: skip


def test_the_addresses_of_a_module_that_is_off_are_gone_and_no_others(people):
    market, browsers = people
    by_module = {}
    for route in ours():
        by_module.setdefault(routed.module_of(route), []).append(route)
    for module in routed.ROUTES:
        assert by_module.get(module) or module in NOT_LINKED, f"{module} has routes"
    operations.switch_modules(off=list(modules.MODULES), by_user=None, at=market.at)
    open_still = [route for module, found in by_module.items() if module for route in found if routed.is_open(route)]
    assert open_still == []
    assert not [route for route in by_module[""] if not routed.is_open(route)]
    assert browsers["member"].get("/portal/goals/").status_code == 404
    assert browsers[Role.SERVICE].get("/desk/cases/").status_code == 404
    assert Client().get("/portal/surveys/x/").status_code == 404
    assert browsers[Role.MARKETER].get("/cms/snippets/recommender/offer/").status_code == 404
    assert browsers["member"].get("/portal/").status_code == 200


def test_the_interface_is_described_without_what_is_off(people):
    market, _browsers = people
    before = set(Client().get("/api/v1/openapi.json").json()["paths"])
    operations.switch_modules(off=["cases"], by_user=None, at=market.at)
    after = set(Client().get("/api/v1/openapi.json").json()["paths"])
    assert before - after == {path for path in before if path.startswith("/api/v1/cases")} != set()


def test_the_clockwork_of_a_module_that_is_off_rests(db, monkeypatch):
    app.loader.import_default_modules()
    chores = {name: task for name, task in app.tasks.items() if hasattr(task.run, "module")}
    assert {task.run.module for task in chores.values()} >= {
        "journeys",
        "duplicates",
        "cases",
        "surveys",
        "retention",
    }
    modules.remember(modules.MODULES)
    for task in chores.values():
        monkeypatch.setattr(task.run, "__wrapped__", lambda: pytest.fail("it ran"), raising=False)
        assert task.run() is None


def test_choosers_offer_nothing_of_a_module_that_is_off_and_what_stands_there_stays(db):
    def offered() -> set[str]:
        steps = {kind.code for _group, kinds in palette() for kind in kinds}
        conditions = {code for _group, told in groups() for code, _label in told}
        blocks = PartsAdapter().js_args(PartsBlock())[3]["blockCounts"]
        return (steps | conditions | {one.code for one in triggers()}) - {
            code for code, counts in blocks.items() if counts == {"max_num": 0}
        }

    everything = offered()
    modules.remember({"surveys", "tasks", "push", "offers", "cases", "retention"})
    gone = {"survey_score", "task", "push", "offer", "offer_expiring", "case", "open_case", "stays_for", "warned"}
    assert offered() == everything - gone
    assert PartsAdapter().js_args(PartsBlock())[3]["blockCounts"]["survey"] == {"max_num": 0}
    assert "offer_expiring" in {one.code for one in triggers(chosen="offer_expiring")}
    assert {"task", "push"} <= set(KINDS)
    assert {"survey_score", "offer"} <= set(CONDITIONS)


def test_a_manager_switches_on_the_page_and_nobody_else(people):
    _market, browsers = people
    assert browsers[Role.MARKETER].get("/cms/modules/").status_code in {302, 403}
    manager = browsers[Role.STORE_MANAGER]
    on = [code for code in modules.MODULES if code not in {"goals", "push"}]
    manager.post("/cms/modules/", {"on": on})
    modules.remember((), for_s=-1)  # another process, some seconds later
    assert modules.switched_off() == {"goals", "push"}
    assert "checked" not in re.search(r'id="on-goals"[^>]*>', manager.get("/cms/modules/").content.decode())[0]
    manager.post("/cms/modules/", {"on": list(modules.MODULES)})
    assert modules.switched_off() == frozenset()


def test_templates_ask_only_for_modules_there_are():
    asked = {
        (path.relative_to(ROOT), code)
        for path in ROOT.glob("*/templates/**/*.html")
        for code in re.findall(r"\bmodules\.(\w+)", path.read_text())
    }
    assert {code for _path, code in asked} <= set(modules.MODULES)
    assert asked
