"""Whether a help page answers what somebody asks. Plain rules: no Django, no clock. Where it is not sure, a person answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SURE = 0.7
"""At least this share of a question's weight must be said by the member."""
CLEAR = 0.2
"""So far the second best question must stay behind the best."""
LONG = 60
"""Who writes more words than this tells a story, and a person should read it."""

_WORD = re.compile(r"[a-z0-9']+|[㐀-鿿]+")
_ENDINGS = re.compile(r"(?:ing|ed|es|e|s)$")
_SAYS_LITTLE = """
a an and are as at be been but by can could did do does for from had has have hello hi how i if in is it its just me my of on or
our please thank thanks that the their them there they this to was we were what when where which who why will with would you your
not don't didn't now then happen happens 我的 请问 怎么 么办 什么 时候 么时 为什 你好 您好 谢谢 一下 怎样 可以 没有 是否
"""
_COMMON = frozenset(_SAYS_LITTLE.split())


@dataclass(frozen=True)
class Question:
    """Something a help page answers, in the words members use for it."""

    key: str
    asked_as: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """The question that was meant, and how much of it was said: 0 … 1."""

    key: str
    coverage: float


def sure_match(text: str, questions: Sequence[Question]) -> Match | None:
    """The question a text surely asks; None where it is long, says too little of any, or says as much of another."""
    said = marks(text)
    if not said or len(_WORD.findall(text.casefold())) > LONG:
        return None
    found = sorted((_best(said, question) for question in questions), key=lambda match: -match.coverage)
    best, second = (*found, *[Match("", 0.0)] * 2)[:2]
    return best if best.coverage >= SURE and best.coverage - second.coverage >= CLEAR else None


def _best(said: frozenset[str], question: Question) -> Match:
    return Match(question.key, max((_coverage(said, marks(words)) for words in question.asked_as), default=0.0))


def _coverage(said: frozenset[str], asked: frozenset[str]) -> float:
    whole = sum(map(len, asked))
    return sum(map(len, said & asked)) / whole if whole else 0.0


def marks(text: str) -> frozenset[str]:
    """What a text is compared by: the stems of its Latin words that say something, and pairs of Chinese characters."""
    found: set[str] = set()
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        if "㐀" <= word[0] <= "鿿":
            pairs = {word[place : place + 2] for place in range(len(word) - 1)} or {word}
            found |= pairs - _COMMON
        elif word not in _COMMON:
            found.add(_ENDINGS.sub("", word) if len(word) > 4 else word)
    return frozenset(found)
