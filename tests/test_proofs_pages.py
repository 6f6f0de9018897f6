"""The pages that say which test shows which promise name only tests, benches and drills that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("proofs*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_everything_that_a_page_names_is_there(page):
    told = page.read_text()
    named = re.findall(r"`(tests/[\w/]+\.py|\w+\.py)::(\w+)`", told)
    texts = {file: (ROOT / (file if "/" in file else f"tests/loyalty/{file}")).read_text() for file, _name in named}
    assert len(named) > 50
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in texts[file]] == []
    runs = re.findall(r"make (bench|drill) ONLY=(\w+)", told)
    folders = {"bench": "bench", "drill": "drills"}
    assert [one for one in runs if not (ROOT / folders[one[0]] / f"{one[1]}.py").exists()] == []
