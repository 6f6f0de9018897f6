"""Everything that ever happened between the shop and one member, in order of time, from every room that knows of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import care.queries
import delivery.queries
import loyalty.queries
import members.operations
import members.queries
import sales.queries
from campaigns.journeys import queries as journeys
from campaigns.retention import queries as retention
from care.models import Answer
from desk import foretold
from desk.chores import OpportunityForm, TaskForm
from members import clock
from members.access import Role, access_member, staff_only
from members.knowing import CustomField
from members.models import Member

service = staff_only(Role.SERVICE)
A_PAGE = 40


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `url` leads to all about it; `mood` is good, bad or empty; money in minor units."""

    at: datetime
    icon: str
    title: str
    detail: str = ""
    url: str = ""
    mood: str = ""
    minor: int | None = None
    currency: str = ""
    points: int | None = None


def moments(person: Member, *, before: datetime | None = None, limit: int = A_PAGE) -> list[Moment]:
    """The latest `limit` moments before a time, newest first. Each room is asked for at most `limit`: no room is read whole."""
    told = [one for room in _ROOMS for one in room(person, before, limit)]
    return sorted(told, key=lambda one: one.at, reverse=True)[:limit]


def _earlier(rows, field: str, before, limit: int):
    rows = rows.filter(**{f"{field}__lt": before}) if before else rows
    return rows.order_by(f"-{field}", "-pk")[:limit]


def _purchases(person, before, limit) -> Iterator[Moment]:
    for one in _earlier(sales.queries.receipts(member_id=person.pk), "purchased_at", before, limit):
        is_refund = one.kind == one.Kind.REFUND
        title = _("Refund at %(store)s") if is_refund else _("Bought at %(store)s")
        yield Moment(
            one.purchased_at, "refund" if is_refund else "bag", title % {"store": one.store.name},
            url=reverse("desk:purchase", args=[person.public_id, one.public_id]), minor=one.total_minor,
            currency=one.currency,
        )  # fmt: skip


def _points(person, before, limit) -> Iterator[Moment]:
    entries = (one for one in loyalty.queries.entries(person.pk, limit=10 * limit) if not one.purchase_id)
    for one in [one for one in entries if not before or one.occurred_at < before][:limit]:
        yield Moment(one.occurred_at, "coins", _("Points"), one.sentence, points=one.points)


def _messages(person, before, limit) -> Iterator[Moment]:
    theirs = delivery.queries.messages_to(*members.queries.ids_of(person.pk)).prefetch_related("events")
    for one in _earlier(theirs, "enqueued_at", before, limit):
        detail = one.get_skip_reason_display() if one.skip_reason else one.get_state_display()
        yield Moment(one.sent_at or one.enqueued_at, "mail", one.get_channel_display(), str(detail))
        for event in one.events.all():
            if not event.is_machine and (not before or event.at < before):
                yield Moment(event.at, "eye", event.get_kind_display(), one.get_channel_display())


def _touchpoints(person, before, limit) -> Iterator[Moment]:
    rows = [one for one in members.queries.touchpoints_of(person.pk, limit=5 * limit) if not before or one.at < before]
    for one in rows[:limit]:
        said = " · ".join(part for part in (one.event, one.subject, one.words) if part)
        yield Moment(
            one.at, "phone" if one.kind == "call" else "sparkle", one.get_kind_display(), said, mood=_mood(one.feeling)
        )


def _stages(person, before, limit) -> Iterator[Moment]:
    for one in members.queries.stages_of(person.pk):
        if not before or one.at < before:
            yield Moment(one.at, "flag", _("Life-cycle stage"), _in_words(one))


def _in_words(change) -> str:
    names = dict(Member.LifecycleStage.choices)
    return f"{names.get(change.before, change.before)} → {names.get(change.after, change.after)}"


