"""Which offer to whom: the greatest expected incremental margin under budgets and stock, given as entitlements."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection, transaction
from django.db.models import F

from recommender import assignment, shelf
from recommender.assignment import Problem, Solution
from recommender.models import Offer, OfferBudget, OfferPlan, OfferPosterior, Recommendation
from recommender.operations.offers import give_offers

SLOTS = 3  # offers a member gets at most
SURE = 0.5  # what is bought anyway with this probability gets a reminder
NEUTRAL_LIFT = 1.15  # how much an offer multiplies a purchase by, before anything was learned of its category
FACTORS = (0.8, 1.0, 1.2)
PRICE_DAYS = 180

_PRICES = """
    SELECT t.category_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY l.total_minor)
      FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product t ON t.id = l.product_id
     WHERE p.kind = 1 AND l.total_minor > 0 AND t.category_id = ANY (%(types)s)
       AND p.purchased_at < %(at)s AND p.purchased_at >= %(at)s - make_interval(days => %(days)s)
     GROUP BY 1
"""


class CannotPlan(Exception):
    """There is nothing to give or nobody to give it to; says what to do."""


@dataclass(frozen=True, eq=False)
class Market:
    """The problem, and what its rows and columns are; `anyway` (M, O) is the probability that a member buys without the offer."""

    problem: Problem
    member_ids: np.ndarray
    offers: list[Offer]
    anyway: np.ndarray

    def pairs(self, found: Solution) -> list[tuple[int, int]]:
        """(member, product type) of what was chosen."""
        members, offers = self.member_ids[found.member].tolist(), found.offer.tolist()
        return [(member, self.offers[offer].category_id) for member, offer in zip(members, offers, strict=True)]


def market(*, members, at: datetime, slots: int = SLOTS) -> Market:
    """What may be given to `members` (a QuerySet) as of `at`. Raises CannotPlan."""
    offers = list(_offers(at))
    place = {offer.category_id: column for column, offer in enumerate(offers)}
    rows = np.array(
        list(
            Recommendation.objects.filter(member__in=members.values("pk"), category_id__in=place)
            .exclude(slot="new_products")
            .values_list("member_id", "category_id", "slot", "rank", "probability")
        ),
        object,
    ).reshape(-1, 5)
    if not len(rows):
        raise CannotPlan(
            "No active offer is on anybody's list. Make offers and train first: manage.py train_recommender."
        )
    member_ids, row = np.unique(rows[:, 0].astype(np.int64), return_inverse=True)
    column = np.array([place[pk] for pk in rows[:, 1]])
    anyway = np.zeros((len(member_ids), len(offers)), np.float32)
    anyway[row, column] = [_chance(*known) for known in rows[:, 2:]]
    listed = np.zeros(anyway.shape, bool)
    listed[row, column] = True
    return Market(_problem(offers, anyway, listed, at, slots), member_ids, offers, anyway)


def _chance(slot: str, rank: int, probability: float | None) -> float:
    """That a listed type is bought anyway: the ranker's own probability, or what places of a list usually come to."""
    if probability is not None:
        return float(probability)
    return (0.35 if slot == "buy_again" else 0.03) / np.sqrt(rank)


def _offers(at: datetime):
    open_now = Offer.objects.filter(is_active=True, category__in=shelf.read().offerable(""))
    for offer in open_now.select_related("category", "budget").order_by("pk"):
        begins, ends = (
            offer.valid_from is None or offer.valid_from <= at,
            offer.valid_until is None or offer.valid_until > at,
        )
        if begins and ends and (offer.stock is None or offer.given < offer.stock):
            yield offer


def _problem(offers: list[Offer], anyway: np.ndarray, listed: np.ndarray, at: datetime, slots: int) -> Problem:
    price = _prices([offer.category_id for offer in offers], at)
    benefit = np.array([_benefit(offer, paid) for offer, paid in zip(offers, price, strict=True)])
    margin = price * np.array([offer.margin_percent for offer in offers]) / 100
    lift = _lifts(offers)
    with_it = np.minimum(anyway * lift[None, :], 0.95)
    gains = assignment.incremental_margin(bought_anyway=anyway, bought_with=with_it, margin=margin, benefit=benefit)
    budgets = sorted({offer.budget_id for offer in offers if offer.budget_id})
    left = {pk: float(budget.left_minor) for pk, budget in OfferBudget.objects.in_bulk(budgets).items()}
    place = {pk: at for at, pk in enumerate(budgets)}
    return Problem(
        margin=np.where(listed, gains, -np.inf).astype(np.float32), cost=(with_it * benefit).astype(np.float32),
        budget=np.array([*(left[pk] for pk in budgets), np.inf]),
        budget_of=np.array([place.get(offer.budget_id, len(budgets)) for offer in offers]),
        stock=np.array([np.inf if offer.stock is None else offer.stock - offer.given for offer in offers], float),
        group_of=np.unique([offer.category.parent_id or -offer.category_id for offer in offers], return_inverse=True)[1],
        slots=slots,
    )  # fmt: skip


