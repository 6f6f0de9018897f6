"""Why a purchase earned what it earned: from the plan at the till, or from the award's stored inputs at any time later."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from loyalty import bonuses, rules
from loyalty.earning import Basket, Plan, Product, RuleSet
from loyalty.models import Award, Grant
from sales.models import PurchaseLine


def of_plan(rule_set: RuleSet, plan: Plan, row: tuple) -> dict:
    """The explanation of an award just posted; `row` is the posting function's answer."""
    tier, percent, _after, carry_before, carry_after, used = row[9:15]
    return _with_state(
        rule_set.explain(plan), tier=tier, percent=percent, carried=(carry_before, carry_after), used=_named(used, rule_set),
        points=row[6], debt_paid=row[7],
    ) | {"bonuses": _told(bonuses.of_json(row[16]))}  # fmt: skip


def of_purchase(purchase_id: int) -> dict:
    """The explanation of a purchase recorded at any time, made anew from what was stored with it. Empty if it earned
    for nobody.
    """
    award = Award.objects.select_related("purchase").filter(pk=purchase_id).first()
    if award is None:
        return {}
    rule_set, plan = planned_again(award)
    return of_award(award, rule_set, plan) | {"bonuses": bonuses_of(purchase_id=purchase_id)}


def bonuses_of(**cause: int) -> list[dict]:
    """What rules with a memory gave for one cause, in the order it happened: `purchase_id`, or `event_id` with whose wallets."""
    fields = ("term", "rule_set_id", "wallet__currency__code", "amount", "units", "terms")
    return _told([bonuses.Bonus(*row) for row in Grant.objects.filter(**cause).order_by("pk").values_list(*fields)])


def _told(given: list[bonuses.Bonus]) -> list[dict]:
    """What rules with a memory gave, each with its words."""
    return [
        {
            "code": bonus.term,
            "currency": bonus.currency,
            "amount": bonus.amount,
            "words": " ".join(bonuses.in_words([bonus])),
        }
        for bonus in given
    ]


def of_award(award: Award, rule_set: RuleSet, plan: Plan) -> dict:
    return _with_state(
        rule_set.explain(plan), tier=award.tier_id, percent=award.tier_percent,
        carried=(award.carry_before, award.carry_after), used=_named(award.entitlements, rule_set), points=award.points,
        debt_paid=award.debt_paid or 0,
    )  # fmt: skip


def _named(used: list[dict] | None, rule_set: RuleSet) -> list[dict]:
    """Benefits used; rules among them (with a budget, a trial, tiers or an occasion) with the names members read."""
    if not used:
        return []
    names = {rule.code: {"name": rule.name, "name_zh": rule.name_zh} for rule in rule_set.rules if rule.is_limited}
    return [one | names.get(one.get("rule", ""), {}) for one in used]


def planned_again(award: Award) -> tuple[RuleSet, Plan]:
    """Ask the rules of then about the basket of then. `award.purchase` should be loaded."""
    lines = PurchaseLine.objects.filter(purchase_id=award.purchase_id).order_by("line_no")
    lines = list(lines.values_list("product_id", "total_minor"))
    return plan_again(
        award.rule_set_id,
        currency=award.purchase.currency,
        at=award.purchase.purchased_at,
        lines=lines,
        type_ids=award.line_category_ids,
        inputs=award.inputs or {},
    )


def plan_again(
    rule_set_id: int,
    *,
    currency: str,
    at: datetime,
    lines: list[tuple[int, int]],
    type_ids: list[int | None],
    inputs: dict,
) -> tuple[RuleSet, Plan]:
    rule_set = rules.known().by_id(rule_set_id)
    services, brands, tags = set(inputs.get("services", ())), inputs.get("brands"), inputs.get("tags")
    products = [
        Product(
            product_id,
            type_id,
            rules.path_of(type_id),
            brands[n] if brands else "",
            n + 1 in services,
            tuple(tags[n]) if tags else (),
        )
        for n, ((product_id, _), type_id) in enumerate(zip(lines, type_ids, strict=True))
    ]
    local = datetime.fromisoformat(inputs["at"]) if "at" in inputs else at.astimezone(ZoneInfo(settings.TIME_ZONE))
    totals = [total for _, total in lines]
    return rule_set, rule_set.plan(
        Basket(currency, local, products, totals, inputs.get("store", ""), None, inputs.get("earning"))
    )


def _with_state(explained: dict, *, tier, percent, carried, used, points, debt_paid) -> dict:
    """Add what only the wallet knew."""
    if tier is None:
        return explained | {"points": 0, "earns_for_nobody": True}
    held = rules.known().tiers[tier]
    return explained | {
        "points": points,
        "tier": held.code,
        "tier_percent": percent,
        "carried_in": carried[0],
        "carried_out": carried[1],
        "entitlements": used or [],
        "debt_paid": debt_paid,
    }
