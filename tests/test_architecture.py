"""What the import linter cannot say about the house."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FLOORS = [
    {room.strip() for room in floor.split("|")} for floor in PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
]
ROOMS = sorted(set().union(*FLOORS))
APPS = [room for room in ROOMS if room != "config"]


def _modules(room: str):
    for path in sorted((ROOT / room).rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, ast.parse(path.read_text())


def _imports(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, tuple(alias.name for alias in node.names)


def test_every_app_has_a_floor():
    found = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert found == set(ROOMS)


@pytest.mark.parametrize("app", APPS)
def test_every_app_opens_with_its_charter(app):
    charter = ast.get_docstring(ast.parse((ROOT / app / "__init__.py").read_text()))
    assert charter
    assert len(charter.splitlines()) >= 3, "a charter says what the app knows and what it never knows"


@pytest.mark.parametrize("app", [app for app in APPS if app not in FLOORS[2]])
def test_tables_are_imported_only_at_home_or_from_above(app):
    """A room's own modules may name their tables; a door asks its queries and operations instead."""
    doors = FLOORS[2]
    offenders = [
        f"{path.relative_to(ROOT)} imports {module}"
        for door in doors
        for path, tree in _modules(door)
        for module, _names in _imports(tree)
        if module == f"{app}.models" and path.name == "views.py" and door in {"portal", "pos", "desk"}
    ]
    assert not offenders


def test_only_config_reads_the_environment():
    offenders = [
        str(path.relative_to(ROOT))
        for room in APPS
        for path, tree in _modules(room)
        if any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in ast.walk(tree))
    ]
    assert not offenders, f"{offenders}: settings hand on what the environment says"


def test_cross_app_foreign_keys_are_strings():
    offenders = []
    for app in APPS:
        for path, tree in _modules(app):
            if path.name != "models.py" and "models" not in path.parts:
                continue
            for module, names in _imports(tree):
                other = module.split(".")[0]
                if other in APPS and other != app and module.endswith(".models") and names:
                    offenders.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not offenders


def test_migrations_are_named():
    automatic = re.compile(r"_auto_\d{8}|_alter_.*_and_more|_and_more$")
    offenders = [str(p.relative_to(ROOT)) for p in ROOT.glob("*/migrations/0*.py") if automatic.search(p.stem)]
    assert not offenders, f"{offenders}: give each migration a name that says what it does"


def test_no_file_names_a_registry_or_this_machine():
    forbidden = re.compile(r"file:///|extra-index-url|pypi\.org/simple|/root/|/work/")
    texts = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "requirements.lock",
        ROOT / "pyproject.toml",
        ROOT / "Makefile",
    ]
    offenders = [f"{path.name}: {match.group()}" for path in texts for match in forbidden.finditer(path.read_text())]
    assert not offenders


def test_each_decision_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert sorted(numbers) == sorted(set(numbers))
    named = re.compile(r"decisions/(\d{4}(?:-[\w-]+\.md)?)")
    known = {*numbers, *(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))}
    rooms = [one for one in ROOT.iterdir() if one.is_dir() and one.name != "var" and not one.name.startswith(".")]
    texts = [path for room in rooms for kind in ("py", "sql", "md") for path in room.rglob(f"*.{kind}")]
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in texts
        for name in named.findall(path.read_text())
        if name not in known
    }
    assert not missing
