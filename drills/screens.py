"""Every promise of the doors at every look: three widths, two themes, two languages, on a slow machine behind a far network.

Which doors have checks is found by their folders (`tests/<door>/checks.py`; tests/stage.py says what such a module holds). The
main pages of the doors that have none yet go through the common gate alone. `LOOKS=1280,light,en make drill ONLY=screens` takes
one look; `DOORS=pos` one door.
"""

import importlib
import itertools
import os
import traceback
from collections import defaultdict
from contextlib import contextmanager

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import sync_playwright

from bench._scratch import database
from drills import _pages
from loyalty import rules
from sales import catalogue
from tests.browser import FLAGS, find
from tests.serving import serve
from tests.stage import Stage, looks

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs an event loop in this thread
DOORS = ("pos", "portal", "desk", "cms", "reports")


def run(report):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    chosen = os.environ.get("DOORS", ",".join(DOORS)).split(",")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for door in chosen:
            module = _checks_of(door)
            if module:
                _door(report, browser, door, module)
        pages = {door: pages for door, pages in _pages.MAIN.items() if door in chosen}
        if pages:
            _gate(report, browser, pages)
        browser.close()


def _checks_of(door: str):
    try:
        return importlib.import_module(f"tests.{door}.checks")
    except ModuleNotFoundError as missing:
        if missing.name != f"tests.{door}.checks":
            raise
        return None


def _looks() -> list[tuple[int, str, str]]:
    if said := os.environ.get("LOOKS"):
        width, theme, language = said.split(",")
        return [(int(width), theme, language)]
    return looks()


def _door(report, browser, door: str, module):
    """One site a look, every check in it; each figure is judged at its worst."""
    failed, measured = defaultdict(list), []
    todo = [(check.__name__, check) for check in module.CHECKS]
    todo += [(f"page {name}", _page_check(name, page)) for name, page in getattr(module, "PAGES", {}).items()]
    for width, theme, language in _looks():
        with site() as address:
            scene = module.set_up()
            for name, check in todo:
                stage = Stage(browser, address, width=width, theme=theme, language=language, is_slow=True)
                problem = _try(stage, check, scene)
                measured += stage.measured
                if problem:
                    failed[name].append(f"{stage.look}: {problem}")
    for name, check in todo:
        words = (check.__doc__ or name).strip().splitlines()[0]
        report(f"{door} {name}", len(_looks()) - len(failed[name]), f"{len(_looks())} looks", not failed[name],
               "; ".join(failed[name])[:300] or words)  # fmt: skip
    _judge(report, door, measured)


def _page_check(name: str, page):
    def check(stage, scene):
        stage.gate(page(stage, scene), name)

    return check


def _try(stage: Stage, check, scene) -> str:
    try:
        try:
            check(stage, scene)
        finally:
            stage.close()
    except Exception as error:  # noqa: BLE001 (one check that fails is a figure; the others still run)
        traceback.print_exc(limit=-3)
        return f"{type(error).__name__}: {str(error)[:160]}"
    return ""


def _judge(report, door: str, measured):
    """The worst of each kind of figure. Vitals come from many pages: one line for each, and what is over its bar by name."""
    kinds = defaultdict(list)
    for one in measured:
        kind = one.name.split(" of ")[0] if one.name.startswith(("LCP", "INP", "CLS")) else one.name
        kinds[kind].append(one)
    for kind, found in sorted(kinds.items()):
        worst = max(found, key=lambda one: one.value)
        over = "; ".join(f"{one.name} {one.value} ({one.where})" for one in found if not one.holds)
        report(f"{door} {kind}, worst of {len(found)}", worst.value, f"≤ {worst.most}", not over, over[:300])


@contextmanager
def site():
    """The house over HTTP on an empty database of its own; yields its address."""
    with database("regulars_drill_screens"):
        catalogue.forget()
        rules.forget()
        with serve(StaticFilesHandler(WSGIHandler()), QuietWSGIRequestHandler) as address:
            settings.SITE_URL = address
            yield address


def _gate(report, browser, doors):
    """The main pages of every door through the common gate, at every look, on one site."""
    failed, measured = defaultdict(list), []
    with site() as address:
        scene = _pages.set_up()
        for (width, theme, language), (door, paths) in itertools.product(_looks(), doors.items()):
            stage = Stage(browser, address, width=width, theme=theme, language=language, is_slow=True)
            for path in paths:
                problem = _try(stage, _opened(door, path), scene)
                if problem:
                    failed[door, path].append(f"{stage.look}: {problem}")
            measured += stage.measured
    for door, paths in doors.items():
        for path in paths:
            bad = failed[door, path]
            report(
                f"{door} {path} keeps the gate",
                len(_looks()) - len(bad),
                f"{len(_looks())} looks",
                not bad,
                "; ".join(bad)[:300],
            )
    _judge(report, "all doors", measured)


def _opened(door: str, path: str):
    def check(stage, scene):
        page = stage.page(scene.staff[door], door, path=path)
        page.keyboard.press("Tab")
        stage.gate(page, path)

    return check
