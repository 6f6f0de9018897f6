"""Parts of the members that may be replayed beside each other, because nothing of one part depends on another's.

Members of one household, of one merge and of one referral stay together. A budget that all members draw from in the order of their
purchases ties everybody together: then there is one part.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from loyalty.earning import RuleSet

_TIES = """
SELECT min(s.member_id) OVER (PARTITION BY s.household_id), s.member_id FROM loyalty_poolshare s
UNION SELECT r.referrer_id, r.friend_id FROM loyalty_referral r
UNION SELECT survivor.member_id, w.member_id FROM loyalty_wallet w JOIN loyalty_wallet survivor ON survivor.id = w.merged_into_id
 WHERE w.member_id IS NOT NULL AND survivor.member_id IS NOT NULL
"""


@dataclass(frozen=True)
class Part:
    """The `number`th (from 0) of `of` parts: members by their id's remainder, but for those who are tied to others.

    `tied` are all members that have ties, `mine` those of them that belong to this part; `groups` names the group of each who has ties.
    """

    number: int = 0
    of: int = 1
    tied: tuple[int, ...] = ()
    mine: tuple[int, ...] = ()
    groups: dict[int, int] = field(default_factory=dict)

    def group_of(self, member_id: int) -> int:
        """Whose acts must keep their order: the member's own group, or the member alone (numbers of groups are below zero)."""
        return self.groups.get(member_id, member_id)

    def holds(self, column: str) -> str:
        """An SQL condition: this column names a member of the part. Who is nobody's member belongs to the first."""
        if self.of == 1:
            return "true"
        by_number = (
            f"(coalesce({column}, 0) %% {self.of} = {self.number} AND coalesce({column} <> ALL (%(tied)s), true))"
        )
        return f"({by_number} OR coalesce({column} = ANY (%(mine)s), false))"

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `holds`."""
        return {"tied": list(self.tied), "mine": list(self.mine)}


def parts_of(rule_sets: list[RuleSet], *, most: int) -> list[Part]:
    """Members in at most so many parts: one where a rule has a budget over all members."""
    groups = _groups()
    number_of = {member: -number for number, group in enumerate(groups, 1) for member in group}
    if most <= 1 or any(map(_shares_a_budget, rule_sets)):
        return [Part(groups=number_of)]
    tied = tuple(sorted(member for group in groups for member in group))
    mine: list[list[int]] = [[] for _ in range(most)]
    for group in sorted(groups, key=len, reverse=True):
        min(mine, key=len).extend(group)
    return [Part(number, most, tied, tuple(sorted(mine[number])), number_of) for number in range(most)]


def _shares_a_budget(rule_set: RuleSet) -> bool:
    budgets = [rule.budget for rule in rule_set.rules] + [term.budget for term in rule_set.terms]
    return any(budget.points or budget.money_minor for budget in budgets)


def _groups() -> list[list[int]]:
    """Members that are tied, directly or through others."""
    with connection.cursor() as cursor:
        cursor.execute(_TIES)
        ties = cursor.fetchall()
    root: dict[int, int] = {}

    def find(member: int) -> int:
        while (above := root.setdefault(member, member)) != member:
            root[member] = member = root[above]
        return member

    for one, other in ties:
        root[find(one)] = find(other)
    groups: dict[int, list[int]] = defaultdict(list)
    for member in root:
        groups[find(member)].append(member)
    return list(groups.values())
