"""Questions to the outbox."""

from django.db.models import Count, Q

from delivery.models import ChannelPolicy, Hold, Message, MessageEvent


def messages(cause: str):
    """The messages of a cause and of those below it, as a QuerySet."""
    return Message.objects.caused_by(cause)


def counts(cause: str, *, channel: str | None = None) -> dict[str, int]:
    """How many messages stand where: {"sent": 10, "pending": 2, "skipped(no_consent)": 1}. States without a row are absent."""
    found = messages(cause)
    if channel:
        found = found.filter(channel=channel)
    rows = found.values_list("state", "skip_reason").annotate(n=Count("pk")).order_by("state", "skip_reason")
    return {f"{state}({reason})" if reason else state: n for state, reason, n in rows}


def event_counts(cause: str, *, channel: str | None = None) -> dict[str, int]:
    """How many messages had each kind of event: {"opened": 5, "opened(machine)": 2, …}. A message counts once per kind."""
    found = MessageEvent.objects.filter(message__in=messages(cause))
    if channel:
        found = found.filter(message__channel=channel)
    rows = found.values_list("kind", "is_machine").annotate(n=Count("message_id", distinct=True))
    return {
        f"{kind}(machine)" if is_machine else kind: n for kind, is_machine, n in rows.order_by("kind", "is_machine")
    }


def member_history(member_id: int, *, limit: int = 50) -> list[Message]:
    """What a member was sent or not sent, and why, newest first, each with its events. Two queries."""
    return list(
        Message.objects.filter(member_id=member_id).order_by("-enqueued_at", "-pk").prefetch_related("events")[:limit]
    )


def in_doubt(cause: str | None = None):
    """Messages nobody can say were taken; listed for a person to decide, never resent by themselves."""
    found = messages(cause) if cause else Message.objects.all()
    return found.filter(state=Message.State.IN_DOUBT)


def hold_of(cause: str) -> Hold | None:
    """The pause or cancellation that stands on exactly this cause."""
    return Hold.objects.filter(cause=cause).first()


def responders(cause: str, kind: str):
    """Ids of the members with an event of `kind` that a person caused, as a QuerySet for joins."""
    return messages(cause).filter(Q(events__kind=kind, events__is_machine=False)).values("member_id").distinct()


def policies() -> dict[str, ChannelPolicy]:
    return {policy.channel: policy for policy in ChannelPolicy.objects.all()}
