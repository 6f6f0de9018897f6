"""The ledger: wallets, transfers, awards, rule sets, tiers, entitlements."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Least
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import gettext_lazy as _

from members.languages import in_readers_language


class Account(models.IntegerChoices):
    """What a transfer moves points between. Below 10: the programme's own accounts; from 10: buckets of a wallet."""

    ISSUED = 1, _("Issued")
    REDEEMED = 2, _("Redeemed")
    EXPIRED = 3, _("Expired")
    CANCELLED = 4, _("Taken back")
    TRANSIT = 5, _("In transit between wallets")
    OPENING = 6, _("Opening balance")
    GOODWILL = 7, _("Goodwill")
    PARTNER = 8, _("Given by partners")
    AVAILABLE = 10, _("Available")
    PENDING = 11, _("Pending")
    HELD = 12, _("Held")
    DEBT = 13, _("Owed")


class Currency(models.Model):
    """What a wallet counts: points first; stamps, tier credits, cashback later."""

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=60)

    class Meta:
        verbose_name_plural = "currencies"

    def __str__(self):
        return self.name


class RuleSet(models.Model):
    """One immutable version of the earning rules. `definition` is compiled by loyalty/earning/."""

    id = models.AutoField(primary_key=True)
    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    definition = models.JSONField()
    live_from = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["live_from", "version"]

    def __str__(self):
        return f"{self.version}: {self.name}"


def next_rank() -> int:
    """A new tier stands above all others until it is told its place."""
    return (Tier.objects.aggregate(highest=models.Max("rank"))["highest"] or 0) + 1


class Tier(models.Model):
    """A step of the ladder: what reaches it, in which window it is counted, and how it is lost.

    Whole calendar months are counted. A criterion of zero is not asked; a tier that asks none is everybody's. What a tier
    multiplies points by is part of the rule set, because it decides what an award was.
    """

    class How(models.TextChoices):
        EARNED = "earned", _("Earned")
        INVITED = "invited", _("By invitation")
        PAID = "paid", _("Paid membership")

    class Window(models.TextChoices):
        ROLLING = "rolling", _("The latest months")
        CALENDAR = "calendar", _("The calendar year")
        ANNIVERSARY = "anniversary", _("The member's own year")
        LIFETIME = "lifetime", _("Since joining")

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=20, unique=True)
    name_en = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60, blank=True)
    rank = models.PositiveSmallIntegerField(
        unique=True, default=next_rank, help_text="Its place on the ladder; the lowest is everybody's."
    )
    how = models.CharField(max_length=10, choices=How, default=How.EARNED)
    points_from = models.PositiveIntegerField(default=0, help_text="Qualifying points inside the window.")
    spend_minor_from = models.PositiveBigIntegerField(
        default=0, help_text="Money spent on goods that earn, after refunds, in minor units."
    )
    visits_from = models.PositiveIntegerField(default=0, help_text="Receipts of which something was kept.")
    credits_from = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Tier credits that rules gave inside the window."
    )
    must_meet_all = models.BooleanField(default=False, help_text="All criteria that are asked, or any one of them.")
    counted_over = models.CharField(max_length=12, choices=Window, default=Window.ROLLING)
    window_months = models.PositiveSmallIntegerField(default=12, help_text="Months of a rolling window, 1 to 60.")
    grace_months = models.PositiveSmallIntegerField(
        default=0, help_text="For how many months a tier is kept after its window no longer holds it."
    )

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(window_months__gte=1, window_months__lte=60), name="a_window_is_five_years_at_most"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        """The tier's name in the reader's language."""
        return in_readers_language(self.name_en, self.name_zh)


