"""Every text an author wrote in a template, with the path that leads the editor to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from wagtail.blocks import StreamValue, StructValue
from wagtail.blocks.list_block import ListValue
from wagtail.rich_text import RichText

from emails.richtext import links_of

PLAIN = {"mjml_source"}  # read by its own rules: addresses in it are checked where it is compiled
CHOICES = {"slot", "pool", "survey", "audience"}


@dataclass(frozen=True)
class Piece:
    """One text, and where it stands."""

    field: str
    source: str
    is_address: bool = False


@dataclass(frozen=True)
class Part:
    """One block, or one entry of a list in a block."""

    field: str
    kind: str
    value: object


def pieces(template) -> Iterator[Piece]:
    yield Piece("subject", template.subject or "")
    yield Piece("preheader", template.preheader or "")
    for part in parts(template.body):
        yield from _of_struct(part)


def _of_struct(part: Part) -> Iterator[Piece]:
    for name, value in part.value.items():
        field = f"{part.field}.{name}"
        if isinstance(value, RichText):
            yield Piece(field, value.source)
            yield from (Piece(field, url, is_address=True) for url in links_of(value.source))
        elif isinstance(value, str) and value and name not in CHOICES:
            yield Piece(field, value, is_address=name.endswith("url"))


def parts(stream, path: str = "body") -> Iterator[Part]:
    """Every block of a body and every entry of its lists, however deep."""
    for child in stream or ():
        yield from _part(f"{path}.{child.id}", child.block_type, child.value)


def _part(field: str, kind: str, value) -> Iterator[Part]:
    if not isinstance(value, StructValue):
        return
    yield Part(field, kind, value)
    for name, inner in value.items():
        if isinstance(inner, StreamValue):
            yield from parts(inner, f"{field}.{name}")
        elif isinstance(inner, ListValue):
            for entry in inner.bound_blocks:
                yield from _part(f"{field}.{name}.{entry.id}", "product", entry.value)
