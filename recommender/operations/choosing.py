"""Choosing by draws from what is believed: candidates read once, ordered in arrays, written at once."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from recommender import rulebook, sampling, shelf
from recommender.models import Decision, EligibleSet, OfferPosterior, PolicyVersion
from recommender.policy import CANDIDATES, TOP_N


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


def by_sampling(asked: Asked, version: PolicyVersion) -> int:
    """Decide by Thompson sampling and return how many decisions were written."""
    query, parameters = asked.candidates()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH {CANDIDATES.format(members=query)}
            SELECT member_id, slot, public_id, category_id, group_id, rank, benefit, amount, reason_code, reason_params::text, version_id
              FROM candidate WHERE best <= %s ORDER BY member_id, slot, best""",  # noqa: S608 - no text from outside
            [*parameters, TOP_N],
        )
        rows = cursor.fetchall()
    lists = defaultdict(list)
    for row in rows:
        lists[row[0], row[1]].append(row)
    beliefs = Beliefs.now(asked.cause)
    written = []
    for slot in asked.slots:
        of_slot = {key: found for key, found in lists.items() if key[1] == slot}
        if of_slot:
            written += _decisions(asked, version, of_slot, beliefs.of(slot))
    sets = {one.eligible: one.ids for one in written}
    EligibleSet.objects.bulk_create(
        (EligibleSet(hash=name, category_ids=ids) for name, ids in sets.items()), ignore_conflicts=True, batch_size=5000
    )
    return len(Decision.objects.bulk_create(written, ignore_conflicts=True, batch_size=5000))


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


def _decisions(asked: Asked, version: PolicyVersion, lists: dict, believed) -> list[Decision]:
    columns, drawn = believed
    keys = list(lists)
    rank, group = np.zeros((len(keys), TOP_N), int), np.full((len(keys), TOP_N), -1)
    for row, key in enumerate(keys):
        for place, candidate in enumerate(lists[key]):
            rank[row, place], group[row, place] = candidate[5], columns.get(candidate[4], -1)
    coins = np.array([_coins(asked.cause, str(lists[key][0][2]), key[1]) for key in keys])
    made = sampling.choose(rank, group, drawn, coins=coins, floor=version.floor)
    positions = asked.slots[keys[0][1]]
    found = []
    for row, place in zip(*np.nonzero((made.position > 0) & (made.position <= positions)), strict=True):
        candidates = lists[keys[row]]
        member_id, slot, _, category_id, _, _, benefit, amount, code, params, version_id = candidates[place]
        ids = [one[3] for one in candidates]
        decision = Decision(
            cause=asked.cause, member_id=member_id, slot=slot, position=int(made.position[row, place]), category_id=category_id,
            benefit=benefit, amount=amount, propensity=float(made.propensity[row, place]), policy=str(version),
            eligible=name_of(ids), reason_code=code, reason_params=json.loads(params), version_id=version_id, decided_at=asked.at,
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
