"""What was logged, and how likely another policy would have shown it: the two arrays that off-policy estimates are made of."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db import connection

from recommender import contexts, sampling
from recommender.models import EligibleSet, OfferPosterior, PolicyVersion
from recommender.offpolicy import Logged
from recommender.operations import tastes
from recommender.operations.choosing import TOGETHER, Beliefs, margins
from recommender.policy import TOP_N
from recommender.tastes import BASELINES, held_out

Kind = PolicyVersion.Kind
WINDOW_DAYS = 14  # a purchase of the type within so many days of an exposure is its outcome
LOGGED_DAYS = 180
LOGGED_MAX = 200_000
JUDGED = 1  # the half of the members on which a policy that knows the member is judged

# Exposures on the first position whose window is over, with what was known of them, and whether the type was bought.
_LOGGED = """
    SELECT e.eligible, e.category_id, e.slot, e.propensity, e.member_id, s.traits, s.habits, EXISTS (
               SELECT FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product t ON t.id = l.product_id
                WHERE p.member_id = e.member_id AND p.kind = 1 AND t.category_id = e.category_id
                  AND p.purchased_at > e.shown_at AND p.purchased_at <= e.shown_at + make_interval(days => %(window)s))
      FROM recommender_exposure e JOIN recommender_decision d ON d.id = e.decision_id
      LEFT JOIN recommender_situation s ON s.cause = d.cause AND s.member_id = d.member_id AND s.slot = d.slot
     WHERE e.position = 1 AND e.eligible <> '' AND e.shown_at >= %(since)s AND e.shown_at <= %(until)s
     ORDER BY e.shown_at DESC LIMIT %(most)s
"""
_MARGINS = """
    SELECT c.id, c.parent_id, coalesce(o.margin_percent, 25) / 100.0 * avg(l.total_minor)
      FROM sales_category c LEFT JOIN recommender_offer o ON o.category_id = c.id
      LEFT JOIN sales_product t ON t.category_id = c.id LEFT JOIN sales_purchaseline l ON l.product_id = t.id AND l.total_minor > 0
     WHERE c.id = ANY (%s) GROUP BY 1, 2, o.margin_percent
