"""Who is called upon in a note: @sam, or @sam@example.com. Plain rules."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_CALL = re.compile(r"(?<![\w.@])@([\w.+-]+(?:@[\w.-]+)?)")


@dataclass(frozen=True)
class Called:
    """The ids of who is meant, each once and in the order of the text, and the names nobody answers to."""

    ids: tuple[int, ...]
    unknown: tuple[str, ...]


def called(text: str, colleagues: Mapping[int, str]) -> Called:
    """Who a note calls. `colleagues`: id → e-mail address; the part before the @ will do where only one of them has it."""
    names = _names(colleagues)
    found: dict[int, None] = {}
    unknown: dict[str, None] = {}
    for word in _words(text):
        who = names.get(word.casefold())
        if who is None:
            unknown[word] = None
        else:
            found[who] = None
    return Called(tuple(found), tuple(unknown))


def _words(text: str) -> Iterable[str]:
    return (word for match in _CALL.finditer(text) if (word := match[1].rstrip(".-+")))


def _names(colleagues: Mapping[int, str]) -> dict[str, int]:
    whole = {address.casefold(): pk for pk, address in colleagues.items() if address}
    short: dict[str, list[int]] = {}
    for address, pk in whole.items():
        short.setdefault(address.partition("@")[0], []).append(pk)
    return whole | {name: pks[0] for name, pks in short.items() if len(pks) == 1}
