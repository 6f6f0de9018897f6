"""A stand-in browser for each member who agreed to push: real keys, subscribed through the portal's own operation."""

from django.conf import settings

from demo.push_endpoint import Browser
from members.models import Member
from push import operations as push

PREFIX = "member-"


def subscribe(member_ids: list[int], *, at) -> int:
    """Subscribe one device each; running it again changes nothing, because a device's keys follow from its name."""
    address = f"http://127.0.0.1:{settings.DEMO_PUSH_PORT}"
    for member_id in member_ids:
        subscription = Browser.named(f"{PREFIX}{member_id}").subscription(address)
        push.subscribe(member_id=member_id, subscription_json=subscription, at=at)
    return len(member_ids)


def owner_name(endpoint: str) -> str:
    """Whose device a push service's address names; the address itself if it is none of these."""
    name = endpoint.rsplit("/", 1)[-1].split(".", 1)[0]
    if not name.startswith(PREFIX):
        return endpoint
    member = Member.objects.filter(pk=name.removeprefix(PREFIX)).first()
    return member.name if member else endpoint
