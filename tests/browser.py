"""Finds a Chromium for the browser tests, or installs one. `python -m tests.browser` says where it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def find() -> str | None:
    """The path of a Chromium: $CHROMIUM, one on the PATH, or the one Playwright downloaded earlier."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install():
    """Debian's package where we may install packages, else Playwright's own download."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=sys.stderr)
        done = subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk"],
            check=False,
            env=environment,
            stdout=sys.stderr,
        )
        if done.returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False, stdout=sys.stderr)


def main():
    path = find()
    if path is None:
        print("The browser tests need Chromium; installing it (about 400 MB) …", file=sys.stderr)
        _install()
        path = find()
    if path is None:
        sys.exit("No Chromium was found and none could be installed. Install one, or set CHROMIUM=/path/to/chromium.")
    print(f"Chromium: {path}")


if __name__ == "__main__":
    main()
