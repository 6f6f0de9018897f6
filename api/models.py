"""Machines that may speak to us, and those that want to be told."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField


class ApiClient(models.Model):
    """A till, a web shop, a partner: what it may do, and under which source its receipts are unique.

    The token itself is shown once and never stored.
    """

    class Scope(models.TextChoices):
        PURCHASES = "purchases:write", _("Record purchases")
        REFUNDS = "refunds:write", _("Refund its own purchases")
        MEMBERS = "members:read", _("Read points and tiers")
        SPENDING = "points:spend", _("Spend points, rewards and gift cards")
        SHARING = "points:share", _("Give points and draw from households")
        PARTNER = "points:partner", _("Give and accept points as a partner")
        PROFILE = "profiles:write", _("Read and write profiles, tags and touchpoints")
        CARE = "cases:write", _("Open cases and hear their answers")
        REPORTS = "reports:read", _("Read the analysts' figures and reports")

    name = models.CharField(max_length=100, unique=True)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="api_clients")
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name


class Webhook(models.Model):
    """Where a client wants to hear of every change of points. What it has heard stands per wallet in `WebhookPosition`.

    A consumer that does not answer is tried again later and later, for ever; nothing is skipped, so that after any outage
    it hears every version of every wallet, in order.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    secret = EncryptedTextField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    scanned_until = models.DateTimeField(help_text="Transfers posted before this have been looked at.")
    due_at = models.DateTimeField(help_text="Not tried again before this.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Since the last answer that was a success.")
    last_error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "url"], name="one_webhook_for_one_address_of_a_client")
        ]


class WebhookPosition(models.Model):
    """Up to which version of a wallet a webhook has heard."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="positions")
    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    version = models.BigIntegerField()
    is_behind = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "wallet"], name="one_position_for_one_webhook_and_wallet")
        ]
        indexes = [
            models.Index(fields=["webhook", "wallet"], condition=models.Q(is_behind=True), name="api_webhook_behind")
        ]


class RefusedOrder(models.Model):
    """An order or a refund that a shop sent and that was refused: one open row for one key, however often it is sent.

    Nothing personal is in it: what was sent stays out (card, phone, e-mail and names with it), only a keyed hash of it is kept to
    tell whether the shop sends the same again. Words are made of `code` when they are read. So an erasure has nothing to do here.
    A row that has arrived since is found by asking purchases for its key (`api.refused_orders.queue`): recording a purchase does nothing here.
    """

    class Kind(models.IntegerChoices):
        ORDER = 1, _("Order")
        REFUND = 2, _("Refund")
        BEYOND = 3, _("Not listed one by one")

    class Outcome(models.IntegerChoices):
        ARRIVED = 1, _("Arrived")
        LET_GO = 2, _("Dropped")

    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.PositiveSmallIntegerField(choices=Kind)
    client_key = models.CharField(max_length=100, blank=True, help_text="Empty where none could be read.")
    code = models.CharField(max_length=20)
    field = models.CharField(max_length=60, blank=True)
    store_said = models.CharField(max_length=20, blank=True, help_text="The code of a store that is not known.")
    body_digest = models.BinaryField(max_length=16)
    bodies = models.PositiveIntegerField(
        default=1, help_text="One, and one more whenever what came was not what came before."
    )
    tries = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.PositiveSmallIntegerField(choices=Outcome, null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "client_key"],
                condition=models.Q(closed_at=None),
                name="one_open_refusal_for_one_key",
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at=None, outcome=None)
                | models.Q(closed_at__isnull=False, outcome__isnull=False),
                name="a_closed_refusal_says_how_it_ended",
            ),
        ]
