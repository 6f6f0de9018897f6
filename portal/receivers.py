"""News heard: a case that a help page may answer."""

import logging

from django.dispatch import receiver

from care.signals import case_opened
from portal import tasks

LOG = logging.getLogger(__name__)


@receiver(case_opened)
def answer(case_id, **_news):
    """At once where a worker is there. Where the news cannot be handed on, the rows remember: tasks.answer_cases looks."""
    try:
        tasks.answer_case.apply_async([case_id], retry=False)
    except Exception:  # noqa: BLE001 -- whatever the broker says, the case is written down
        LOG.info("case %s waits for the next look at unanswered cases", case_id)
