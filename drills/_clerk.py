"""A process that reads and writes members until its input ends: `python -m drills._clerk DATABASE NUMBER OF`.

Of members 0, 1, 2 … it renames every OF-th from NUMBER on and reads all; every name must open. At the end it
prints one JSON line: how often it read and wrote, its longest pause in milliseconds, and what went wrong.
"""

import itertools
import json
import os
import select
import sys
import time

import django

MEMBERS = 400


def address(number: int) -> str:
    return f"keys{number}@example.com"


def work(number: int, of: int) -> dict:
    from members import operations, queries

    told = {"reads": 0, "writes": 0, "longest_ms": 0.0, "errors": []}
    print("ready", flush=True)
    steps = itertools.takewhile(lambda _step: not select.select([sys.stdin], [], [], 0)[0], itertools.count())
    for step in steps:
        began = time.perf_counter()
        try:
            [other] = queries.find(address(step * 7 % MEMBERS))
            assert other.given_name.startswith("Name"), "a name that nobody wrote"
            [own] = queries.find(address((step % (MEMBERS // of)) * of + number))
            operations.set_profile(member_id=own.pk, given_name=f"Name{step}", family_name=own.family_name)
            [again] = queries.find(address((step % (MEMBERS // of)) * of + number))
            assert again.given_name.startswith("Name"), "a name that nobody wrote"
        except Exception as error:  # noqa: BLE001 (whatever it is, it is what the drill looks for)
            told["errors"].append(f"{type(error).__name__}: {error}"[:200])
        told["reads"] += 3
        told["writes"] += 1
        told["longest_ms"] = max(told["longest_ms"], (time.perf_counter() - began) * 1000)
    return told


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from bench._scratch import point_at

    point_at(sys.argv[1])
    print(json.dumps(work(int(sys.argv[2]), int(sys.argv[3]))), flush=True)
