"""News from the floor."""

from django.dispatch import receiver

from delivery.operations import forget_member
from members.signals import member_erased


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)
