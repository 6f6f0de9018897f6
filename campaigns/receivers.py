"""News heard: who asked to be forgotten is forgotten here too. Assignments stay, without a name, so that funnels still add up."""

from django.dispatch import receiver

from campaigns.models import HistoricalResponse, Recipient, RehearsalOutcome
from members.signals import member_erased


@receiver(member_erased)
def forget(member_id, **_news):
    for rows in (Recipient, RehearsalOutcome, HistoricalResponse):
        rows.objects.filter(member_id=member_id).delete()
