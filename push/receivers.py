"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.operations import merging
from members.personal_data import Section, rows_of
from members.signals import member_erased, member_merged, member_unmerged, personal_data_asked
from push.models import PushSubscription
from push.operations import forget_member

ROOM = "push_devices"


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)


@receiver(member_merged)
def follow(survivor_id, absorbed_id, merge_id, **kwargs):
    """The absorbed member's browsers are the survivor's."""
    theirs = PushSubscription.objects.filter(member=absorbed_id)
    merging.remember_moved(merge_id=merge_id, room=ROOM, ids=list(theirs.order_by("pk").values_list("pk", flat=True)))
    theirs.update(member=survivor_id)


@receiver(member_unmerged)
def go_back(survivor_id, absorbed_id, merge_id, **kwargs):
    ids = merging.moved_rows(merge_id=merge_id, room=ROOM)
    PushSubscription.objects.filter(pk__in=ids, member=survivor_id).update(member=absorbed_id)


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    theirs = PushSubscription.objects.filter(member=member_id).order_by("subscribed_at", "pk")
    return [Section("push_devices", _("Browsers that get pushes"), rows_of(theirs, "subscribed_at", "endpoint"))]
