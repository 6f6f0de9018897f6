"""The kinds of steps: what each asks for, how what was filled in is checked, and the sentence that says it. A file a family."""

from django.conf import settings

from campaigns.journeys.kinds import giving, meaning, noting, parting, telling, waiting
from campaigns.journeys.kinds.asking import Ask, Invalid, Kind, clean_one
from campaigns.journeys.kinds.waiting import EVENT_ASKS, clean_happening, events, span_words

TIME, TALK, GIVE, STAFF, WAY = waiting.GROUP, telling.GROUP, giving.GROUP, noting.GROUP, parting.GROUP
KINDS = {kind.code: kind for family in (waiting, telling, giving, noting, parting) for kind in family.KINDS}
WAITS = tuple(kind.code for kind in waiting.KINDS)

__all__ = [
    "EVENT_ASKS", "GIVE", "KINDS", "STAFF", "TALK", "TIME", "WAITS", "WAY", "Ask", "Invalid", "Kind", "clean_happening",
    "clean_one", "events", "languages", "meaning", "span_words", "words_of",
]  # fmt: skip


def words_of(step: dict) -> str:
    """The step as a sentence, whatever is still missing."""
    return KINDS[step["type"]].words(step)


def languages() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]
