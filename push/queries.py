"""Questions about devices."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from push import vapid
from push.models import AppInstallation, PushSubscription


@dataclass(frozen=True, slots=True)
class Device:
    """One browser to push to, in clear, for the moment of sending."""

    id: int
    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class AppDevice:
    """One installed app to push to, in clear, for the moment of sending."""

    id: int
    token: str


def app_devices(member_ids: Iterable[int]) -> dict[int, list[AppDevice]]:
    """The installed apps of these members, oldest first; who has none is not in it. One query."""
    rows = AppInstallation.objects.filter(member__in=list(member_ids)).order_by("pk")
    found = defaultdict(list)
    for member_id, pk, token in rows.values_list("member_id", "pk", "token"):
        found[member_id].append(AppDevice(pk, token))
    return dict(found)


def devices(member_ids: Iterable[int]) -> dict[int, list[Device]]:
    """The devices of these members, oldest first; who has none is not in it. One query."""
    rows = PushSubscription.objects.filter(member__in=list(member_ids)).order_by("pk")
    found = defaultdict(list)
    for member_id, *facts in rows.values_list("member_id", "pk", "endpoint", "p256dh", "auth"):
        found[member_id].append(Device(*facts))
    return dict(found)


def subscribers():
    """Ids of the members who have a device, as a QuerySet for audiences."""
    return PushSubscription.objects.values("member_id").distinct()


def app_users():
    """Ids of the members who have the app installed, as a QuerySet for audiences."""
    return AppInstallation.objects.values("member_id").distinct()


def is_subscribed(member_id: int) -> bool:
    return PushSubscription.objects.filter(member=member_id).exists()


def application_server_key() -> str:
    """What the browser's `pushManager.subscribe` wants as `applicationServerKey`."""
    return vapid.public_key()
