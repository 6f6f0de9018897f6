"""Scores: what a run of a model says of each member, kept with the run, so that yesterday's answer can still be read."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ScoreKind(models.TextChoices):
    """What a score says; the unit of `value` stands beside it."""

    RFM = "rfm", _("RFM cell")  # 111 … 555: recency, frequency, money, each a fifth
    PURCHASES = "purchases", _("Purchases expected")  # a number, within the run's horizon
    ALIVE = "alive", _("Still a customer")  # a probability
    VALUE = "value", _("Value expected")  # minor units, within the run's horizon
    CHURN = "churn", _("Risk of leaving")  # a probability
    NEXT_PURCHASE = "next_purchase", _("Next purchase")  # days from the run; `on` is the date
    REPLENISHMENT = "replenishment", _("Product needed again")  # days from the run; `on` the date; by product type
    LOOK_ALIKE = "look_alike", _("Like the chosen members")  # a probability, of the run's `subject`
    PRICE_DRIVEN = "price_driven", _("Looks for price")  # 0 to 1, a rank among members
    SERVICE_DRIVEN = "service_driven", _("Looks for service")
    BRAND_DRIVEN = "brand_driven", _("Looks for brands")


class ScoreRun(models.Model):
    """One run of one model: what it saw, how it fared, and whether its scores are the ones to read."""

    class Status(models.TextChoices):
        REFUSED = "refused", _("Refused")
        LIVE = "live", pgettext_lazy("a model", "Live")
        RETIRED = "retired", _("Retired")

    kind = models.CharField(max_length=16, choices=ScoreKind)
    subject = models.CharField(max_length=80, blank=True, help_text="What a look-alike is like, such as audience:3.")
    model = models.CharField(max_length=40)
    status = models.CharField(max_length=8, choices=Status)
    at = models.DateTimeField(help_text="Purchases before this moment were seen.")
    horizon_days = models.PositiveIntegerField(default=0, help_text="How far ahead a score speaks; 0: of now.")
    currency = models.CharField(max_length=3, blank=True)
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    code_version = models.CharField(max_length=40, blank=True)
    verdict = models.TextField(blank=True, help_text="Why its scores are read, or why they are not.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(status="live"), name="one_live_run_for_one_kind"
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.model} {self.pk}"


class Score(models.Model):
    """What one run says of one member, with its doubt and its reason. Never changed; the next run writes its own rows."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ScoreRun, on_delete=models.CASCADE, related_name="scores")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="scores")
    category = models.ForeignKey(
        "sales.Category", null=True, on_delete=models.CASCADE, related_name="+", db_index=False,
        help_text="The product type that a replenishment speaks of.",
    )  # fmt: skip
    value = models.FloatField()
    low = models.FloatField(null=True, help_text="Lower end of the 95 % interval, where there is one.")
    high = models.FloatField(null=True)
    on = models.DateField(null=True, help_text="The day a date is foretold for.")
    reason_code = models.CharField(max_length=24, blank=True)
    reason_params = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "member", "category"], nulls_distinct=False, name="one_score_of_one_member_in_a_run"
            ),
            models.CheckConstraint(
                condition=models.Q(low__isnull=True)
                | models.Q(low__lte=models.F("value"), high__gte=models.F("value")),
                name="a_score_lies_in_its_interval",
            ),
        ]
