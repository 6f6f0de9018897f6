"""Tables of those who watch the ledger: what a point is worth, sealed days, blocked wallets, cases under review."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class PointValue(models.Model):
    """What a point is worth in money from a day on. Rows only grow: of one day the row written last counts."""

    currency = models.ForeignKey("loyalty.Currency", on_delete=models.PROTECT, related_name="values", db_index=False)
    money = models.CharField(max_length=3, help_text="The currency of the books: USD.")
    minor_per_1000 = models.PositiveIntegerField(help_text="Minor units that a thousand points are worth.")
    effective_from = models.DateField()
    note = models.CharField(max_length=200, blank=True)
    by_user = models.ForeignKey(
        "members.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["currency", "money", "effective_from"], name="loyalty_value_of_points")]


class DayDigest(models.Model):
    """One sealed day of the ledger: what its transfers hash to, chained to the day before. Never edited.

    `bucket_roots` are the digests of 256 groups of wallets (wallet id mod 256), so that a change is found in its group;
    `root` is the digest of those; `chained` that of the day before's `chained`, the day, the count and `root`.
    """

    day = models.DateField(primary_key=True, help_text="Calendar day, UTC, on which the transfers were posted.")
    transfers = models.BigIntegerField()
    bucket_roots = ArrayField(models.BinaryField(max_length=32))
    root = models.BinaryField(max_length=32)
    chained = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()


class BlockedWallet(models.Model):
    """Spending from a wallet stopped because a promise of the ledger was broken there, until staff lifts it."""

    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="blocks")
    promise = models.CharField(max_length=200)
    breach = models.TextField()
    blocked_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        "members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    lift_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet"], condition=models.Q(lifted_at=None), name="a_wallet_is_blocked_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_at=None) | ~models.Q(lift_reason=""), name="a_block_is_lifted_with_a_reason"
            ),
        ]


class Review(models.Model):
    """One act held back because it looks like fraud. Its points stand in PENDING until staff releases or cancels them.

    The lots the points came from are kept, so that a release puts them back where they were. Written by
    `loyalty/sql/reviews.sql` alone.
    """

    class Pattern(models.TextChoices):
        VELOCITY = "velocity", _("Too many purchases at once")
        SELF_AWARD = "self_award", _("Staff awarding themselves")
        REFUND_CYCLING = "refund_cycling", _("Buying and refunding in circles")
        REFERRAL_RING = "referral_ring", _("Friends referring each other in circles")
        CODE_GUESSING = "code_guessing", _("Guessing codes")

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for a decision")
        RELEASED = "released", _("Released")
        CANCELLED = "cancelled", _("Cancelled")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="reviews")
    version = models.BigIntegerField(help_text="The wallet's version of the first transfer of the act.")
    purchase = models.ForeignKey(
        "sales.Purchase", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    pattern = models.CharField(max_length=20, choices=Pattern)
    facts = models.JSONField(default=dict, help_text="What was seen; loyalty/fraud.py puts it in words.")
    points = models.BigIntegerField(help_text="What the act gave.")
    held_points = models.BigIntegerField(help_text="What of it was still there to hold.")
    lot_expires_on = ArrayField(models.DateField(), default=list)
    lot_points = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        "members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    decision_reason = models.CharField(max_length=200, blank=True)
    cancelled_points = models.BigIntegerField(default=0, help_text="What a cancellation took away.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "version"], name="one_review_for_one_act"),
            models.CheckConstraint(
                condition=models.Q(state="open") | ~models.Q(decision_reason=""),
                name="a_review_is_decided_with_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(held_points__gte=0, held_points__lte=models.F("points")),
                name="no_more_is_held_than_was_given",
            ),
        ]
        indexes = [
            models.Index(fields=["opened_at"], condition=models.Q(state="open"), name="loyalty_reviews_open"),
            models.Index(
                fields=["purchase"], condition=models.Q(purchase__isnull=False), name="loyalty_review_of_sale"
            ),
        ]


class CodeAttempt(models.Model):
    """One try of a voucher or gift card code, by whom. The code itself is kept only as a keyed hash."""

    actor = models.CharField(max_length=80, help_text="Who tried: member:12, source:3, network:ab12.")
    code_hash = models.BinaryField(max_length=32)
    was_right = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["actor", "at"], name="loyalty_attempts_of_actor")]


class Screening(models.Model):
    """Up to where the ledger was looked through for fraud. At most one row."""

    posted_until = models.DateTimeField(help_text="Transfers posted before this were screened.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_screening")]
