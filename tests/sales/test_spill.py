"""Checked lines come back by their places, in flat memory, and leave nothing behind."""

import errno
import io
import os

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.importing.problems import CannotImport
from sales.importing.spill import TAKES_PER_MAP, Spill

COLUMNS = ("product", "milli")
stretches = st.lists(st.integers(1, 7), min_size=1, max_size=12)


def _table(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table({"row": list(numbers), "product": [f"p{n % 3}" for n in numbers], "milli": list(numbers)})


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=stretches, stretch=stretches, order=st.randoms(use_true_random=False))
def test_stretches_come_back_by_their_places_in_any_order(batches, stretch, order):
    with Spill(COLUMNS) as spill:
        total = 0
        for count in batches:
            assert spill.add(_table(total, count)) == total
            total += count
        places, wanted = [], list(range(0, total, 3))
        order.shuffle(wanted)
        for place, count in zip(wanted, stretch, strict=False):
            places.append((place, min(count, total - place)))
        products, millis = spill.take([place for place, _count in places], [count for _place, count in places])
    expected = [n for place, count in places for n in range(place, place + count)]
    assert millis == expected
    assert products == [f"p{n % 3}" for n in expected]


def test_the_map_is_made_anew_now_and_then(tmp_path):
    with Spill(COLUMNS) as spill:
        spill.add(_table(0, 5))
        for _ in range(2 * TAKES_PER_MAP + 1):
            assert spill.take([1], [2])[1] == [1, 2]


def test_nothing_is_left_in_the_folder(settings, tmp_path):
    settings.VAR = tmp_path / "var"
    with Spill(COLUMNS) as spill:
        spill.add(_table(0, 5))
        assert list(settings.VAR.iterdir()) == []


class _FullDisk(io.RawIOBase):
    def writable(self):
        return True

    def write(self, _data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_with_what_to_do():
    with Spill(COLUMNS) as spill:
        spill._file.close()
        spill._file = _FullDisk()
        with pytest.raises(CannotImport, match=r"Free some space, or set REGULARS_VAR to .* nothing was imported"):
            spill.add(_table(0, 5))
