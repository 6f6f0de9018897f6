"""The language somebody reads: what staff named twice, in English and in Chinese, is shown once."""

from django.utils.translation import get_language


def reads_chinese() -> bool:
    """Whether the page being made is in Chinese."""
    return (get_language() or "").startswith("zh")


def in_readers_language(english: str, chinese: str | None) -> str:
    """What was said in both languages, in the reader's. Where the Chinese was left out, the English."""
    return (chinese if reads_chinese() else "") or english
