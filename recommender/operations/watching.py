"""Watching what is served: how lists and scores move, and whether that is the world or the ranker.

Lists of the same ranker move because members buy: that is what they are for, and is only noted. Lists of a new ranker are held
against what the one before would list at the same moment, on the same purchases: a warm restart keeps 97 % of them, a cold one
79 %, and below 85 % somebody should look before members do.
"""

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from recommender import drift, features
from recommender.interactions import Interactions
from recommender.models import RankerVersion

SAMPLE = 8  # one member in so many is watched
INPUT_DAYS = 84
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Listed:
    """Lists of a sample of members in one slot: (member, type) pairs, their scores, and which version made them."""

    pairs: set[tuple[int, int]]
    scores: np.ndarray
    version_id: int


def listed(cursor) -> dict[str, Listed]:
    """What the sample is shown now, by slot."""
    cursor.execute(
        "SELECT slot, version_id, member_id, category_id, score FROM recommender_recommendation WHERE member_id %% %s = 0",
        [SAMPLE],
    )
    rows = defaultdict(list)
    for slot, *row in cursor.fetchall():
        rows[slot].append(row)
    return {
        slot: Listed({(member, item) for _, member, item, _ in found}, np.array([row[3] for row in found]), found[0][0])
        for slot, found in rows.items()
    }


def inputs(seen: Interactions) -> dict[str, np.ndarray]:
    """What rankers know of members, of the last weeks only, so that it does not grow with the years: one number a member who came."""
    lately = seen.since(seen.until - INPUT_DAYS)
    come = np.flatnonzero(lately.trips)
    return dict(zip(features.MEMBER, features.of_members(come, lately), strict=True))


def watch(served, lists: tuple[dict[str, Listed], dict[str, Listed], dict[str, Listed]], seen: Interactions) -> None:
    """Note on each version how its lists differ and how members have changed since it was taught, and say what is beyond its bound.

    `lists` are those before, those now, and what the versions before would list now; each by slot.
    """
    before, now, as_before = lists
    known = inputs(seen)
    for version, _ in served:
        slot = version.slot
        if slot not in before or slot not in now:
            continue
        overlaps, scores = {}, {}
        if slot in as_before:
            overlaps[slot] = drift.overlap(as_before[slot].pairs, now[slot].pairs)
            if _is_alike(version, as_before[slot].version_id):
                scores[slot] = (as_before[slot].scores, now[slot].scores)
        elif before[slot].version_id == version.pk:
            scores[slot] = (before[slot].scores, now[slot].scores)
        errors = {slot: version.metrics.get("calibration_error") or 0.0}
        taught = version.metrics.get("inputs", {})
        moved = {what: drift.departure(taught[what], values) for what, values in known.items() if what in taught}
        alerts = drift.alerts(overlaps=overlaps, scores=scores, errors=errors, inputs=moved)
        version.metrics |= {
            "overlap": round(overlaps[slot], 4) if overlaps else None,
            "inputs_moved": {what: round(index, 4) for what, index in moved.items()},
            "moved": round(1 - drift.overlap(before[slot].pairs, now[slot].pairs), 4),
            "alerts": [str(alert) for alert in alerts],
        }
        version.save(update_fields=["metrics"])
        for alert in alerts:
            log.warning("%s", alert)


def count_drops(dropped: list[tuple], versions: list[RankerVersion]) -> None:
    """Keep with each version how many types each rule took off lists."""
    counted = Counter((slot, why) for _, slot, _, _, why, _ in dropped)
    for version in versions:
        version.metrics["dropped"] = {why: n for (slot, why), n in counted.items() if slot == version.slot}
        version.save(update_fields=["metrics"])


def _is_alike(version: RankerVersion, other_id: int) -> bool:
    """Do both versions score alike? Scores of different rankers have no common unit."""
    other = RankerVersion.objects.filter(pk=other_id).values_list("ranker", "parameters").first()
    return other == (version.ranker, version.parameters)
