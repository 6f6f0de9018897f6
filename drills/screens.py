"""Every promise of the doors at every look: three widths, two themes, two languages.

What must be so (axe, the console, cut-off text, the keyboard, what each check asserts) is asked at all twelve looks. Times are judged at
three of them, `JUDGED`, on a slow machine behind a far network: every page at every width, both themes and both languages among them.
Those run alone; the other nine, where nobody looks at the clock, run side by side, one to a core.

Which doors have checks is found by their folders (`tests/<door>/checks.py`; tests/stage.py says what such a module holds). The
main pages of the doors that have none yet go through the common gate alone.

It runs in parts, each on a site of its own: one door at one look. What a part found is kept under `var/screens/` check by check, and the
report is of all that is kept. `make drill ONLY=screens` begins anew; `LOOKS="1280,light,en 360,dark,zh-hans"` and `DOORS="pos portal"`
take some parts, `LOOKS=rest` goes on with what is missing, also in the middle of a part. `CHECKS="k6 page"` takes the checks with such a
name, to look closer: that is told, and not kept.
"""

import importlib
import json
import multiprocessing
import os
import shutil
import time
import traceback
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import sync_playwright

from bench._scratch import database
from delivery import contents
from drills import _pages
from loyalty import rules
from sales import catalogue
from tests.browser import FLAGS, find
from tests.serving import serve
from tests.stage import Measured, Stage, looks

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs an event loop in this thread
DOORS = ("pos", "portal", *_pages.MAIN)
JUDGED = [(360, "light", "zh-hans"), (768, "dark", "en"), (1280, "light", "en")]
LONG_LOOK = JUDGED[-1]  # the long checks run once
AT_ONCE = os.cpu_count() or 1


class Part(NamedTuple):
    """One door at one look, and which of its checks (all, if none is named)."""

    door: str
    look: tuple[int, str, str]
    only: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        return _kept() / self.door / f"{'_'.join(map(str, self.look))}.json"

    @property
    def is_judged(self) -> bool:
        return self.look in JUDGED


def run(report):
    doors = os.environ.get("DOORS", " ".join(DOORS)).split()
    said, only = os.environ.get("LOOKS"), tuple(os.environ.get("CHECKS", "").split())
    if not said and not only:
        for door in doors:
            shutil.rmtree(_kept() / door, ignore_errors=True)
    parts = [Part(door, look, only) for look in _looks(said) for door in doors]
    if said == "rest":
        parts = [part for part in parts if not _known(part)["is_whole"]]
    elif not only:
        for part in parts:
            part.file.unlink(missing_ok=True)
    found = [*_do([part for part in parts if not part.is_judged], AT_ONCE), *_do([p for p in parts if p.is_judged], 1)]
    for door in doors:
        if only:
            _tell(report, door, [told for part, told in found if part.door == door])
        else:
            _tell(report, door, [json.loads(file.read_text()) for file in sorted((_kept() / door).glob("*.json"))])


def _kept() -> Path:
    return settings.VAR / "screens"


def _looks(said: str | None) -> list[tuple[int, str, str]]:
    if said in {None, "rest"}:
        return looks()
    return [(int(width), theme, language) for width, theme, language in (one.split(",") for one in said.split())]


# -- a part ------------------------------------------------------------------------------------------------------------


def _do(parts: list[Part], at_once: int) -> list[tuple[Part, dict]]:
    """The parts and what was found at them; each worker keeps one browser, and the pages it compiled, for all of its parts."""
    if not parts:
        return []
    found = []
    with multiprocessing.get_context("fork").Pool(min(at_once, len(parts)), _prepare) as workers:
        for part, told in workers.imap_unordered(_work, parts):
            held = len(told["checked"]) - len(told["failed"])
            print(f"    {part.door} at {part.look}: {held} of {len(told['checked'])}, {told['seconds']} s", flush=True)
            found.append((part, told))
    return found


def _prepare():
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES["default"]["KEY_PREFIX"] = str(os.getpid())


@cache
def _browser():
    return sync_playwright().start().chromium.launch(executable_path=find(), args=FLAGS)


def _work(part: Part) -> tuple[Part, dict]:
    """One door at one look on a site of its own: what was checked, what failed and why, what was measured, and how long all took."""
    begun, told = time.monotonic(), _known(part)
    took_before = told["seconds"]
    set_up, todo = _todo(part.door, has_long=part.look == LONG_LOOK)
    todo = {name: check for name, check in todo.items() if not part.only or any(one in name for one in part.only)}
    with site() as address:
        scene = set_up()
        if part.is_judged:
            _warm(part.door, address, scene)
        for name, check in todo.items():
            if name not in told["checked"]:
                problem = _check(_stage(part, address), name, check, scene, told)
                if problem:
                    print(f"    {part.door} {name}: {problem[:300]}", flush=True)
                told["seconds"] = took_before + round(time.monotonic() - begun)
                _keep(part, told)
    told["is_whole"] = True
    _keep(part, told)
    return part, told


def _known(part: Part) -> dict:
    """What an earlier run found of a part, however far it came."""
    if part.file.exists() and not part.only:
        return json.loads(part.file.read_text())
    return {"checked": {}, "failed": {}, "measured": [], "seconds": 0, "took": {}, "is_whole": False}


