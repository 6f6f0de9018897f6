"""Publish a version of the earning rules. What is published never changes; a mistake is answered by the next version."""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max

from loyalty import rules
from loyalty.earning import compile_rule_set
from loyalty.models import RuleSet, Tier
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.rule_trials import open_trials


class CannotPublish(LedgerRefusal):
    """A rule set that names what does not exist, or would reach back before one that is live."""


@transaction.atomic
def publish_rule_set(*, definition: dict, live_from: datetime, name: str, at: datetime | None = None) -> RuleSet:
    """Publish the next version, in force for purchases made from `live_from`.

    Raises earning.InvalidRuleSet with every fault, or CannotPublish. A version never goes live before one published
    earlier: what has been earned stays explained by the rules it was earned under. `at`: when members are assigned to its
    trials; left out, the moment it is stored.
    """
    with connection.cursor() as cursor:  # publishers queue up; checkouts do not notice
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('loyalty_ruleset', 0))")
    compiled = compile_rule_set(definition)
    if unknown := compiled.tier_percents.keys() - set(Tier.objects.values_list("code", flat=True)):
        raise CannotPublish(
            f"tiers: {', '.join(sorted(unknown))} is no tier. Create the tier first, or correct its code."
        )
    newest = RuleSet.objects.aggregate(version=Max("version"), live_from=Max("live_from"))
    if newest["live_from"] and live_from < newest["live_from"]:
        raise CannotPublish(
            f"Version {newest['version']} is live from {newest['live_from']:%Y-%m-%d %H:%M}. "
            "Choose that time or a later one; the past keeps its rules."
        )
    made = RuleSet.objects.create(
        version=(newest["version"] or 0) + 1, name=name, definition=definition, live_from=live_from
    )
    open_trials(rule_set=made, at=at or made.created_at)
    rules.forget()
    transaction.on_commit(rules.forget)
    return made
