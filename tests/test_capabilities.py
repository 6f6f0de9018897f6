"""Every capability of the table names tests that exist, and the page for readers says the same."""

import ast
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = tomllib.loads((ROOT / "tests/capabilities.toml").read_text())
NUMBERS = [*range(1, 22), *range(29, 42), *range(45, 48), *range(53, 61)]


@cache
def functions_of(path: str) -> frozenset[str]:
    """The test functions of a file as pytest collects them: at its top, not skipped."""
    tree = ast.parse((ROOT / path).read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    skipped = [node for node in found if any("skip" in ast.unparse(one) for one in node.decorator_list)]
    return frozenset(node.name for node in found if node not in skipped)


def test_every_row_has_a_name_and_tests_that_are_there():
    assert [int(number) for number in ROWS] == NUMBERS
    lost = [
        test
        for row in ROWS.values()
        for test in row["tests"]
        if not test.partition("::")[0].rpartition("/")[2].startswith("test_")
        or not (ROOT / test.partition("::")[0]).exists()
        or test.partition("::")[2] not in functions_of(test.partition("::")[0])
    ]
    assert lost == []
    assert all(row["name"] and row["tests"] for row in ROWS.values())


def as_page(rows: dict) -> str:
    """The table of docs/capabilities.md."""
    lines = ["| | What it does | Proved by |", "|---|---|---|"]
    for number, row in rows.items():
        proofs = "<br>".join(f"`{test}`" for test in row["tests"])
        still_open = f" *{row['open']}*" if row.get("open") else ""
        lines.append(f"| {number} | {row['name']}.{still_open} | {proofs} |")
    return "\n".join(lines)


def test_the_page_for_readers_is_the_same_table():
    assert as_page(ROWS) in (ROOT / "docs/capabilities.md").read_text()
