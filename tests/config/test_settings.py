"""Production starts fully configured or not at all."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_production_refuses_to_start_half_configured_and_says_what_is_missing():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "REGULARS_MODE": "production", "SECRET_KEY": "x"},
    )  # fmt: skip
    assert done.returncode != 0
    assert "Production is half configured" in done.stderr
    assert "FIELD_KEYS" in done.stderr
    assert "SECRET_KEY" not in done.stderr.split("Set:")[1]


def test_production_fully_configured_passes_the_deployment_check():
    production = textwrap.dedent(f"""
        SECRET_KEY={"q7-Zr2" * 12}
        FIELD_KEYS={{"1": "{"ab" * 32}"}}
        HASH_KEY={"cd" * 32}
        ALLOWED_HOSTS=shop.example.com
        SITE_URL=https://shop.example.com
        DATABASE_URL=postgres://app@127.0.0.1:1/regulars
        DATABASE_OWNER_URL=postgres://owner@127.0.0.1:1/regulars
        REDIS_URL=redis://127.0.0.1:1/0
        EMAIL_URL=smtp://127.0.0.1:1
        VAPID_PRIVATE_KEY=Zm9v
        REGULARS_MODE=production
    """)
    environment = dict(line.split("=", 1) for line in production.split("\n") if line)
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], cwd=ROOT, check=False,
        capture_output=True, text=True, env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
