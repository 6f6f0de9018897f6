"""Which way out a message takes: the first that may be used, as fast as it may be used, and not one that fares badly.

A channel with one transport and no row about it costs nothing here. Rows are locked while a chunk takes its tokens, so any
number of workers keep one pace between them.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Sum

from delivery import channels, pacing
from delivery.models import Bucket, Channel, MailDomain, Pace, Transport
from delivery.outbox import Ready

DEMOTED_FOR = timedelta(minutes=15)
OTHERS = "*"  # a pace for each family that has none of its own


class Ways:
    """The ways out of one channel, as a worker sees them while it works through a claim."""

    def __init__(self, channel: str):
        self.channel = channel
        self._set_up = channels.ways(channel) or [channels.MAIN]
        paces = Pace.objects.filter(transport=OuterRef("pk"))
        self._rows = {
            row.name: row for row in Transport.objects.filter(channel=channel).annotate(has_paces=Exists(paces))
        }
        self.is_plain = len(self._set_up) == 1 and not any(map(_is_limited, self._rows.values()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._set_up)

    def allot(self, ready: Sequence[Ready], *, domains: Callable[[], dict[int, str]], at: datetime) -> list[Ready]:
        """Each message with its transport, or with the moment to come back. Within the transaction that commits to it.

        `domains`: asked only where it matters; of e-mail, the domain each goes to. Codes and receipts take their tokens, and never wait for one.
        """
        if self.is_plain:
            return list(ready)
        rooms = [_Room(row, at) for row in self._in_order(at)]
        families = _families(domains()) if any(room.paces for room in rooms) else {}
        allotted = [self._placed(one, rooms, families.get(one.id, ""), at) for one in ready]
        for room in rooms:
            room.save()
        return allotted

    def _in_order(self, at: datetime) -> list[Transport]:
        """Rows of the ways that are set up and in use, locked; those that fare badly come last."""
        for position, name in enumerate(self._set_up):
            if name not in self._rows:
                self._rows[name], _made = Transport.objects.get_or_create(
                    channel=self.channel, name=name, defaults={"position": position}
                )
        locked = list(
            Transport.objects.select_for_update().filter(channel=self.channel, name__in=self._set_up).order_by("pk")
        )
        used = [row for row in locked if row.is_used] or locked
        return sorted(used, key=lambda row: (bool(row.demoted_until and row.demoted_until > at), row.position, row.pk))

    def _placed(self, one: Ready, rooms: list["_Room"], family: str, at: datetime) -> Ready:
        if one.hold or one.address_hash is None:
            return one
        for room in rooms:
            if room.take(family, must=one.is_urgent and room is rooms[0]):
                return replace(one, transport=room.row.name)
        return replace(one, hold="paced", resume_at=at + min(room.wait(family) for room in rooms))

    def demote(self, name: str, *, at: datetime, because: str) -> bool:
        """Put a way behind the others for a while; True while another is left."""
        if len(self._set_up) == 1:
            return False
        Transport.objects.filter(channel=self.channel, name=name).update(
            demoted_until=at + DEMOTED_FOR, demoted_because=because[:200]
        )
        demoted = Transport.objects.filter(channel=self.channel, name__in=self._set_up, demoted_until__gt=at)
        return demoted.count() < len(self._set_up)

    def tally(self, fared: "Fared", *, at: datetime) -> None:
        """Write down how a chunk was taken, and demote a way that has been too slow."""
        if self.is_plain:
            return
        row = Transport.objects.filter(channel=self.channel, name=fared.transport).first()
        if row is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(_TALLY, [row.pk, at, fared.handed, fared.slow, fared.unreachable])
        lately = row.tallies.filter(minute__gt=at - timedelta(minutes=pacing.WATCHED_MINUTES)).aggregate(
            handed=Sum("handed"), slow=Sum("slow")
        )
        if pacing.is_too_slow(handed=lately["handed"] or 0, slow=lately["slow"] or 0):
            self.demote(
                fared.transport, at=at, because=f"{lately['slow']} of {lately['handed']} messages took too long"
            )
            row.tallies.update(slow=0)  # it starts afresh when its time is over


def _is_limited(row: Transport) -> bool:
    return row.has_paces or row.per_minute_max is not None or row.warm_up_from is not None


_TALLY = """
INSERT INTO delivery_transporttally AS t (transport_id, minute, handed, slow, unreachable)
VALUES (%s, date_trunc('minute', %s::timestamptz), %s, %s, %s)
ON CONFLICT (transport_id, minute) DO UPDATE
   SET handed = t.handed + excluded.handed, slow = t.slow + excluded.slow, unreachable = t.unreachable + excluded.unreachable
