"""Questions to the outbox."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.db.models import Case, Count, Exists, Max, OuterRef, Q, Value, When

from delivery import contents, machines, opening, tokens
from delivery.models import (
    ArchivedMail,
    Channel,
    ChannelPolicy,
    Hold,
    Message,
    MessageEvent,
    ProviderEvent,
    Suppression,
)  # fmt: skip
from emails.fields import CODE, READ_AS, VOUCHER
from members.crypto import keyed_hash
from members.queries import contacts, ids_of

CAUSES_SHOWN = 100

_SAME_VISITOR = MessageEvent.objects.filter(
    message=OuterRef("message"), network=OuterRef("network"), network__isnull=False
)
_TRAPPED = _SAME_VISITOR.filter(
    kind=MessageEvent.Kind.TRAPPED, at__gt=OuterRef("at") - timedelta(hours=machines.TRAP_HOURS),
    at__lt=OuterRef("at") + timedelta(hours=machines.TRAP_HOURS),
)  # fmt: skip
_OTHER_LINKS = (
    _SAME_VISITOR.filter(
        kind=MessageEvent.Kind.CLICKED, at__gte=OuterRef("at") - timedelta(seconds=machines.AT_ONCE_S),
        at__lte=OuterRef("at") + timedelta(seconds=machines.AT_ONCE_S),
    )
    .order_by()
    .values("message")
    .annotate(n=Count("link", distinct=True))
    .filter(n__gte=machines.ALL_AT_ONCE)
)  # fmt: skip
BY_SCANNER = Q(Exists(_TRAPPED)) | Q(kind=MessageEvent.Kind.CLICKED) & Q(Exists(_OTHER_LINKS))
"""Of an event: its visitor also followed the link nobody sees, or all links at once. Known only afterwards, so asked here."""


def messages(cause: str):
    """The messages of a cause and of those below it, as a QuerySet."""
    return Message.objects.caused_by(cause)


def past_due(cause: str, *, at):
    """Messages of a cause that are due and that no worker has begun to send, as a QuerySet."""
    return messages(cause).filter(due_at__lte=at, stage=0, state__in=[Message.State.PENDING, Message.State.CLAIMED])


def is_work_due(*, at, since=None) -> bool:
    """Whether a message waits that a worker could take now; `since`: one that became due no earlier."""
    waiting = Message.objects.filter(stage=0, state=Message.State.PENDING, due_at__lte=at)
    return (waiting if since is None else waiting.filter(due_at__gte=since)).exists()


def known_causes(causes) -> set[str]:
    """Those of these causes that have a message."""
    return set(Message.objects.filter(cause__in=causes).values_list("cause", flat=True))


def about(cause, *, channel: str):
    """Messages of just this cause by a channel, as a QuerySet; `cause` may be an expression over the rows that ask."""
    return Message.objects.filter(cause=cause, channel=channel)


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
    rows = (
        found.annotate(by_machine=Case(When(BY_SCANNER, then=Value(True)), default="is_machine"))
        .values_list("kind", "by_machine")
        .annotate(n=Count("message_id", distinct=True))
    )
    return {
        f"{kind}(machine)" if is_machine else kind: n for kind, is_machine, n in rows.order_by("kind", "by_machine")
    }


def member_history(member_id: int, *, limit: int = 50) -> list[Message]:
    """What a member was sent or not sent, and why, newest first, each with its events; those of records merged into theirs too."""
    return list(
        Message.objects.filter(member_id__in=ids_of(member_id))
        .order_by("-enqueued_at", "-pk")
        .prefetch_related("events")[:limit]
    )


def messages_to(*member_ids: int):
    """Everything that was ever put into the outbox for these members, oldest first, as a QuerySet."""
    return Message.objects.filter(member_id__in=member_ids).order_by("enqueued_at", "pk")


def in_doubt(cause: str | None = None):
    """Messages nobody can say were taken; listed for a person to decide, never resent by themselves."""
    found = messages(cause) if cause else Message.objects.all()
    return found.filter(stage=1)


def doubts_by_cause() -> list[tuple[str, str, int]]:
    """(cause, the channel's name in words, messages in doubt), the most first."""
    rows = in_doubt().values_list("cause", "channel").annotate(n=Count("pk")).order_by("-n", "cause", "channel")
    return [(cause, str(Channel(channel).label), n) for cause, channel, n in rows[:CAUSES_SHOWN]]


def responders(cause: str, kind: str):
    """Ids of the members with an event of `kind` that a person caused, as a QuerySet for joins."""
    events = MessageEvent.objects.filter(message=OuterRef("pk"), kind=kind, is_machine=False).exclude(BY_SCANNER)
    return messages(cause).filter(Exists(events)).values("member_id").distinct()


SAMPLE = 20_000
"""Of everybody, so many of the latest acts tell what is usual."""


def clicks_of(member_ids: Iterable[int] | None, *, since) -> Iterator[tuple[int, datetime]]:
    """(member, moment) of the clicks that a reader, not a machine, made since then; None: the latest of everybody."""
    found = MessageEvent.objects.filter(kind=MessageEvent.Kind.CLICKED, is_machine=False, at__gte=since).exclude(
        BY_SCANNER
    )
    if member_ids is None:
        found = found.filter(message__member__isnull=False).order_by("-at", "-pk")[:SAMPLE]
    else:
        found = found.filter(message__member__in=list(member_ids))
    yield from found.values_list("message__member_id", "at")


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
    target = _target_of(message.content, link, message.values)
    return with_utm(target, message) if target and message.purpose == Message.Purpose.MARKETING else target


def _target_of(content: str, link: str, values: dict) -> str | None:
    try:
        handler, frozen = contents.resolve(content)
    except contents.UnknownContent:
        return None
    target = handler.target(frozen, link, values)
    return target if target and urlsplit(target).scheme in ("http", "https") else None


def with_utm(target: str, message: Message) -> str:
    """The address with the campaign's name in it, for web statistics. An author's own utm parameters are left as they are."""
    parts = urlsplit(target)
    given = parse_qsl(parts.query, keep_blank_values=True)
    if any(name.startswith("utm_") for name, _value in given):
        return target
    named = {
        "utm_source": "regulars", "utm_medium": message.channel, "utm_campaign": message.cause.replace(":", "-"),
        "utm_content": message.content.rpartition(":")[2],
    }  # fmt: skip
    query = f"{parts.query}&{urlencode(named)}" if parts.query else urlencode(named)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def page_of(message: Message) -> str | None:
    """The message as a web page, with the member's name in it; None where there is no page, or no member any more."""
    if message.member_id:
        contact = contacts([message.member_id]).get(message.member_id)
        personal = contact and {"given_name": contact.given_name, "family_name": contact.family_name}
        address = contact.address if contact else ""
    else:  # a test, read through a member's eyes
        read_as, address = message.values.get(READ_AS), message.user.email if message.user else ""
        personal = opening.names({read_as} if read_as else set()).get(read_as, {}) if address else None
    if personal is None:
        return None
    try:
        handler, frozen = contents.resolve(message.content)
    except contents.UnknownContent:
        return None
    values = message.values | personal | _code_of(message)
    return handler.page(frozen, values, contents.facts_of(message.pk, message.due_at, address))


def _code_of(message: Message) -> dict:
    return opening.codes([message.values]).get(message.values.get(VOUCHER), {})


def voucher_code(message: Message) -> str:
    """The code that the message shows, in clear; empty where it shows none. A test shows a sample."""
    return _code_of(message).get(CODE) or message.values.get(CODE, "")


ARCHIVE_SHOWN = 100


def archived(*, language: str) -> tuple[list[ArchivedMail], list[ArchivedMail]]:
    """Past mails that everybody may read, the latest first: those in this language, and the others."""
    found = ArchivedMail.objects.order_by("-sent_on", "-pk")
    return list(found.filter(language=language)[:ARCHIVE_SHOWN]), list(found.exclude(language=language)[:ARCHIVE_SHOWN])


def archived_page(shown: ArchivedMail) -> str | None:
    try:
        handler, frozen = contents.resolve(shown.content)
    except contents.UnknownContent:
        return None
    return handler.public_page(frozen, at=f"{contents.link_base()}/archive/{shown.pk}/")


def archived_target(shown: ArchivedMail, link: str) -> str | None:
    """Where a link of an archived mail leads; links that only a member has, lead nowhere."""
    return _target_of(shown.content, link, {})


def has_archive() -> bool:
    return ArchivedMail.objects.exists()


def is_archived(cause: str) -> bool:
    return ArchivedMail.objects.filter(cause=cause).exists()


def overdue(*, at) -> int:
    """Messages that have been due for an hour and lie open, paused ones left out: something is wrong with the sending."""
    paused = Q()
    for cause in Hold.objects.filter(is_cancelled=False).values_list("cause", flat=True):
        paused |= Q(cause=cause) | Q(cause__startswith=f"{cause}:")
    return Message.objects.filter(stage=0, due_at__lt=at - timedelta(hours=1)).exclude(paused).count()


# -- addresses that are closed, and what providers told -----------------------------------------------------------------


def suppression(*, channel: str, address: str) -> Suppression | None:
    """Why an address, normalised, is not written to by this channel; None: it is."""
    return Suppression.objects.filter(channel=channel, address_hash=keyed_hash(address, kind=channel)).first()


def suppression_counts() -> list[dict]:
    """How many addresses are closed by channel and reason, in words, and when the last one was."""
    rows = Suppression.objects.values("channel", "reason").annotate(n=Count("pk"), latest=Max("at"))
    return [
        row | {"channel": Channel(row["channel"]).label, "reason": Suppression.Reason(row["reason"]).label}
        for row in rows.order_by("channel", "-n", "reason")
    ]


def told_by_providers(*, limit: int = 30) -> list[ProviderEvent]:
    """What providers told last, newest first; what came with it stays closed."""
    return list(ProviderEvent.objects.select_related("message").defer("raw").order_by("-pk")[:limit])


def told_by_provider(pk: int) -> ProviderEvent | None:
    return ProviderEvent.objects.select_related("message").filter(pk=pk).first()
