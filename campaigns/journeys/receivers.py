"""News heard: who asked to be forgotten leaves every journey; who turned out to be somebody else walks on as that person."""

from django.db import transaction
from django.db.models import Max
from django.dispatch import receiver
from django.utils.translation import gettext as _

from campaigns.journeys.models import Enrolment, PortalNote, StepRun, WebhookCall
from members import clock
from members.operations.merging import moved_rows, remember_moved
from members.personal_data import Section, rows_of
from members.signals import member_erased, member_merged, member_unmerged, personal_data_asked

ROOM = "journeys"


@receiver(member_erased)
@transaction.atomic
def forget(member_id, **_news):
    """Enrolments stay without a name, so that funnels still add up; what was said and sent goes."""
    PortalNote.objects.filter(member=member_id).delete()
    WebhookCall.objects.filter(run__enrolment__member=member_id).delete()
    StepRun.objects.filter(enrolment__member=member_id, values__isnull=False).update(values=None)
    Enrolment.objects.filter(member=member_id, state=Enrolment.State.ACTIVE).update(
        state=Enrolment.State.LEFT, why="not_active", ended_at=clock.now()
    )


@receiver(personal_data_asked)
def tell(member_id, **_news):
    return [
        Section(
            "journeys",
            _("Journeys you went on"),
            rows_of(
                Enrolment.objects.filter(member_id=member_id).order_by("entered_at", "pk"),
                "cause", "state", "step", "entered_at", "ended_at", journey="journey__name",
            ),
        ),
        Section(
            "portal_notes",
            _("Notes on your page"),
            rows_of(PortalNote.objects.filter(member_id=member_id).order_by("at"), "at", "title", "text", "closed_at"),
        ),
    ]  # fmt: skip


@receiver(member_merged)
@transaction.atomic
def follow(survivor_id, absorbed_id, merge_id, **_news):
    """The absorbed record's open enrolments go on as the survivor's, but for journeys the survivor is inside already."""
    active = Enrolment.objects.filter(state=Enrolment.State.ACTIVE)
    inside = active.filter(member=survivor_id).values("journey")
    moving = list(active.filter(member=absorbed_id).exclude(journey__in=inside).select_for_update())
    for enrolment in moving:
        past = Enrolment.objects.filter(member=survivor_id, journey=enrolment.journey_id)
        enrolment.member_id = survivor_id
        enrolment.round = (past.aggregate(last=Max("round"))["last"] or 0) + 1
        enrolment.cause = f"merge:{merge_id}:{enrolment.cause}"[:120]
        enrolment.save(update_fields=["member", "round", "cause"])
    if moving:
        remember_moved(merge_id=merge_id, room=ROOM, ids=[enrolment.pk for enrolment in moving])


@receiver(member_unmerged)
@transaction.atomic
def go_back(survivor_id, absorbed_id, merge_id, **_news):
    """What a merge moved goes home, under the causes it had."""
    moved = Enrolment.objects.filter(pk__in=moved_rows(merge_id=merge_id, room=ROOM), member=survivor_id)
    for enrolment in moved.select_for_update():
        before = Enrolment.objects.filter(member=absorbed_id, journey=enrolment.journey_id)
        enrolment.member_id = absorbed_id
        enrolment.round = (before.aggregate(last=Max("round"))["last"] or 0) + 1
        enrolment.cause = enrolment.cause.removeprefix(f"merge:{merge_id}:")
        enrolment.save(update_fields=["member", "round", "cause"])
