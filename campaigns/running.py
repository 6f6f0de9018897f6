"""What a campaign leaves behind while it runs: what it says to whom, who entered a triggered one, which parts were sent, and the house's rules."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FrozenContent(models.Model):
    """What a variant says in one language on one channel, frozen at planning: later edits of the template do not reach it."""

    variant = models.ForeignKey("campaigns.Variant", on_delete=models.CASCADE, related_name="contents")
    language = models.CharField(max_length=10)
    channel = models.CharField(max_length=10)
    content = models.CharField(max_length=60, help_text="The frozen version's name, such as emails.FrozenEmail:12.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["variant", "language", "channel"], name="a_variant_is_frozen_once_per_language"
            ),
        ]


class Recipient(models.Model):
    """One member who is to be sent a variant, with the values its fields take. Nothing personal: names come at sending."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="recipients")
    variant = models.ForeignKey("campaigns.Variant", on_delete=models.CASCADE, related_name="recipients")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    language = models.CharField(max_length=10)
    values = models.JSONField(default=dict)
    visit = models.PositiveSmallIntegerField(
        default=1, help_text="Of a triggered campaign: the member's how-manieth time."
    )
    wave = models.PositiveSmallIntegerField(default=1, help_text="In which part it goes out.")
    propensity = models.FloatField(
        null=True, help_text="Where shares move: the chance this member had of this variant."
    )
    send_at = models.DateTimeField(null=True, help_text="When it is due; empty: at the launch.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "member", "visit"], name="one_variant_for_one_member_and_visit"
            ),
        ]


class Fire(models.Model):
    """A schedule that went off. Unique, so that two beats launch once."""

    class Outcome(models.TextChoices):
        CLAIMED = "claimed", _("Claimed")
        LAUNCHED = "launched", _("Launched")
        TOO_LATE = "too_late", _("Too late, not sent")
        BLOCKED = "blocked", _("Stopped by a check")

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="fires")
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["-fired_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "due_at"], name="one_fire_for_one_due_time")]


class Entry(models.Model):
    """Something happened to a member, and a triggered campaign took notice. Unique, so that two beats enter them once.

    waiting → held_out | queued | skipped(reason). What became of a queued one is told by its message.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        HELD_OUT = "held_out", _("Held out")
        QUEUED = "queued", _("Handed to delivery")
        SKIPPED = "skipped", _("Skipped")

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="entries")
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    visit = models.PositiveSmallIntegerField(help_text="1 is the member's first entry.")
    key = models.CharField(max_length=80, help_text="Which happening: purchase:12, birthday:2026.")
    occurred_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    skip_reason = models.CharField(max_length=20, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "member", "key"], name="one_entry_for_one_happening"),
            models.UniqueConstraint(fields=["campaign", "member", "visit"], name="entries_of_a_member_are_numbered"),
            models.CheckConstraint(
                condition=models.Q(state="skipped") & ~models.Q(skip_reason="")
                | ~models.Q(state="skipped") & models.Q(skip_reason=""),
                name="a_skipped_entry_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "due_at"], condition=models.Q(state="waiting"), name="campaigns_entry_due")
        ]


class Wave(models.Model):
    """One part of a campaign that is sent in parts: the share of every variant in it, and what was known when it was set."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    shares = models.JSONField(default=dict, help_text="Variant's id → its share of this part.")
    seen = models.JSONField(default=list, help_text="What each variant had reached when the shares were set.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="a_part_is_sent_once")]


class CampaignRules(models.Model):
    """What this house asks of every campaign. One row; a page of its own in the admin."""

    class Approval(models.TextChoices):
        NONE = "none", _("Nobody's yes is needed")
        ANYBODY = "anybody", _("An approver says yes")
        SOMEBODY_ELSE = "else", _("An approver other than the author says yes")

    approval = models.CharField(_("approval"), max_length=10, choices=Approval, default=Approval.NONE)
    confirm_above = models.PositiveIntegerField(
        _("type the number above"),
        default=10_000,
        help_text=_("Going live to more members than this asks to type how many."),
    )

    class Meta:
        verbose_name = _("rules of campaigns")

    @classmethod
    def current(cls) -> "CampaignRules":
        return cls.objects.first() or cls()
