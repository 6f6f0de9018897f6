"""`make pictures`, or `make pictures ONLY=cashiers`: the pictures of docs/, taken anew from the house itself.

A document has a list of pictures, kept in docs/images/<document>/; each is a page of a door's checks (`PAGES` of tests/<door>/checks.py or pictures.py) at one look. The site
they are taken of is made for it and thrown away, so anybody's machine makes the same ones. Saved with 256 colours at most.
"""

import importlib
import io
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs an event loop in this thread

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
BYTES_MAX = 60_000
TALL_MAX = 1500  # pixels of a page; what is below is not shown


class Picture(NamedTuple):
    """`page` is a name in the door's PAGES. A phone is 360 pixels wide and drawn at twice the size."""

    name: str
    door: str
    page: str
    width: int = 1280
    theme: str = "light"
    language: str = "en"


DOCUMENTS = {
    "cashiers": [
        Picture("home", "pos", "home"),
        Picture("list", "pos", "list"),
        Picture("sale", "pos", "sale"),
        Picture("sold", "pos", "sold"),
        Picture("spending", "pos", "spending"),
        Picture("asks-the-member", "pos", "unsure", 768),
        Picture("enrol", "pos", "enrol", 768),
        Picture("refund", "pos", "refund"),
        Picture("void", "pos", "void", 768),
        Picture("switch", "pos", "switch", 768),
        Picture("offline", "pos", "offline", 768, "dark"),
        Picture("phone", "pos", "sale", 360, "dark", "zh-hans"),
    ],
    "marketers": [
        Picture("flows", "campaigns", "flows"),
        Picture("go-live", "campaigns", "go_live"),
        Picture("campaign", "campaigns", "campaign"),
        Picture("calendar", "campaigns", "calendar"),
        Picture("audience-builder", "journeys", "builder"),
        Picture("audience", "journeys", "audience"),
        Picture("journey", "journeys", "journey"),
        Picture("way", "journeys", "way"),
    ],
    "members": [
        *(
            Picture(page, "portal", page, 360)
            for page in ("join", "home", "card", "pocket", "history", "rewards", "voucher", "goals", "preferences")
        ),
        Picture("home-by-night", "portal", "home", 360, "dark", "zh-hans"),
    ],
    "service": [
        Picture("cases", "desk", "cases"),
        Picture("case", "desk", "case"),
        Picture("write", "desk", "write", 360),
        Picture("topic", "desk", "topic"),
        Picture("feedback", "desk", "feedback", 768),
        Picture("survey", "desk", "asked", 360),
        Picture("history", "desk", "history"),
        Picture("why", "desk", "why"),
        Picture("twice", "desk", "duplicates", 768),
        Picture("merge", "desk", "merge", 768),
        Picture("tasks", "desk", "tasks", 768),
        Picture("pipeline", "desk", "pipeline"),
        Picture("modules", "desk", "modules"),
        Picture("digest", "desk", "digest", 768),
        Picture("history-by-night", "desk", "history", 360, "dark", "zh-hans"),
    ],
    "lifecycle": [
        Picture("stages", "desk", "stages"),
        Picture("leaving", "desk", "leaving"),
        Picture("interventions", "desk", "interventions"),
        Picture("bands", "desk", "bands"),
        Picture("advice", "desk", "advice"),
        Picture("rules", "desk", "rules"),
        Picture("leaving-by-night", "desk", "leaving", 360, "dark", "zh-hans"),
    ],
    "privacy": [
        Picture("preferences", "portal", "preferences", 360),
        Picture("my-data", "portal", "my_data", 360),
        Picture("masked", "pos", "list", 768),
    ],
}


def main(only: list[str]):
    import django

    django.setup()
    from playwright.sync_api import sync_playwright

    from tests.browser import FLAGS, find

    if unknown := set(only) - set(DOCUMENTS):
        sys.exit(f"No such document: {', '.join(sorted(unknown))}. There are: {', '.join(DOCUMENTS)}.")
    wanted = defaultdict(list)
    for document in only or DOCUMENTS:
        (FOLDER / document).mkdir(parents=True, exist_ok=True)
        for picture in DOCUMENTS[document]:
            wanted[picture.door].append((FOLDER / document / f"{picture.name}.png", picture))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for door, pictures in wanted.items():
            _take(browser, door, pictures)
        browser.close()


def _take(browser, door: str, pictures: list[tuple[Path, Picture]]):
    from drills.screens import site
    from tests.stage import Stage

    place = "pictures" if door in ("campaigns", "journeys", "desk") else "checks"
    module = importlib.import_module(f"tests.{door}.{place}")
    with site() as address:
        scene = module.set_up()
        for path, picture in pictures:
            stage = Stage(browser, address, width=picture.width, theme=picture.theme, language=picture.language)
            page = module.PAGES[picture.page](stage, scene)
            page.wait_for_load_state("networkidle")
            # A window as tall as the page: what is fixed to its foot stands at the foot of the picture.
            tall = max(740, min(page.evaluate("document.documentElement.scrollHeight"), TALL_MAX))
            page.set_viewport_size({"width": picture.width, "height": tall})
            page.evaluate("scrollTo(0, 0)")
            size = _save(page.screenshot(scale="css"), path)
            print(f"{path.relative_to(FOLDER)}  {size / 1000:.0f} kB", flush=True)
            stage.close()


def _save(png: bytes, path: Path) -> int:
    """Fewer colours until it is small enough; returns the size in bytes."""
    from PIL import Image

    whole = Image.open(io.BytesIO(png)).convert("RGB")
    whole = whole.crop((0, 0, whole.width, min(whole.height, TALL_MAX)))
    for colours in (256, 128, 64, 32):
        whole.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= BYTES_MAX:
            break
    return path.stat().st_size


if __name__ == "__main__":
    main(sys.argv[1:])
