"""The outbox, what happened to its messages, whom never to write to, and how often at most."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField

MARKETING_PRIORITY, TRANSACTIONAL_PRIORITY = 5, 0
# What is sent only to who said yes to just that, by that channel. Codes and receipts are answers: nobody is asked.
BY_CONSENT = ("marketing", "points", "surveys")
GOES_FIRST = ("transactional", "points")
"""Codes, receipts and notices: before everything else (priority 0; marketing has 1, most important, to 9), and at least once."""


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    PUSH = "push", _("Push")
    MOBILE = "mobile", _("App push")
    SMS = "sms", _("Text message")


class MessageQuerySet(models.QuerySet):
    def caused_by(self, cause: str):
        """Messages of this cause and of those below it: `campaign:1` holds `campaign:1:2` but never `campaign:12`."""
        return self.filter(Q(cause=cause) | Q(cause__startswith=f"{cause}:"))


class Message(models.Model):
    """One message to one recipient by one channel for one cause. It is claimed before it is sent.

    pending → claimed(worker, lease) → attempting → sent | failed | in_doubt | skipped(reason). `attempting` is committed
    before the first byte leaves, so a row that is still pending or claimed was certainly not sent. What is heard later
    (bounces, clicks) are events of the message, not states.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        CLAIMED = "claimed", _("Taken by a worker")
        ATTEMPTING = "attempting", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        IN_DOUBT = "in_doubt", _("In doubt")
        SKIPPED = "skipped", _("Skipped")

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("Offers and news")
        POINTS = "points", _("Notices about points")
        SURVEYS = "surveys", _("Questions after a visit")
        TRANSACTIONAL = "transactional", _("Codes, receipts and account notices")

    class Skip(models.TextChoices):
        NO_CONSENT = "no_consent", _("No consent for this channel")
        NOT_ACTIVE = "not_active", _("No longer an active member")
        NO_ADDRESS = "no_address", _("No address for this channel")
        SUPPRESSED = "suppressed", _("Address is suppressed")
        FREQUENCY_CAP = "frequency_cap", _("Had enough messages lately")
        OUTRANKED = "outranked", _("A more important message comes first")
        TOO_LATE = "too_late", _("Too late to be of use")
        CANCELLED = "cancelled", _("Cancelled")
        ERASED = "erased", _("Member was erased")

    id = models.BigAutoField(primary_key=True)
    # "C" so that a prefix is found through the unique index, whatever the database's own collation.
    cause = models.CharField(
        max_length=120, db_collation="C", help_text="The sender's own name for why. Never read here."
    )
    channel = models.CharField(max_length=10, choices=Channel)
    purpose = models.CharField(max_length=15, choices=Purpose, default=Purpose.MARKETING)
    member = models.ForeignKey(
        "members.Member", null=True, blank=True, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="messages",
        db_index=False,
    )
    content = models.CharField(max_length=60, help_text="What is sent: app.Model:id of something frozen.")
    values = models.JSONField(default=dict, blank=True, help_text="Fields of the template that name no person.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    skip_reason = models.CharField(max_length=20, choices=Skip, blank=True)
    detail = models.CharField(
        max_length=300, blank=True, help_text="The next hop's own words, or ours when it said none."
    )
    priority = models.PositiveSmallIntegerField(default=MARKETING_PRIORITY, help_text="Lower goes first.")
    due_at = models.DateTimeField(help_text="Business time.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Business time: later than this it is not sent.")
    transport = models.CharField(max_length=30, blank=True, help_text="Which way out its last try took.")
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Real time, by the database's clock.")
    attempts = models.PositiveSmallIntegerField(default=0)
    enqueued_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    # No index looks at `state` itself: claiming and attempting change no indexed value, so PostgreSQL writes the new
    # version of the row beside the old one and leaves the indexes alone (a heap-only tuple).
    stage = models.GeneratedField(
        expression=Case(
            When(state__in=[State.PENDING, State.CLAIMED, State.ATTEMPTING], then=Value(0)),
            When(state=State.IN_DOUBT, then=Value(1)),
            default=Value(2),
        ),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
        help_text="0: still to be sent; 1: in doubt; 2: done with.",
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "channel", "member", "user"],
                nulls_distinct=False,
                name="one_message_for_one_cause_recipient_and_channel",
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=False, user__isnull=True) | Q(member__isnull=True, user__isnull=False),
                name="a_message_goes_to_a_member_or_to_staff",
            ),
            models.CheckConstraint(
                condition=Q(state="skipped") & ~Q(skip_reason="") | ~Q(state="skipped") & Q(skip_reason=""),
                name="a_skipped_message_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["priority", "due_at", "id"], condition=Q(stage=0), name="delivery_open"),
            models.Index(fields=["id"], condition=Q(stage=1), name="delivery_doubtful"),
            models.Index(fields=["member", "stage", "sent_at"], name="delivery_by_member"),
        ]

    def __str__(self):
        return f"{self.cause} · {self.channel} · {self.state}"


