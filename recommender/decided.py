"""What was decided, shown and learned: tables of their own subject. Django finds them through `recommender.models`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from recommender.models import Offer, RankerVersion, Slot


class PolicyVersion(models.Model):
    """A way of choosing among what is eligible: which one decides, and what let it."""

    class Kind(models.TextChoices):
        GREEDY = "greedy", _("The best, now and then a shuffle")
        THOMPSON = "thompson", _("Thompson sampling by category")
        CONTEXTUAL = "contextual", _("Thompson sampling by category and member")

    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")
        TRIAL = "trial", _("In an A/B test")
        LIVE = "live", pgettext_lazy("a model", "Live")
        RETIRED = "retired", _("Retired")

    kind = models.CharField(max_length=12, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.CANDIDATE)
    floor = models.FloatField(default=0.05, help_text="Share of choices that is uniform.")
    trial_share = models.FloatField(default=0.5, help_text="Share of members it decides for while in an A/B test.")
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict, help_text="Off-policy estimates, and the gate's answer.")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=models.Q(status="live"), name="one_policy_decides"),
            models.UniqueConstraint(fields=["status"], condition=models.Q(status="trial"), name="one_policy_is_tried"),
        ]

    def __str__(self):
        return f"{self.kind}-{self.pk}"

    @property
    def samples(self) -> bool:
        """Does it draw from what is believed, or take what is believed for true?"""
        return self.kind != self.Kind.GREEDY

    @property
    def is_contextual(self) -> bool:
        """Does it believe by what is known of the member, too?"""
        return self.kind == self.Kind.CONTEXTUAL


class EligibleSet(models.Model):
    """What could have been chosen, best first, stored once for all who had the same choice; named by its MD5."""

    hash = models.CharField(primary_key=True, max_length=32)
    category_ids = ArrayField(models.BigIntegerField())

    def __str__(self):
        return self.hash


class OfferPlan(models.Model):
    """One assignment of offers to members under budgets, with its proven gap and what other budgets would change."""

    cause = models.CharField(max_length=60, unique=True)
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    members = models.PositiveIntegerField()
    offers = models.PositiveIntegerField(help_text="How many were given.")
    reminders = models.PositiveIntegerField(help_text="Told without a benefit, because they buy it anyway.")
    value_minor = models.FloatField(help_text="Expected incremental margin.")
    bound_minor = models.FloatField(help_text="No assignment is worth more.")
    spent_minor = models.FloatField(help_text="Expected cost of the benefits.")
    what_if = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self):
        return self.cause

    @property
    def gap(self) -> float:
        return max(0.0, 1 - self.value_minor / self.bound_minor) if self.bound_minor > 0 else 0.0


class Decision(models.Model):
    """An offer given to a member for a cause, and the probability the policy had of giving exactly it there."""

    id = models.BigAutoField(primary_key=True)
    cause = models.CharField(
        max_length=80, help_text="The asker's own name for why, such as campaign:12. Never read here."
    )
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="decisions")
    slot = models.CharField(max_length=12, choices=Slot)
    position = models.PositiveSmallIntegerField(help_text="1 is first.")
    category = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+", db_index=False)
    benefit = models.CharField(max_length=10, choices=Offer.Benefit)
    amount = models.PositiveIntegerField()
    propensity = models.FloatField()
    policy = models.CharField(max_length=60)
    eligible = models.CharField(max_length=32, blank=True, help_text="Hash of the eligible set.")
    reason_code = models.CharField(max_length=20)
    reason_params = models.JSONField(default=dict)
    version = models.ForeignKey(RankerVersion, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["cause", "member_id", "slot", "position"]
        constraints = [
            models.UniqueConstraint(fields=["cause", "member", "slot", "position"], name="one_decision_for_one_place"),
            models.UniqueConstraint(fields=["cause", "member", "category"], name="a_type_is_decided_once"),
            models.CheckConstraint(
                condition=models.Q(propensity__gt=0, propensity__lte=1), name="a_propensity_is_a_probability"
            ),
        ]


class Exposure(models.Model):
    """One offer really shown to one member on one channel, and when first: all that learning needs, in one row."""

    id = models.BigAutoField(primary_key=True)
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="exposures")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="exposures")
    channel = models.CharField(max_length=20, help_text="email, push, portal, till, desk or api.")
    slot = models.CharField(max_length=12, choices=Slot)
    position = models.PositiveSmallIntegerField()
    category = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+", db_index=False)
    propensity = models.FloatField()
    policy = models.CharField(max_length=60)
    eligible = models.CharField(max_length=32, blank=True, help_text="Hash of the eligible set.")
    shown_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "channel"], name="one_exposure_for_one_channel")]
        indexes = [models.Index(fields=["shown_at"], name="exposures_in_order")]

    @classmethod
    def of(cls, decision: Decision, *, channel: str, shown_at) -> "Exposure":
        """The row, not yet written, that says this decision was shown."""
        copied = ("member_id", "slot", "position", "category_id", "propensity", "policy", "eligible")
        return cls(
            decision=decision, channel=channel, shown_at=shown_at, **{name: getattr(decision, name) for name in copied}
        )


class Lesson(models.Model):
    """What the outcomes of one cause taught. Evidence is kept, so that a lesson can be withdrawn and the rest recomputed."""

    cause = models.CharField(max_length=80, unique=True)
    at = models.DateTimeField()
    is_learned = models.BooleanField(help_text="False: too little evidence, nothing changed.")
    evidence = models.JSONField(default=list)
    changes = models.JSONField(default=list)
    verdict = models.TextField()
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["at", "pk"]


class OfferPosterior(models.Model):
    """What is believed of offers on one group of types in one slot: two Beta distributions, given the offer and not.

    The sum of a prior and the evidence of all lessons that stand; `weight` is what a ranker's score is multiplied by.
    """

    slot = models.CharField(max_length=12, choices=Slot)
    group = models.ForeignKey(
        "sales.Category", on_delete=models.CASCADE, related_name="+", help_text="A category (level 2)."
    )
    offered_alpha = models.FloatField()
    offered_beta = models.FloatField()
    held_out_alpha = models.FloatField()
    held_out_beta = models.FloatField()
    weight = models.FloatField(default=1.0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slot", "group"], name="one_posterior_for_one_group"),
            models.CheckConstraint(condition=models.Q(weight__gt=0), name="a_weight_is_positive"),
        ]