class Wallet(models.Model):
    """A holder's points in one currency, with everything the posting function needs under one row lock.

    A lot is the points that expire on one day; lots stand packed in two arrays, earliest first. The tables are written by
    `loyalty/sql/` alone.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, db_index=False)
    member = models.ForeignKey(
        "members.Member", null=True, blank=True, on_delete=models.PROTECT, related_name="wallets", db_index=False
    )
    household = models.ForeignKey(
        "members.Household", null=True, blank=True, on_delete=models.PROTECT, related_name="wallets", db_index=False
    )
    available = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    carry_micropoints = models.IntegerField(
        default=0, help_text="The part of a point carried to the next purchase, in millionths."
    )
    version = models.BigIntegerField(default=0)
    lot_expires_on = ArrayField(models.DateField(), default=list, help_text="The last day each lot may be spent.")
    lot_points = ArrayField(models.BigIntegerField(), default=list)
    tier = models.ForeignKey(Tier, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    tier_since = models.DateTimeField(null=True, blank=True)
    qualifying_month = models.DateField(
        null=True, blank=True, help_text="First day of the newest month in qualifying_micropoints."
    )
    qualifying_micropoints = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="Per month of the window, newest first, in millionths of a point.",
    )
    last_purchase_at = models.DateTimeField(null=True, blank=True)
    active_at = models.DateTimeField(
        null=True, blank=True, help_text="The last act that counts as activity, purchases aside."
    )
    is_debt_netted = models.BooleanField(
        default=False,
        db_default=False,
        help_text="What is owed counts against the balance: all that comes in pays it, and less may be spent.",
    )
    entitled_until = models.DateTimeField(
        null=True, blank=True, help_text="No entitlement of this holder is valid after this."
    )
    spending_blocked_at = models.DateTimeField(
        null=True, blank=True, help_text="Nothing may be spent from here since: a promise of the ledger was broken."
    )

    tier_keeps_until = models.DateField(
        null=True, blank=True, help_text="The window no longer holds the tier; it is kept until this day."
    )
    tier_granted = models.ForeignKey(
        Tier, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False,
        help_text="The highest tier given by invitation or membership.",
    )  # fmt: skip
    tier_granted_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is ended.")
    qualifying_spend_minor = ArrayField(
        models.BigIntegerField(), null=True, blank=True, help_text="As qualifying_micropoints; NULL while no tier asks."
    )
    qualifying_visits = ArrayField(models.BigIntegerField(), null=True, blank=True)
    lifetime_qualifying = ArrayField(
        models.BigIntegerField(), null=True, blank=True,
        help_text="Micropoints, spend and visits since joining; NULL while no tier asks.",
    )  # fmt: skip
    pool = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False,
        help_text="The household's wallet that a part of every award goes to.",
    )  # fmt: skip
    pool_percent = models.SmallIntegerField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False,
        help_text="The wallet of the member this one was merged into; what comes in goes on to it.",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "currency"], name="one_wallet_for_one_member_and_currency"),
            models.UniqueConstraint(fields=["household", "currency"], name="one_wallet_for_one_household_and_currency"),
            # One for all four, and no other: a check is read anew by every statement that writes the table. That a wallet has one
            # holder is held by a trigger; docs/decisions/0141-checks-are-paid-by-every-award.md
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Least("available", "pending", "held", "debt"), 0),
                name="points_are_never_negative",
            ),
        ]


class Transfer(models.Model):
    """Points moved from one account to another. One immutable row, so every sum is zero by construction.

    The wallet's version orders them without gaps; (source, client_key, seq) is the act's own name. A transfer into or out
    of AVAILABLE names the lot it moves by `expires_on`, so each lot equals the sum of its transfers.

    The database checks no foreign key here: the posting functions have just written or locked those rows, and a check would
    lock the one row of a busy source for every award. A trigger keeps wallets from being deleted; `verify_ledger` looks for
    orphans.
    """

    class Reason(models.TextChoices):
        PURCHASE = "purchase", _("Purchase")
        REFUND = "refund", _("Refund")
        REDEMPTION = "redemption", _("Points spent")
        EXPIRY = "expiry", _("Expired")
        INACTIVITY = "inactivity", _("Expired by inactivity")
        HOLD = "hold", _("Set aside")
        RELEASE = "release", _("No longer set aside")
        PAYMENT = "payment", _("Paid with")
        RESTORED = "restored", _("Given back")
        REINSTATED = "reinstated", _("Reinstated")
        DEBT_PAID = "debt_paid", _("Paid what was owed")
        WRITE_OFF = "write_off", _("Written off")
        LOADED = "loaded", _("Loaded")
        GOODWILL = "goodwill", _("Goodwill")
        CORRECTION = "correction", _("Correction")
        REVIEW = "review", _("Under review")
        GIFT = "gift", _("Gift")
        POOL = "pool", _("Shared with the household")
        MERGE = "merge", _("Members merged")
        OPENING = "opening", _("Opening balance")
        PARTNER = "partner", _("Given by a partner")
        BONUS = "bonus", _("Bonus")
        BONUS_BACK = "bonus_back", _("Bonus taken back")
        MATURITY = "maturity", _("Can be spent now")

    pk = models.CompositePrimaryKey("wallet_id", "version")
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="transfers", db_index=False, db_constraint=False
    )
    version = models.BigIntegerField()
    source = models.ForeignKey(
        "sales.Source", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    client_key = models.CharField(max_length=120)
    seq = models.SmallIntegerField(default=0)
    body_hash = models.BinaryField(
        max_length=16, help_text="Of what the act said; empty for an award, whose purchase has it."
    )
    debit_account = models.SmallIntegerField(choices=Account)
    credit_account = models.SmallIntegerField(choices=Account)
    points = models.BigIntegerField()
    available_after = models.BigIntegerField()
    expires_on = models.DateField(null=True, blank=True)
    purchase = models.ForeignKey(
        "sales.Purchase",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    reason = models.CharField(max_length=12, choices=Reason)
    note = models.CharField(max_length=200, blank=True, help_text="Staff's own words, for goodwill and corrections.")
    by_user = models.ForeignKey(
        "members.User",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key", "seq"], name="one_transfer_for_one_cause"),
            models.CheckConstraint(condition=models.Q(points__gt=0), name="a_transfer_moves_points"),
        ]
        # A few bytes per megabyte of rows: what was posted lately, or on one day, is found without an index entry per row.
        indexes = [
            BrinIndex(fields=["posted_at"], name="loyalty_transfers_by_posting", pages_per_range=16, autosummarize=True)
        ]


class Award(models.Model):
    """What one purchase earned, under which rule, and every input, so that it recomputes at any time. Never edited.

    What was taken back since follows from the refund lines of the purchase (sales), so it is not kept a second time.
    """

    purchase = models.OneToOneField(
        "sales.Purchase",
        on_delete=models.DO_NOTHING,
        primary_key=True,
        related_name="award",
        db_constraint=False,
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="awards", db_index=False, db_constraint=False
    )
    rule_set = models.ForeignKey(
        RuleSet, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    tier = models.ForeignKey(Tier, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    tier_percent = models.SmallIntegerField(help_text="What the tier held before this purchase multiplied by.")
    earned_on = models.DateField(help_text="The purchase's day in the programme's time zone.")
    carry_before = models.IntegerField(help_text="Millionths of a point, as all micropoints.")
    carry_after = models.IntegerField()
    points = models.BigIntegerField()
    debt_paid = models.BigIntegerField(null=True, blank=True, help_text="Empty: nothing was owed.")
    available_after = models.BigIntegerField(null=True, blank=True, help_text="Empty: as its one transfer says.")
    tier_after = models.ForeignKey(
        Tier, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False,
        help_text="Empty: the same.",
    )  # fmt: skip
    line_category_ids = ArrayField(models.IntegerField(null=True), help_text="The type each line's product had then.")
    line_micropoints = ArrayField(
        models.BigIntegerField(), help_text="Per line under the rules, before tier and offers."
    )
    line_extra_micropoints = ArrayField(
        models.BigIntegerField(), null=True, blank=True, help_text="Per line from fixed bonuses and entitlements."
    )
    inputs = models.JSONField(
        null=True, blank=True, help_text="What else the rules looked at (see loyalty/earning/); empty: nothing."
    )
    entitlements = models.JSONField(
        null=True, blank=True, help_text="Benefits used: id, cause, benefit, amount, lines."
    )


class TierChange(models.Model):
    """One step up or down the ladder, and the purchase that caused it, if one did."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="tier_changes")
    from_tier = models.ForeignKey(Tier, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    qualifying_points = models.BigIntegerField()
    purchase = models.ForeignKey(
        "sales.Purchase",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    at = models.DateTimeField()


class Entitlement(models.Model):
    """A benefit a member was given from above: an offer, a voucher. The posting path and the till read only this."""

    class Benefit(models.TextChoices):
        MULTIPLY = "multiply", _("Points multiplied")
        BONUS = "bonus", _("Bonus points")
        PERCENT = "percent", _("Percentage off")
        AMOUNT = "amount", _("Amount off")
        PRODUCT = "product", _("Free product")
        SHIPPING = "shipping", _("Free shipping")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="entitlements", db_index=False)
    category = models.ForeignKey(
        "sales.Category", null=True, blank=True, on_delete=models.CASCADE, help_text="Empty: every line."
    )
    benefit = models.CharField(max_length=10, choices=Benefit)
    amount = models.PositiveIntegerField(
        help_text="Percent for multiply (300 is ×3) and percent, points for bonus, minor units for amount, pieces for product."
    )
    currency = models.CharField(max_length=3, blank=True, db_default="", help_text="Of money it takes off; empty: any.")
    product = models.ForeignKey(
        "sales.Product", null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    max_minor = models.BigIntegerField(null=True, blank=True, help_text="The most a percentage takes off.")
    basket_minor_from = models.BigIntegerField(default=0, db_default=0)
    store_ids = ArrayField(models.BigIntegerField(), null=True, blank=True, help_text="Empty: every store.")
    left_minor = models.BigIntegerField(
        null=True, blank=True, help_text="What is left of an amount that may be used in parts."
    )
    budget = models.CharField(
        max_length=80, blank=True, db_default="", help_text="What it takes off is taken from the budget of this name."
    )
    budget_minor = models.BigIntegerField(null=True, blank=True, help_text="The budget's cap, in minor units.")
    needs_code = models.BooleanField(
        default=False, db_default=False, help_text="Taken off only when it is asked for, by its code or by name."
    )
    uses_left = models.PositiveIntegerField(default=1)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    cause = models.CharField(
        max_length=80, help_text="The giver's own name for why, such as campaign:12:345. Never read here."
    )
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "cause"], name="one_entitlement_for_one_cause"),
            models.CheckConstraint(
                condition=models.Q(left_minor__isnull=True) | models.Q(left_minor__gte=0),
                name="no_more_is_taken_off_than_there_is",
            ),
        ]
        indexes = [models.Index(fields=["member", "valid_until"])]


