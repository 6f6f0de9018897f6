"""The ledger: wallets, transfers, awards, rule sets, tiers, entitlements."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Account(models.IntegerChoices):
    """What a transfer moves points between. Below 10: the programme's own accounts; from 10: buckets of a wallet."""

    ISSUED = 1, _("Issued")
    REDEEMED = 2, _("Redeemed")
    EXPIRED = 3, _("Expired")
    CANCELLED = 4, _("Taken back")
    TRANSIT = 5, _("In transit between wallets")
    OPENING = 6, _("Opening balance")
    GOODWILL = 7, _("Goodwill")
    AVAILABLE = 10, _("Available")
    PENDING = 11, _("Pending")
    HELD = 12, _("Held")
    DEBT = 13, _("Owed")


class Currency(models.Model):
    """What a wallet counts: points first; stamps, tier credits, cashback later."""

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=60)


class RuleSet(models.Model):
    """One immutable version of the earning rules. `definition` is compiled by loyalty/earning.py."""

    id = models.AutoField(primary_key=True)
    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    definition = models.JSONField()
    live_from = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["live_from", "version"]


class Tier(models.Model):
    """A step of the ladder. Reached with `points_from` qualifying points inside the window."""

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=20, unique=True)
    name_en = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    points_from = models.PositiveIntegerField(unique=True)
    multiplier_percent = models.PositiveSmallIntegerField(default=100, help_text="What points are multiplied by: 150 is ×1.5.")

    class Meta:
        ordering = ["points_from"]


class Wallet(models.Model):
    """A holder's points in one currency, with everything the posting function needs under one row lock."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT)
    member = models.ForeignKey("members.Member", null=True, blank=True, on_delete=models.PROTECT, related_name="wallets")
    household = models.ForeignKey("members.Household", null=True, blank=True, on_delete=models.PROTECT, related_name="wallets")
    available = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    carry_micropoints = models.IntegerField(default=0, help_text="The part of a point carried to the next purchase, in millionths.")
    version = models.BigIntegerField(default=0)
    lot_expires_on = ArrayField(models.DateField(), default=list)
    lot_points = ArrayField(models.BigIntegerField(), default=list)
    tier = models.ForeignKey(Tier, null=True, blank=True, on_delete=models.PROTECT)
    tier_since = models.DateTimeField(null=True, blank=True)
    qualifying_month = models.DateField(null=True, blank=True, help_text="First day of the newest month in qualifying_points.")
    qualifying_points = ArrayField(models.BigIntegerField(), default=list, help_text="Points per month of the window, newest first.")
    last_purchase_at = models.DateTimeField(null=True, blank=True)
    entitled_until = models.DateTimeField(null=True, blank=True, help_text="No entitlement of this holder is valid after this.")


class Transfer(models.Model):
    """Points moved from one account to another. One immutable row, so every sum is zero by construction.

    The wallet's version orders them without gaps; (source, client_key, seq) is the act's own name.
    """

    pk = models.CompositePrimaryKey("wallet_id", "version")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="transfers", db_index=False)
    version = models.BigIntegerField()
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, db_index=False)
    client_key = models.CharField(max_length=120)
    seq = models.PositiveSmallIntegerField(default=0)
    body_hash = models.BinaryField(max_length=16)
    debit_account = models.PositiveSmallIntegerField(choices=Account)
    credit_account = models.PositiveSmallIntegerField(choices=Account)
    points = models.BigIntegerField()
    available_after = models.BigIntegerField()
    expires_on = models.DateField(null=True, blank=True)
    purchase = models.ForeignKey("sales.Purchase", null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    reverses_version = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=30)
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()


class Award(models.Model):
    """What one purchase earned and under which rule: every input, so that it recomputes; and what was taken back since."""

    purchase = models.OneToOneField("sales.Purchase", on_delete=models.PROTECT, primary_key=True, related_name="award")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="awards")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT)
    inputs = models.JSONField()
    points = models.BigIntegerField()
    line_micropoints = ArrayField(models.BigIntegerField())
    line_taken_back = ArrayField(models.BigIntegerField(), default=list)


class TierChange(models.Model):
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="tier_changes")
    from_tier = models.ForeignKey(Tier, null=True, on_delete=models.PROTECT, related_name="+")
    to_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    qualifying_points = models.BigIntegerField()
    purchase = models.ForeignKey("sales.Purchase", null=True, on_delete=models.PROTECT, db_index=False)
    at = models.DateTimeField()


class Entitlement(models.Model):
    """A benefit a member was given from above: an offer, a voucher. The posting path and the till read only this."""

    class Benefit(models.TextChoices):
        MULTIPLY = "multiply", _("Points multiplied")
        BONUS = "bonus", _("Bonus points")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="entitlements")
    category = models.ForeignKey("sales.Category", null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: every line.")
    benefit = models.CharField(max_length=10, choices=Benefit)
    amount = models.PositiveIntegerField(help_text="Percent for multiply (300 is ×3), points for bonus.")
    uses_left = models.PositiveIntegerField(default=1)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    cause = models.CharField(max_length=80, help_text="The giver's own name for why, such as campaign:12:345. Never read here.")
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "cause"], name="one_entitlement_for_one_cause")]
        indexes = [models.Index(fields=["member", "valid_until"])]
