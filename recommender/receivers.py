"""News heard: who bought something is noted for the next refresh; who is erased is forgotten."""

from django.dispatch import receiver

from loyalty.signals import purchases_recorded
from members import clock
from members.signals import member_erased
from recommender import operations


@receiver(purchases_recorded)
def note_who_bought(purchase_ids, **kwargs):
    operations.note_purchases(purchase_ids=purchase_ids, at=clock.now())


@receiver(member_erased)
def forget_the_member(member_id, **kwargs):
    operations.forget(member_id=member_id)