"""


@dataclass(frozen=True, slots=True)
class Fared:
    """How one transport took its part of a chunk."""

    transport: str
    handed: int
    slow: int
    unreachable: int


class _Room:
    """How much one way takes now, as a whole and towards each family."""

    def __init__(self, row: Transport, at: datetime):
        self.row, self._at = row, at
        self.paces = {pace.family: pace.per_minute_max for pace in Pace.objects.filter(transport=row)}
        self._kept = (
            {bucket.family: bucket for bucket in Bucket.objects.filter(transport=row)} if self._is_paced else {}
        )
        self._tokens: dict[str, float] = {}
        self._promised: Counter[str] = Counter()  # tokens that will come, and for which somebody was told to come back
        self._left_today = self._quota()

    @property
    def _is_paced(self) -> bool:
        return bool(self.paces or self.row.per_minute_max)

    def _quota(self) -> int | None:
        row = self.row
        if row.warm_up_from is None:
            return None
        quota = pacing.daily_quota(
            self._at.astimezone(UTC).date(), warm_up_from=row.warm_up_from, start=row.warm_up_start,
            percent=row.warm_up_percent,
        )  # fmt: skip
        return quota - handed_today(row, at=self._at)

    def _rate(self, family: str) -> int | None:
        return self.paces.get(family, self.paces.get(OTHERS)) if family else self.row.per_minute_max

    def _tokens_of(self, family: str, rate: int) -> float:
        if family not in self._tokens:
            kept = self._kept.get(family)
            self._tokens[family] = (
                float(rate) if kept is None
                else pacing.refilled(kept.tokens, filled_at=kept.filled_at, at=self._at, per_minute=rate)
            )  # fmt: skip
        return self._tokens[family]

    def take(self, family: str, *, must: bool) -> bool:
        """Take a token of the whole and one towards the family, or none. `must`: even where there is none."""
        asked = [(name, rate) for name in {"", family} if (rate := self._rate(name)) is not None]
        is_free = all(self._tokens_of(name, rate) >= 1 for name, rate in asked)
        has_quota = self._left_today is None or self._left_today > 0
        if not must and not (is_free and has_quota):
            return False
        for name, rate in asked:
            self._tokens[name] = self._tokens_of(name, rate) - 1
        if self._left_today is not None:
            self._left_today -= 1
        return True

    def wait(self, family: str) -> timedelta:
        """Until this way takes one more; whoever asks next is told a later moment, so that all do not come back at once."""
        if self._left_today is not None and self._left_today <= 0:
            tomorrow = self._at.astimezone(UTC).date() + timedelta(days=1)
            return datetime.combine(tomorrow, datetime.min.time(), UTC) - self._at
        seconds = 1.0
        for name in {"", family}:
            rate = self._rate(name)
            if rate is None:
                continue
            tokens = self._tokens_of(name, rate) - self._promised[name]
            seconds = max(seconds, pacing.seconds_until(tokens, per_minute=rate))
            self._promised[name] += 1
        return timedelta(seconds=math.ceil(seconds))

    def save(self) -> None:
        Bucket.objects.bulk_create(
            [
                Bucket(transport=self.row, family=family, tokens=tokens, filled_at=self._at)
                for family, tokens in self._tokens.items()
            ],
            update_conflicts=True, unique_fields=["transport", "family"], update_fields=["tokens", "filled_at"],
        )  # fmt: skip


def _families(domains: dict[int, str]) -> dict[int, str]:
    """The family that takes each message's mail. A domain that nobody has looked up yet stands for itself."""
    asked = {domain for domain in domains.values() if pacing.family_of_domain(domain) is None}
    known = dict(MailDomain.objects.filter(domain__in=asked).values_list("domain", "family")) if asked else {}
    return {one: pacing.family_of_domain(domain) or known.get(domain, domain) for one, domain in domains.items()}


def handed_today(row: Transport, *, at: datetime) -> int:
    """What a way was given since midnight, UTC. Only ways with limits, or with others beside them, are counted."""
    begun = datetime.combine(at.astimezone(UTC).date(), datetime.min.time(), UTC)
    return row.tallies.filter(minute__gte=begun).aggregate(n=Sum("handed"))["n"] or 0


def transports() -> list[Transport]:
    """Every transport that is set up, with a row to configure it by."""
    for channel in Channel.values:
        for position, name in enumerate(channels.ways(channel)):
            Transport.objects.get_or_create(channel=channel, name=name, defaults={"position": position})
    return list(Transport.objects.prefetch_related("paces"))