class Claim(models.Model):
    """What a worker took at once, so that the sweeper finds the messages of the slow and the dead without looking through all.

    It outlives the work, and is swept away when none of its messages is in that worker's hands any more.
    """

    worker = models.CharField(max_length=80)
    lease_until = models.DateTimeField(db_index=True, help_text="Real time, by the database's clock.")
    message_ids = ArrayField(models.BigIntegerField())


class MessageEvent(models.Model):
    """Something heard of a message after it was sent. Only ever added; the same news twice is one row."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("Delivered")
        BOUNCED = "bounced", _("Bounced")
        COMPLAINED = "complained", _("Complained")
        OPENED = "opened", _("Opened")
        CLICKED = "clicked", _("Clicked")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        TRAPPED = "trapped", _("Followed the link that nobody sees")

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(
        max_length=120, blank=True, help_text="What tells two events of one kind apart: a link, a provider's id."
    )
    at = models.DateTimeField()
    link = models.CharField(
        max_length=12, blank=True, help_text="Which link was followed, by its index in the frozen content."
    )
    is_machine = models.BooleanField(default=False, help_text="A prefetch or a security scanner, not a reader.")
    network = models.BinaryField(
        max_length=8,
        null=True,
        help_text="The visitor's network, as a keyed hash: scanners come from one for many links.",
    )
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "kind", "key"], name="news_of_a_message_is_told_once")
        ]
        # Events lie in the order of their time: a few kilobytes find those of the last weeks among many millions.
        indexes = [BrinIndex(fields=["at"], name="delivery_event_by_time", pages_per_range=32, autosummarize=True)]


class ProviderEvent(models.Model):
    """What a provider told us, as it told it, and what it means in our words. The same news twice is one row."""

    provider = models.CharField(max_length=30)
    key = models.BinaryField(max_length=32, help_text="The provider's event id, or the event itself, hashed.")
    kind = models.CharField(max_length=20, help_text="In the words of the normalised vocabulary: delivered, bounced, …")
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    raw = EncryptedTextField(help_text="JSON. It names the recipient: forgotten with the member.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "key"], name="a_providers_news_is_kept_once")]


class Suppression(models.Model):
    """An address that must not be written to any more, known only by its keyed hash."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", _("The address does not exist")
        SOFT_BOUNCES = "soft_bounces", _("Bounced again and again")
        COMPLAINT = "complaint", _("Complained of spam")
        MANUAL = "manual", _("Entered by staff")

    channel = models.CharField(max_length=10, choices=Channel)
    address_hash = models.BinaryField(max_length=16)
    reason = models.CharField(max_length=15, choices=Reason)
    at = models.DateTimeField()
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "address_hash"], name="an_address_is_suppressed_once")
        ]


class Hold(models.Model):
    """A cause, and all below it, that is paused or cancelled. One row stops a million messages within one chunk."""

    cause = models.CharField(max_length=120, unique=True, db_collation="C")
    is_cancelled = models.BooleanField(default=False)
    at = models.DateTimeField()


