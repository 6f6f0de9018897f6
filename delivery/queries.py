"""Questions to the outbox."""

from urllib.parse import urlsplit

from django.db.models import Count, Q

from delivery import contents, tokens
from delivery.models import Channel, ChannelPolicy, Hold, Message, MessageEvent
from members.queries import contacts, ids_of

CAUSES_SHOWN = 100


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
    """What a member was sent or not sent, and why, newest first, each with its events; those of records merged into theirs too."""
    return list(
        Message.objects.filter(member_id__in=ids_of(member_id))
        .order_by("-enqueued_at", "-pk")
        .prefetch_related("events")[:limit]
    )


def messages_to(member_id: int):
    """Everything that was ever put into the outbox for a member, oldest first, as a QuerySet."""
    return Message.objects.filter(member_id=member_id).order_by("enqueued_at", "pk")


def in_doubt(cause: str | None = None):
    """Messages nobody can say were taken; listed for a person to decide, never resent by themselves."""
    found = messages(cause) if cause else Message.objects.all()
    return found.filter(stage=1)


def doubts_by_cause() -> list[tuple[str, str, int]]:
    """(cause, the channel's name in words, messages in doubt), the most first."""
    rows = in_doubt().values_list("cause", "channel").annotate(n=Count("pk")).order_by("-n", "cause", "channel")
    return [(cause, str(Channel(channel).label), n) for cause, channel, n in rows[:CAUSES_SHOWN]]


def hold_of(cause: str) -> Hold | None:
    """The pause or cancellation that stands on exactly this cause."""
    return Hold.objects.filter(cause=cause).first()


def responders(cause: str, kind: str):
    """Ids of the members with an event of `kind` that a person caused, as a QuerySet for joins."""
    return messages(cause).filter(Q(events__kind=kind, events__is_machine=False)).values("member_id").distinct()


def policies() -> dict[str, ChannelPolicy]:
    return {policy.channel: policy for policy in ChannelPolicy.objects.all()}


def message_of(token: str) -> Message:
    """The message a token names, with its member. Raises tokens.BadToken, also for one that is no longer there."""
    message = Message.objects.select_related("member").filter(pk=tokens.message_id_of(token)).first()
    if message is None:
        raise tokens.BadToken
    return message


def link_target(message: Message, link: str) -> str | None:
    """Where a link of this message leads: an http address stored with the frozen content, or None."""
    try:
        handler, frozen = contents.resolve(message.content)
    except contents.UnknownContent:
        return None
    target = handler.target(frozen, link, message.values)
    return target if target and urlsplit(target).scheme in ("http", "https") else None


def page_of(message: Message) -> str | None:
    """The message as a web page, with the member's name in it; None where there is no page, or no member any more."""
    contact = contacts([message.member_id]).get(message.member_id) if message.member_id else None
    if contact is None:
        return None
    try:
        handler, frozen = contents.resolve(message.content)
    except contents.UnknownContent:
        return None
    values = message.values | {"given_name": contact.given_name, "family_name": contact.family_name}
    return handler.page(frozen, values, contents.facts_of(message.pk, message.due_at, contact.address))
