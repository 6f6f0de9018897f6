"""What a campaign is set to, in four parts: when it goes out, how its variants are chosen, what it may cost, who said yes.

Abstract parts of the one table Campaign: each is a subject of its own on the form, in the checks and in the operations.
"""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Timed(models.Model):
    """When: once, again and again, or whenever something happens to a member."""

    class Timing(models.TextChoices):
        ONCE = "once", _("Once")
        RECURRING = "recurring", _("Again and again")
        TRIGGERED = "triggered", _("When something happens to a member")

    class Repeat(models.TextChoices):
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every week")
        MONTHLY = "monthly", _("Every month")

    class Reentry(models.TextChoices):
        NEVER = "never", _("Once only")
        DAYS = "days", _("Again after some days")
        ALWAYS = "always", _("Every time")

    timing = models.CharField(_("when"), max_length=10, choices=Timing, default=Timing.ONCE)
    is_local = models.BooleanField(
        _("in the member's own time zone"),
        default=False,
        help_text=_("Nine o'clock is then nine where the member is; without it, nine where the shop is."),
    )
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True, help_text=_("Empty: the shop's own."))
    local_time = models.TimeField(_("time of day"), null=True, blank=True)
    repeat = models.CharField(_("how often"), max_length=10, choices=Repeat, blank=True)
    weekdays = models.JSONField(_("on"), default=list, blank=True, help_text=_("0 is Monday. Of a weekly campaign."))
    month_day = models.PositiveSmallIntegerField(
        _("day of the month"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("A month without that day takes its last one."),
    )
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("until"), null=True, blank=True, help_text=_("Empty: until it is stopped."))
    next_at = models.DateTimeField(null=True, blank=True, help_text="When the next date of a recurring one is drawn.")
    series = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="occurrences")
    occurs_on = models.DateField(null=True, blank=True, help_text="Of one date of a series: which.")

    trigger = models.CharField(_("when this happens"), max_length=20, blank=True)
    trigger_settings = models.JSONField(default=dict, blank=True)
    delay_minutes = models.PositiveIntegerField(
        _("wait before"), default=0, help_text=_("Minutes between what happened and the message.")
    )
    reentry = models.CharField(_("may a member get it again"), max_length=6, choices=Reentry, default=Reentry.NEVER)
    reentry_days = models.PositiveSmallIntegerField(
        _("after days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(730)]
    )
    heard_until = models.DateTimeField(null=True, blank=True, help_text="Events recorded up to then have entered.")

    class Meta:
        abstract = True


class Choosing(models.Model):
    """How members are shared among the variants: as said, by a winner of a first part, or by what is learned on the way."""

    class Choice(models.TextChoices):
        SPLIT = "split", _("As the weights say")
        WINNER = "winner", _("A first part decides, the rest get the winner")
        LEARNING = "learning", _("In parts, each leaning to what did better")

    class Goal(models.TextChoices):
        CLICKED = "clicked", _("Members who followed a link")
        BUYERS = "buyers", _("Members who bought")
        ORDERS = "orders", _("Purchases per member")
        SPEND = "spend", _("Spend per member")

    choice = models.CharField(_("who gets which"), max_length=10, choices=Choice, default=Choice.SPLIT)
    goal = models.CharField(_("goal"), max_length=10, choices=Goal, default=Goal.BUYERS)
    test_percent = models.PositiveSmallIntegerField(
        _("first part"),
        default=20,
        validators=[MinValueValidator(2), MaxValueValidator(90)],
        help_text=_("Per cent of those not held out."),
    )
    decide_hours = models.PositiveSmallIntegerField(
        _("decide after"),
        default=48,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text=_("Hours after the first part. A winner that is certain earlier is taken earlier."),
    )
    asks_for_winner = models.BooleanField(
        _("a person confirms the winner"), default=False, help_text=_("Without it the rest is sent by itself.")
    )
    parts = models.PositiveSmallIntegerField(
        _("parts"), default=5, validators=[MinValueValidator(2), MaxValueValidator(20)]
    )
    part_hours = models.PositiveSmallIntegerField(
        _("hours between parts"), default=24, validators=[MinValueValidator(1), MaxValueValidator(336)]
    )
    floor_percent = models.PositiveSmallIntegerField(
        _("each variant at least"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("Per cent of each part: what is never tried can never be judged."),
    )
    guardrail_percent = models.DecimalField(
        _("stop when more than"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        default=2,
        help_text=_(
            "Per cent of the members sent who unsubscribe or complain. The campaign then pauses by itself. Empty: never."
        ),
    )

    class Meta:
        abstract = True


class Budgeted(models.Model):
    """What it may cost: messages and what its offers may give away, in minor units. The database keeps the cap."""

    budget_minor = models.BigIntegerField(
        _("budget"), null=True, blank=True, validators=[MinValueValidator(0)], help_text=_("Empty: no cap.")
    )
    offer_cost_minor = models.PositiveIntegerField(
        _("an offer costs at most"), default=0, help_text=_("Per member and offer, if it is used.")
    )
    committed_minor = models.BigIntegerField(default=0, help_text="Promised so far: messages and offers at their most.")

    class Meta:
        abstract = True


class Agreed(models.Model):
    """Whose work it is: the version that is edited, who asked for a yes and who said it."""

    version = models.PositiveIntegerField(
        default=1, help_text="Rises at every change, so that nobody overwrites unseen."
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_version = models.PositiveIntegerField(null=True, blank=True)
    flow = models.CharField(max_length=30, blank=True, help_text="The ready flow it was made from.")

    class Meta:
        abstract = True

    @property
    def is_approved(self) -> bool:
        """Somebody said yes to exactly what it says now."""
        return self.approved_at is not None and self.approved_version == self.version
