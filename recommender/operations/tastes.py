"""What outcomes teach by circumstances: sums kept with each lesson, beliefs rebuilt from the lessons that stand, drawn from for a cause."""

import hashlib
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.db.models import Q, Sum

from recommender import contexts
from recommender.models import EligibleSet, Lesson, Situation, Taste, TasteEvidence
from recommender.policy import TOP_N
from recommender.tastes import Common, Effects, Own, Sums, Tastes

Key = tuple[str, int, bool]  # slot, group, is held out
WIDTH = contexts.WIDTH
HALVES = (0, 1)


def half_of(member_id: int) -> int:
    """By a digest: who joined one after another may differ by turns."""
    return hashlib.md5(str(member_id).encode(), usedforsecurity=False).digest()[0] % len(HALVES)


class Told(NamedTuple):
    """What came of one decision, with what was chosen among (the eligible set by its hash)."""

    slot: str
    group_id: int
    eligible: str
    member_id: int
    category_id: int
    is_success: bool
    is_held_out: bool


def note(lesson: Lesson, outcomes: list[Told]) -> None:
    """Keep the sums of a lesson.

    Where nothing was known when the offer was chosen, nothing is kept.
    """
    known = {
        (member_id, slot): (traits, habits)
        for member_id, slot, traits, habits in Situation.objects.filter(cause=lesson.cause).values_list(
            "member_id", "slot", "traits", "habits"
        )
    }
    sets = dict(
        EligibleSet.objects.filter(hash__in={one.eligible for one in outcomes}).values_list("hash", "category_ids")
    )
    rows = defaultdict(list)
    for one in outcomes:
        told, ids = known.get((one.member_id, one.slot)), sets.get(one.eligible, [])
        if told and one.category_id in ids and len(told[1]) == len(ids) <= TOP_N:
            key = one.slot, one.group_id, one.is_held_out, half_of(one.member_id)
            rows[key].append((*told, ids.index(one.category_id), one.is_success))
    TasteEvidence.objects.filter(lesson=lesson).delete()
    TasteEvidence.objects.bulk_create(
        TasteEvidence(
            lesson=lesson, slot=slot, group_id=group, is_held_out=is_held_out, half=half, outcomes=len(found), numbers=_packed(_sums(found)),
        )
        for (slot, group, is_held_out, half), found in rows.items()
    )  # fmt: skip


def _sums(found: list) -> Sums:
    habits = np.zeros((len(found), TOP_N))
    for row, (_traits, own, *_rest) in enumerate(found):
        habits[row, : len(own)] = own
    known = contexts.circumstances(np.array([one[0] for one in found], float), habits)
    place = np.array([one[2] for one in found])
    return Sums.of(known[np.arange(len(found)), place], np.array([one[3] for one in found], float))


def _packed(sums: Sums) -> bytes:
    return np.concatenate([[sums.squares], sums.moment, sums.gram.ravel()]).tobytes()


def _unpacked(number: int, numbers: bytes) -> Sums:
    told = np.frombuffer(numbers)
    return Sums(float(number), float(told[0]), told[1 : 1 + WIDTH], told[1 + WIDTH :].reshape(WIDTH, WIDTH))


def evidence(halves: Collection[int] = HALVES) -> dict[Key, Sums]:
    """The sums of all lessons that stand, of these halves of the members."""
    found: dict[Key, Sums] = {}
    kept = TasteEvidence.objects.filter(lesson__is_withdrawn=False, half__in=halves).order_by("lesson_id", "pk")
    for slot, group, is_held_out, number, numbers in kept.values_list(
        "slot", "group_id", "is_held_out", "outcomes", "numbers"
    ).iterator(chunk_size=5000):
        if len(numbers) == 8 * (1 + WIDTH + WIDTH**2):  # what an older version knew of members is another thing
            key, one = (slot, group, is_held_out), _unpacked(number, bytes(numbers))
            found[key] = found[key] + one if key in found else one
    return found


def taught(halves: Collection[int] = HALVES) -> dict[str, Effects]:
    """What the lessons that stand teach of each slot, from these halves of the members."""
    sides: dict[str, tuple[dict, dict]] = defaultdict(lambda: ({}, {}))
    for (slot, group, is_held_out), one in evidence(halves).items():
        sides[slot][is_held_out][group] = one
    return {slot: Effects.taught(shown, held) for slot, (shown, held) in sorted(sides.items()) if shown}


def rebuild(at: datetime) -> None:
    """Beliefs from all lessons that stand, written over the old ones."""
    Taste.objects.all().delete()
    rows = []
    for slot, one in taught().items():
        common, offered = one.offered.common, one.offered.groups
        numbers = np.concatenate([common.mean, common.factor.ravel(), common.spread])
        rows.append(Taste(slot=slot, numbers=numbers.tobytes(), anyway=one.anyway_else.tolist(), updated_at=at))
        for group, own in offered.items():
            numbers = np.concatenate([own.start, own.pull.ravel(), own.factor.ravel()])
            rows.append(
                Taste(slot=slot, group_id=group, numbers=numbers.tobytes(), anyway=one.without(group).tolist(), updated_at=at)
            )  # fmt: skip
    Taste.objects.bulk_create(rows, batch_size=1000)


def believed(groups: Collection[int], slots: Collection[str]) -> dict[str, Effects]:
    """What is believed of these groups now, by slot; one statement. A slot that nothing taught is not there."""
    found: dict[str, dict[int | None, tuple[np.ndarray, np.ndarray]]] = defaultdict(dict)
    rows = Taste.objects.filter(Q(group__in=groups) | Q(group=None), slot__in=slots)
    for slot, group, numbers, anyway in rows.values_list("slot", "group_id", "numbers", "anyway"):
        if len(anyway) == WIDTH:
            found[slot][group] = np.frombuffer(bytes(numbers)), np.array(anyway)
    return {slot: _told(of_slot) for slot, of_slot in found.items() if None in of_slot}


def _told(rows: dict) -> Effects:
    numbers, anyway_else = rows[None]
    mean, factor, spread = np.split(numbers, [WIDTH, WIDTH + WIDTH**2])
    own, anyway = {}, {}
    for group, (told, without) in rows.items():
        if group is not None:
            start, pull, doubt = np.split(told, [WIDTH, WIDTH + WIDTH**2])
            own[group], anyway[group] = Own(start, pull.reshape(WIDTH, WIDTH), doubt.reshape(WIDTH, WIDTH)), without
    return Effects(Tastes(Common(mean, factor.reshape(WIDTH, WIDTH), spread), own), anyway, anyway_else)


def outcomes_known() -> int:
    """Outcomes of offers shown whose circumstances were known, over the lessons that stand."""
    kept = TasteEvidence.objects.filter(lesson__is_withdrawn=False, is_held_out=False)
    return kept.aggregate(Sum("outcomes"))["outcomes__sum"] or 0