# Tables with a subject of their own stand in a file of their own; Django finds models only through this module.
from loyalty.authoring.models import RuleAct, RuleDraft, RulePolicy, RuleTrial, Simulation  # noqa: E402, F401 -- tables of this app, kept in a room of their own
from loyalty.oversight import BlockedWallet, CodeAttempt, DayDigest, PointValue, Review, Screening  # noqa: E402, F401
from loyalty.partnership import Funder, Funding, Partner, PartnerTerms  # noqa: E402, F401
from loyalty.progress import (  # noqa: E402, F401
    Budget,
    BudgetSlot,
    Contribution,
    Grant,
    MemberEvent,
    PendingPoints,
    Referral,
    ReferralCode,
    RuleState,
)
from loyalty.remarks import Remark  # noqa: E402, F401
from loyalty.sharing import GiftPolicy, PoolShare, WalletMerge  # noqa: E402, F401
from loyalty.spending.models import (  # noqa: E402, F401 (they name the models above)
    DebtPolicy,
    ExpiryNotice,
    GiftCard,
    Hold,
    Redemption,
    Reinstatement,
    Reward,
    SpendingPolicy,
    Tender,
    Voucher,
    VoucherPool,
)
from loyalty.standing import Membership, MembershipPlan, PaymentEvent, TierBenefit, TierGrant, TierPolicy  # noqa: E402, F401
