"""Every fault of another sender that the documentation names has its tests, by their names."""

import re
from pathlib import Path

from django.conf import settings


def test_each_test_that_the_table_of_faults_names_is_there():
    told = (Path(settings.BASE_DIR) / "docs" / "delivery.md").read_text()
    table = told.partition("## What went wrong elsewhere")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(test_\w+)`", table))
    written = {
        name
        for path in (Path(settings.BASE_DIR) / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 15
    assert named <= written, named - written
