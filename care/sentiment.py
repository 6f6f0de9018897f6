"""How words sound, by two kept libraries: VADER for Latin script (doi:10.1609/icwsm.v8i1.14550), SnowNLP for Chinese.

It reads a mood, not a mind: shown beside what was written, never instead of it. docs/service.md states how often it is right.
"""

import functools
import re

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
CLEAR = 30  # from here on a text is called pleased or displeased


def feeling(text: str) -> int | None:
    """−100 (angry) … 100 (delighted); None for a text without words."""
    if not re.search(r"\w", text):
        return None
    if _CHINESE.search(text):
        return round(200 * _chinese()(text).sentiments - 100)
    return round(100 * _latin().polarity_scores(text)["compound"])


def mood(value: int | None) -> str:
    """Pleased, displeased or neutral, as a code."""
    if value is None or abs(value) < CLEAR:
        return "neutral"
    return "pleased" if value > 0 else "displeased"


@functools.cache
def _latin():
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # reads its lexicon: only who asks pays

    return SentimentIntensityAnalyzer()


@functools.cache
def _chinese():
    from snownlp import SnowNLP  # loads its models, some seconds: only the worker that reads feelings pays

    return SnowNLP
