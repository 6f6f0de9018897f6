"""Audiences, campaigns and their variants, what was planned for whom, and what came of it."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.drafts import CampaignDraft  # noqa: F401 - tables of this app stand by their subject
from campaigns.results import (  # noqa: F401
    AnalysisPlan,
    Baseline,
    HistoricalResponse,
    Learning,
    LiftReport,
    ProgrammeLift,
    Rehearsal,
    RehearsalOutcome,
)
from campaigns.running import CampaignRules, Entry, Fire, FrozenContent, Recipient, Wave  # noqa: F401
from campaigns.shaping import Agreed, Budgeted, Choosing, Timed


class Audience(models.Model):
    """Who is meant: a tree of conditions that compiles to one SQL statement. See campaigns/audiences.py.

    A list's tree has one condition, that a member stands on it, so that whoever asks an audience need not know which it is.
    """

    class Kind(models.TextChoices):
        RULE = "rule", _("By conditions")
        LIST = "list", _("Uploaded list")

    name = models.CharField(_("name"), max_length=120, unique=True)
    description = models.CharField(_("description"), max_length=300, blank=True)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind, default=Kind.RULE)
    conditions = models.JSONField(default=dict)
    is_kept = models.BooleanField(
        _("kept up to date"),
        default=False,
        help_text=_("Its members are stored and follow what happens within seconds, for journeys and quick look-ups."),
    )
    kept_at = models.DateTimeField(null=True, blank=True, help_text="When its stored members were last all drawn anew.")
    listed_at = models.DateTimeField(null=True, blank=True, help_text="When its list was last uploaded.")
    listed_from = models.CharField(max_length=120, blank=True, help_text="The file it came from.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")

    def __str__(self):
        return self.name


class CampaignQuerySet(models.QuerySet):
    def ordinary(self):
        """What enters programme totals: no rehearsal, no history."""
        return self.filter(kind=Campaign.Kind.ORDINARY)

    def due(self, *, at):
        return self.filter(status=Campaign.Status.SCHEDULED, launch_at__lte=at)

    def window_ended(self, *, at):
        return self.filter(status=Campaign.Status.SENT, outcome_ends_at__lte=at)

    def recurring_due(self, *, at):
        return self.filter(status=Campaign.Status.LIVE, timing=Campaign.Timing.RECURRING, next_at__lte=at)

    def running(self):
        """What is being sent, and may have something to decide on the way."""
        return self.filter(status=Campaign.Status.SENDING, kind=Campaign.Kind.ORDINARY)

    def listening(self):
        """Triggered campaigns that take in members now."""
        return self.filter(status=Campaign.Status.LIVE, timing=Campaign.Timing.TRIGGERED)


class Campaign(Timed, Choosing, Budgeted, Agreed, models.Model):
    """A message to an audience, with its holdout and the window in which its outcome is read.

    Once, on every date of a series (each date is a campaign of its own, made from the series), or to each member to whom
    something happens. Holdout, window and the seed of the re-randomisations are fixed before launch: the database refuses nothing here, but
    campaigns.operations does, and the report repeats all three.
    """

    class Kind(models.TextChoices):
        ORDINARY = "ordinary", _("Campaign")
        REHEARSAL = "rehearsal", _("Rehearsal – simulated responses")
        HISTORICAL = "historical", _("Historical – not randomised")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        PLANNED = "planned", _("Planned")
        LIVE = "live", _("Live")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        SENT = "sent", _("Sent")
        MISSED = "missed", _("Missed")
        CANCELLED = "cancelled", _("Cancelled")
        MEASURED = "measured", _("Measured")

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ORDINARY)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    audience = models.ForeignKey(
        Audience, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns", verbose_name=_("audience")
    )
    experiment = models.OneToOneField(
        "experiments.Experiment", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    holdout_percent = models.PositiveSmallIntegerField(
        _("held out"),
        default=10,
        validators=[MaxValueValidator(50)],
        help_text=_("Per cent of the audience that gets nothing, by chance. Without it there is no lift to read."),
    )
    outcome_days = models.PositiveSmallIntegerField(
        _("outcome window"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(180)],
        help_text=_("Days after launch in which purchases count. Fixed before launch."),
    )
    offers_buy_again = models.PositiveSmallIntegerField(
        _("“buy again” offers"), default=3, validators=[MaxValueValidator(6)]
    )
    offers_new_for_you = models.PositiveSmallIntegerField(
        _("“new for you” offers"), default=2, validators=[MaxValueValidator(6)]
    )
    late_hours_max = models.PositiveSmallIntegerField(
        _("too late after"),
        default=6,
        validators=[MinValueValidator(1), MaxValueValidator(168)],
        help_text=_("Hours. A launch later than this is not sent but marked as missed."),
    )

    class Priority(models.IntegerChoices):
        IMPORTANT = 2, _("Before others")
        ORDINARY = 5, _("Ordinary")
        CAN_WAIT = 8, _("After others")

    priority = models.PositiveSmallIntegerField(
        _("importance"),
        choices=Priority,
        default=Priority.ORDINARY,
        help_text=_("Where a member may get only one message, the more important campaign's is sent."),
    )
    message_hours_max = models.PositiveSmallIntegerField(
        _("no use after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Hours. A message that could not be sent so long after it was due is skipped. Empty: it still goes."
        ),
    )
    analysis_seed = models.BigIntegerField(
        help_text="Of the re-randomisations: drawn when the campaign is made, never chosen."
    )
    winner = models.ForeignKey(
        "campaigns.Variant",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("winner"),
    )
    winner_at = models.DateTimeField(null=True, blank=True)
    decision = models.JSONField(default=dict, blank=True, help_text="What the choice of the winner rests on, frozen.")
    launch_at = models.DateTimeField(_("launch at"), null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    outcome_ends_at = models.DateTimeField(null=True, blank=True)
    audience_size = models.PositiveIntegerField(null=True, blank=True, help_text="Members drawn at planning.")
    audience_snapshot = models.JSONField(
        default=dict, blank=True, help_text="The conditions as they stood at planning."
    )
    cloned_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="clones")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="historical") | models.Q(audience__isnull=False),
                name="a_campaign_has_an_audience",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="scheduled") | models.Q(launch_at__isnull=False),
                name="a_schedule_has_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(timing="triggered") | ~models.Q(trigger=""),
                name="a_triggered_campaign_has_a_trigger",
            ),
            models.CheckConstraint(
                condition=models.Q(budget_minor__isnull=True) | models.Q(committed_minor__lte=models.F("budget_minor")),
                name="a_campaign_keeps_to_its_budget",
            ),
            models.UniqueConstraint(fields=["series", "occurs_on"], name="one_campaign_for_one_date_of_a_series"),
        ]
        indexes = [models.Index(fields=["status", "launch_at"])]

    def __str__(self):
        return self.name

    @property
    def cause(self) -> str:
        """The campaign's name in other rooms: of its messages and its offer decisions."""
        return f"campaign:{self.pk}"

    @property
    def is_rehearsal(self) -> bool:
        return self.kind == self.Kind.REHEARSAL

    @property
    def is_historical(self) -> bool:
        return self.kind == self.Kind.HISTORICAL

    @property
    def is_draft(self) -> bool:
        return self.status in (self.Status.DRAFT, self.Status.MISSED)

    @property
    def offer_slots(self) -> dict[str, int]:
        asked = {"buy_again": self.offers_buy_again, "new_for_you": self.offers_new_for_you}
        return {slot: n for slot, n in asked.items() if n}