def _prices(types: list[int], at: datetime) -> np.ndarray:
    """What is usually paid for a line of each type, in minor units; for types without sales the median of the others."""
    with connection.cursor() as cursor:
        cursor.execute(_PRICES, {"types": types, "at": at, "days": PRICE_DAYS})
        known = dict(cursor.fetchall())
    usual = float(np.median(list(known.values()))) if known else 100.0
    return np.array([float(known.get(pk, usual)) for pk in types])


def _benefit(offer: Offer, price: float) -> float:
    """What one use costs, in minor units: as staff say, or reckoned. A point is taken for a hundredth of what it was earned on."""
    if offer.cost_minor is not None:
        return float(offer.cost_minor)
    kinds = Offer.Benefit
    return {
        kinds.MULTIPLY: price * (offer.amount - 100) / 10_000, kinds.BONUS: float(offer.amount), kinds.AMOUNT: float(offer.amount),
        kinds.PERCENT: price * offer.amount / 100, kinds.PRODUCT: price * offer.amount,
    }[offer.benefit]  # fmt: skip


def _lifts(offers: list[Offer]) -> np.ndarray:
    """How many times as likely a purchase becomes with an offer: what was learned of its category against the held out, else neutral."""
    learned = {
        group: (a / (a + b)) / max(c / (c + d), 1e-6)
        for group, a, b, c, d in OfferPosterior.objects.filter(held_out_alpha__gt=0, held_out_beta__gt=0).values_list(
            "group_id", "offered_alpha", "offered_beta", "held_out_alpha", "held_out_beta"
        )
    }
    found = [learned.get(offer.category.parent_id, NEUTRAL_LIFT) for offer in offers]
    return np.clip(np.array(found, float), 1.0, 3.0)


@transaction.atomic
def assign_offers(
    *,
    cause: str,
    members,
    at: datetime,
    valid_until: datetime,
    slots: int = SLOTS,
    factors: tuple[float, ...] = FACTORS,
) -> OfferPlan:
    """Give members the offers worth most under budgets and stock, and keep what the plan is worth. A cause is planned once.

    What a member buys anyway is told, not given (`reminders`). Raises CannotPlan.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('recommender.plan'))")
    done = OfferPlan.objects.filter(cause=cause).first()
    if done:
        return done
    asked = market(members=members, at=at, slots=slots)
    found = assignment.solve(asked.problem)
    reminders = remind(asked)
    given = asked.pairs(found)
    give_offers(given=given, cause=cause, valid_from=at, valid_until=valid_until)
    spent = asked.problem.costs()[found.member, found.offer]
    _commit(asked, found, spent)
    return OfferPlan.objects.create(
        cause=cause, at=at, method=found.method, members=len(asked.member_ids), offers=len(given), reminders=len(reminders),
        value_minor=found.value, bound_minor=found.bound, spent_minor=float(spent.sum()),
        what_if=[vars(one) for one in assignment.what_if(asked.problem, factors)],
    )  # fmt: skip


def remind(asked: Market) -> list[tuple[int, int]]:
    """(member, type) of what is bought anyway: an offer on it would be given away."""
    row, column = np.nonzero((asked.anyway >= SURE) & (asked.problem.margin <= 0))
    return [
        (int(asked.member_ids[m]), asked.offers[o].category_id)
        for m, o in zip(row.tolist(), column.tolist(), strict=True)
    ]


def _commit(asked: Market, found: Solution, spent: np.ndarray) -> None:
    """Take what was given off stocks and budgets; the database refuses what goes beyond."""
    given = np.bincount(found.offer, minlength=len(asked.offers))
    for offer, n in zip(asked.offers, given.tolist(), strict=True):
        if n:
            Offer.objects.filter(pk=offer.pk).update(given=F("given") + n)
    paid = np.bincount(asked.problem.budget_of[found.offer], spent, minlength=len(asked.problem.budget))
    budgets = sorted({offer.budget_id for offer in asked.offers if offer.budget_id})
    for pk, cost in zip(budgets, paid, strict=False):
        OfferBudget.objects.filter(pk=pk).update(committed_minor=F("committed_minor") + int(cost))
