"""The tables of spending. Like every table of the ledger they are written by `loyalty/sql/`, the catalogue excepted."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from members.crypto import EncryptedTextField
from members.languages import in_readers_language


class DebtPolicy(models.TextChoices):
    """What becomes of points that a refund cannot take back, because they were spent."""

    DEDUCT = "deduct", _("Deduct from the next points earned")
    NEGATIVE = "negative", _("Allow a negative balance")
    WRITE_OFF = "write_off", _("Write off")


class SpendingPolicy(models.Model):
    """How one currency is spent and taken back. One row a currency; changed by managers, in force at once."""

    class Returned(models.TextChoices):
        REINSTATE = "reinstate", _("Give the reward back")
        LOSE = "lose", _("The reward stays used")

    currency = models.OneToOneField(
        "loyalty.Currency", primary_key=True, on_delete=models.CASCADE, related_name="policy"
    )
    debt = models.CharField(
        _("Points that cannot be taken back"), max_length=10, choices=DebtPolicy, default=DebtPolicy.DEDUCT
    )
    pay_points = models.PositiveIntegerField(
        _("Points per step at the till"), default=100, validators=[MinValueValidator(1)],
        help_text=_("So many points pay for the amount below."),
    )  # fmt: skip
    pay_minor = models.PositiveIntegerField(
        _("What a step pays, in minor units"), default=100, help_text=_("0: points pay for no purchase.")
    )
    pay_currency = models.CharField(pgettext_lazy("money", "Currency"), max_length=3, default="USD")
    pay_points_min = models.PositiveIntegerField(
        _("Least points at once"), default=100, help_text=_("Fewer cannot be paid with.")
    )
    hold_minutes = models.PositiveIntegerField(
        _("A hold lasts, in minutes"), default=30, validators=[MinValueValidator(1)]
    )
    confirm_points = models.PositiveIntegerField(
        _("Points from which the member confirms at the till"), default=1000,
        help_text=_(
            "Spending so much at once asks for the member's own code. Without their card it is asked for from the first point."
        ),
    )  # fmt: skip
    returned_rewards = models.CharField(
        _("A reward used on a purchase that comes back"), max_length=10, choices=Returned, default=Returned.REINSTATE
    )
    grace_days = models.PositiveIntegerField(
        _("Expired points may be reinstated for, in days"), default=60, validators=[MaxValueValidator(3650)]
    )
    reinstated_days = models.PositiveIntegerField(
        _("Reinstated points whose day is over may be spent for, in days"), default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )  # fmt: skip

    class Meta:
        verbose_name = _("spending policy")
        verbose_name_plural = _("spending policies")

    def __str__(self):
        return str(self.currency)


class Hold(models.Model):
    """Points set aside until they are captured, voided, or `expires_at` is over. It ends once.

    `lot_expires_on` and `lot_points` are what is still held, earliest lot first; what is let go returns to those lots.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("not yet settled", "Open")
        CAPTURED = "captured", _("Captured")
        VOIDED = "voided", _("Voided")
        EXPIRED = "expired", _("Expired")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="holds", db_index=False)
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    client_key = models.CharField(max_length=120)
    body_hash = models.BinaryField(max_length=16)
    points = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    lot_expires_on = ArrayField(models.DateField(), default=list)
    lot_points = ArrayField(models.BigIntegerField(), default=list)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    note = models.CharField(max_length=200, blank=True)
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key"], name="one_hold_for_one_client_key"),
            models.CheckConstraint(
                condition=models.Q(points__gt=0, captured__gte=0, released__gte=0)
                & models.Q(points__gte=models.F("captured") + models.F("released")),
                name="no_more_is_captured_than_was_held",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", ended_at=None)
                | (~models.Q(state="open") & models.Q(ended_at__isnull=False, points=models.F("captured") + models.F("released"))),
                name="a_hold_that_ended_holds_nothing",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["wallet"], name="loyalty_hold_open", condition=models.Q(state="open")),
            models.Index(fields=["expires_at"], name="loyalty_hold_due", condition=models.Q(state="open")),
        ]


