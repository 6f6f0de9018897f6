"""Which policy chooses: proposed, held against what was logged, tried on a part of the members, promoted, taken back."""

from datetime import datetime

from django.db import transaction

from members.models import Member
from recommender import offpolicy
from recommender.models import PolicyVersion
from recommender.offpolicy import Gate
from recommender.operations import tastes
from recommender.operations.judging import judge
from recommender.operations.learning import standing

Status = PolicyVersion.Status
LOGGED_MIN = 10
CONTEXTUAL_MIN = 2000  # outcomes with known circumstances before Mondays propose the contextual policy
NOTHING_LOGGED = Gate(False, 0.0, 0.0, 0.0, "too_few_effective_exposures")


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
    logged, target = judge(kind=kind, floor=floor, at=at)
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


def propose_policies(*, at: datetime) -> list[tuple[PolicyVersion, Gate]]:
    """What Mondays propose: the hierarchical policy, and the contextual one once enough outcomes speak of circumstances."""
    found = [propose_policy(kind=PolicyVersion.Kind.THOMPSON, at=at)]
    if tastes.outcomes_known() >= CONTEXTUAL_MIN:
        found.append(propose_policy(kind=PolicyVersion.Kind.CONTEXTUAL, at=at))
    return found


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