def _keep(part: Part, told: dict):
    if not part.only:
        part.file.parent.mkdir(parents=True, exist_ok=True)
        part.file.write_text(json.dumps(told, ensure_ascii=False, indent=1))


def _check(stage: Stage, name: str, check, scene, told: dict) -> str:
    """One check, told with what it measured and how long it took; answers what is wrong."""
    started = time.monotonic()
    problem, found = _checked(stage, check, scene)
    told["checked"][name] = _words(name, check)
    told["measured"] += [asdict(one) for one in found.values()]
    told["took"][name] = round(time.monotonic() - started, 1)
    if problem:
        told["failed"][name] = f"{stage.look}: {problem}"
    return problem


def _stage(part: Part, address: str) -> Stage:
    width, theme, language = part.look
    return Stage(_browser(), address, width=width, theme=theme, language=language, is_slow=part.is_judged)


def _checked(stage: Stage, check, scene) -> tuple[str, dict[str, Measured]]:
    """What is wrong, and what was measured: that nothing jumps everywhere, times where they are judged."""
    problem = _try(stage, check, scene)
    found = {one.name: one for one in stage.measured if stage.is_slow or one.name.startswith("CLS")}
    if isinstance(check, partial) and not problem:
        _once_more(stage, check, scene, found)
    return problem, found


def _once_more(stage: Stage, check, scene, found: dict[str, Measured]):
    """Open a page that was slow twice more and keep its best: a busy neighbour is not ours to judge."""
    for _again in range(2):
        if all(one.holds for one in found.values()):
            return
        stage.measured.clear()
        _try(stage, check, scene)
        for one in stage.measured:
            if one.value < found.get(one.name, one).value:
                found[one.name] = one


def _todo(door: str, *, has_long: bool):
    """How a door's scene is made, and its checks by name."""
    module = _checks_of(door)
    if module is None:
        return _pages.set_up, {path: partial(_opened, door, path) for path in _pages.MAIN[door]}
    checks = [*module.CHECKS, *(getattr(module, "LONG", []) if has_long else [])]
    pages = {f"page {name}": partial(_page, name, page) for name, page in getattr(module, "PAGES", {}).items()}
    return module.set_up, {check.__name__: check for check in checks} | pages


def _checks_of(door: str):
    try:
        return importlib.import_module(f"tests.{door}.checks")
    except ModuleNotFoundError as missing:
        if missing.name != f"tests.{door}.checks":
            raise
        return None


def _page(name: str, page, stage, scene):
    """Keeps the common gate."""
    stage.gate(page(stage, scene), name)


def _opened(door: str, path: str, stage, scene):
    """Keeps the common gate."""
    page = stage.page(scene.staff[door], door, path=path.format(**scene.names))
    page.keyboard.press("Tab")
    stage.gate(page, path)


def _words(name: str, check) -> str:
    said = check.func.__doc__ if isinstance(check, partial) else check.__doc__
    return (said or name).strip().splitlines()[0]


_WARM = set()


def _warm(door: str, address: str, scene):
    """Open every page first: a server that has just started compiles its templates, which no customer waits for."""
    if door not in _WARM:
        for check in _todo(door, has_long=False)[1].values():
            if isinstance(check, partial):
                _try(Stage(_browser(), address), check, scene)
        _WARM.add(door)


def _try(stage: Stage, check, scene) -> str:
    try:
        try:
            check(stage, scene)
        finally:
            stage.close()
    except Exception as error:  # noqa: BLE001 (one check that fails is a figure; the others still run)
        traceback.print_exc(limit=-3)
        return f"{type(error).__name__}: {str(error)[:400]}"
    return ""


@contextmanager
def site():
    """The house over HTTP on an empty database of its own; yields its address."""
    with database(f"regulars_drill_screens_{os.getpid()}"):
        catalogue.forget()
        rules.forget()
        contents.forget()
        import config.celery  # noqa: F401 (as the server does: shared tasks find the broker)

        with serve(StaticFilesHandler(WSGIHandler()), QuietWSGIRequestHandler) as address:
            settings.SITE_URL = address
            yield address


# -- the report --------------------------------------------------------------------------------------------------------


def _tell(report, door: str, parts: list[dict]):
    """Each check at how many looks it held; each kind of figure at its worst."""
    checked = {name: words for part in parts for name, words in part["checked"].items()}
    for name, words in checked.items():
        tried = [part for part in parts if name in part["checked"]]
        bad = [part["failed"][name] for part in tried if name in part["failed"]]
        report(f"{door} {name}", len(tried) - len(bad), f"{len(tried)} looks", not bad, "; ".join(bad)[:300] or words)
    _judge(report, door, [Measured(**one) for part in parts for one in part["measured"]])


def _judge(report, door: str, measured: list[Measured]):
    """The worst of each kind of figure. Vitals come from many pages: one line for each, and what is over its bar by name."""
    kinds = defaultdict(list)
    for one in measured:
        kind = one.name.split(" of ")[0] if one.name.startswith(("LCP", "INP", "CLS")) else one.name
        kinds[kind].append(one)
    for kind, found in sorted(kinds.items()):
        worst = max(found, key=lambda one: one.value)
        over = "; ".join(f"{one.name} {one.value} ({one.where})" for one in found if not one.holds)
        report(f"{door} {kind}, worst of {len(found)}", worst.value, f"≤ {worst.most}", not over, over[:300])