class VoucherPool(models.Model):
    """Codes made or brought in together, for one reward."""

    name = models.CharField(pgettext_lazy("of a thing", "Name"), max_length=100)
    reward = models.ForeignKey(
        "loyalty.Reward", verbose_name=_("Reward"), on_delete=models.PROTECT, related_name="pools"
    )
    valid_from = models.DateTimeField(_("From"))
    valid_until = models.DateTimeField(_("Until"))
    is_active = models.BooleanField(pgettext_lazy("in use", "Active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    codes_put_in = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="How many codes were ever made or brought in."
    )
    brought_from = models.CharField(
        max_length=60, blank=True, default="", db_default="", editable=False,
        help_text="The system whose codes these are, in people's hands already: they are never handed out.",
    )  # fmt: skip

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("voucher pool")
        verbose_name_plural = _("voucher pools")

    def __str__(self):
        return self.name


class Reward(models.Model):
    """Something of the catalogue: what it costs in points and money, who may have it, and what it gives."""

    class Kind(models.TextChoices):
        PERCENT = "percent", _("Percentage off")
        AMOUNT = "amount", _("Amount off")
        PRODUCT = "product", _("Free product")
        SHIPPING = "shipping", _("Free shipping")
        MULTIPLY = "multiply", _("Points multiplied")
        BONUS = "bonus", _("Bonus points")
        GIFT_CARD = "gift_card", _("Gift card")
        CASHBACK = "cashback", _("Cashback")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name_en = models.CharField(pgettext_lazy("of a thing", "Name"), max_length=100)
    name_zh = models.CharField(_("Name in Chinese"), max_length=100, blank=True)
    words_en = models.CharField(_("Description"), max_length=300, blank=True)
    words_zh = models.CharField(_("Description in Chinese"), max_length=300, blank=True)
    kind = models.CharField(_("Kind"), max_length=10, choices=Kind)
    amount = models.PositiveIntegerField(
        pgettext_lazy("of points or money", "Amount"), default=0,
        help_text=_("Percent for a percentage (or 300 for points ×3), minor units for money, points for a bonus, pieces for a product."),
    )  # fmt: skip
    currency = models.CharField(pgettext_lazy("money", "Currency"), max_length=3, default="USD")
    product = models.ForeignKey(
        "sales.Product", verbose_name=_("Product"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    category = models.ForeignKey(
        "sales.Category", verbose_name=_("Category"), null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text=_("Empty: every line."),
    )  # fmt: skip
    points = models.PositiveIntegerField(_("Costs points"), default=0)
    money_minor = models.PositiveIntegerField(
        _("Costs money besides, in minor units"),
        default=0,
        help_text=_("Paid at the till when the reward is handed out."),
    )
    unit_cost_minor = models.PositiveIntegerField(
        _("Costs the programme, in minor units"), default=0, help_text=_("For reports of what rewards cost.")
    )
    max_minor = models.PositiveIntegerField(
        _("At most, in minor units"), null=True, blank=True, help_text=_("The most a percentage takes off.")
    )
    basket_minor_from = models.PositiveIntegerField(_("From a basket of, in minor units"), default=0)
    is_partial = models.BooleanField(
        _("May be used in parts"), default=False, help_text=_("What is left of an amount stays for the next purchase.")
    )
    valid_from = models.DateTimeField(_("From"))
    valid_until = models.DateTimeField(_("Until"), null=True, blank=True)
    voucher_days = models.PositiveIntegerField(
        _("To be used within, in days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    stock_left = models.PositiveIntegerField(_("In stock"), null=True, blank=True, help_text=_("Empty: no limit."))
    stock_put_in = models.PositiveIntegerField(
        null=True,
        editable=False,
        help_text="What was handed out and what is left came to so many when the stock was last counted.",
    )
    per_member_max = models.PositiveIntegerField(_("Times per member"), null=True, blank=True)
    per_member_days = models.PositiveIntegerField(
        _("within, in days"), null=True, blank=True, help_text=_("Empty: ever.")
    )
    tiers = models.ManyToManyField(
        "loyalty.Tier", verbose_name=_("For tiers"), blank=True, related_name="+", help_text=_("None chosen: all.")
    )
    stores = models.ManyToManyField(
        "sales.Store", verbose_name=_("At stores"), blank=True, related_name="+", help_text=_("None chosen: all.")
    )
    is_active = models.BooleanField(pgettext_lazy("in use", "Active"), default=True)

    class Meta:
        ordering = ["points", "pk"]
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(stock_left__isnull=True) | models.Q(stock_left__gte=0), name="a_reward_is_never_oversold"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="percent") | models.Q(amount__gte=1, amount__lte=100), name="a_percentage_is_of_a_hundred"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="product") | models.Q(product__isnull=False), name="a_free_product_is_named"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["shipping"]) | models.Q(amount__gt=0), name="a_reward_gives_something"
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        """Who counts the stock says how much was put in: what is left then, and what was handed out before."""
        with transaction.atomic():
            known = (
                Reward.objects.select_for_update().filter(pk=self.pk).values_list("stock_left", "stock_put_in").first()
            )
            if known is None or known[0] != self.stock_left or known[1] is None:
                handed_out = self.redemptions.filter(state="granted").count() if known else 0
                self.stock_put_in = None if self.stock_left is None else self.stock_left + handed_out
            else:
                self.stock_put_in = known[1]
            super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        """The reward's name in the reader's language."""
        return in_readers_language(self.name_en, self.name_zh)

    @property
    def words(self) -> str:
        """The description in the reader's language."""
        return in_readers_language(self.words_en, self.words_zh)


class Redemption(models.Model):
    """One reward handed out to one member. Reversed, its points are back in their lots."""

    class State(models.TextChoices):
        GRANTED = "granted", _("Handed out")
        REVERSED = "reversed", _("Taken back")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    client_key = models.CharField(max_length=120)
    body_hash = models.BinaryField(max_length=16)
    points = models.BigIntegerField()
    money_minor = models.BigIntegerField(default=0)
    entitlement = models.OneToOneField(
        "loyalty.Entitlement", null=True, on_delete=models.SET_NULL, related_name="redemption"
    )
    gift_card = models.OneToOneField("loyalty.GiftCard", null=True, on_delete=models.PROTECT, related_name="redemption")
    state = models.CharField(max_length=8, choices=State, default=State.GRANTED)
    redeemed_at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key"], name="one_redemption_for_one_client_key"),
            models.CheckConstraint(
                condition=models.Q(state="granted", reversed_at=None) | models.Q(state="reversed", reversed_at__isnull=False),
                name="a_redemption_is_reversed_once",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["wallet", "reward", "redeemed_at"], name="loyalty_redemption_of_wallet")]


class Voucher(models.Model):
    """A code and who owns it. Found by its keyed hash, shown to its owner by opening `code`; see docs/decisions/0120."""

    pool = models.ForeignKey(
        VoucherPool, null=True, blank=True, on_delete=models.PROTECT, related_name="vouchers", db_index=False
    )
    code_hash = models.BinaryField(max_length=16, unique=True)
    code = EncryptedTextField()
    last_four = models.CharField(max_length=4)
    entitlement = models.OneToOneField(
        "loyalty.Entitlement", null=True, blank=True, on_delete=models.SET_NULL, related_name="voucher"
    )
    owned_at = models.DateTimeField(null=True, blank=True)
    is_void = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["pool"], name="loyalty_voucher_free", condition=models.Q(owned_at=None, is_void=False))
        ]


