"""Questions about campaigns: where everybody is, and what came of it."""

from dataclasses import dataclass, field

from django.db.models import Case, CharField, Count, Exists, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext as _

from campaigns import series
from campaigns.models import Campaign, Entry, Learning, LiftReport, Recipient
from campaigns.operations import paging
from delivery import queries as outbox
from experiments import queries as assigned
from members import clock

HELD_OUT, SENT, WAITING, FAILED, IN_DOUBT, SKIPPED = "held_out", "sent", "waiting", "failed", "in_doubt", "skipped"
#: With several channels a member's best message counts.
_RANK = {"sent": 1, "attempting": 2, "claimed": 2, "pending": 2, "in_doubt": 3, "failed": 4, "skipped": 5}
_FATE = {
    "sent": SENT,
    "attempting": WAITING,
    "claimed": WAITING,
    "pending": WAITING,
    "in_doubt": IN_DOUBT,
    "failed": FAILED,
}
UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Funnel:
    """Where every member of the audience is. The parts add up to the audience, or it is not handed out."""

    audience: int
    held_out: int
    sent: int
    waiting: int
    failed: int
    in_doubt: int
    skipped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        parts = self.held_out + self.sent + self.waiting + self.failed + self.in_doubt + sum(self.skipped.values())
        assert parts == self.audience, f"{parts} of {self.audience} members are accounted for"


def funnel(campaign: Campaign) -> Funnel:
    """Audience = sent + held out + Σ skipped(reason) + waiting + failed + in doubt, of members, each counted once."""
    if campaign.experiment is None:
        return Funnel(0, 0, 0, 0, 0, 0)
    everybody = _everybody(campaign)
    rows = everybody.annotate(fate=_fate(campaign)).order_by("fate").values_list("fate").annotate(n=Count("pk"))
    counted = dict(rows)
    skipped = {fate.partition(":")[2]: n for fate, n in counted.items() if fate.startswith(f"{SKIPPED}:")}
    plain = {name: counted.get(name, 0) for name in (HELD_OUT, SENT, WAITING, FAILED, IN_DOUBT)}
    return Funnel(audience=everybody.count(), skipped=skipped, **plain)


def _everybody(campaign):
    """One row for everybody who entered: assignments, or of a triggered campaign its entries, where a member may be several times."""
    if campaign.timing == Campaign.Timing.TRIGGERED:
        return Entry.objects.filter(campaign=campaign)
    return assigned.arm_members(campaign.experiment)


def _fate_of_entry(campaign):
    """The same as `_fate`, over Entry: what is handed to delivery is where its message is."""
    cause = Case(
        When(visit=1, then=Value(campaign.cause)),
        default=Concat(Value(f"{campaign.cause}:"), Cast("visit", CharField())),
        output_field=CharField(),
    )
    entries = Entry.objects.filter(pk=OuterRef("entry")).annotate(cause=cause).values("cause")
    ranked = Case(*(When(state=state, then=Value(rank)) for state, rank in _RANK.items()), output_field=IntegerField())
    spoken = Case(
        *(When(state=state, then=Value(fate)) for state, fate in _FATE.items()),
        default=Concat(Value(f"{SKIPPED}:"), "skip_reason"),
        output_field=CharField(),
    )
    messages = outbox.messages(campaign.cause).filter(member=OuterRef("member")).annotate(entry=OuterRef("pk"))
    mine = messages.filter(cause=Subquery(entries)).annotate(rank=ranked, fate=spoken).order_by("rank", "pk")
    return Case(
        When(state=Entry.State.WAITING, then=Value(WAITING)),
        When(state=Entry.State.HELD_OUT, then=Value(HELD_OUT)),
        When(state=Entry.State.SKIPPED, then=Concat(Value(f"{SKIPPED}:"), "skip_reason")),
        *_on_page(campaign),
        default=Coalesce(Subquery(mine.values("fate")[:1]), Value(f"{SKIPPED}:{UNREACHABLE}")),
        output_field=CharField(),
    )


def _fate(campaign):
    """An expression over Assignment: held_out, sent, waiting, failed, in_doubt, or skipped:reason."""
    if campaign.timing == Campaign.Timing.TRIGGERED:
        return _fate_of_entry(campaign)
    ranked = Case(*(When(state=state, then=Value(rank)) for state, rank in _RANK.items()), output_field=IntegerField())
    message = (
        outbox.messages(campaign.cause).filter(member=OuterRef("member")).annotate(rank=ranked).order_by("rank", "pk")
    )
    states = [When(state=state, then=Value(fate)) for state, fate in _FATE.items()]
    spoken = Case(*states, default=Concat(Value(f"{SKIPPED}:"), "skip_reason"), output_field=CharField())
    without = SKIPPED + ":" + UNREACHABLE if campaign.launched_at else WAITING
    still_waits = _still_waits(campaign)
    if campaign.status == Campaign.Status.CANCELLED and not campaign.launched_at:
        without = f"{SKIPPED}:cancelled"
    return Case(
        When(skipped_reason__gt="", then=Concat(Value(f"{SKIPPED}:"), "skipped_reason")),
        When(arm__is_holdout=True, then=Value(HELD_OUT)),
        *still_waits,
        *_on_page(campaign),
        default=Coalesce(Subquery(message.annotate(fate=spoken).values("fate")[:1]), Value(without)),
        output_field=CharField(),
    )


