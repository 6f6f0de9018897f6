"""Which topic a text is about, and which team answers. Plain rules: no Django, no clock."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LATIN = re.compile(r"[a-z0-9]")


@dataclass(frozen=True)
class Guess:
    """The topic a text points to, with the words that said so; an empty code: nothing did."""

    topic: str
    words: tuple[str, ...]


def guess_topic(text: str, vocabulary: Mapping[str, Sequence[str]]) -> Guess:
    """The topic whose words cover most letters of the text; of two alike, the one named first.

    A Latin word must stand as a word (“point” is not in “disappointed”, but is in “points”), and a phrase's words may stand
    apart and in any order; Chinese has no word borders, so there any occurrence counts.
    """
    said = " ".join(text.casefold().split())
    best, best_weight = Guess("", ()), 0
    for topic, words in vocabulary.items():
        found = tuple(word for word in words if _occurs(word.casefold(), said))
        weight = sum(_weight(word) for word in found)
        if weight > best_weight:
            best, best_weight = Guess(topic, found), weight
    return best


def _weight(word: str) -> int:
    # One Chinese character says about as much as three Latin letters.
    return sum(1 if _LATIN.match(letter) else 3 for letter in word.casefold() if not letter.isspace())


def _occurs(phrase: str, said: str) -> bool:
    if not _LATIN.match(phrase):
        return bool(phrase) and phrase in said
    return all(
        re.search(rf"(?<![a-z0-9]){re.escape(word)}(?:s|es|d|ed|ing)?(?![a-z0-9])", said) for word in phrase.split()
    )


def team_for(topic_id: int, *, usual: int, routes: Mapping[int | None, int]) -> int:
    """The team of a case. `routes`: of its store, topic id (None: every topic) to team id; the narrower one wins."""
    return routes.get(topic_id, routes.get(None, usual))
