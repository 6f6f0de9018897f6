"""Runs the modules of `bench/` or `drills/`, prints their figures as a table and keeps them as JSON.

Each module has `run(report)` and calls `report(name, value, bar, holds, note="")` once per figure.
"""

import importlib
import json
import os
import pkgutil
import sys
import time
import traceback
from pathlib import Path

NAMES = {"bench": "bench.json", "drills": "drill.json"}


def _run(package: str, module: str) -> list[dict]:
    figures = []

    def report(name, value, bar, holds, note=""):
        figures.append({"name": f"{module}: {name}", "value": value, "bar": bar, "holds": bool(holds), "note": note})
        print(f"  {'holds' if holds else 'FAILS':5}  {name}: {value}   (bar: {bar})  {note}", flush=True)

    begun = time.monotonic()
    print(f"{module} …", flush=True)
    try:
        importlib.import_module(f"{package}.{module}").run(report)
    except Exception as error:  # noqa: BLE001 (a case that breaks is a figure that does not hold; the others still run)
        traceback.print_exc()
        report("ran to its end", f"{type(error).__name__}: {error}", "no error", holds=False)
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    return figures


def main(package: str, only: list[str]) -> None:
    """Run every module, or those named; exit 1 when a figure does not hold."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings

    found = sorted(m.name for m in pkgutil.iter_modules([str(Path(importlib.import_module(package).__file__).parent)]))
    modules = [m for m in found if not m.startswith("_")]
    if unknown := set(only) - set(modules):
        sys.exit(f"No such case: {', '.join(sorted(unknown))}. There are: {', '.join(modules)}.")
    figures = [figure for module in modules if not only or module in only for figure in _run(package, module)]
    width = max((len(f["name"]) for f in figures), default=4)
    print(
        "\n"
        + "\n".join(
            f"{f['name']:{width}}  {f['value']!s:>14}  bar {f['bar']!s:<14} {'holds' if f['holds'] else 'FAILS'}"
            for f in figures
        )
    )
    path = settings.VAR / NAMES[package]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False, default=str) + "\n")
    print(f"\nWritten to {path.name} in the var folder.")
    sys.exit(any(not f["holds"] for f in figures))
