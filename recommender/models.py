"""Offers, what is never offered, trained rankers, recommendations, and what was decided, shown and learned."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Slot(models.TextChoices):
    BUY_AGAIN = "buy_again", _("Buy again")
    NEW_FOR_YOU = "new_for_you", _("New for you")


class Offer(models.Model):
    """A benefit on one product type: what `loyalty.entitle` is told when a member is given it."""

    class Benefit(models.TextChoices):
        MULTIPLY = "multiply", _("Points multiplied")
        BONUS = "bonus", _("Bonus points")

    category = models.OneToOneField(
        "sales.Category", on_delete=models.CASCADE, related_name="offer", verbose_name=_("product type")
    )
    benefit = models.CharField(_("benefit"), max_length=10, choices=Benefit, default=Benefit.MULTIPLY)
    amount = models.PositiveIntegerField(
        _("amount"),
        default=300,
        validators=[MinValueValidator(1)],
        help_text=_("Percent for multiplied points (300 is ×3); points for a bonus."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [models.CheckConstraint(condition=models.Q(amount__gte=1), name="an_offer_gives_something")]

    def __str__(self):
        return f"{self.category.name}: {self.benefit_words}"

    @property
    def benefit_words(self) -> str:
        """The benefit in the reader's language, such as “×3 points”."""
        if self.benefit == self.Benefit.MULTIPLY:
            return _("×%(factor)s points") % {"factor": f"{self.amount / 100:g}"}
        return _("+%(points)s points") % {"points": self.amount}


class OfferExclusion(models.Model):
    """Product types that are never recommended, offered or reasoned from. Obeyed before display, at once."""

    class Kind(models.TextChoices):
        PATH = "path", _("This node of the product tree and all below it")
        NAME = "name", _("Every type whose path contains this text")

    class Reason(models.TextChoices):
        TOBACCO = "tobacco", _("Tobacco")
        ALCOHOL = "alcohol", _("Alcohol")
        FUEL = "fuel", _("Fuel")
        GIFT_CARD = "gift_card", _("Gift cards and money services")
        LOTTERY = "lottery", _("Lottery and games of chance")
        HEALTH = "health", _("Health and pharmacy")
        INTIMATE = "intimate", _("Intimate products")
        INFANT = "infant", _("Infants")
        SERVICE = "service", _("Not a product: coupons, deposits, fees")
        OTHER = "other", _("Other")

    kind = models.CharField(_("applies to"), max_length=4, choices=Kind, default=Kind.PATH)
    value = models.CharField(
        _("path or text"), max_length=400, help_text=_("Names as the source writes them, joined by “ > ”.")
    )
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    is_only_new = models.BooleanField(
        _("only in “New for you”"),
        default=False,
        help_text=_("What the member buys already may still be offered; it is never suggested to anybody else."),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["reason", "value"]
        verbose_name = _("offer exclusion")
        verbose_name_plural = _("offer exclusions")
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], name="an_exclusion_is_written_once"),
            models.CheckConstraint(condition=~models.Q(value=""), name="an_exclusion_names_something"),
        ]

    def __str__(self):
        return f"{self.get_reason_display()}: {self.value}"


class Dismissal(models.Model):
    """A member's “not interested” in a type: it is not recommended to them again."""

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="dismissals")
    category = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "category"], name="one_dismissal_for_one_type")]


class RankerVersion(models.Model):
    """One trained ranker of one slot, with where it came from, how it fared on later weeks, and whether it serves."""

    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")
        LIVE = "live", pgettext_lazy("a model", "Live")
        RETIRED = "retired", _("Retired")

    slot = models.CharField(max_length=12, choices=Slot)
    ranker = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, default=Status.CANDIDATE)
    artifact = models.CharField(max_length=200, help_text="File name under settings.ARTIFACTS.")
    checksum = models.CharField(max_length=64, help_text="SHA-256 of the artifact.")
    trained_from = models.DateTimeField()
    trained_until = models.DateTimeField(help_text="Purchases before this moment were seen.")
    evaluated_until = models.DateTimeField()
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    seed = models.PositiveIntegerField()
    verdict = models.TextField(blank=True, help_text="Why it serves, or why the humble rival does.")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["slot"], condition=models.Q(status="live"), name="one_live_ranker_for_one_slot"
            ),
        ]

    def __str__(self):
        return f"{self.slot} {self.ranker} {self.pk}"


class Recommendation(models.Model):
    """What a member is likely to want next in one slot, best first, with the reason it can be told."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="recommendations")
    slot = models.CharField(max_length=12, choices=Slot)
    rank = models.PositiveSmallIntegerField(help_text="1 is best.")
    category = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+")
    score = models.FloatField(help_text="The ranker's own, positive, comparable within one member and slot only.")
    reason_code = models.CharField(max_length=20)
    reason_params = models.JSONField(default=dict)
    version = models.ForeignKey(RankerVersion, on_delete=models.CASCADE, related_name="recommendations", db_index=False)

    class Meta:
        ordering = ["member_id", "slot", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["member", "slot", "rank"], name="one_recommendation_for_one_rank"),
            models.UniqueConstraint(fields=["member", "category"], name="a_type_is_recommended_once"),
        ]


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
    """A decision that was really shown, on one channel, and when first."""

    id = models.BigAutoField(primary_key=True)
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="exposures")
    channel = models.CharField(max_length=20)
    shown_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "channel"], name="one_exposure_for_one_channel")]


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
