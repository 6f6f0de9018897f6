"""Pairs of records that are probably one person, kept until a person has decided."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DuplicatePair(models.Model):
    """Two active records that resemble each other. Dismissed, the pair is not shown again; merged or erased, it is gone."""

    class Reason(models.TextChoices):
        SAME_NAME = "same_name", _("same name")
        NAMES_SWAPPED = "names_swapped", _("given and family name swapped")
        NAME_SLIP = "name_slip", _("one letter of the name differs")
        SHORT_NAME = "short_name", _("a short form of the name")
        SAME_BIRTHDAY = "same_birthday", _("same birthday")
        SAME_MAILBOX = "same_mailbox", _("the same mailbox, written in two ways")
        EMAIL_SLIP = "email_slip", _("one letter of the e-mail address differs")
        OTHER_MAIL_HOST = "other_mail_host", _("the same e-mail name at another provider")
        PHONE_SLIP = "phone_slip", _("the phone numbers differ in one digit")

    low = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    high = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    points = models.SmallIntegerField(help_text="How much speaks for it: members/likeness.py.")
    reasons = models.JSONField(help_text="Codes, never the words themselves.")
    found_at = models.DateTimeField()
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.ForeignKey("members.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-points", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="a_pair_is_found_once"),
            models.CheckConstraint(condition=models.Q(low__lt=models.F("high")), name="a_pair_names_the_older_first"),
        ]

    @property
    def words(self) -> list[str]:
        """Why the two may be one, in words."""
        return [str(self.Reason(code).label) for code in self.reasons]
