"""Choosing by draws from what is believed: candidates read once, ordered in arrays, written at once."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from recommender import contexts, rulebook, sampling, shelf
from recommender.models import Decision, EligibleSet, MemberContext, OfferPosterior, PolicyVersion, Situation
from recommender.operations import tastes
from recommender.policy import CANDIDATES, TOP_N
from recommender.tastes import Effects

TOGETHER = 2000  # lists that are ordered at once: what each is worth by each draw stands in memory


@dataclass(frozen=True, eq=False)
class Asked:
    """Offers for some members (a QuerySet) in some slots (slot → positions), for a cause."""

    cause: str
    members: Any
    slots: dict[str, int]
    at: datetime

    def candidates(self) -> tuple[str, list]:
        """The members' query, and the parameters of CANDIDATES with it."""
        chosen, chosen_parameters = self.members.order_by().values("pk").query.sql_with_params()
        now = shelf.read()
        offerable = [(slot, pk) for slot in self.slots for pk in now.offerable(slot)]
        return chosen, [
            self.at, self.at, *chosen_parameters,
            [slot for slot, _ in offerable], [pk for _, pk in offerable],
            self.at, self.at, rulebook.current().sent_days, self.cause,
        ]  # fmt: skip


class Candidate(NamedTuple):
    """One offer that could be chosen for a member, as CANDIDATES tells it."""

    member_id: int
    slot: str
    public_id: Any
    category_id: int
    group_id: int | None
    rank: int
    margin_minor: float | None
    benefit: str
    amount: int
    reason_code: str
    reason_params: str
    version_id: int


def by_sampling(asked: Asked, version: PolicyVersion) -> int:
    """Decide by Thompson sampling and return how many decisions were written."""
    query, parameters = asked.candidates()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH {CANDIDATES.format(members=query)}
            SELECT member_id, slot, public_id, category_id, group_id, rank, margin_minor, benefit, amount, reason_code, reason_params::text,
                   version_id
              FROM candidate WHERE best <= %s ORDER BY member_id, slot, best""",  # noqa: S608 - no text from outside
            [*parameters, TOP_N],
        )
        rows = [Candidate(*row) for row in cursor.fetchall()]
    lists = defaultdict(list)
    for row in rows:
        lists[row.member_id, row.slot].append(row)
    situations = _situations(asked.cause, lists)
    mind = Mind.now(asked.cause, rows, is_contextual=version.is_contextual)
    written, keys = [], sorted(lists, key=lambda key: (key[1], key[0]))
    for slot, of_slot in groupby(keys, key=lambda key: key[1]):
        for chunk in _chunks(list(of_slot)):
            known = [situations.get(key) for key in chunk]
            written += _decisions(
                asked, version, {key: lists[key] for key in chunk}, mind.values(slot, lists, chunk, known)
            )
    sets = {one.eligible: one.ids for one in written}
    EligibleSet.objects.bulk_create(
        (EligibleSet(hash=name, category_ids=ids) for name, ids in sets.items()), ignore_conflicts=True, batch_size=5000
    )
    Situation.objects.bulk_create(situations.values(), ignore_conflicts=True, batch_size=5000)
    return len(Decision.objects.bulk_create(written, ignore_conflicts=True, batch_size=5000))


def _chunks(keys: list) -> Iterator[list]:
    for start in range(0, len(keys), TOGETHER):
        yield keys[start : start + TOGETHER]


def _situations(cause: str, lists: dict) -> dict[tuple[int, str], Situation]:
    """What is known of each choice, not yet written; who is not known has none."""
    known = {
        pk: (traits, dict(zip(groups, habits, strict=True)))
        for pk, traits, groups, habits in MemberContext.objects.filter(
            pk__in={member_id for member_id, _ in lists}
        ).values_list("pk", "traits", "group_ids", "habits")
        if len(traits) == len(contexts.TRAITS)
    }
    return {
        (member_id, slot): Situation(
            cause=cause, member_id=member_id, slot=slot, traits=known[member_id][0],
            habits=[known[member_id][1].get(one.group_id, 0.0) for one in candidates],
        )
        for (member_id, slot), candidates in lists.items() if member_id in known
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mind:
    """What a policy believes, drawn for a cause: of groups alone, and, where it is contextual, of groups by circumstances."""

    cause: str
    beliefs: "Beliefs"
    tastes: dict[str, Effects]

    @classmethod
    def now(cls, cause: str, candidates: list[Candidate], *, is_contextual: bool) -> "Mind":
        if not is_contextual:
            return cls(cause, Beliefs.now(cause), {})
        groups = {one.group_id for one in candidates if one.group_id}
        return cls(cause, Beliefs.now(cause), tastes.believed(groups, {one.slot for one in candidates}))

    def values(self, slot: str, lists: dict, keys: list, known: list) -> tuple[np.ndarray, np.ndarray]:
        """What each candidate of each key is worth by each draw, shape (m, `DRAWS`, `TOP_N`), and which there are, shape (m, `TOP_N`).

        By circumstances where they are known (`known`, a situation or None for each key), by the group alone elsewhere.
        """
        columns, drawn = self.beliefs.of(slot)
        rank, group = np.zeros((len(keys), TOP_N), int), np.full((len(keys), TOP_N), -1)
        for row, key in enumerate(keys):
            for place, candidate in enumerate(lists[key]):
                rank[row, place], group[row, place] = candidate.rank, columns.get(candidate.group_id, -1)
        found = sampling.by_group(rank, group, drawn)
        told = [row for row, one in enumerate(known) if one] if slot in self.tastes else []
        if told:
            found[told] = self._by_circumstances(slot, [lists[keys[row]] for row in told], [known[row] for row in told])
        return found, rank > 0

    def _by_circumstances(self, slot: str, lists: list, situations: list) -> np.ndarray:
        group, habits, margin = (np.zeros((len(lists), TOP_N), kind) for kind in (np.int64, float, float))
        for row, (candidates, situation) in enumerate(zip(lists, situations, strict=True)):
            group[row, : len(candidates)] = [one.group_id or 0 for one in candidates]
            habits[row, : len(candidates)] = situation.habits
            margin[row, : len(candidates)] = margins([one.margin_minor for one in candidates])
        known = contexts.circumstances(np.array([one.traits for one in situations], float), habits)
        return self.tastes[slot].worth(known, group, margin, f"{self.cause}:{slot}")


def margins(told: list[float | None]) -> np.ndarray:
    """Margin of each offer of a list; of one that nobody bought yet, what the others come to on average; 1 where that is not known either."""
    known = [float(one) for one in told if one is not None]
    usual = sum(known) / len(known) if known else 1.0
    return np.array([usual if one is None else float(one) for one in told])


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed of the groups of each slot: slot → (group → column, draws of weights)."""

    slots: dict[str, tuple[dict[int, int], np.ndarray]]

    @classmethod
    def now(cls, cause: str) -> "Beliefs":
        """As of now; the draws are those of the cause, so whoever asks again gets the same."""
        rows = defaultdict(list)
        for slot, *belief in OfferPosterior.objects.order_by("slot", "group_id").values_list(
            "slot", "group_id", "offered_alpha", "offered_beta", "held_out_alpha", "held_out_beta"
        ):
            rows[slot].append(belief)
        chance = np.random.default_rng(list(hashlib.md5(cause.encode(), usedforsecurity=False).digest()))
        found = {}
        for slot, beliefs in sorted(rows.items()):
            table = np.array(beliefs, float)
            columns = {int(group): column for column, group in enumerate(table[:, 0])}
            found[slot] = (columns, sampling.weights(np.maximum(table[:, 1:], 1e-3), chance))
        return cls(found)

    def of(self, slot: str) -> tuple[dict[int, int], np.ndarray]:
        return self.slots.get(slot, ({}, np.ones((sampling.DRAWS, 0))))


