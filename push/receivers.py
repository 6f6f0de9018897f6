"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.operations import merging
from members.personal_data import Section, rows_of
from members.signals import member_erased, member_merged, member_unmerged, personal_data_asked
from push.models import AppInstallation, PushSubscription
from push.operations import forget_member

ROOM = "push_devices"


@receiver(member_erased)
def forget(member_id, **kwargs):
    forget_member(member_id=member_id)


_DEVICES = {ROOM: PushSubscription, "push_apps": AppInstallation}


@receiver(member_merged)
def follow(survivor_id, absorbed_id, merge_id, **kwargs):
    """The absorbed member's browsers and apps are the survivor's."""
    for room, model in _DEVICES.items():
        theirs = model.objects.filter(member=absorbed_id)
        ids = list(theirs.order_by("pk").values_list("pk", flat=True))
        merging.remember_moved(merge_id=merge_id, room=room, ids=ids)
        theirs.update(member=survivor_id)


@receiver(member_unmerged)
def go_back(survivor_id, absorbed_id, merge_id, **kwargs):
    for room, model in _DEVICES.items():
        ids = merging.moved_rows(merge_id=merge_id, room=room)
        model.objects.filter(pk__in=ids, member=survivor_id).update(member=absorbed_id)


@receiver(personal_data_asked)
def tell(member_id, **kwargs):
    browsers = PushSubscription.objects.filter(member=member_id).order_by("subscribed_at", "pk")
    apps = AppInstallation.objects.filter(member=member_id).order_by("registered_at", "pk")
    return [
        Section("push_devices", _("Browsers that get pushes"), rows_of(browsers, "subscribed_at", "endpoint")),
        Section("push_apps", _("Apps that get pushes"), rows_of(apps, "registered_at", "token")),
    ]
