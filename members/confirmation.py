"""Double opt-in: of which topics a yes by e-mail counts only once its reader confirmed it, and the yeses that wait for that."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField


class ConfirmedTopic(models.Model):
    """A topic of which a yes by e-mail must be confirmed. What has no row counts as soon as it is said."""

    purpose = models.CharField(max_length=10, unique=True)
    since = models.DateTimeField()

    def __str__(self):
        return self.purpose


class AskedConsent(models.Model):
    """A yes by e-mail that waits for its reader to confirm it. It is no consent yet: nothing follows but the letter that asks.

    Confirmed, it becomes a word of consent with its proof. One that nobody confirms in time is worth nothing.
    """

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        WITHDRAWN = "withdrawn", _("Taken back")
        EXPIRED = "expired", _("Not confirmed in time")

    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="asked_consents", db_index=False
    )
    purposes = ArrayField(models.CharField(max_length=10))
    address_hash = models.BinaryField(
        max_length=16, null=True, help_text="Of the e-mail address it is about; another address must be asked anew."
    )
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="Where it was said: portal, desk, import.")
    text_version = models.CharField(max_length=40, blank=True)
    address = EncryptedTextField(help_text="The network address it came from.")
    letters_asked = models.PositiveSmallIntegerField(default=1, help_text="How many letters were asked for.")
    letters_written = models.PositiveSmallIntegerField(default=0, help_text="How many stand in the outbox.")
    letter_asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=models.Q(ended_at__isnull=True), name="one_open_question_to_one_member"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, outcome="")
                | models.Q(ended_at__isnull=False) & ~models.Q(outcome=""),
                name="a_question_that_ended_says_how",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "asked_at"], name="members_asked_of_member"),
            models.Index(
                fields=["id"],
                condition=models.Q(ended_at__isnull=True, letters_written__lt=models.F("letters_asked")),
                name="members_asked_unwritten",
            ),
        ]

    def is_open(self, *, at) -> bool:
        """Whether it can still be confirmed, as far as the row knows."""
        return self.ended_at is None and self.expires_at >= at
