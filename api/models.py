"""Machines that may speak to us."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiClient(models.Model):
    """A till, a web shop, a partner: what it may do, and under which source its receipts are unique.

    The token itself is shown once and never stored.
    """

    class Scope(models.TextChoices):
        PURCHASES = "purchases:write", _("Record purchases")
        REFUNDS = "refunds:write", _("Refund its own purchases")
        MEMBERS = "members:read", _("Read points and tiers")
        SPENDING = "points:spend", _("Spend points, rewards and gift cards")

    name = models.CharField(max_length=100, unique=True)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="api_clients")
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name
