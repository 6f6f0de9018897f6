"""What is stored of one member, read in one statement into plain rows: a door cannot wait for objects to be built."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from recommender import reasons
from recommender.models import benefit_words
from recommender.shelf import Shelf
from sales.models import name_of

_NAMES = """
       c.id, c.raw_name, c.name_en, c.name_zh, c.icon, r.reason_code, r.reason_params::text, m.id, m.raw_name, m.name_en, m.name_zh
"""
_JOINED = """
  JOIN sales_category c ON c.id = r.category_id
  LEFT JOIN recommender_offer o ON o.category_id = r.category_id AND o.is_active
  LEFT JOIN sales_category m ON m.id = (r.reason_params->>'category')::bigint
"""
_WANTED = """
   AND NOT EXISTS (SELECT FROM recommender_dismissal d WHERE d.member_id = r.member_id AND d.category_id = r.category_id)
"""
_LISTED = f"""
SELECT r.slot, r.rank, NULL, o.id IS NOT NULL, o.benefit, o.amount, {_NAMES}
  FROM recommender_recommendation r {_JOINED}
 WHERE r.member_id = %(member)s AND r.slot = %(slot)s {_WANTED} ORDER BY r.rank
"""  # noqa: S608 - no text from outside
_CHOSEN = f"""
SELECT r.slot, r.position, CASE WHEN e.id IS NULL THEN r.id END, o.id IS NOT NULL, r.benefit, r.amount, {_NAMES}
  FROM recommender_decision r {_JOINED}
  LEFT JOIN recommender_exposure e ON e.decision_id = r.id AND e.channel = %(channel)s
 WHERE r.cause = %(cause)s AND r.member_id = %(member)s {_WANTED} ORDER BY r.slot, r.position
"""  # noqa: S608 - no text from outside


@dataclass(frozen=True)
class Recommended:
    """One recommendation in words, in the reader's language."""

    category_id: int
    name: str
    reason: str
    icon: str  # name of a category icon
    benefit: str  # empty without an offer
    rank: int


class Row(NamedTuple):
    """One type on one place of one slot, as it is stored."""

    slot: str
    place: int
    unnoted: int | None  # the decision, where this channel has not noted yet that it was shown
    is_offered: bool
    benefit: str
    amount: int
    category_id: int
    raw_name: str
    name_en: str
    name_zh: str
    icon: str
    reason_code: str
    reason_params: str
    mentioned: int | None  # the type that the reason names, and its names
    mentioned_raw: str | None
    mentioned_en: str | None
    mentioned_zh: str | None

    def told(self, silent: frozenset[int]) -> Recommended:
        """In words. What is `silent`, excluded since, is named in no reason."""
        names = {}
        if self.mentioned and self.mentioned not in silent:
            names[self.mentioned] = name_of(self.mentioned_raw or "", self.mentioned_en or "", self.mentioned_zh or "")
        return Recommended(
            category_id=self.category_id,
            name=name_of(self.raw_name, self.name_en, self.name_zh),
            reason=reasons.words(self.reason_code, json.loads(self.reason_params), names),
            icon=self.icon or "other",
            benefit=benefit_words(self.benefit, self.amount),
            rank=self.place,
        )


def listed(member_id: int, slot: str, on: Shelf) -> list[Row]:
    """The member's list of a slot, best first: what is on the shelf and not dismissed."""
    return _on_shelf(_LISTED, {"member": member_id, "slot": slot}, on)


def chosen(cause: str, member_id: int, channel: str, on: Shelf) -> list[Row]:
    """What was decided for a member and a cause, in order, of what is on the shelf and not dismissed since."""
    return _on_shelf(_CHOSEN, {"cause": cause, "member": member_id, "channel": channel}, on)


def _on_shelf(statement: str, said: dict, on: Shelf) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, said)
        rows = [Row(*row) for row in cursor.fetchall()]
    never = {slot: on.excluded(slot) for slot in {row.slot for row in rows}}
    return [row for row in rows if row.is_offered and row.category_id not in never[row.slot]]
