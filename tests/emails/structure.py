"""What a reader gets of an e-mail's HTML: its links, images, words and columns, in order. For holding two MJML compilers against each other.

    python -m tests.emails.structure FOLDER           # name.mjml beside name.html of the reference: says what differs
    python -m tests.emails.structure FOLDER --freeze  # writes name.json, what tests/emails/test_mjml.py compares with

The reference's HTML is made with `npx mjml@4.18.0 name.mjml -o name.html`. Comments (the tables for Outlook) are left out.
"""

import json
import re
import sys
from pathlib import Path

from bs4 import BeautifulSoup
from mjml import mjml2html

_OUTLOOK = re.compile(r"<!--\[if.*?<!\[endif\]-->|<!--.*?-->", re.DOTALL)
_COLUMN = re.compile(r"mj-column-(per|px)-(\d+)(?:-(\d+))?")


def structure(html: str) -> dict:
    """Links and images by address, words with single blanks, columns as (unit, width to two digits)."""
    page = BeautifulSoup(_OUTLOOK.sub("", html), "html.parser")
    for hidden in page(["head", "style", "script", "title"]):
        hidden.extract()
    columns = [_COLUMN.search(" ".join(one.get("class", []))) for one in page("div")]
    return {
        "links": [one.get("href", "") for one in page("a")],
        "images": [[one.get("src", ""), one.get("alt") or "", round(float(one.get("width") or 0))] for one in page("img")],
        "words": " ".join(" ".join(page.stripped_strings).split()),
        "columns": [[found[1], round(float(f"{found[2]}.{found[3] or 0}"), 2)] for found in columns if found],
    }  # fmt: skip


def differences(reference: dict, ours: dict) -> list[str]:
    """What is not the same, by kind."""
    return [kind for kind in reference if reference[kind] != ours[kind]]


def main(folder: Path, *, freezes: bool):
    sources, same = sorted(folder.glob("*.mjml")), 0
    for source in sources:
        reference = structure(source.with_suffix(".html").read_text())
        found = differences(reference, structure(mjml2html(source.read_text())))
        same += not found
        print(f"{source.stem}: {', '.join(found) or 'the same'}")
        if freezes:
            text = json.dumps(reference, ensure_ascii=False, indent=1)
            source.with_suffix(".json").write_text(text + "\n")
    print(f"{same} of {len(sources)} are the same")


if __name__ == "__main__":
    main(Path(sys.argv[1]), freezes="--freeze" in sys.argv[2:])
