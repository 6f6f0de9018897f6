"""Whether the addresses in templates answer. Asked by a task, with a deadline, and only where the public internet is.

The lint reads what was found. An address that nobody has asked yet is noted for the next run; one that failed once may have
had a bad moment, and is dead when it fails again some minutes later, or at once when its server says that it is not there.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.db import transaction

from emails.models import CheckedLink
from members.outgoing import Answer, Call, call

FRESH = timedelta(hours=24)  # asked again while it stands in a template
AGAIN = timedelta(minutes=3)  # after a bad moment
FORGOTTEN = timedelta(days=30)
LEASE = timedelta(minutes=5)
DEADLINE_S, REDIRECTS_MAX, AT_ONCE = 8.0, 4, 20
GONE, FAILURES_MAX = {404, 410}, 2
_HEADERS = {"User-Agent": "Regulars link check", "Accept": "*/*"}

Ask = Callable[[Call], Answer]


def _hash(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()[:16]


def dead(urls: Iterable[str], *, at: datetime) -> dict[str, str]:
    """Of these addresses those that do not answer, with what they said. Notes the ones that nobody has asked yet."""
    by_hash = {_hash(url): url for url in urls if url.isascii() and len(url) <= 2000}
    known = {bytes(one.url_hash): one for one in CheckedLink.objects.filter(url_hash__in=list(by_hash))}
    CheckedLink.objects.bulk_create(
        [
            CheckedLink(url=url, url_hash=key, noted_at=at, due_at=at)
            for key, url in by_hash.items()
            if key not in known
        ],
        ignore_conflicts=True,
    )
    CheckedLink.objects.filter(pk__in=[one.pk for one in known.values() if at - one.noted_at > FRESH]).update(
        noted_at=at
    )
    return {one.url: one.detail for one in known.values() if one.failures >= FAILURES_MAX}


def unasked(urls: Iterable[str]) -> int:
    """How many of these addresses nobody has asked yet."""
    keys = {_hash(url) for url in urls}
    return len(keys) - CheckedLink.objects.filter(url_hash__in=keys, checked_at__isnull=False).count()


def check_due(*, at: datetime, ask: Ask | None = None) -> int:
    """Ask the addresses that are due, a few at a time. Returns how many were asked. Safe to run at once with others."""
    CheckedLink.objects.filter(noted_at__lt=at - FORGOTTEN).delete()
    with transaction.atomic():
        due = list(
            CheckedLink.objects.select_for_update(skip_locked=True).filter(due_at__lte=at).order_by("due_at")[:AT_ONCE]
        )
        CheckedLink.objects.filter(pk__in=[one.pk for one in due]).update(due_at=at + LEASE)
    for one in due:  # outside the transaction: no lock is held while a stranger's server thinks
        _check(one, at=at, ask=ask or _ask)
    return len(due)


def _ask(one: Call) -> Answer:
    return call(one, deadline_s=DEADLINE_S)


def _check(one: CheckedLink, *, at: datetime, ask: Ask) -> None:
    try:
        status = _status(one.url, ask)
    except OSError as error:
        is_well, detail, is_sure = False, str(error) or type(error).__name__, False
    else:
        is_well, detail, is_sure = status not in GONE and status < 500, str(status), status in GONE
    one.failures = 0 if is_well else FAILURES_MAX if is_sure else one.failures + 1
    one.detail, one.checked_at = detail[:200], at
    one.due_at = at + (AGAIN if 0 < one.failures < FAILURES_MAX else FRESH)
    one.save(update_fields=["failures", "detail", "checked_at", "due_at"])


def _status(url: str, ask: Ask) -> int:
    """What a browser would get in the end: redirects are followed, each to an address that may be called."""
    for _step in range(REDIRECTS_MAX):
        answer = ask(Call("HEAD", url, headers=_HEADERS, is_plain_allowed=True))
        if answer.status in {403, 404, 405, 501}:  # many servers answer HEAD wrongly
            answer = ask(Call("GET", url, headers=_HEADERS, is_plain_allowed=True))
        if not (300 <= answer.status < 400 and answer.location):
            return answer.status
        url = urljoin(url, answer.location)
    raise OSError("too many redirects")
