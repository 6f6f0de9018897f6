"""Experiments, their arms, and who was assigned to which."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from experiments.buckets import BUCKETS


class Experiment(models.Model):
    """A question asked of members by chance. Its salt makes its assignment independent of every other's."""

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", _("Campaign")
        GLOBAL_CONTROL = "global", _("Global control group")
        RULES = "rules", _("Points rules")
        JOURNEY = "journey", _("Journey")
        INTERVENTION = "intervention", _("Intervention")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind)
    salt = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name


class Arm(models.Model):
    """One answer of an experiment: the buckets [bucket_from, bucket_to) of 10,000."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    name = models.CharField(max_length=100)
    is_holdout = models.BooleanField(default=False)
    bucket_from = models.PositiveSmallIntegerField()
    bucket_to = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["experiment_id", "bucket_from"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "name"], name="an_arm_has_one_name"),
            models.CheckConstraint(
                condition=models.Q(bucket_from__lt=models.F("bucket_to"), bucket_to__lte=BUCKETS),
                name="an_arm_holds_buckets",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def share(self) -> float:
        return (self.bucket_to - self.bucket_from) / BUCKETS


class Assignment(models.Model):
    """One member in one arm, at the moment they became eligible; with the reason, if planning skipped them."""

    id = models.BigAutoField(primary_key=True)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="assignments")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="assignments")
    arm = models.ForeignKey(Arm, on_delete=models.CASCADE, related_name="assignments")
    bucket = models.PositiveSmallIntegerField()
    propensity = models.FloatField(help_text="The chance this member had of this arm.")
    assigned_at = models.DateTimeField()
    skipped_reason = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "member"], name="one_assignment_for_one_member"),
        ]
        indexes = [models.Index(fields=["experiment", "arm"])]


class ControlPeriod(models.Model):
    """The standing control group for a while: its members get no marketing at all, so that the whole of it can be measured.

    Who is in it follows from the experiment's salt. On the rotation date the next period draws anew, because members who are
    never written to drift away from the others (and should not be left out for ever).
    """

    experiment = models.OneToOneField(Experiment, on_delete=models.PROTECT, related_name="control_period")
    percent = models.PositiveSmallIntegerField(help_text="Held out, per cent of all members.")
    starts_at = models.DateTimeField()
    rotates_at = models.DateTimeField(help_text="Stated in advance: the next period begins then.")
    assigned_member_id = models.BigIntegerField(default=0, help_text="Members up to this one are assigned.")

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(percent__gte=1, percent__lte=20), name="a_control_group_is_small"
            ),
            models.CheckConstraint(
                condition=models.Q(rotates_at__gt=models.F("starts_at")), name="a_control_period_has_an_end"
            ),
        ]
