"""`make bench` and `make drill`: every figure in a table and in a file, and a broken case is a figure that does not hold."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _run(tmp_path, cases, *only):
    package = tmp_path / "bench"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, code in cases.items():
        (package / f"{name}.py").write_text(textwrap.dedent(code))
    program = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; from config.figures import main; main('bench', sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *only], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"REGULARS_VAR": str(tmp_path / "var"), "REGULARS_MODE": "test", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    path = tmp_path / "var" / "bench.json"
    return done, json.loads(path.read_text()) if path.exists() else None


GOOD = """
    def run(report):
        report("ratio", 0.97, "≥ 0.9", holds=True)
"""


def test_figures_are_printed_and_written(tmp_path):
    done, figures = _run(tmp_path, {"awards": GOOD})
    assert done.returncode == 0
    assert "awards: ratio" in done.stdout
    assert [(f["name"], f["value"], f["bar"], f["holds"]) for f in figures] == [("awards: ratio", 0.97, "≥ 0.9", True)]


def test_a_case_that_breaks_fails_the_run_and_the_others_still_speak(tmp_path):
    done, figures = _run(tmp_path, {"awards": GOOD, "broken": "def run(report):\n    raise ValueError('no sink')\n"})
    assert done.returncode == 1
    assert [f["holds"] for f in figures] == [True, False]
    assert "no sink" in figures[1]["value"]


def test_only_the_named_case_runs_and_an_unknown_one_is_refused_with_what_there_is(tmp_path):
    done, figures = _run(tmp_path, {"awards": GOOD, "other": GOOD}, "other")
    assert [f["name"] for f in figures] == ["other: ratio"]
    assert done.returncode == 0
    refused = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"REGULARS_VAR": str(tmp_path / "var"), "REGULARS_MODE": "test", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert refused.returncode != 0
    assert "No such case: nonsense. There are:" in refused.stderr
