"""Answers that are kept: what a question over all purchases said, and as of when, where asking anew takes longer than a reader waits.

A quick question is asked anew every five minutes. What took longer than `QUICK_S` is kept as a row; the page shows it with the moment it
speaks of, and the beat reads it anew in the background, at most a twentieth of the time. Nothing is sampled: an answer is whole, only older.
The rows hold nothing that other tables do not say, and may be dropped at any moment.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import translation

from reports.models import Reading

FRESH = timedelta(seconds=300)
QUICK_S = 1.0
"""What is answered within a second is not kept as a row: the reader can wait for it."""
SHARE = 20
"""A kept answer is read anew when it is this many times as old as it takes to read: a twentieth of one processor at most."""
OLDEST = timedelta(hours=26)
"""Older than this is not shown: then nothing reads anew in the background, and the reader has to wait."""
WANTED = timedelta(days=14)
"""A question that nobody asked for so long is forgotten."""
NOTED = timedelta(hours=1)
MEMORY = "192MB"
LARGE = 2_000_000
"""With more purchases than this, what was never asked is answered by a worker."""


@dataclass(frozen=True)
class Question:
    """What is asked, and how its answer becomes JSON and itself again."""

    name: str
    ask: Callable[[datetime], Any]
    pack: Callable[[Any], Any] = lambda answer: answer
    unpack: Callable[[Any], Any] = lambda held: held
    is_settled: bool = False
    """It speaks of a moment that is past, so its answer grows no older."""


class StillCounting(Exception):
    """A question of a large shop that was never asked before: a worker is at it, and the reader is told so."""


@dataclass(frozen=True)
class Answer:
    value: Any
    at: datetime


KINDS: dict[str, Callable[[str], Question | None]] = {}
"""The first word of a question's name → the question of the rest of it, or None where there is no such question any more."""


def read(question: Question, *, at: datetime, begin: Callable[[Question], None] | None = None) -> Answer:
    """The answer, and the moment it speaks of: never older than five minutes where it is quick, than a day where it is slow.

    With `begin`, a large shop's question that has no answer yet is handed to it, and StillCounting raised: nobody waits before a blank page.
    """
    if not settings.REPORTS_ARE_KEPT:
        return Answer(question.ask(at), at)
    near = cache.get(key := _key(question))
    if near and timedelta() <= at - near.at <= FRESH:
        return near
    kept = Reading.objects.filter(question=question.name, language=translation.get_language()).first()
    if kept and timedelta() <= at - kept.at <= OLDEST:
        if at - kept.asked_at > NOTED:
            Reading.objects.filter(pk=kept.pk).update(asked_at=at)
        answer = Answer(question.unpack(kept.answer), kept.at)
        cache.set(key, answer, FRESH.seconds / 10)
        return answer
    if begin and is_large():
        begin(question)
        raise StillCounting(question.name)
    return _anew(question, at)


def is_large() -> bool:
    """Whether the shop has so many purchases that a question over them takes longer than a reader waits; as the server estimates it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'sales_purchase'::regclass")
        return cursor.fetchone()[0] > LARGE


def read_once(name: str, *, at: datetime) -> bool:
    """Answer a question by its name, in the language that is switched on; False where it has an answer already, or is none."""
    kind, _colon, rest = name.partition(":")
    question = KINDS[kind](rest) if kind in KINDS else None
    kept = Reading.objects.filter(question=name, language=translation.get_language())
    if question is None or kept.filter(at__gt=at - OLDEST, at__lte=at).exists():
        return False
    _anew(question, at)
    return True


def _key(question: Question) -> str:
    named = f"{connection.settings_dict['NAME']}:{question.name}:{translation.get_language()}"
    return "reports:reading:" + hashlib.sha256(named.encode()).hexdigest()


def _anew(question: Question, at: datetime) -> Answer:
    begun = time.monotonic()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('work_mem', %s, true)", [MEMORY])
        answer = Answer(question.ask(at), at)
    took_s = time.monotonic() - begun
    named = {"question": question.name, "language": translation.get_language()}
    if took_s > QUICK_S:
        told = {"at": at, "took_s": took_s, "answer": question.pack(answer.value)}
        Reading.objects.update_or_create(**named, defaults=told, create_defaults=told | {"asked_at": at})
    else:
        Reading.objects.filter(**named).delete()
    cache.set(_key(question), answer, FRESH.seconds)
    return answer


def refresh(*, at: datetime, until: Callable[[], bool] = lambda: False) -> int:
    """Read anew what has grown old, the oldest first, until `until` says to stop; how many. Repeatable; two at once share the work."""
    Reading.objects.filter(asked_at__lt=at - WANTED).delete()
    done = 0
    for row in Reading.objects.defer("answer").order_by("at"):
        if until():
            break
        if at - row.at >= max(FRESH, timedelta(seconds=SHARE * row.took_s)):
            done += _again(row, at)
    return done


def _again(row: Reading, at: datetime) -> int:
    kind, _colon, rest = row.question.partition(":")
    question = KINDS[kind](rest) if kind in KINDS else None
    if question is None:
        row.delete()
    if question is None or question.is_settled:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('reports_reading', %s))", [row.pk])
        if not cursor.fetchone()[0]:
            return 0  # another worker is at it
        with translation.override(row.language):
            _anew(question, at)
    return 1
