"""News heard: a case that a help page may answer."""

from django.dispatch import receiver

from care.signals import case_opened
from portal import tasks


@receiver(case_opened)
def answer(case_id, **_news):
    tasks.answer_case.delay(case_id)
