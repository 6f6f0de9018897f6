"""What a message and its offers may cost, and how many members a budget reaches. Money in minor units."""

import math

from django.conf import settings
from django.db.models import Case, F, Func, IntegerField, Sum, Value, When, Window
from django.db.models.fields import TextField
from django.db.models.functions import MD5, Cast, Concat

from experiments.buckets import BUCKET_SQL

OVER_BUDGET = "over_budget"


class Bucket(Func):
    """A member's bucket, 0…9999, under a salt: the same figure that experiments assign by. Over Member."""

    output_field = IntegerField()

    def __init__(self, salt: str, member: str = "public_id"):
        super().__init__(Value(salt, output_field=TextField()), F(member))

    def as_sql(self, compiler, connection, **context):
        salt, salt_params = compiler.compile(self.source_expressions[0])
        member, member_params = compiler.compile(self.source_expressions[1])
        return BUCKET_SQL.format(salt=f"{salt}::text", member=member), [*salt_params, *member_params]


def cost_of(campaign, variants) -> int:
    """The most that one member may cost: the dearest variant's messages, rounded up, and its offers if all are used."""
    return max((_cost_of_variant(campaign, one) for one in variants), default=0)


def _cost_of_variant(campaign, variant) -> int:
    messages = sum(settings.SEND_COST_PER_1000.get(channel, 0) for channel in variant.channels) / 1000
    return math.ceil(messages) + sum(variant.slots(campaign).values()) * campaign.offer_cost_minor


def affordable(campaign, variants) -> int | None:
    """How many more members the budget reaches; None without a cap."""
    if campaign.budget_minor is None:
        return None
    cost = cost_of(campaign, variants)
    left = campaign.budget_minor - campaign.committed_minor
    return left // cost if cost else None


def beyond(members, *, experiment, afford: int):
    """Of `members`, those whom the budget no longer reaches: taken in an order of chance until `afford` have been sent.

    Whether a member is left out never depends on their arm: the held-out members between those sent stay in.
    """
    held = sum(arm.bucket_to - arm.bucket_from for arm in experiment.arms.all() if arm.is_holdout)
    is_sent = Case(When(bucket__gte=held, then=Value(1)), default=Value(0), output_field=IntegerField())
    order = MD5(Concat(Value(f"{experiment.salt}:budget:"), Cast("public_id", TextField())))
    counted = members.annotate(bucket=Bucket(experiment.salt)).annotate(
        reached=Window(Sum(is_sent), order_by=[order.asc(), F("pk").asc()])
    )
    return counted.filter(reached__gt=afford)
