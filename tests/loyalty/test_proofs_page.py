"""The page that says which test shows which promise names only tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_names_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py|\w+\.py)::(\w+)`", (ROOT / "docs" / "proofs.md").read_text())
    texts = {file: (ROOT / (file if "/" in file else f"tests/loyalty/{file}")).read_text() for file, _name in named}
    assert len(named) > 70
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in texts[file]] == []