def _decisions(
    asked: Asked, version: PolicyVersion, lists: dict, worth: tuple[np.ndarray, np.ndarray]
) -> list[Decision]:
    """Of lists of one slot, in order of the rows of `worth` (`Mind.values`)."""
    keys, (values, is_there) = list(lists), worth
    coins = np.array([_coins(asked.cause, str(lists[key][0].public_id), key[1]) for key in keys])
    made = sampling.order(values, is_there, coins=coins, floor=version.floor)
    positions = asked.slots[keys[0][1]]
    found = []
    for row, place in zip(*np.nonzero((made.position > 0) & (made.position <= positions)), strict=True):
        candidates = lists[keys[row]]
        one, ids = candidates[place], [candidate.category_id for candidate in candidates]
        decision = Decision(
            cause=asked.cause, member_id=one.member_id, slot=one.slot, position=int(made.position[row, place]), category_id=one.category_id,
            benefit=one.benefit, amount=one.amount, propensity=float(made.propensity[row, place]), policy=str(version),
            eligible=name_of(ids), reason_code=one.reason_code, reason_params=json.loads(one.reason_params), version_id=one.version_id,
            decided_at=asked.at,
        )  # fmt: skip
        decision.ids = ids
        found.append(decision)
    return found


def name_of(category_ids: list[int]) -> str:
    """The hash by which an eligible set is stored: the same as the statement of the greedy policy makes."""
    return hashlib.md5(",".join(map(str, category_ids)).encode(), usedforsecurity=False).hexdigest()


def _coins(cause: str, public_id: str, slot: str) -> np.ndarray:
    """Numbers in [0, 1) that belong to this member, slot and cause."""
    digest = hashlib.sha512(f"{cause}:{public_id}:{slot}".encode()).digest()
    return np.frombuffer(digest, ">u4")[: 2 + TOP_N] / 2**32