"""


class Shown(NamedTuple):
    """One exposure on the first position."""

    eligible: str
    category_id: int
    slot: str
    propensity: float
    member_id: int
    traits: list[float] | None
    habits: list[float] | None
    is_bought: bool


class Choice(NamedTuple):
    """An exposure with what was chosen among: ids of types best first, their groups (0: none) and margins, and the place that was shown."""

    shown: Shown
    ids: list[int]
    groups: list[int]
    margins: np.ndarray
    place: int

    @property
    def is_known(self) -> bool:
        return (
            self.shown.traits is not None
            and len(self.shown.traits) == len(contexts.TRAITS)
            and len(self.shown.habits or ()) == len(self.ids)
        )


def judge(*, kind: str, floor: float, at: datetime) -> tuple[Logged, np.ndarray]:
    """What was logged, and the probability with which the policy would have shown each place of each eligible set first.

    What is believed by circumstances is judged on one half of the members, as the other half teaches it: each half judged by the other
    would say the same thing twice, and be believed too much. The reward is the margin of what was bought beyond what would have been
    bought anyway, which the held-out members of the judged half tell: were it told by those who taught the policy, the policy would be
    praised for their chance.
    """
    choices = _choices(at)
    if kind == Kind.CONTEXTUAL:
        choices = [one for one in choices if tastes.half_of(one.shown.member_id) == JUDGED]
    cause = f"judge:{at:%Y-%m-%d}"
    taught = {half: tastes.taught([half]) for half in tastes.HALVES}
    target = _targets(choices, kind=kind, floor=floor, cause=cause)
    anyway, shared = _anyway(choices), np.zeros((len(choices), BASELINES), np.float32)
    for (half, slot), rows in _of_halves(choices).items():
        own, other = taught[half].get(slot), taught[1 - half].get(slot)
        for start in range(0, len(rows), TOGETHER):
            chunk = rows[start : start + TOGETHER]
            known, group, margin = _arrays([choices[row] for row in chunk])
            place = np.array([choices[row].place for row in chunk]), np.arange(len(chunk))
            if own and own.held_out:
                anyway[chunk], shared[chunk] = held_out(
                    own.held_out, (known[place[::-1]], group[place[::-1]]), f"{cause}:{slot}:{half}"
                )
            if other and kind == Kind.CONTEXTUAL:
                is_there = np.arange(TOP_N) < np.array([len(choices[row].ids) for row in chunk])[:, None]
                worth = other.worth(known, group, margin, f"{cause}:{slot}")
                target[chunk] = sampling.first(worth, is_there, floor=floor)
    return _as_logged(choices, anyway, shared), target


def _as_logged(choices: list[Choice], anyway: np.ndarray, shared: np.ndarray) -> Logged:
    nothing = [0.0] * len(contexts.TRAITS)
    margin = np.array([one.margins[one.place] for one in choices], float)
    is_bought = np.array([one.shown.is_bought for one in choices], float)
    told = [
        [float(one.shown.slot == "buy_again"), len(one.ids) / TOP_N, *(one.shown.traits if one.is_known else nothing)]
        for one in choices
    ]
    return Logged(
        np.array([one.place for one in choices], int), np.array([one.shown.propensity for one in choices], float),
        margin * (is_bought - anyway), np.array(told, float).reshape(-1, 2 + len(nothing)), margin[:, None] * shared,
    )  # fmt: skip


def _targets(choices: list[Choice], *, kind: str, floor: float, cause: str) -> np.ndarray:
    """By groups alone: what a policy without circumstances does, and a contextual one where they are not known."""
    found = np.zeros((len(choices), TOP_N))
    beliefs = Beliefs.now(cause)
    for row, one in enumerate(choices):
        columns, drawn = beliefs.of(one.shown.slot)
        discount = 1 / np.log(np.arange(len(one.ids)) + 2)
        drawn = np.ones((1, 1)) if kind == Kind.GREEDY else np.c_[drawn, np.ones(len(drawn))]
        group = [-1 if kind == Kind.GREEDY else columns.get(group, -1) for group in one.groups]
        found[row, : len(group)] = sampling.first(
            (drawn[:, group] * discount)[None], np.ones((1, len(group)), bool), floor=floor
        )
    return found


def _of_halves(choices: list[Choice]) -> dict[tuple[int, str], list[int]]:
    """Rows whose circumstances are known, by half of the members and slot."""
    found = defaultdict(list)
    for row, one in enumerate(choices):
        if one.is_known:
            found[tastes.half_of(one.shown.member_id), one.shown.slot].append(row)
    return found


def _arrays(choices: list[Choice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    group, habits, margin = (np.zeros((len(choices), TOP_N), kind) for kind in (np.int64, float, float))
    for row, one in enumerate(choices):
        group[row, : len(one.ids)], margin[row, : len(one.ids)] = one.groups, one.margins
        habits[row, : len(one.ids)] = one.shown.habits
    return contexts.circumstances(np.array([one.shown.traits for one in choices], float), habits), group, margin


def _anyway(choices: list[Choice]) -> np.ndarray:
    """What is bought without an offer, by slot and group: only what comes on top is a policy's merit."""
    rows = OfferPosterior.objects.filter(held_out_alpha__gt=0).values_list(
        "slot", "group_id", "held_out_alpha", "held_out_beta"
    )
    rates = {(slot, group): a / (a + b) for slot, group, a, b in rows}
    return np.array([rates.get((one.shown.slot, one.groups[one.place]), 0.0) for one in choices], float)


def _choices(at: datetime) -> list[Choice]:
    said = {
        "window": WINDOW_DAYS, "until": at - timedelta(days=WINDOW_DAYS), "since": at - timedelta(days=LOGGED_DAYS), "most": LOGGED_MAX,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LOGGED, said)
        rows = [Shown(*row) for row in cursor.fetchall()]
        names = {row.eligible for row in rows}
        sets = dict(EligibleSet.objects.filter(hash__in=names).values_list("hash", "category_ids"))
        cursor.execute(_MARGINS, [sorted({pk for ids in sets.values() for pk in ids})])
        of_type = {pk: (group or 0, margin) for pk, group, margin in cursor.fetchall()}
    among = {
        name: (ids, [of_type[pk][0] for pk in ids], margins([of_type[pk][1] for pk in ids]))
        for name, ids in sets.items() if all(pk in of_type for pk in ids) and len(ids) <= TOP_N
    }  # fmt: skip
    return [
        Choice(row, *among[row.eligible], among[row.eligible][0].index(row.category_id))
        for row in rows if row.eligible in among and row.category_id in among[row.eligible][0]
    ]  # fmt: skip
