"""Journeys, their frozen versions, who is inside at which step, and what every step did."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField

STEP_LENGTH = 12


def new_secret() -> str:
    return "whsec_" + secrets.token_urlsafe(32)


class Journey(models.Model):
    """A flow members enter by an event, an audience or a date. What is edited is `draft`; what runs are its versions."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        LIVE = "live", _("Live")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    name = models.CharField(_("name"), max_length=120)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.DRAFT)
    draft = models.JSONField(default=dict, help_text="The definition being edited. See campaigns/journeys/flow.py.")
    revision = models.PositiveIntegerField(default=1, help_text="Of the draft: a second editor hears of the first.")
    past = models.JSONField(default=list, help_text="Drafts before the last changes, the newest last.")
    undone = models.JSONField(default=list, help_text="Drafts that were taken back, the last one taken back last.")
    version = models.ForeignKey(
        "campaigns.JourneyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Which one members enter now.",
    )  # fmt: skip
    webhook_secret = EncryptedTextField(default=new_secret)
    live_from = models.DateTimeField(null=True, blank=True, help_text="What happened before lets nobody in.")
    next_entry_at = models.DateTimeField(
        null=True, blank=True, help_text="When the audience or the date is looked at next."
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="draft") | Q(version__isnull=False, live_from__isnull=False),
                name="a_journey_runs_by_a_version",
            ),
            models.CheckConstraint(
                condition=~Q(status="paused") | Q(paused_at__isnull=False), name="a_pause_has_a_beginning"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def cause(self) -> str:
        """The journey's name in other rooms; those of its steps stand below it."""
        return f"journey:{self.pk}"


class JourneyVersion(models.Model):
    """A definition as it was published. Never edited: who is inside finishes by the one they are pinned to."""

    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    published_at = models.DateTimeField()
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        ordering = ["journey_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["journey", "number"], name="a_version_has_one_number")]

    def __str__(self):
        return f"{self.journey} {self.number}"


class JourneyContent(models.Model):
    """What a step says in one language, frozen at publishing: later edits of the template do not reach those inside."""

    version = models.ForeignKey(JourneyVersion, on_delete=models.PROTECT, related_name="contents")
    step = models.CharField(max_length=STEP_LENGTH)
    language = models.CharField(max_length=10)
    content = models.CharField(max_length=60, help_text="The frozen version's name, such as emails.FrozenEmail:12.")
    needs_values = models.BooleanField(help_text="It names points, tier or offers; else nothing is looked up for it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "step", "language"], name="a_step_is_frozen_once_a_language")
        ]


class Enrolment(models.Model):
    """One member's way through one journey: at which step, since when, and when to look again."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Inside")
        DONE = "done", _("Came to the end")
        GOAL = "goal", _("Reached the goal")
        LEFT = "left", _("Left")

    id = models.BigAutoField(primary_key=True)
    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="enrolments", db_index=False)
    version = models.ForeignKey(JourneyVersion, on_delete=models.PROTECT, related_name="enrolments", db_index=False)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="enrolments")
    round = models.PositiveSmallIntegerField(help_text="The member's first, second … time in this journey.")
    cause = models.CharField(
        max_length=120, db_collation="C", help_text="What let them in: purchases:123, birthday:2026-03-10."
    )
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    step = models.CharField(max_length=STEP_LENGTH, help_text="Where they stand, or stood last.")
    due_at = models.DateTimeField(help_text="Business time: not looked at before.")
    until = models.DateTimeField(null=True, blank=True, help_text="When waiting for an event ends without it.")
    arrived_at = models.DateTimeField(help_text="At this step.")
    entered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=30, blank=True, help_text="Why they left.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "member", "round"], name="a_round_is_walked_once"),
            models.UniqueConstraint(fields=["journey", "member", "cause"], name="one_enrolment_for_one_cause"),
            models.UniqueConstraint(
                fields=["journey", "member"], condition=Q(state="active"), name="a_member_is_in_a_journey_once"
            ),
            models.CheckConstraint(
                condition=Q(state="active", ended_at__isnull=True) | ~Q(state="active") & Q(ended_at__isnull=False),
                name="who_is_inside_has_not_ended",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="active"), name="journeys_due"),
            models.Index(fields=["version", "step", "state"], name="journeys_where"),
        ]

    def __str__(self):
        return f"{self.journey_id}:{self.member_id}:{self.round} {self.step} {self.state}"


class StepRun(models.Model):
    """That a step was done for an enrolment. Written in the transaction of what the step causes; a flow has no loops."""

    # Written by the runner alone, of enrolments that it holds: the database is not asked once more for each whether they exist.
    id = models.BigAutoField(primary_key=True)
    enrolment = models.ForeignKey(
        Enrolment, on_delete=models.CASCADE, related_name="runs", db_index=False, db_constraint=False
    )
    version = models.ForeignKey(
        JourneyVersion, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    step = models.CharField(max_length=STEP_LENGTH)
    outcome = models.CharField(max_length=40, help_text="done, or the path taken, or why nothing was done.")
    due_at = models.DateTimeField()
    at = models.DateTimeField()
    values = models.JSONField(null=True, help_text="What a message's fields say; nothing personal.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "step"], name="a_step_is_done_once")]
        indexes = [models.Index(fields=["version", "step", "outcome"], name="journeys_funnel")]


class JourneyLook(models.Model):
    """How far one source of news has been read, by id. Ids are given before they are committed, so a reading settles later."""

    source = models.CharField(max_length=30, unique=True)
    settled_id = models.BigIntegerField(help_text="Everything up to here has been read, whoever committed it when.")
    seen_id = models.BigIntegerField()
    seen_at = models.DateTimeField(help_text="Real time, by the database's clock.")


class WebhookCall(models.Model):
    """One call a step asked for. It is made after commit, at least once, under an id by which the other side knows a repeat."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        DONE = "done", _("Taken")
        GIVEN_UP = "given_up", _("Given up")

    run = models.OneToOneField(StepRun, on_delete=models.CASCADE, related_name="call")
    public_id = models.UUIDField(unique=True)
    url = models.URLField(max_length=500)
    body = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    due_at = models.DateTimeField(help_text="Real time.")
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at", "id"], condition=Q(state="pending"), name="journeys_calls_due")]


class PortalNote(models.Model):
    """A few words on the member's own page, until they close it or its time is over."""

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="portal_notes")
    cause = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    text = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["member", "cause"], name="a_note_is_left_once")]
