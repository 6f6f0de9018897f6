"""Tables of points that several people share: households that pool, gifts, merged members."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class PoolShare(models.Model):
    """A member's place in a household that pools, from when until when; the row without an end counts now."""

    household = models.ForeignKey("members.Household", on_delete=models.PROTECT, related_name="pool_shares")
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="pool_shares")
    percent = models.PositiveSmallIntegerField(help_text="The part of every award that goes to the household.")
    is_head = models.BooleanField(default=False, help_text="Takes in members, changes shares, and dissolves the pool.")
    may_spend = models.BooleanField(default=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=models.Q(until__isnull=True), name="a_member_pools_in_one_household"
            ),
            models.UniqueConstraint(
                fields=["household"],
                condition=models.Q(until__isnull=True, is_head=True),
                name="a_household_has_one_head",
            ),
            models.CheckConstraint(condition=models.Q(percent__lte=100), name="a_share_is_a_hundred_percent_at_most"),
        ]


class GiftPolicy(models.Model):
    """One row: within which limits members may give points to each other."""

    is_open = models.BooleanField(default=True)
    points_min = models.PositiveIntegerField(default=10)
    points_per_day_max = models.PositiveIntegerField(default=5_000)
    points_per_month_max = models.PositiveIntegerField(default=20_000)
    from_tier = models.ForeignKey(
        "loyalty.Tier", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="The lowest tier that may give; empty: every tier.",
    )  # fmt: skip

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_gift_policy")]


class WalletMerge(models.Model):
    """One wallet of a merged member, and what is needed to take it apart again to the unit.

    What moved is in the ledger: the transfers of both wallets under the key `merge:<id>` and of the absorbed one since. Kept
    here is only what no transfer says.
    """

    merge = models.ForeignKey("members.MemberMerge", on_delete=models.PROTECT, related_name="+")
    survivor = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="+")
    absorbed = models.ForeignKey("loyalty.Wallet", on_delete=models.PROTECT, related_name="+")
    absorbed_version = models.BigIntegerField(help_text="The absorbed wallet's version before.")
    before = models.JSONField(help_text="The survivor's tier and dates before, and the absorbed one's pool.")
    after = models.JSONField(help_text="The survivor's tier and dates right after.")
    entitlement_ids = ArrayField(models.BigIntegerField(), default=list)
    contribution_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        help_text="What the absorbed one had contributed to rules.",
    )
    rule_states = models.JSONField(
        default=list,
        db_default=[],
        help_text="Where both stood with rules before (mine, theirs) and right after (joined).",
    )
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=models.Q(undone_at__isnull=True), name="a_wallet_is_merged_once"
            ),
        ]
