"""Training rankers, publishing them, and writing what they recommend."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from recommender import artifacts, drift, purchases, queries, selection, shelf
from recommender.artifacts import Trained
from recommender.explaining import Explainer
from recommender.interactions import Interactions
from recommender.models import RankerVersion, Slot
from recommender.operations import watching
from recommender.operations.lists import TRAINED, NothingToServe
from recommender.rankers import MatrixFactorisation, Ranker, TwoStage
from recommender.selection import Contest, quiet

SEED = 20_171


class CannotTrain(Exception):
    """There are no purchases to learn from or to be judged by; says what to do."""


def train(
    *,
    cutoff: datetime,
    weeks: int = 4,
    seed: int = SEED,
    two_stages: bool = False,
    is_warm: bool = False,
    progress: Callable[[str], None] = quiet,
) -> dict[str, RankerVersion]:
    """Train both slots on purchases before `cutoff`, judge on `weeks` after it, and publish what may serve.

    Returns the live version of each slot: the best candidate where its NDCG@10 beats the slot's humble rival (the 95 %
    interval of the paired difference lies above zero), the rival elsewhere. With `two_stages` the two-stage ranker competes
    too; its probabilities must be calibrated. `is_warm`: nothing competes, what serves goes on from where it was. Raises
    CannotTrain.
    """
    horizon_days = 7 * weeks
    judged_until = cutoff + timedelta(days=horizon_days)
    types = purchases.types_to_learn_from()
    seen, home_stores = purchases.read(until=judged_until, types=types)
    day = purchases.day_of(cutoff)
    _assert_trainable(seen, day, horizon_days)
    progress(f"{len(seen.member):,} purchases of {seen.shape[0]:,} members and {seen.shape[1]:,} product types read")
    named = _among(seen, Slot.BUY_AGAIN)
    explainer = Explainer().fit(seen.before(day), home_stores, named)
    versions = {}
    for slot in TRAINED:
        result = selection.contest(
            seen,
            slot=slot,
            cutoff=day,
            horizon_days=horizon_days,
            among=_among(seen, slot),
            seed=seed,
            progress=progress,
            rankers=(is_warm and _warm(slot, seen, types))
            or _rankers(slot, horizon_days, types if two_stages else None, seed),
        )
        versions[slot] = _store(result, seen, explainer, (cutoff, judged_until), seed)
        progress(f"{slot}: {versions[slot].verdict}")
    return versions


def _rankers(slot: str, horizon_days: int, types: list[int] | None, seed: int) -> list[Ranker]:
    found = selection.candidates(slot, horizon_days=horizon_days)
    if types is None:
        return found
    ranker = TwoStage(horizon_days=horizon_days, seed=seed)
    ranker.groups = purchases.groups_of(types)
    return [*found, ranker]


def _warm(slot: str, seen: Interactions, types: list[int]) -> list[Ranker]:
    """What serves this slot, made anew with the same parameters and, where it has factors, starting from them; else nothing."""
    version = queries.live(slot)
    if version is None:
        return []
    try:
        old = artifacts.load(artifact=version.artifact, checksum=version.checksum)
    except artifacts.BrokenArtifact:
        return []
    ranker = type(old.ranker)(**old.ranker.parameters())
    if isinstance(ranker, MatrixFactorisation):
        ranker.start_from(old.ranker.item_factors_, old.item_ids, seen)
    if isinstance(ranker, TwoStage):
        ranker.groups = purchases.groups_of(types)
        ranker.factors = (
            old.ranker.sources.models["implicit_als"].item_factors_,
            old.item_ids[old.ranker.sources.shelf_],
        )
    return [ranker]


def _assert_trainable(seen, cutoff: int, horizon_days: int):
    before = seen.before(cutoff - horizon_days)
    if (
        not len(before.member)
        or not len(seen.since(cutoff).member)
        or not len(seen.before(cutoff).since(before.until).member)
    ):
        raise CannotTrain(
            "There must be purchases of members in the judging weeks, in as many weeks before the cut-off, and before those. "
            "Choose an earlier --cutoff or fewer --weeks, or import purchases first (manage.py import_purchases)."
        )


def _among(seen, slot: str) -> np.ndarray:
    return np.isin(seen.item_ids, shelf.read().offerable(slot))


@transaction.atomic
def _store(result: Contest, seen, explainer: Explainer, window: tuple[datetime, datetime], seed: int) -> RankerVersion:
    """Keep both contestants, publish the winner."""
    first = purchases.moment_of(int(seen.day.min()))
    taught = watching.inputs(seen.before(purchases.day_of(window[0])))
    inputs = {what: drift.profile(values) for what, values in taught.items()}
    kept = {}
    for ranker, quality in ((result.rival, result.rival_quality), (result.best, result.best_quality)):
        name, checksum = artifacts.save(Trained(ranker, explainer, seen.item_ids), name=f"{result.slot}-{ranker.name}")
        kept[ranker.name] = RankerVersion.objects.create(
            slot=result.slot, ranker=ranker.name, artifact=name, checksum=checksum,
            trained_from=first, trained_until=window[0], evaluated_until=window[1],
            parameters=ranker.parameters(), seed=seed, verdict=verdict(result),
            metrics={
                **quality.as_json(), "rival": result.rival.name, "rival_ndcg": round(result.rival_quality.ndcg, 5),
                "difference": result.difference.as_json(), "tried": result.tried,
                "calibration_error": result.calibration_error, "code": artifacts.code_version(), "inputs": inputs,
            },
        )  # fmt: skip
    return publish(version=kept[result.winner.name])


def verdict(result: Contest) -> str:
    """The outcome of a contest in one sentence."""
    gain = result.difference
    scale = result.rival_quality.ndcg or 1.0
    interval = f"{gain.mean / scale:+.1%} NDCG@{selection.K} (95 % interval {gain.low / scale:+.1%} to {gain.high / scale:+.1%})"
    if result.is_won:
        return f"{result.best.name} serves: {interval} over {result.rival.name} on {result.best_quality.members:,} members."
    if not result.is_calibrated:
        return (
            f"{result.rival.name}, the humble rival, serves: the probabilities of {result.best.name} are "
            f"{result.calibration_error:.3f} from what was bought, more than {selection.CALIBRATION_ERROR_MAX}."
        )
    return f"{result.rival.name}, the humble rival, serves: {result.best.name} did not beat it, {interval}."


@transaction.atomic
def publish(*, version: RankerVersion) -> RankerVersion:
    """Let this version serve its slot; the one that did is retired."""
    RankerVersion.objects.filter(slot=version.slot, status=RankerVersion.Status.LIVE).update(
        status=RankerVersion.Status.RETIRED
    )
    version.status, version.published_at = RankerVersion.Status.LIVE, timezone.now()
    version.save(update_fields=["status", "published_at"])
    return version


@transaction.atomic
def roll_back(*, slot: str) -> RankerVersion:
    """Let the version serve again that served before. Raises NothingToServe when there was none."""
    retired = (
        RankerVersion.objects.filter(slot=slot, status=RankerVersion.Status.RETIRED)
        .order_by("-published_at", "-pk")
        .first()
    )
    if retired is None:
        raise NothingToServe(f"No version served {slot} before. Train one: manage.py train_recommender.")
    return publish(version=retired)
