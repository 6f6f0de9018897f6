"""Our MJML compiler gives what the reference implementation gave for the same sources: see tests/emails/structure.py.

The sources are our own; the facts beside them were read from what mjml 4.18.0 made of them.
"""

import json
from pathlib import Path

import pytest
from mjml import mjml2html

from tests.emails.structure import differences, structure

SOURCES = sorted((Path(__file__).parent / "mjml").glob("*.mjml"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_links_images_words_and_columns_are_those_of_the_reference(source):
    reference = json.loads(source.with_suffix(".json").read_text())
    assert reference["words"]
    assert structure(mjml2html(source.read_text())) == reference


def test_a_lost_link_a_changed_word_and_a_narrow_column_are_seen():
    reference = json.loads((SOURCES[0].parent / "grid.json").read_text())
    html = mjml2html((SOURCES[0].parent / "grid.mjml").read_text())
    assert differences(reference, structure(html)) == []
    assert differences(reference, structure(html.replace("from=grid", "from=gone"))) == ["links"]
    assert differences(reference, structure(html.replace("Baked at five", "Baked at six"))) == ["words"]
    assert differences(reference, structure(html.replace("mj-column-per-75", "mj-column-per-70"))) == ["columns"]
