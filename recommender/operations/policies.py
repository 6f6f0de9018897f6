"""Which policy chooses: proposed, held against what was logged, tried on a part of the members, promoted, taken back."""

from datetime import datetime, timedelta

import numpy as np
from django.db import connection, transaction

from members.models import Member
from recommender import offpolicy
from recommender.models import EligibleSet, OfferPosterior, PolicyVersion
from recommender.offpolicy import Gate, Logged
from recommender.operations.choosing import Beliefs
from recommender.operations.learning import standing
from recommender.policy import TOP_N
from sales.models import Category

Status = PolicyVersion.Status
WINDOW_DAYS = 14  # a purchase of the type within so many days of an exposure is its outcome
LOGGED_DAYS = 180
LOGGED_MIN, LOGGED_MAX = 10, 200_000
NOTHING_LOGGED = Gate(False, 0.0, 0.0, 0.0, "too_few_effective_exposures")

# Exposures on the first position whose window is over, with the group, the margin of a usual line, and whether the type was bought.
_LOGGED = """
    WITH paid AS (
        SELECT t.category_id, avg(l.total_minor) AS usual FROM sales_purchaseline l JOIN sales_product t ON t.id = l.product_id
         WHERE l.total_minor > 0 GROUP BY 1)
    SELECT e.eligible, e.category_id, e.slot, e.propensity, c.parent_id,
           coalesce(o.margin_percent, 25) / 100.0 * coalesce(paid.usual, 0), EXISTS (
               SELECT FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product t ON t.id = l.product_id
                WHERE p.member_id = e.member_id AND p.kind = 1 AND t.category_id = e.category_id
                  AND p.purchased_at > e.shown_at AND p.purchased_at <= e.shown_at + make_interval(days => %(window)s))
      FROM recommender_exposure e JOIN sales_category c ON c.id = e.category_id
      LEFT JOIN recommender_offer o ON o.category_id = e.category_id
      LEFT JOIN paid ON paid.category_id = e.category_id
     WHERE e.position = 1 AND e.eligible <> '' AND e.shown_at >= %(since)s AND e.shown_at <= %(until)s
     ORDER BY e.shown_at DESC LIMIT %(most)s
"""


class CannotPromote(Exception):
    """The policy has not come that far; says what is missing."""


def who_is_decided_by(members) -> list[tuple[PolicyVersion | None, object]]:
    """Policy versions with the members each decides for: the live one (None: the default), and one in an A/B test."""
    chosen = {
        version.status: version for version in PolicyVersion.objects.filter(status__in=(Status.LIVE, Status.TRIAL))
    }
    live, tried = chosen.get(Status.LIVE), chosen.get(Status.TRIAL)
    if tried is None:
        return [(live, members)]
    among = "('x' || left(md5(public_id::text || %s), 8))::bit(32)::bigint / 4294967296.0 < %s"
    half = Member.objects.extra(where=[among], params=[f":policy:{tried.pk}", tried.trial_share])  # noqa: S610 - no text from outside
    return [
        (tried, members.filter(pk__in=half.values("pk"))),
        (live, members.exclude(pk__in=half.values("pk"))),
    ]


@transaction.atomic
def propose_policy(*, kind: str, floor: float = 0.05, at: datetime) -> tuple[PolicyVersion, Gate]:
    """Hold a policy against what was logged under the others and keep it as a candidate, with the gate's answer."""
    logged, target = judge(floor=floor, at=at)
    answer, told = NOTHING_LOGGED, {}
    if len(logged.arms) >= LOGGED_MIN:
        answer = offpolicy.gate(logged, target)
        told = {name: vars(one) for name, one in offpolicy.estimates(logged, target).items()}
    version = PolicyVersion.objects.create(
        kind=kind,
        floor=floor,
        changed_at=at,
        metrics={
            "gate": vars(answer),
            "estimates": told,
            "exposures": len(logged.arms),
            "judged_at": at.isoformat(),
            "taught_by": standing(),
        },
    )
    return version, answer


@transaction.atomic
def try_policy(*, version: PolicyVersion, share: float = 0.5, at: datetime) -> PolicyVersion:
    """Let it decide for a share of the members. Raises CannotPromote where the gate is shut."""
    if not version.metrics.get("gate", {}).get("is_open"):
        reason = version.metrics.get("gate", {}).get("reason", "not_judged")
        raise CannotPromote(f"The gate is shut for {version} ({reason}): more exposures, or another policy.")
    PolicyVersion.objects.filter(status=Status.TRIAL).update(status=Status.RETIRED)
    return _become(version, Status.TRIAL, at, trial_share=share)


