"""Training rankers, publishing them, and writing what they recommend."""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from members.models import Member
from recommender import artifacts, drift, purchases, queries, ranking, reasons, selection
from recommender.artifacts import Trained
from recommender.explaining import Explainer
from recommender.interactions import Interactions
from recommender.models import Dismissal, RankerVersion, Recommendation, Slot
from recommender.rankers import Popular, Ranker, TwoStage
from recommender.selection import Contest, quiet

SEED = 20_171
log = logging.getLogger(__name__)
PER_SLOT = 20  # recommendations kept per member and slot
COLUMNS = ("member_id", "slot", "rank", "category_id", "score", "reason_code", "reason_params", "version_id")


class CannotTrain(Exception):
    """There are no purchases to learn from or to be judged by; says what to do."""


class NothingToServe(Exception):
    """No ranker is live in a slot; says what to do."""


def train(
    *,
    cutoff: datetime,
    weeks: int = 4,
    seed: int = SEED,
    two_stages: bool = False,
    progress: Callable[[str], None] = quiet,
) -> dict[str, RankerVersion]:
    """Train both slots on purchases before `cutoff`, judge on `weeks` after it, and publish what may serve.

    Returns the live version of each slot: the best candidate where its NDCG@10 beats the slot's humble rival (the 95 %
    interval of the paired difference lies above zero), the rival elsewhere. With `two_stages` the two-stage ranker competes
    too; its probabilities must be calibrated. Raises CannotTrain.
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
    for slot in Slot.values:
        result = selection.contest(
            seen,
            slot=slot,
            cutoff=day,
            horizon_days=horizon_days,
            among=_among(seen, slot),
            seed=seed,
            progress=progress,
            rankers=_rankers(slot, horizon_days, types if two_stages else None, seed),
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
    return np.isin(seen.item_ids, queries.offerable_ids(slot))


@transaction.atomic
def _store(result: Contest, seen, explainer: Explainer, window: tuple[datetime, datetime], seed: int) -> RankerVersion:
    """Keep both contestants, publish the winner."""
    first = purchases.moment_of(int(seen.day.min()))
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
                "calibration_error": result.calibration_error, "code": artifacts.code_version(),
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


def refresh_recommendations(
    *, at: datetime, member_ids: Iterable[int] | None = None, progress: Callable[[str], None] = quiet
) -> int:
    """Rewrite what is recommended, from purchases before `at`; for all active members, or for some. Returns rows written.

    Members about whom nothing is known, or who said no to personal recommendations, get what is popular. One transaction:
    readers see the old lists or the new. Raises NothingToServe, BrokenArtifact.
    """
    served = [_served(slot) for slot in Slot.values]
    asked = None if member_ids is None else sorted(set(member_ids))
    types = sorted({int(pk) for _, trained in served for pk in trained.item_ids})
    seen, home_stores = purchases.read(until=at, types=types, member_ids=asked)
    active = Member.objects.active()
    everybody = set(
        active.values_list("pk", flat=True)
        if asked is None
        else active.filter(pk__in=asked).values_list("pk", flat=True)
    )
    known = np.flatnonzero(np.isin(seen.member_ids, list(everybody)))
    strangers = sorted(everybody - set(seen.member_ids.tolist()))
    # all that is asked of the database is asked before: while a COPY runs, its connection answers nothing else
    customers = Customers(
        seen, known, strangers, home_stores,
        dismissed=set(Dismissal.objects.values_list("member_id", "category_id")),
        offerable={slot: queries.offerable_ids(slot) for slot in Slot.values},
    )  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('recommender.refresh'))")
        before = _listed(cursor) if asked is None else {}
        old = Recommendation.objects.all() if asked is None else Recommendation.objects.filter(member_id__in=asked)
        old.delete()
        written = 0
        with cursor.cursor.copy(f"COPY recommender_recommendation ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for version, trained in served:
                for row in _rows(version, trained, customers):
                    copy.write_row(row)
                    written += 1
                progress(f"{version.slot}: recommendations of {len(known):,} members written")
            for row in _popular_rows(*served[-1], customers):
                copy.write_row(row)
                written += 1
        if before:
            _watch(before, _listed(cursor), [version for version, _ in served])
    return written


def _listed(cursor) -> dict[str, tuple[set, np.ndarray]]:
    """What a sample of members (one in eight) is shown in each slot, and the scores."""
    cursor.execute("SELECT slot, member_id, category_id, score FROM recommender_recommendation WHERE member_id % 8 = 0")
    found = defaultdict(lambda: (set(), []))
    for slot, *pair, score in cursor.fetchall():
        found[slot][0].add(tuple(pair))
        found[slot][1].append(score)
    return {slot: (pairs, np.array(scores)) for slot, (pairs, scores) in found.items()}


def _watch(before: dict, now: dict, versions: list[RankerVersion]) -> None:
    """Note on each version how its lists differ from the last ones, and say what is beyond its bound."""
    nothing = (set(), np.zeros(0))
    overlaps = {v.slot: drift.overlap(before.get(v.slot, nothing)[0], now.get(v.slot, nothing)[0]) for v in versions}
    scores = {v.slot: (before.get(v.slot, nothing)[1], now.get(v.slot, nothing)[1]) for v in versions}
    errors = {v.slot: v.metrics.get("calibration_error") or 0.0 for v in versions}
    alerts = drift.alerts(overlaps=overlaps, scores=scores, errors=errors)
    for version in versions:
        mine = [str(alert) for alert in alerts if alert.what.startswith(f"{version.slot}:")]
        version.metrics |= {"overlap": round(overlaps[version.slot], 4), "alerts": mine}
        version.save(update_fields=["metrics"])
    for alert in alerts:
        log.warning("%s", alert)


def _served(slot: str) -> tuple[RankerVersion, Trained]:
    version = queries.live(slot)
    if version is None:
        raise NothingToServe(f"No ranker serves {slot}. Train one: manage.py train_recommender --cutoff YYYY-MM-DD.")
    return version, artifacts.load(artifact=version.artifact, checksum=version.checksum)


@dataclass(frozen=True, eq=False)
class Customers:
    """Whom recommendations are made for, and what is known of them."""

    seen: Interactions
    known: np.ndarray  # indices into seen.member_ids
    strangers: list[int]  # ids of members without purchases we may look at
    home_stores: np.ndarray
    dismissed: set[tuple[int, int]]  # (member id, category id)
    offerable: dict[str, list[int]]  # slot → category ids


def _rows(version, trained: Trained, customers: Customers):
    """Rows of one slot, in COLUMNS' order."""
    seen = customers.seen
    is_new = version.slot == Slot.NEW_FOR_YOU
    among = np.isin(seen.item_ids, customers.offerable[version.slot])
    is_personal = not isinstance(trained.ranker, Popular)
    for chunk, items, scores in ranking.in_chunks(
        trained.ranker, seen, customers.known, PER_SLOT, slot=version.slot, among=among
    ):
        place, rank = np.nonzero(items >= 0)
        member, item = chunk[place], items[place, rank]
        if is_new:
            told = trained.explainer.unbought(seen, customers.home_stores, member, item, is_personal=is_personal)
        else:
            told = trained.explainer.bought(seen, member, item)
        for who, what, score, (code, params), nth in zip(
            seen.member_ids[member].tolist(), seen.item_ids[item].tolist(), scores[place, rank].tolist(), told, (rank + 1).tolist(),
            strict=True,
        ):  # fmt: skip
            if (who, what) not in customers.dismissed:
                yield who, version.slot, nth, what, score, code, json.dumps(params), version.pk


def _popular_rows(version, trained: Trained, customers: Customers):
    """What is popular, for members without a history of their own; only in the slot for new things."""
    among = np.isin(trained.item_ids, customers.offerable[version.slot])
    items, scores = ranking.best(
        np.where(among, trained.explainer.share_, -np.inf).astype(np.float32)[None, :], PER_SLOT
    )
    for member_id in customers.strangers:
        for rank, (item, score) in enumerate(zip(items[0].tolist(), scores[0].tolist(), strict=True), start=1):
            if item >= 0:
                category_id = int(trained.item_ids[item])
                yield member_id, version.slot, rank, category_id, score, reasons.POPULAR, "{}", version.pk
