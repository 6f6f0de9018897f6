"""Offers, what is never offered, trained rankers, recommendations, and what was decided, shown and learned."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Slot(models.TextChoices):
    BUY_AGAIN = "buy_again", _("Buy again")
    NEW_FOR_YOU = "new_for_you", _("New for you")
    NEW_PRODUCTS = "new_products", _("New in store")


class OfferBudget(models.Model):
    """Money that offers are paid from, and who pays it. What is given never adds up to more than there is."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    partner = models.ForeignKey(
        "loyalty.Partner", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("who pays"),
        help_text=_("Empty: the house pays."),
    )  # fmt: skip
    currency = models.CharField(_("currency"), max_length=3)
    limit_minor = models.PositiveBigIntegerField(_("budget, in minor units"))
    committed_minor = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Expected cost of what was given."
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("offer budget")
        verbose_name_plural = _("offer budgets")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(committed_minor__lte=models.F("limit_minor")),
                name="an_offer_budget_is_not_overspent",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def left_minor(self) -> int:
        return self.limit_minor - self.committed_minor


class Offer(models.Model):
    """A benefit on one product type: what `loyalty.entitle` is told when a member is given it."""

    class Benefit(models.TextChoices):
        MULTIPLY = "multiply", _("Points multiplied")
        BONUS = "bonus", _("Bonus points")
        AMOUNT = "amount", _("Amount off")
        PERCENT = "percent", _("Percentage off")
        PRODUCT = "product", _("Free product")

    category = models.OneToOneField(
        "sales.Category", on_delete=models.CASCADE, related_name="offer", verbose_name=_("product type")
    )
    benefit = models.CharField(_("benefit"), max_length=10, choices=Benefit, default=Benefit.MULTIPLY)
    amount = models.PositiveIntegerField(
        _("amount"),
        default=300,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Percent for multiplied points (300 is ×3) and for a percentage off; points for a bonus; minor units for an amount; "
            "pieces for a free product."
        ),
    )
    product = models.ForeignKey(
        "sales.Product",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("free product"),
    )
    cost_minor = models.PositiveIntegerField(
        _("cost of one use, in minor units"), null=True, blank=True,
        help_text=_("Empty: reckoned from the benefit and what is usually paid for the type."),
    )  # fmt: skip
    margin_percent = models.PositiveSmallIntegerField(
        _("margin, in percent of the price"), default=25, validators=[MaxValueValidator(100)]
    )
    budget = models.ForeignKey(
        OfferBudget, null=True, blank=True, on_delete=models.PROTECT, related_name="offers", verbose_name=_("budget")
    )
    stock = models.PositiveIntegerField(
        _("stock"), null=True, blank=True, help_text=_("The most members it is given to. Empty: no limit.")
    )
    given = models.PositiveIntegerField(default=0, editable=False)
    usual_minor = models.PositiveIntegerField(
        null=True, editable=False, help_text="What a line of the type usually comes to; rewritten with all lists."
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gte=1), name="an_offer_gives_something"),
            models.CheckConstraint(
                condition=models.Q(stock__isnull=True) | models.Q(given__lte=models.F("stock")),
                name="no_more_of_an_offer_is_given_than_there_is",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True) | models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="an_offer_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~models.Q(benefit="percent") | models.Q(amount__lte=100), name="an_offer_takes_off_at_most_all"
            ),
            models.CheckConstraint(
                condition=~models.Q(benefit="product") | models.Q(product__isnull=False) | models.Q(is_active=False),
                name="an_offered_free_product_is_named",
            ),
        ]  # fmt: skip

    def __str__(self):
        return f"{self.category.name}: {self.benefit_words}"

    @property
    def benefit_words(self) -> str:
        """The benefit in the reader's language, such as “×3 points”."""
        return benefit_words(self.benefit, self.amount)


def benefit_words(benefit: str, amount: int) -> str:
    """A benefit in the reader's language, without an offer around it: lists of them are read at every door."""
    if benefit == Offer.Benefit.MULTIPLY:
        return _("×%(factor)s points") % {"factor": f"{amount / 100:g}"}
    if benefit == Offer.Benefit.AMOUNT:
        return _("%(money)s off") % {"money": f"{amount / 100:.2f}"}
    if benefit == Offer.Benefit.PERCENT:
        return _("%(percent)s %% off") % {"percent": amount}
    if benefit == Offer.Benefit.PRODUCT:
        return _("One for free")
    return _("+%(points)s points") % {"points": amount}


