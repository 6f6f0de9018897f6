"""Tables of tiers beyond the ladder itself: benefits, what was given by invitation, and paid memberships."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from members.languages import in_readers_language


class TierPolicy(models.Model):
    """One row: what holds for the whole ladder."""

    currency = models.CharField(max_length=3, default="USD", help_text="The currency that spend is counted in.")
    falls_one_step = models.BooleanField(
        default=False, help_text="Who loses a tier falls one step at a time, a month at least between two."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_tier_policy")]


class TierBenefit(models.Model):
    """What a tier brings, in words for the member."""

    tier = models.ForeignKey("loyalty.Tier", on_delete=models.CASCADE, related_name="benefits")
    place = models.PositiveSmallIntegerField(default=0)
    words_en = models.CharField(max_length=120)
    words_zh = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["tier", "place", "pk"]

    def __str__(self):
        return self.words

    @property
    def words(self) -> str:
        """The benefit in the reader's language."""
        return in_readers_language(self.words_en, self.words_zh)


class TierGrant(models.Model):
    """A tier given, not earned: by invitation, by a paid membership, or brought along from another system."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("By invitation")
        MEMBERSHIP = "membership", _("Paid membership")
        OPENING = "opening", _("Brought along")

    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="tier_grants")
    tier = models.ForeignKey("loyalty.Tier", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    cause = models.CharField(max_length=120, help_text="The giver's own name for it; one grant for one cause.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is ended.")
    note = models.CharField(max_length=200, blank=True)
    by_user = models.ForeignKey(
        "members.User", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    given_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["wallet", "cause"], name="one_tier_grant_for_one_cause")]


class MembershipPlan(models.Model):
    """A paid tier's price. `price_id` is the payment provider's own name for it."""

    tier = models.ForeignKey("loyalty.Tier", on_delete=models.PROTECT, related_name="plans")
    price_id = models.CharField(max_length=100, unique=True)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=5, choices=[("month", _("a month")), ("year", _("a year"))])
    is_open = models.BooleanField(default=True, help_text="Members may join.")


class Membership(models.Model):
    """A member's subscription as the payment provider last told it. The tier follows from it (TierGrant)."""

    class Status(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("in use", "Active")
        GRACE = "grace", _("Payment failed")
        ENDED = "ended", _("Ended")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="memberships")
    plan = models.ForeignKey(MembershipPlan, on_delete=models.PROTECT, related_name="memberships")
    subscription_id = models.CharField(max_length=100, unique=True)
    customer_id = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status)
    is_leaving = models.BooleanField(default=False, help_text="Ends with the period that is paid.")
    period_ends_at = models.DateTimeField(null=True)
    grace_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when the tier stays after a failed payment."
    )
    joined_at = models.DateTimeField()
    changed_at = models.DateTimeField()


class PaymentEvent(models.Model):
    """What the payment provider told us, as it was told, and when it was obeyed. One row for one event id."""

    event_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=100)
    raw = models.TextField()
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True)
