"""What the demo's pages ask."""

from demo.models import Fact, InboxMessage


def fact(name: str, default=None):
    """A fact by its name: `weeks_moved`, `featured`, `busiest_store`, `tour`, … or the default while the demo is being made."""
    found = Fact.objects.filter(name=name).values_list("value", flat=True).first()
    return default if found is None else found


def featured() -> dict:
    """Featured members by why they are shown: {"near_tier" | "lapsing" | "new": {"public_id", "name", "line"}}."""
    return fact("featured", {})


def inbox(*, channel: str = "", to: str = ""):
    """Messages newest first, without their bytes."""
    found = InboxMessage.objects.defer("raw")
    if channel:
        found = found.filter(channel=channel)
    if to:
        found = found.filter(to__icontains=to)
    return found