@transaction.atomic
def promote_policy(*, version: PolicyVersion, at: datetime) -> PolicyVersion:
    """Let it decide for everybody. Raises CannotPromote where it was not in an A/B test."""
    if version.status != Status.TRIAL:
        raise CannotPromote(f"{version} was not tried in an A/B test: try it first.")
    PolicyVersion.objects.filter(status=Status.LIVE).update(status=Status.RETIRED)
    return _become(version, Status.LIVE, at)


@transaction.atomic
def retire_policies(*, at: datetime) -> int:
    """Back to the default, the best with now and then a shuffle; how many were retired."""
    return PolicyVersion.objects.filter(status__in=(Status.LIVE, Status.TRIAL)).update(
        status=Status.RETIRED, changed_at=at
    )


def _become(version: PolicyVersion, status: str, at: datetime, **more) -> PolicyVersion:
    for name, value in {"status": status, "changed_at": at, **more}.items():
        setattr(version, name, value)
    version.save()
    return version


def judge(*, floor: float, at: datetime) -> tuple[Logged, np.ndarray]:
    """What was logged, and the probability with which the policy would have shown each place of each eligible set first."""
    rows, sets = _logged(at)
    columns = {slot: Beliefs.now(f"judge:{at:%Y-%m-%d}").of(slot) for slot in {row[2] for row in rows}}
    groups = _groups({pk for ids in sets.values() for pk in ids})
    anyway = _held_out()
    arms, chances, rewards, target, contexts = [], [], [], [], []
    for name, category_id, slot, propensity, group, margin, is_bought in rows:
        ids = sets.get(name, [])
        if category_id not in ids:
            continue
        arms.append(ids.index(category_id))
        chances.append(propensity)
        rewards.append(float(margin) * (is_bought - anyway.get((slot, group), 0.0)))
        target.append(_first(ids, groups, columns[slot], floor))
        contexts.append([float(slot == "buy_again"), len(ids) / TOP_N])
    logged = Logged(
        np.array(arms, int),
        np.array(chances, float),
        np.array(rewards, float),
        np.array(contexts, float).reshape(-1, 2),
    )
    return logged, np.array(target, float).reshape(-1, TOP_N)


def _first(ids: list[int], groups: dict[int, int], believed, floor: float) -> np.ndarray:
    """The probability of each place of an eligible set to be shown first."""
    columns, drawn = believed
    rank = np.array([[*range(1, len(ids) + 1), *[0] * (TOP_N - len(ids))]])
    group = np.array([[columns.get(groups.get(pk), -1) for pk in ids] + [-1] * (TOP_N - len(ids))])
    wide = np.c_[drawn, np.ones(len(drawn))]
    values = wide[:, group[0]] * np.where(rank[0] > 0, 1 / np.log(np.maximum(rank[0], 1) + 1), -1.0)
    share = np.bincount(values.argmax(axis=1), minlength=TOP_N) / len(values)
    return (1 - floor) * share + floor * (rank[0] > 0) / len(ids)


def _logged(at: datetime):
    with connection.cursor() as cursor:
        cursor.execute(
            _LOGGED,
            {
                "window": WINDOW_DAYS, "until": at - timedelta(days=WINDOW_DAYS), "since": at - timedelta(days=LOGGED_DAYS),
                "most": LOGGED_MAX,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    names = {row[0] for row in rows}
    return rows, dict(EligibleSet.objects.filter(hash__in=names).values_list("hash", "category_ids"))


def _groups(ids: set[int]) -> dict[int, int]:
    return dict(Category.objects.filter(pk__in=ids).values_list("pk", "parent_id"))


def _held_out() -> dict[tuple[str, int], float]:
    """What is bought without an offer, by slot and group: only what comes on top is a policy's merit."""
    rows = OfferPosterior.objects.filter(held_out_alpha__gt=0).values_list(
        "slot", "group_id", "held_out_alpha", "held_out_beta"
    )
    return {(slot, group): a / (a + b) for slot, group, a, b in rows}