class Short(models.TextChoices):
    """The ways a short message goes: through delivery, or onto the member's own page, where it waits to be read."""

    PUSH = "push", _("Push to the browser")
    MOBILE = "mobile", _("Push to the app")
    SMS = "sms", _("Text message")
    PORTAL = "portal", _("Member's page")


def by_push() -> list[str]:
    return [Short.PUSH]


class Variant(models.Model):
    """One way of saying it: an e-mail, a short message, or both, and the share of the sent members who get it.

    A short message is a push template; it may go to browsers, to apps, as a text message and onto the member's page.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="variants")
    name = models.CharField(_("name"), max_length=60)
    weight = models.PositiveSmallIntegerField(
        _("weight"), default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    email_template = models.ForeignKey(
        "emails.EmailTemplate",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("e-mail"),
    )
    push_template = models.ForeignKey(
        "push.PushTemplate", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("push")
    )
    push_by = ArrayField(
        models.CharField(max_length=10, choices=Short),
        verbose_name=_("the short message goes by"),
        default=by_push,
        blank=True,
        help_text=_("Only where the way is set up."),
    )

    send_time = models.TimeField(
        _("sent at"), null=True, blank=True, help_text=_("Time of day. Empty: when the campaign goes out.")
    )
    at_own_hour = models.BooleanField(
        _("at each member's own hour"),
        default=False,
        help_text=_("Learned from when they click and buy. Give another variant a fixed time to see whether it pays."),
    )
    offers_buy_again = models.PositiveSmallIntegerField(
        _("“buy again” offers"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(6)],
        help_text=_("Empty: as the campaign."),
    )
    offers_new_for_you = models.PositiveSmallIntegerField(
        _("“new for you” offers"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(6)],
        help_text=_("Empty: as the campaign."),
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="a_variant_has_one_name"),
            models.CheckConstraint(
                condition=models.Q(email_template__isnull=False) | models.Q(push_template__isnull=False),
                name="a_variant_says_something",
            ),
            models.CheckConstraint(
                condition=models.Q(send_time__isnull=True) | models.Q(at_own_hour=False), name="a_variant_has_one_time"
            ),
            models.CheckConstraint(
                condition=models.Q(push_template__isnull=True) | ~models.Q(push_by=[]), name="a_short_message_has_a_way"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of delivery it goes by. The member's page is none: nothing leaves the house."""
        short = self.push_by if self.push_template_id else []
        mail = ["email"] if self.email_template_id else []
        return tuple(mail + [channel for channel in short if channel != Short.PORTAL])

    @property
    def ways(self) -> tuple[str, ...]:
        """Every way it goes: the channels of delivery, and the member's page."""
        return self.channels + ((Short.PORTAL.value,) if self.is_on_page else ())

    @property
    def short_ways(self) -> list[str]:
        """The ways of its short message in words."""
        return [str(Short(way).label) for way in self.push_by]

    @property
    def is_on_page(self) -> bool:
        """Whether it stands on the member's own page, which every member has."""
        return bool(self.push_template_id) and Short.PORTAL in self.push_by

    def slots(self, campaign: Campaign) -> dict[str, int]:
        """Slot → how many offers this variant shows; what it does not say itself is the campaign's."""
        own = {"buy_again": self.offers_buy_again, "new_for_you": self.offers_new_for_you}
        asked = {
            slot: getattr(campaign, f"offers_{slot}") if number is None else number for slot, number in own.items()
        }
        return {slot: number for slot, number in asked.items() if number}

    def shows(self, slot: str, position: int) -> bool:
        """Whether the offer at a position is in this variant: one of fewer offers leaves out what was decided for the others."""
        own = {"buy_again": self.offers_buy_again, "new_for_you": self.offers_new_for_you}.get(slot)
        return own is None or position <= own


# Journeys have a room of their own; Django finds models only through this module.
from campaigns.journeys.models import (  # noqa: E402, F401
    Enrolment,
    Journey,
    JourneyContent,
    JourneyLook,
    JourneyVersion,
    PortalNote,
    StepRun,
    WebhookCall,
)
from campaigns.memberships.models import AudienceMember, AudienceRevision, MemberNews  # noqa: E402, F401 -- tables of this app, kept in a room of their own
from campaigns.retention.models import EarlyWarning, Intervention, MemberDriver, RetentionRules  # noqa: E402, F401 -- the same
from campaigns.tallies.models import Tally, TallyMark  # noqa: E402, F401
