"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.personal_data import Section, rows_of
from members.signals import member_erased, personal_data_asked
from push.models import PushSubscription
from push.operations import forget_member


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    theirs = PushSubscription.objects.filter(member=member_id).order_by("subscribed_at", "pk")
    return [Section("push_devices", _("Browsers that get pushes"), rows_of(theirs, "subscribed_at", "endpoint"))]