def _care(person, before, limit) -> Iterator[Moment]:
    for one in _earlier(care.queries.cases_of(person.pk), "opened_at", before, limit):
        yield Moment(
            one.opened_at, "headset", _("Case %(number)s: %(topic)s") % {"number": one.number, "topic": one.topic.name},
            one.subject, reverse("desk:case", args=[one.public_id]), _mood(one.feeling),
        )  # fmt: skip
    theirs = Answer.objects.filter(invitation__member__in=members.queries.ids_of(person.pk)).select_related(
        "invitation__survey"
    )
    for said in _earlier(theirs, "answered_at", before, limit):
        words = f"{said.score} – {said.invitation.survey.name} {said.comment}".strip()
        yield Moment(said.answered_at, "star", _("Answered a survey"), words)


def _journeys(person, before, limit) -> Iterator[Moment]:
    """That they came into a journey, and how it ended; its messages and gifts stand where they belong."""
    for one in _earlier(journeys.enrolments_of(person.pk), "entered_at", before, limit):
        title = _("Journey “%(name)s”") % {"name": one.journey.name}
        yield Moment(one.entered_at, "flag", title, journeys.cause_words(one.cause))
        if one.ended_at and (not before or one.ended_at < before):
            yield Moment(one.ended_at, "flag", title, str(journeys.why_words(one.why) or one.get_state_display()))


def _mood(feeling: int | None) -> str:
    return "" if feeling is None or abs(feeling) < 30 else "good" if feeling > 0 else "bad"


_ROOMS = (_purchases, _points, _messages, _touchpoints, _stages, _care, _journeys)


@never_cache
@service
def timeline(request, public_id):
    """The member's whole history, and what the shop knows beside it: fields of its own, tags, tasks, opportunities."""
    person = access_member(request.user, public_id)
    members.operations.note_access(user=request.user, member_id=person.pk, act="viewed", door="desk")
    told = moments(person, before=parse_datetime(request.GET.get("before", "")))
    known = members.queries.custom_fields(person.pk)
    context = {
        "member": person, "moments": told, "more": told[-1].at.isoformat() if len(told) == A_PAGE else "",
        "is_first": not request.GET.get("before"),
        "fields": [(field, known.get(field.code)) for field in CustomField.objects.all()],
        "tags": members.queries.tags_of(person.pk), "stages": [(one.at, _in_words(one)) for one in members.queries.stages_of(person.pk)[:6]],
        "tasks": care.queries.tasks_of(person.pk)[:6], "task_form": TaskForm(initial={"team": "service"}),
        "opportunities": person.opportunities.select_related("stage").order_by("closed_at", "-opened_at")[:6],
        "journeys": [
            (way.enrolment.journey.name, journeys.why_here(way)) for way in journeys.ways_of(person.pk, is_inside=True)
        ],
        "opportunity_form": OpportunityForm(), "currency": settings.CURRENCY,
        "foretold": foretold.of_member(person.pk), "warning": retention.of_member(person.pk), "driver": retention.driver_of(person.pk),
    }  # fmt: skip
    return render(request, "desk/timeline.html", context)


@service
@require_POST
def know(request, public_id):
    """Set the shop's own fields, and stick or take off a tag."""
    person = access_member(request.user, public_id)
    values = {name.removeprefix("field_"): value for name, value in request.POST.items() if name.startswith("field_")}
    only = Member.objects.filter(pk=person.pk)
    try:
        members.operations.set_custom_fields(member_id=person.pk, values=values)
        for code in request.POST.get("tags", "").replace(",", " ").split():
            members.operations.tag_members(code=code, members=only, source="desk", at=clock.now())
        if request.POST.get("off"):
            members.operations.untag_members(code=request.POST["off"], members=only)
    except ValueError as reason:
        messages.error(request, str(reason))
    else:
        members.operations.note_access(user=request.user, member_id=person.pk, act="profile", door="desk")
        messages.success(request, _("Saved."))
    return redirect("desk:timeline", public_id)
