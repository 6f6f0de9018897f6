"""Tables of what rules with a memory need: contributions, progress, grants, events, referrals, budgets, pending points.

Written by `loyalty/sql/state_rules.sql`, `pending.sql` and `budgets.sql` alone. How a rule counts stands in
loyalty/earning/state.py.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class MemberEvent(models.Model):
    """Something a member did that is no purchase: signed up, wrote a review, checked in. Never edited."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey("sales.Source", on_delete=models.PROTECT, related_name="+", db_index=False)
    client_key = models.CharField(max_length=120)
    body_hash = models.BinaryField(max_length=16)
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="events", db_index=False)
    event = models.CharField(max_length=40)
    subject = models.CharField(max_length=120, blank=True, help_text="What it was about, in the client's words.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "client_key"], name="one_event_for_one_client_key")]
        indexes = [models.Index(fields=["member", "event"], name="loyalty_events_of_member")]


class Contribution(models.Model):
    """What one purchase or event adds to one term's measure. `left` is what refunds have left of `amounts`, line by line."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(
        "loyalty.Wallet", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    term = models.CharField(max_length=60)
    period = models.DateField(help_text="First day of the period it counts in; 0001-01-01 for ever.")
    purchase = models.ForeignKey(
        "sales.Purchase", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(MemberEvent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(help_text="The store's day of the purchase.")
    lines = ArrayField(models.SmallIntegerField())
    amounts = ArrayField(models.BigIntegerField(), help_text="Minor units, or thousandths of items.")
    left = ArrayField(models.BigIntegerField())
    total_left = models.BigIntegerField()
    keys = ArrayField(
        models.CharField(max_length=400), null=True, help_text="What makes lines different, if that counts."
    )
    step = models.IntegerField(null=True, help_text="Number of the day, week or month, for streaks.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "term"], name="a_purchase_contributes_once_to_a_term"),
            models.UniqueConstraint(
                fields=["event", "term"],
                name="an_event_contributes_once_to_a_term",
                condition=models.Q(event__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["wallet", "term", "period"], name="loyalty_contributions")]


class RuleState(models.Model):
    """Where a wallet stands with one term in one period. `units` were granted and not taken back.

    `terms` are those last applied. When a newer rule set changes them, `shift` keeps what was granted: publishing alone
    neither gives nor takes. `locked` is the yearly day an occasion was first paid for.
    """

    pk = models.CompositePrimaryKey("wallet_id", "term", "period")
    wallet = models.ForeignKey(
        "loyalty.Wallet", on_delete=models.PROTECT, related_name="rule_states", db_index=False, db_constraint=False
    )
    term = models.CharField(max_length=60)
    period = models.DateField()
    ends = models.DateField()
    rule = models.CharField(max_length=50)
    rule_set = models.ForeignKey(
        "loyalty.RuleSet", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    terms = models.JSONField()
    measure = models.BigIntegerField(default=0)
    units = models.BigIntegerField(default=0)
    shift = models.BigIntegerField(default=0)
    locked = models.JSONField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(units__gte=0), name="units_granted_are_never_negative")
        ]
        indexes = [
            models.Index(
                fields=["term", "period"], name="loyalty_occasions_kept", condition=models.Q(locked__isnull=False)
            )
        ]


class Grant(models.Model):
    """One change of what a term gave a wallet, with every input, so that it recomputes. Never edited.

    `units` and `amount` are below zero when something was taken back; `amount` counts the wallet's currency. The transfers
    are those of (wallet, source, client_key).
    """

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(
        "loyalty.Wallet", on_delete=models.PROTECT, related_name="grants", db_index=False, db_constraint=False
    )
    source = models.ForeignKey(
        "sales.Source", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    client_key = models.CharField(max_length=120)
    rule_set = models.ForeignKey(
        "loyalty.RuleSet", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    rule = models.CharField(max_length=50)
    term = models.CharField(max_length=60)
    period = models.DateField()
    purchase = models.ForeignKey(
        "sales.Purchase", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(
        MemberEvent, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    terms = models.JSONField()
    measure = models.BigIntegerField()
    units_due = models.BigIntegerField()
    units_before = models.BigIntegerField()
    units = models.BigIntegerField()
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["wallet", "client_key"], name="loyalty_grants_of_wallet"),
            models.Index(fields=["rule", "at"], name="loyalty_grants_by_rule"),
            models.Index(
                fields=["purchase"], name="loyalty_grants_of_sale", condition=models.Q(purchase__isnull=False)
            ),
        ]


class Budget(models.Model):
    """What a rule may give at most, over all members: points, or what they cost in minor units of money."""

    class Unit(models.TextChoices):
        POINTS = "points", _("Points")
        MONEY = "money", _("Money")

    id = models.BigAutoField(primary_key=True)
    rule = models.CharField(max_length=50)
    unit = models.CharField(max_length=6, choices=Unit)
    cap = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "unit"], name="one_budget_for_one_rule_and_unit"),
            models.CheckConstraint(condition=models.Q(cap__gte=0), name="a_budget_is_never_negative"),
        ]


class BudgetSlot(models.Model):
    """A part of a budget, so that many tills take from it without waiting for each other. Their sum is what is left.

    Money is counted in thousandths of a minor unit, so that a single point costs something.
    """

    pk = models.CompositePrimaryKey("budget_id", "slot")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="slots", db_index=False)
    slot = models.PositiveSmallIntegerField()
    left = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(left__gte=0), name="no_more_is_spent_than_the_budget")]


class PendingPoints(models.Model):
    """Points earned that cannot be spent yet: until a day, or until an event of the purchase."""

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(
        "loyalty.Wallet", on_delete=models.PROTECT, related_name="pending_points", db_index=False, db_constraint=False
    )
    source = models.ForeignKey(
        "sales.Source", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    client_key = models.CharField(max_length=120)
    purchase = models.ForeignKey(
        "sales.Purchase", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    term = models.CharField(
        max_length=60, blank=True, help_text="The state rule's term; empty for what the lines earned."
    )
    points = models.BigIntegerField()
    points_left = models.BigIntegerField()
    matures_on = models.DateField(null=True, help_text="First day on which they can be spent.")
    waits_for = models.CharField(max_length=40, blank=True)
    expires_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points_left__gte=0, points_left__lte=models.F("points")),
                name="pending_points_only_shrink",
            ),
            models.CheckConstraint(
                condition=models.Q(matures_on__isnull=False) ^ ~models.Q(waits_for=""),
                name="pending_points_wait_for_one_thing",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet"], name="loyalty_pending_of_wallet", condition=models.Q(points_left__gt=0)),
            models.Index(fields=["matures_on"], name="loyalty_pending_by_day", condition=models.Q(points_left__gt=0)),
            models.Index(fields=["purchase"], name="loyalty_pending_of_sale", condition=models.Q(points_left__gt=0)),
        ]


class ReferralCode(models.Model):
    """The code by which a member refers friends."""

    member = models.OneToOneField(
        "members.Member", on_delete=models.CASCADE, primary_key=True, related_name="referral_code"
    )
    code = models.CharField(max_length=16, unique=True)
    created_at = models.DateTimeField()


class Referral(models.Model):
    """A friend who came by a code. `open` until the friend's first purchase that counts."""

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for the first purchase")
        PAID = "paid", _("Paid")
        TAKEN_BACK = "taken_back", _("Taken back with the purchase")

    id = models.BigAutoField(primary_key=True)
    referrer = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="referrals_made")
    friend = models.OneToOneField("members.Member", on_delete=models.PROTECT, related_name="referral")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(referrer=models.F("friend")), name="nobody_refers_themselves"),
        ]
