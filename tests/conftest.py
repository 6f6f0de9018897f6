"""One migrated template database; every test session works on a clone of it, tests that commit on a clone of their own.

Nothing is flushed: the serving role may not TRUNCATE, in tests as in production.
"""

import contextlib
import fcntl
import hashlib
import os
import random
import uuid
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "DJANGO_ALLOW_ASYNC_UNSAFE", "true"
)  # Playwright's sync API runs an event loop in the test's thread

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

# The suite draws the same cases in every run and does not judge a machine's speed; `make drill` draws new ones.
hypothesis_settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")

PATIENCE_MS = 120_000  # for a page on a busy machine: waiting ends when it has come
ROOT = Path(__file__).resolve().parent.parent


def _owner(database: str):
    """A connection as the role that owns the tables, in autocommit, to any database of the server."""
    owner = settings.DATABASE_OWNER
    return psycopg.connect(
        host=owner["HOST"], port=owner["PORT"] or None, user=owner["USER"], password=owner.get("PASSWORD") or None,
        dbname=database, autocommit=True,
    )  # fmt: skip


def _schema_mark() -> str:
    """A digest of everything the schema is made of: a change makes a new template."""
    digest = hashlib.sha256()
    for path in sorted(
        [
            *ROOT.glob("*/migrations/*.py"),
            *ROOT.glob("*/sql/*.sql"),
            *ROOT.glob("*/apps.py"),
            ROOT / "requirements.lock",
        ]
    ):
        digest.update(path.read_bytes())
    for path in ("config/management/commands/migrate.py", "config/db/rendering.py"):
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()[:12]


def _point_at(database: str):
    connection.close()
    connection.settings_dict["NAME"] = database
    settings.DATABASES["default"]["NAME"] = database


def _clone(template: str, name: str):
    with _owner(settings.DATABASE_OWNER["NAME"]) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        db.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))


def _drop(name: str):
    # Without FORCE, which the owner may not use on sessions that are just leaving: PostgreSQL waits five seconds for those,
    # which on a busy machine is not always enough.
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with _owner(settings.DATABASE_OWNER["NAME"]) as db:
        for _ in range(20):
            _end_sessions_of_the_serving_role(name)
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                db.execute(statement)
                break


def _end_sessions_of_the_serving_role(name: str):
    """A browser keeps its connections, and with them a server thread's session; the owner may not end another role's."""
    serving = settings.DATABASES["default"]
    with psycopg.connect(
        host=serving["HOST"], port=serving["PORT"] or None, user=serving["USER"], password=serving.get("PASSWORD") or None,
        dbname=settings.DATABASE_OWNER["NAME"], autocommit=True,
    ) as db:  # fmt: skip
        db.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND usename = current_user",
            [name],
        )


def _template(base: str) -> str:
    """The migrated template of today's schema, made once for all workers of this machine's checkout."""
    name = f"{base}_template_{_schema_mark()}"
    with (settings.VAR / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _owner(base) as db:
            made = [
                row[0]
                for row in db.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{base}_template_%"])
            ]
        if name not in made:
            for old in made:
                _drop(old)
            _clone("template0", f"{name}_raw")
            _point_at(f"{name}_raw")
            call_command("migrate", verbosity=0)
            connection.close()
            with _owner(base) as db:
                db.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                        sql.Identifier(f"{name}_raw"), sql.Identifier(name)
                    )
                )
    return name


@pytest.fixture(scope="session")
def database_template(django_db_blocker):
    if settings.EMBEDDED_POSTGRES:
        settings.EMBEDDED_POSTGRES.ensure()
    with django_db_blocker.unblock():
        return _template(settings.DATABASE_OWNER["NAME"])


@pytest.fixture(scope="session")
def django_db_setup(database_template, django_db_blocker, request):
    """Replaces pytest-django's: a clone of the template per test process."""
    name = f"regulars_test_{os.getpid()}"
    with django_db_blocker.unblock():
        _clone(database_template, name)
        _point_at(name)
        yield
        connection.close()
        _drop(name)


@contextlib.contextmanager
def another_database(template: str, blocker):
    """A fresh clone of the template, which everything here speaks to until the end; then to the one before."""
    before = connection.settings_dict["NAME"]
    name = f"regulars_test_{os.getpid()}_{os.urandom(4).hex()}"
    with blocker.unblock():
        _clone(template, name)
        _point_at(name)
        try:
            yield name
        finally:
            connection.close()
            _point_at(before)
            _drop(name)


@pytest.fixture
def committed_db(django_db_setup, database_template, django_db_blocker):
    """A database of the test's own, where every commit is real; threads and other processes may join by its name."""
    with another_database(database_template, django_db_blocker) as name:
        yield name


@pytest.fixture(scope="session")
def browser():
    """A real headless Chromium, one per test process."""
    from playwright.sync_api import sync_playwright

    from tests.browser import FLAGS, find

    path = find()
    assert path, "No Chromium: run `make browser`."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page_at(browser):
    """Open pages of a given width: `page = page_at(390)`. A console error or a page error fails the test at its end."""
    contexts, troubles = [], []

    def open_page(width: int = 1280, height: int = 900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.troubles = troubles
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles, f"The browser complained: {troubles}"


@pytest.fixture
def site(committed_db, settings):
    """Regulars served over HTTP from this process, on the test's own database; yields its address."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.testcases import QuietWSGIRequestHandler

    from tests.serving import serve

    with serve(StaticFilesHandler(WSGIHandler()), QuietWSGIRequestHandler) as address:
        settings.SITE_URL = address
        yield address


class _DrawnAlike:
    """The module `os` as `uuid` uses it, with the randomness of a seed."""

    def __init__(self, seed: str):
        self.urandom = random.Random(seed).randbytes

    def __getattr__(self, name):
        return getattr(os, name)


@pytest.fixture(autouse=True)
def the_same_members_in_the_same_arms(request, monkeypatch):
    """Who is in which arm follows from salts and public ids, which are UUIDs: a test draws the same ones in every run."""
    monkeypatch.setattr(uuid, "os", _DrawnAlike(request.node.nodeid))


@pytest.fixture(autouse=True)
def forgetful_catalogue():
    """What a process remembers of products and stores ends with the test that made them."""
    from recommender import shelf  # after Django is set up
    from sales import catalogue

    catalogue.forget()
    shelf.forget()


@pytest.fixture(autouse=True)
def forgetful_contents():
    """What a process read of frozen contents stays true in one database; the next test may have another, with the same ids."""
    from delivery import contents  # after Django is set up

    contents.forget()


@pytest.fixture(autouse=True)
def everything_is_switched_on():
    """What a process remembers of switched-off modules ends with the test that switched them, and costs no test a query."""
    from members import modules  # after Django is set up

    modules.remember((), for_s=3600)
