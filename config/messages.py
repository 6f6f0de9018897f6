"""Extracts, checks and compiles each app's words without GNU gettext, so that any machine with Python can do it.

Python files are read by Babel's own extractor; templates are first turned into Python by Django's `templatize`,
which is what `makemessages` does too.
"""

import io
import re
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

LANGUAGE = "zh_Hans"
KEYWORDS = {
    "gettext": None, "gettext_lazy": None, "gettext_noop": None, "_": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3), "npgettext_lazy": ((1, "c"), 2, 3),
}  # fmt: skip
HEADER = "# The Chinese of one room of Regulars. Extracted by `make messages`, translated by people."
DATES = re.compile(
    r'"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Report-Msgid-Bugs-To): [^"]*"\n'
)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}")


def path_of(app: Path) -> Path:
    return app / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def _sources(app: Path):
    for path in sorted(app.rglob("*")):
        if "migrations" in path.parts or "locale" in path.parts:
            continue
        if path.suffix == ".py":
            yield path, path.read_bytes()
        elif path.suffix in {".html", ".txt", ".mjml"} and "templates" in path.parts:
            # Python's tokenizer, which Babel uses, minds indentation; a template does not.
            yield path, "\n".join(line.strip() for line in templatize(path.read_text()).splitlines()).encode()


def found_in(app: Path) -> Catalog:
    """Every message of an app's Python files and templates, in the order of its files."""
    catalog = Catalog(
        locale=LANGUAGE, charset="utf-8", fuzzy=False, project="Regulars", version="1", header_comment=HEADER
    )
    for path, source in _sources(app):
        for _line, message, comments, context in extract("python", io.BytesIO(source), KEYWORDS, ["Translators:"]):
            if not message or message == "":
                continue
            flags = ["python-format"] if "%(" in (message if isinstance(message, str) else message[0]) else []
            catalog.add(
                message,
                locations=[(str(path.relative_to(app.parent)), None)],
                auto_comments=comments,
                context=context,
                flags=flags,
            )
    return catalog


def _read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=LANGUAGE, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def update(app: Path) -> None:
    """Bring an app's catalogue up to date: new messages empty, those gone removed, the rest as translated."""
    found, known = found_in(app), _read(path_of(app))
    if not len(found):
        return
    for message in found:
        old = known.get(message.id, message.context) if message.id else None
        if old is not None:
            message.string, message.user_comments = old.string, old.user_comments
            message.flags |= old.flags & {"fuzzy"}
    path_of(app).parent.mkdir(parents=True, exist_ok=True)
    with path_of(app).open("wb") as file:
        write_po(
            file, found, width=120, include_lineno=False, omit_header=False, sort_by_file=True, ignore_obsolete=True
        )
    # A creation time would make every run a change.
    text = path_of(app).read_text()
    path_of(app).write_text(DATES.sub("", text))


def troubles(app: Path) -> list[str]:
    """What is missing, fuzzy, or lost a placeholder in an app's catalogue, one sentence each."""
    known, name, wrong = _read(path_of(app)), app.name, []
    for message in found_in(app):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        entry = known.get(message.id, message.context)
        if entry is None:
            wrong.append(f"{name}: {ids[0]!r} is not in the catalogue; run `make messages`.")
            continue
        strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if entry.fuzzy:
            wrong.append(f"{name}: {ids[0]!r} is marked fuzzy; review it and remove the mark.")
        if not strings or not all(strings):
            wrong.append(f"{name}: {ids[0]!r} has no Chinese.")
            continue
        wanted = set(PLACEHOLDER.findall(ids[-1]))
        wrong.extend(
            f"{name}: the Chinese of {ids[0]!r} has other placeholders."
            for text in strings
            if set(PLACEHOLDER.findall(text)) != wanted and "{%" not in ids[-1]
        )
    return wrong


def clashes(apps: list[Path]) -> list[str]:
    """The words that two apps put into different Chinese, one sentence each.

    Django merges all catalogues and shows one of them everywhere. Where the meaning differs, the words need a context.
    """
    told: dict[tuple, dict[tuple, list[str]]] = {}
    for app in apps:
        for message in _read(path_of(app)):
            if message.id:
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
                told.setdefault((message.context or "", ids[0]), {}).setdefault(tuple(strings), []).append(app.name)
    return [
        f"{words!r} is {' but '.join(map(_said, said.items()))}; choose one, or give a context."
        for (_context, words), said in sorted(told.items())
        if len(said) > 1
    ]


def _said(item) -> str:
    strings, names = item
    return f"{strings[0]!r} in {', '.join(names)}"


def compile_(app: Path) -> None:
    po = path_of(app)
    if not po.exists():
        return
    mo = po.with_suffix(".mo")
    if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
        return
    with mo.open("wb") as file:
        write_mo(file, _read(po))
