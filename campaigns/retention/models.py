"""The rules of warnings and drivers, interventions, what holds each member, and who was warned of."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

PERCENT = [MinValueValidator(1), MaxValueValidator(100)]


class Driver(models.TextChoices):
    """What a member stays for."""

    PRICE = "price", _("Price")
    SERVICE = "service", _("Service")
    BRAND = "brand", _("Brand")
    NONE = "none", _("Nothing in particular")


class RetentionRules(models.Model):
    """When a member is warned of, and what a driver is. One row; a change takes effect at the next run."""

    id = models.SmallAutoField(primary_key=True)
    recent_days = models.PositiveSmallIntegerField(
        _("look at the last days"), default=56, validators=[MinValueValidator(14), MaxValueValidator(182)],
        help_text=_("Held against three times as many days before them."),
    )  # fmt: skip
    purchases_least = models.PositiveSmallIntegerField(
        _("purchases before, at least"), default=6, validators=[MinValueValidator(2)],
        help_text=_("Who bought less often has no habit that could be lost."),
    )  # fmt: skip
    drop_percent = models.PositiveSmallIntegerField(
        _("warn when purchases fall by"), default=50, validators=PERCENT, help_text=_("Per cent of the usual.")
    )
    returns_least = models.PositiveSmallIntegerField(
        _("warn from so many returns"), default=3, validators=[MinValueValidator(1)]
    )
    returns_percent = models.PositiveSmallIntegerField(
        _("that are at least this share of purchases"), default=30, validators=PERCENT, help_text=_("Per cent.")
    )
    feeling_low = models.SmallIntegerField(
        _("warn when feeling falls to"), default=-30, validators=[MinValueValidator(-100), MaxValueValidator(0)],
        help_text=_("From −100, angry, to 0; of what was said in the last half year, by members who spend much."),
    )  # fmt: skip
    spends_much_percent = models.PositiveSmallIntegerField(
        _("spends much: the first per cent"), default=33, validators=PERCENT,
        help_text=_("Of all who bought in the last year, by what they spent."),
    )  # fmt: skip
    lines_least = models.PositiveSmallIntegerField(
        _("items bought in a year, at least"), default=10, validators=[MinValueValidator(1)],
        help_text=_("Below that nothing is said of what a member stays for."),
    )  # fmt: skip
    price_percent = models.PositiveSmallIntegerField(
        _("price: purchases with a benefit"), default=40, validators=PERCENT,
        help_text=_("Per cent of a member's purchases that used an offer, a voucher or a discount."),
    )  # fmt: skip
    service_contacts = models.PositiveSmallIntegerField(
        _("service: contacts a year"), default=2, validators=[MinValueValidator(1)],
        help_text=_("Cases, calls, chats and services bought."),
    )  # fmt: skip
    brand_percent = models.PositiveSmallIntegerField(
        _("brand: share of one brand"), default=50, validators=PERCENT,
        help_text=_("Per cent of what a member spent on goods with a brand."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("rules of early warning")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="there_is_one_set_of_retention_rules")]

    @classmethod
    def current(cls) -> "RetentionRules":
        return cls.objects.first() or cls(pk=1)


class MemberDriver(models.Model):
    """What a member stays for, as the rules see it, with the figures it was read from."""

    member = models.OneToOneField("members.Member", on_delete=models.CASCADE, related_name="loyalty_driver")
    driver = models.CharField(max_length=8, choices=Driver)
    facts = models.JSONField(default=dict, help_text="The shares and counts the rules were asked with.")
    since = models.DateTimeField(help_text="When this driver was first found.")

    class Meta:
        indexes = [models.Index(fields=["driver"], name="campaigns_driver")]


class Intervention(models.Model):
    """What may be done for a member who was warned of: for whom, what, how often at most, and within which budget."""

    class Action(models.TextChoices):
        OFFER = "offer", _("An offer on the next purchase")
        CALL = "call", _("A call by a person")
        ACCESS = "access", _("Early access")

    name = models.CharField(_("name"), max_length=80, unique=True)
    driver = models.CharField(
        _("for who stays for"), max_length=8, choices=Driver,
        help_text=_("Who stays for service is never given a discount."),
    )  # fmt: skip
    action = models.CharField(_("what is done"), max_length=8, choices=Action)
    percent_off = models.PositiveSmallIntegerField(
        _("percentage off"), default=10, validators=PERCENT, help_text=_("Of an offer.")
    )
    most_off_minor = models.PositiveIntegerField(
        _("takes off at most"), default=1000, help_text=_("Of one offer, in the smallest unit of the currency.")
    )
    valid_days = models.PositiveSmallIntegerField(_("valid for days"), default=21, validators=[MinValueValidator(1)])
    team = models.ForeignKey(
        "care.Team",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("team that calls"),
    )
    holdout_percent = models.PositiveSmallIntegerField(
        _("left alone"), default=10, validators=[MinValueValidator(5), MaxValueValidator(50)],
        help_text=_("Per cent, by chance; without them nobody could say what it changed."),
    )  # fmt: skip
    rest_days = models.PositiveSmallIntegerField(
        _("days until a member may get another"), default=90, validators=[MinValueValidator(1)],
        help_text=_("Counts every intervention."),
    )  # fmt: skip
    budget_minor = models.PositiveBigIntegerField(
        _("budget"), default=100_000, help_text=_("In all, in the smallest unit of the currency.")
    )
    cost_minor = models.PositiveIntegerField(
        _("cost of one"), default=500,
        help_text=_("What is reserved from the budget for each member; an offer reserves the most it takes off."),
    )  # fmt: skip
    is_by_itself = models.BooleanField(
        _("given by itself"), default=False, help_text=_("Otherwise it is suggested, and a person says yes.")
    )
    is_live = models.BooleanField(_("live"), default=True)
    experiment = models.OneToOneField("experiments.Experiment", null=True, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["driver", "name"]
        verbose_name = _("intervention")
        verbose_name_plural = _("interventions")
        constraints = [
            models.CheckConstraint(
                condition=~Q(driver="service", action="offer"), name="who_stays_for_service_is_given_no_discount"
            ),
            models.CheckConstraint(
                condition=Q(experiment__isnull=True) | Q(starts_at__isnull=False), name="an_experiment_has_a_beginning"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def reserves_minor(self) -> int:
        return self.most_off_minor if self.action == self.Action.OFFER else self.cost_minor

    @property
    def cause(self) -> str:
        """What its offers and tasks say they were made for."""
        return f"intervention:{self.pk}"


class EarlyWarning(models.Model):
    """A member who is about to leave, why we think so, and what was done. One at a time for a member."""

    class State(models.TextChoices):
        NOTED = "noted", _("Nothing fits")
        SUGGESTED = "suggested", _("Suggested")
        HELD_OUT = "held_out", _("Left alone by chance")
        GIVEN = "given", _("Done")
        DISMISSED = "dismissed", _("Dismissed")

    class Why(models.TextChoices):
        """Why nothing was suggested."""

        NO_INTERVENTION = "none", _("no intervention for what they stay for")
        CONTROL = "control", _("in the standing control group")
        RESTING = "resting", _("had an intervention lately")
        BUDGET = "budget", _("the budget is used up")

    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="warnings")
    reasons = models.JSONField(help_text="What changed: [{code, …figures}].")
    spend_minor = models.BigIntegerField(default=0, help_text="In the year before; for the order of the list.")
    driver = models.CharField(max_length=8, choices=Driver, default=Driver.NONE)
    state = models.CharField(max_length=10, choices=State, default=State.NOTED)
    why_not = models.CharField(max_length=8, choices=Why, blank=True)
    intervention = models.ForeignKey(Intervention, null=True, on_delete=models.PROTECT, related_name="warnings")
    noticed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True, help_text="When they bought as usual again, or left.")

    class Meta:
        ordering = ["-spend_minor", "pk"]
        verbose_name = _("early warning")
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(ended_at__isnull=True), name="a_member_is_warned_of_once"
            ),
            models.CheckConstraint(
                condition=Q(state="noted") | Q(state="dismissed") | Q(intervention__isnull=False),
                name="what_is_suggested_is_an_intervention",
            ),
        ]
        indexes = [models.Index(fields=["intervention", "state"], name="campaigns_warning_state")]
