"""What the recording inbox caught, and the few facts the demo's pages speak of."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class InboxMessage(models.Model):
    """One message as it arrived at the local mail server or push endpoint: the bytes, and what a list shows."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PUSH = "push", _("Push")

    at = models.DateTimeField(db_index=True)
    channel = models.CharField(max_length=10, choices=Channel)
    to = models.CharField(max_length=320, db_index=True)
    subject = models.CharField(max_length=500, blank=True)
    preview = models.CharField(max_length=200, blank=True)
    raw = models.BinaryField(help_text="E-mail: the message as sent. Push: the decrypted payload.")

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self):
        return self.subject


class Fact(models.Model):
    """Something the demo found out while it was made: who is featured, by how many weeks the year was moved."""

    name = models.CharField(max_length=40, unique=True)
    value = models.JSONField()

    def __str__(self):
        return self.name
