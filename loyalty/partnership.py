"""Tables of partners: who issues and accepts our points, on which terms, and who funds what."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Partner(models.Model):
    """Another house that gives and takes our points. Its acts carry its source, so the ledger says what it owes."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    source = models.OneToOneField("sales.Source", on_delete=models.PROTECT, related_name="partner")
    is_active = models.BooleanField(default=True)
    may_issue = models.BooleanField(default=True)
    may_accept = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class PartnerTerms(models.Model):
    """What points cost between a partner and us from a day on. Never edited: new terms are a new row."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="terms")
    valid_from = models.DateField()
    currency = models.CharField(max_length=3)
    issue_minor_per_1000 = models.PositiveIntegerField(
        help_text="What the partner pays us for a thousand points it gives."
    )
    accept_minor_per_1000 = models.PositiveIntegerField(help_text="What we pay it for a thousand points it accepts.")

    class Meta:
        ordering = ["valid_from"]
        constraints = [models.UniqueConstraint(fields=["partner", "valid_from"], name="one_set_of_terms_from_a_day")]


class Funder(models.Model):
    """A partner's part in a benefit that it pays for. What no funder pays, the house pays."""

    cause = models.CharField(max_length=80, help_text="What is funded, such as reward:12.")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="funded")
    percent = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "partner"], name="a_partner_funds_a_cause_once"),
            models.CheckConstraint(condition=models.Q(percent__gte=1, percent__lte=100), name="a_funder_pays_a_part"),
        ]


class Funding(models.Model):
    """Whose points one act's points are, to the unit: the parts of an act's partners never exceed what it moved."""

    class Kind(models.TextChoices):
        ISSUED = "issued", _("Points given")
        REDEEMED = "redeemed", _("Points spent")
        RETURNED = "returned", _("Reward taken back")

    source = models.ForeignKey(
        "sales.Source", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    client_key = models.CharField(max_length=120)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="fundings", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    cause = models.CharField(max_length=80)
    points = models.PositiveBigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "client_key", "partner", "kind"], name="a_partner_pays_an_act_once"
            ),
        ]
        indexes = [models.Index(fields=["partner", "occurred_at"], name="loyalty_funding_by_partner")]
