"""News heard: who is erased is forgotten."""

from django.dispatch import receiver

from members.signals import member_erased
from recommender import operations


@receiver(member_erased)
def forget_the_member(member_id, **kwargs):
    operations.forget(member_id=member_id)