class ChannelPolicy(models.Model):
    """How soon and how often after others, and when, a channel may be used for marketing, and what doubt means.

    Messages of all channels count; those of one cause (a campaign's e-mail and its push) count once. Transactional
    messages are exempt and are not counted.
    """

    class AfterDoubt(models.TextChoices):
        ASK = "ask", _("A person decides")
        SENT = "sent", _("Count it as sent")
        AGAIN = "again", _("Send it again: the member may get it twice")

    channel = models.CharField(max_length=10, choices=Channel, unique=True)
    hours_between = models.PositiveSmallIntegerField(
        _("hours since the last message"), default=16, help_text=_("By any channel. 0: no such rule.")
    )
    marketing_messages_max = models.PositiveSmallIntegerField(
        _("messages at most"), default=4, help_text=_("To one member by all channels together, in the days below.")
    )
    cap_days = models.PositiveSmallIntegerField(_("in days"), default=7)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True, help_text=_("In the member's own time zone."))
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)

    after_doubt = models.CharField(
        _("when nothing settles a doubt"), max_length=5, choices=AfterDoubt, default=AfterDoubt.ASK
    )
    doubt_days = models.PositiveSmallIntegerField(
        _("days to wait for evidence"),
        default=3,
        help_text=_("A receipt, an open or a click settles a doubt until then."),
    )

    class Meta:
        verbose_name = _("channel policy")
        verbose_name_plural = _("channel policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_have_two_ends",
            ),
        ]

    def __str__(self):
        return self.get_channel_display()


class Transport(models.Model):
    """One of several ways out for a channel, as it is set up in the settings: whether it is used, how fast, how it fares.

    A row appears when a transport is first used or first configured here; what has none is used without limits.
    """

    channel = models.CharField(max_length=10, choices=Channel)
    name = models.CharField(max_length=30, help_text="As in the settings.")
    position = models.PositiveSmallIntegerField(_("order"), default=0, help_text=_("The lowest is used first."))
    is_used = models.BooleanField(_("in use"), default=True)
    per_minute_max = models.PositiveIntegerField(
        _("messages a minute at most"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    warm_up_from = models.DateField(
        _("warming up since"),
        null=True,
        blank=True,
        help_text=_("The first day of a new address or server. Empty: warm."),
    )
    warm_up_start = models.PositiveIntegerField(_("messages on the first day"), default=200)
    warm_up_percent = models.PositiveSmallIntegerField(
        _("each day, per cent of the day before"), default=150, validators=[MinValueValidator(100)]
    )
    demoted_until = models.DateTimeField(
        null=True, blank=True, help_text="Business time. Used only if no other can be."
    )
    demoted_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["channel", "position", "name"]
        constraints = [models.UniqueConstraint(fields=["channel", "name"], name="a_transport_has_one_name")]

    def __str__(self):
        return f"{self.channel} · {self.name}"


class ArchivedMail(models.Model):
    """A campaign's e-mail that a marketer chose to show to everybody: as it was frozen, with nobody's values in it."""

    content = models.CharField(max_length=60, unique=True, help_text="What is shown: emails.FrozenEmail:id.")
    cause = models.CharField(max_length=120, db_collation="C", help_text="Whose mail it is, in the sender's own name.")
    language = models.CharField(max_length=10)
    subject = models.CharField(max_length=300, help_text="As a reader without values sees it.")
    sent_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["language", "-sent_on", "-id"], name="delivery_archive")]

    def __str__(self):
        return self.subject


class TransportTally(models.Model):
    """What a transport was given in one minute, and how it took it. Warm-up and demotion read these."""

    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="tallies")
    minute = models.DateTimeField()
    handed = models.PositiveIntegerField(default=0)
    slow = models.PositiveIntegerField(default=0)
    unreachable = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transport", "minute"], name="one_tally_for_one_minute")]


class Pace(models.Model):
    """How many messages a minute one transport may hand to one family of receiving servers: a bucket of tokens."""

    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="paces")
    family = models.CharField(
        _("receivers"),
        max_length=60,
        help_text=_("Such as google, microsoft, yahoo, or a domain; * for each of the others."),
    )
    per_minute_max = models.PositiveIntegerField(_("messages a minute at most"), validators=[MinValueValidator(1)])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transport", "family"], name="one_pace_for_one_family")]


class Bucket(models.Model):
    """The tokens left, of a transport as a whole (no family) or towards one family."""

    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="buckets")
    family = models.CharField(max_length=60, blank=True)
    tokens = models.FloatField()
    filled_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transport", "family"], name="one_bucket_for_one_family")]


class MailDomain(models.Model):
    """Who takes the mail of a domain: its MX hosts' family, looked up now and then by a task of its own."""

    domain = models.CharField(max_length=255, unique=True)
    family = models.CharField(max_length=60)
    looked_up_at = models.DateTimeField()