class GiftCard(models.Model):
    """Money on a code: a wallet of its own, whose units are minor units of `currency`."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    wallet = models.OneToOneField("loyalty.Wallet", on_delete=models.PROTECT, related_name="gift_card")
    member = models.ForeignKey(
        "members.Member", null=True, blank=True, on_delete=models.SET_NULL, related_name="gift_cards"
    )
    code_hash = models.BinaryField(max_length=16, unique=True)
    code = EncryptedTextField()
    last_four = models.CharField(max_length=4)
    currency = models.CharField(max_length=3)
    issued_minor = models.BigIntegerField()
    valid_until = models.DateField()
    is_blocked = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    brought_from = models.CharField(
        max_length=60, blank=True, default="", db_default="", editable=False, help_text="The system that sold it, if not this one."
    )  # fmt: skip


class Tender(models.Model):
    """A part of a purchase that was not paid in money: points, cashback, a gift card, or a benefit. Never edited.

    `units` left the wallet (0 for a benefit); `minor` is the money they stood for, `line_minor` its share of each line in the
    receipt's order. The lots it was taken from are named, so that what comes back keeps its last day.
    """

    class Kind(models.TextChoices):
        POINTS = "points", _("Points")
        CASHBACK = "cashback", _("Cashback")
        GIFT_CARD = "gift_card", _("Gift card")
        BENEFIT = "benefit", _("Reward")

    purchase = models.ForeignKey(
        "sales.Purchase", on_delete=models.DO_NOTHING, related_name="tenders", db_index=False, db_constraint=False
    )
    seq = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=9, choices=Kind)
    wallet = models.ForeignKey(
        "loyalty.Wallet", null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    entitlement_id = models.BigIntegerField(null=True)
    client_key = models.CharField(max_length=120, help_text="The ledger's own key of the act that took the units.")
    said_hash = models.BinaryField(max_length=16, help_text="Of the whole purchase as the client told it.")
    units = models.BigIntegerField(default=0)
    minor = models.BigIntegerField()
    line_minor = ArrayField(models.BigIntegerField())
    lot_expires_on = ArrayField(models.DateField(), default=list)
    lot_units = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "seq"], name="one_tender_for_one_place_of_a_purchase"),
            models.CheckConstraint(condition=models.Q(units__gte=0, minor__gte=0), name="a_tender_pays"),
        ]
        indexes = [models.Index(fields=["client_key"], name="loyalty_tender_act")]


class Reinstatement(models.Model):
    """Expired points given back by staff. An expiry is reinstated once. Never edited."""

    wallet = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="+", db_index=False)
    expiry_version = models.BigIntegerField(help_text="The version of the transfer that expired them.")
    lot = models.DateField(help_text="The lot they expired from.")
    into_lot = models.DateField(help_text="The lot they were put into: the same one while its day is not over.")
    points = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    by_user = models.ForeignKey(
        "members.User", null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "expiry_version"], name="an_expiry_is_reinstated_once")
        ]


class ExpiryNotice(models.Model):
    """That a holder is to hear of points about to expire: one for each wallet, last day and horizon."""

    wallet = models.ForeignKey(
        "loyalty.Wallet", on_delete=models.PROTECT, related_name="expiry_notices", db_index=False
    )
    last_day = models.DateField()
    horizon_days = models.PositiveSmallIntegerField()
    points = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "last_day", "horizon_days"], name="one_notice_for_one_day_and_horizon")
        ]  # fmt: skip