class OfferExclusion(models.Model):
    """Product types that are never recommended, offered or reasoned from. Obeyed before display, at once."""

    class Kind(models.TextChoices):
        PATH = "path", _("This node of the product tree and all below it")
        NAME = "name", _("Every type whose path contains this text")
        BRAND = "brand", _("Every type of which all products are of this brand")

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

    kind = models.CharField(_("applies to"), max_length=5, choices=Kind, default=Kind.PATH)
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
    source = models.CharField(max_length=40, blank=True, help_text="The source of candidates that speaks for it most.")
    probability = models.FloatField(
        null=True, help_text="Of being bought within the horizon, where the ranker says one."
    )
    version = models.ForeignKey(RankerVersion, on_delete=models.CASCADE, related_name="recommendations", db_index=False)

    class Meta:
        ordering = ["member_id", "slot", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["member", "slot", "rank"], name="one_recommendation_for_one_rank"),
            models.UniqueConstraint(fields=["member", "slot", "category"], name="a_type_is_listed_once"),
        ]


class ListState(models.Model):
    """Up to when a member's purchases are in their lists, where those were made anew since all were written."""

    member = models.OneToOneField("members.Member", primary_key=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.member_id}: {self.at}"


class AssemblyRules(models.Model):
    """The business rules by which lists are made: one row. Changes hold from the next refresh on."""

    per_group_max = models.PositiveSmallIntegerField(
        _("most types of one category on a list"), default=3, validators=[MinValueValidator(1)]
    )
    recent_days = models.PositiveSmallIntegerField(
        _("days after a purchase in which a type is not recommended"), default=0,
        help_text=_("0: a type may be recommended the day after."),
    )  # fmt: skip
    sent_days = models.PositiveSmallIntegerField(_("days in which an offer that was sent is not sent again"), default=0)
    margin_percent_min = models.PositiveSmallIntegerField(_("least margin, in percent of the price"), default=0)

    class Meta:
        verbose_name = _("rules of recommendations")
        verbose_name_plural = _("rules of recommendations")

    def __str__(self):
        return str(_("rules of recommendations"))


class OutOfStock(models.Model):
    """A type that a store has none of now: it is not recommended to whoever shops there."""

    store = models.ForeignKey("sales.Store", on_delete=models.CASCADE, related_name="+", verbose_name=_("store"))
    category = models.ForeignKey(
        "sales.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("product type")
    )
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("out of stock")
        verbose_name_plural = _("out of stock")
        constraints = [models.UniqueConstraint(fields=["store", "category"], name="a_type_is_out_of_stock_once")]

    def __str__(self):
        return f"{self.store}: {self.category}"


class Dropped(models.Model):
    """A type that would have been on a member's list, and the rule that took it off. Rewritten with the lists."""

    class Why(models.TextChoices):
        NOT_INTERESTED = "not_interested", _("Not interested")
        OUT_OF_STOCK = "out_of_stock", _("Out of stock in the member's store")
        MARGIN = "margin", _("Too little margin")
        RECENTLY_BOUGHT = "recently_bought", _("Just bought")
        ALREADY_SENT = "already_sent", _("Sent lately")
        AGE = "age", _("Age-restricted")
        BRAND = "brand", _("Brand never offered")
        EXCLUDED = "excluded", _("Never offered")
        NO_OFFER = "no_offer", _("No active offer")
        CATEGORY_CAP = "category_cap", _("Enough of its category")

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="dropped_recommendations")
    slot = models.CharField(max_length=12, choices=Slot)
    category = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+", db_index=False)
    place = models.PositiveSmallIntegerField(help_text="Where it would have been before any rule, counted from 1.")
    why = models.CharField(max_length=16, choices=Why)
    version = models.ForeignKey(RankerVersion, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "slot", "category"], name="a_type_is_dropped_for_one_reason")
        ]


# Tables with a subject of their own stand in a file of their own; Django finds models only through this module.
from recommender.circumstances import MemberContext, Situation, Taste, TasteEvidence  # noqa: E402 - they name the models above
from recommender.decided import (  # noqa: E402 - so do these
    Decision,
    EligibleSet,
    Exposure,
    Lesson,
    OfferPlan,
    OfferPosterior,
    PolicyVersion,
)

__all__ = [
    "AssemblyRules",
    "Decision",
    "Dismissal",
    "Dropped",
    "EligibleSet",
    "Exposure",
    "Lesson",
    "ListState",
    "MemberContext",
    "Offer",
    "OfferBudget",
    "OfferExclusion",
    "OfferPlan",
    "OfferPosterior",
    "OutOfStock",
    "PolicyVersion",
    "RankerVersion",
    "Recommendation",
    "Situation",
    "Slot",
    "Taste",
    "TasteEvidence",
]
