"""A new key for personal fields while two processes serve: they are restarted one after the other, and nobody notices.

Each clerk (drills/_clerk.py) is a process of its own with an environment of its own. At every step the next one begins before the last
one ends, as a rolling restart does it.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime
from io import StringIO

from django.conf import settings
from django.core.management import call_command

from bench._scratch import database
from drills._clerk import MEMBERS, address
from members import operations, queries, rotation
from members.crypto import CannotDecrypt
from members.models import Member

AT, CLERKS, BREATH_S = datetime(2027, 1, 4, 16, 0, tzinfo=UTC), 2, 3


def run(report):
    kept = settings.FIELD_KEYS
    old, new = max(kept), max(kept) + 1
    both = {old: kept[old], new: secrets.token_bytes(32)}
    try:
        with database("regulars_drill_keys") as name:
            _drill(report, name, old, new, both)
    finally:
        settings.FIELD_KEYS = kept


def _drill(report, name: str, old: int, new: int, both: dict[int, bytes]):
    rows = [{"given_name": "Name", "family_name": "Vole", "email": address(n)} for n in range(MEMBERS)]
    assert not operations.enrol_many(rows, at=AT, source="drill").errors
    told, clerks = [], [_Clerk(name, n, {old: both[old]}) for n in range(CLERKS)]
    clerks = _go_round(clerks, told, both, writing=old)
    clerks = _go_round(clerks, told, both)
    settings.FIELD_KEYS = both
    began = time.perf_counter()
    call_command("rotate_keys", verbosity=0, stdout=StringIO())
    seconds = time.perf_counter() - began
    clerks = _go_round(clerks, told, {new: both[new]})
    settings.FIELD_KEYS = {new: both[new]}
    told += [clerk.stop() for clerk in clerks]
    errors = [error for one in told for error in one["errors"]]
    acts = sum(one["reads"] + one["writes"] for one in told)
    report("keys: acts of two processes while the key changed that failed", len(errors), "0", not errors and acts > 0,
           note="; ".join(errors)[:300] or f"{acts} acts; rotating took {seconds:.1f} s")  # fmt: skip
    longest = max(one["longest_ms"] for one in told)
    report("keys: longest of a read, a write and a read, ms", round(longest), "≤ 2,000", longest <= 2_000)
    left = sum(n for column in rotation.columns() for key, n in rotation.values_by_key(column).items() if key != new)
    report("keys: values under the old key", left, "0", left == 0)
    read = sum(one.family_name == "Vole" and one.given_name.startswith("Name") for one in Member.objects.all())
    report("keys: members that open without the old key", read, str(MEMBERS), read == MEMBERS)
    _wrong_key(report, new)


def _wrong_key(report, new: int):
    settings.FIELD_KEYS = {new: secrets.token_bytes(32)}
    try:
        said = f"a name was shown: {queries.find(address(0))[0].given_name}"
    except CannotDecrypt as error:
        said = str(error)
    report("keys: a wrong key is an error that names it", said, "names the key", f"key {new} does not open it" in said)


def _go_round(clerks: list["_Clerk"], told: list[dict], keys: dict[int, bytes], *, writing: int = 0) -> list["_Clerk"]:
    """Restart one after the other under these keys; the new one serves before the old one ends."""
    fresh = []
    for clerk in clerks:
        time.sleep(BREATH_S)
        fresh.append(_Clerk(clerk.database, clerk.number, keys, writing))
        told.append(clerk.stop())
    time.sleep(BREATH_S)
    return fresh


class _Clerk:
    """One process. It has begun to serve when it is made."""

    def __init__(self, database: str, number: int, keys: dict[int, bytes], writing: int = 0):
        self.database, self.number = database, number
        said = {str(key_id): key.hex() for key_id, key in keys.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drills._clerk", database, str(number), str(CLERKS)],
            env=os.environ | {"FIELD_KEYS": json.dumps(said), "FIELD_KEY_WRITING": str(writing or "")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> dict:
        """Let it finish what it is at, and hear what it did."""
        said, _nothing = self._process.communicate("stop\n")
        return json.loads(said.splitlines()[-1])
