"""News from the floor."""

from django.dispatch import receiver

from members.signals import member_erased
from push.operations import forget_member


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)