def _on_page(campaign) -> list:
    """Where a variant stands on the members' own pages: who has it there was reached, whatever became of other messages.

    What is still to come, or was held back by a pause, waits; without any other message a cancelled one is skipped.
    """
    if not any(variant.is_on_page for variant in campaign.variants.all()):
        return []
    notes = paging.of(campaign).filter(member=OuterRef("member"))
    if campaign.timing == Campaign.Timing.TRIGGERED:
        later = Q(cause=Concat(Value(f"{campaign.cause}:"), Cast("visit", CharField())))
        notes = notes.annotate(visit=Cast(OuterRef("visit"), IntegerField()))
        notes = notes.filter(Q(cause=campaign.cause, visit=1) | later)
    is_alone = ~Exists(outbox.messages(campaign.cause).filter(member=OuterRef("member")))
    is_over = campaign.status == Campaign.Status.CANCELLED
    return [
        When(Exists(paging.shown(notes, at=clock.now())), then=Value(SENT)),
        When(is_alone & Exists(notes), then=Value(f"{SKIPPED}:cancelled" if is_over else WAITING)),
    ]


def _still_waits(campaign) -> list:
    """Who has no message yet because a winner, or a later part, is still to come."""
    if campaign.status == Campaign.Status.CANCELLED:
        return []
    if campaign.choice == Campaign.Choice.WINNER and campaign.winner_id is None:
        return [When(arm__name="Rest", then=Value(WAITING))]
    if campaign.choice == Campaign.Choice.LEARNING and campaign.waves.filter(sent_at=None).exists():
        named = Recipient.objects.filter(campaign=campaign).values("member")
        return [When(~Q(member__in=named), then=Value(WAITING))]
    return []


def people(campaign: Campaign, fate: str):
    """The assignments behind one number of the funnel: held_out, sent, waiting, failed, in_doubt or skipped:reason."""
    rows = _everybody(campaign).annotate(fate=_fate(campaign)).select_related("member")
    return (rows.filter(fate=fate) if fate != "audience" else rows).order_by("pk")


def fate_of(campaign: Campaign, member_id: int):
    """Why one member did or did not get it: their assignment with `.fate`, or None when they were not in the audience."""
    return people(campaign, "audience").filter(member_id=member_id).first() if campaign.experiment else None


@dataclass(frozen=True)
class Chapter:
    """One step of why a member did or did not get a campaign: in words, whether it let them on, and when."""

    words: str
    is_met: bool
    at: object = None


def story_of(campaign: Campaign, member_id: int, *, at) -> list[Chapter]:
    """Why one member did or did not get it, from the audience to the last event of the message."""
    from campaigns import verdicts

    rows = list(people(campaign, "audience").filter(member_id=member_id))
    if not rows:
        return [Chapter(_("Was not in the audience when it was drawn."), is_met=False)]
    told = []
    for row in rows:
        entered = row.occurred_at if isinstance(row, Entry) else row.assigned_at
        told.append(Chapter(_("Entered the campaign"), is_met=True, at=entered))
        if not isinstance(row, Entry):
            told.append(Chapter(verdicts.arm_words([row.arm.name]), is_met=not row.arm.is_holdout, at=row.assigned_at))
        told.append(Chapter(verdicts.fate_words(row.fate), is_met=row.fate == SENT))
    for message in (
        outbox.messages(campaign.cause).filter(member_id=member_id).prefetch_related("events").order_by("pk")
    ):
        sentence = f"{message.get_channel_display()}: {message.get_state_display()} {message.get_skip_reason_display()}"
        told.append(Chapter(sentence.strip(), is_met=message.state == "sent", at=message.sent_at or message.due_at))
        told += [Chapter(str(e.get_kind_display()), is_met=not e.is_machine, at=e.at) for e in message.events.all()]
    told += [
        _chapter_of_note(note, at) for note in paging.of(campaign).filter(member_id=member_id).order_by("at", "pk")
    ]
    return told


def _chapter_of_note(note, at) -> Chapter:
    is_held = note.closed_at is not None and note.closed_at < note.at
    if is_held or note.at > at:
        return Chapter(_("Not on the member's page yet"), is_met=False, at=note.at)
    return Chapter(_("On the member's page"), is_met=True, at=note.at)


def final_report(campaign: Campaign) -> LiftReport | None:
    return campaign.reports.filter(is_final=True).first()


def latest_report(campaign: Campaign) -> LiftReport | None:
    """The final report, or else the latest early look."""
    return campaign.reports.order_by("-is_final", "-as_of", "-pk").first()


def pooled(campaign: Campaign) -> tuple[series.Pooled | None, int]:
    """A series as one: its dates' final reports pooled, and how many were left out because their split is broken."""
    found = LiftReport.objects.filter(campaign__series=campaign, is_final=True).order_by("campaign__occurs_on", "pk")
    return series.of_reports(found.values_list("figures", flat=True))


def latest_learning() -> Learning | None:
    """What the last measured campaign taught: the next draft shows it."""
    return Learning.objects.select_related("campaign").order_by("-learned_at", "-pk").first()


def by_cause(causes) -> dict[str, Campaign]:
    """Campaigns by the name they bear in other rooms; causes of other things are not there."""
    numbers = [
        int(rest)
        for kind, _colon, rest in (cause.partition(":") for cause in causes)
        if kind == "campaign" and rest.isdigit()
    ]
    return {one.cause: one for one in Campaign.objects.filter(pk__in=numbers)}


def recipients(campaign: Campaign):
    return Recipient.objects.filter(campaign=campaign).select_related("member", "variant").order_by("pk")


def campaigns():
    """Every campaign, newest first, with what a list needs."""
    return Campaign.objects.select_related("audience").prefetch_related("variants", "reports")


def programme():
    """Campaigns that enter programme totals: no rehearsal, no history."""
    return Campaign.objects.ordinary()
