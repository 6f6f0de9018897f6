"""From a tree of conditions to one SQL statement: a join for every question asked of other tables, and one WHERE over them.

Each such question is a subquery that names a member at most once, joined to the left of members; whether a row was found is its
answer, never unknown. So groups may nest and negate at will, and the planner is free to hash, to merge, or to probe for a few
(docs/decisions/0175-every-question-is-a-join.md). Tables are named here and in campaigns/conditions/ as the database knows them.
"""

import re
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns.conditions import CONDITIONS, Invalid, Nested, Own
from campaigns.models import Audience

WORK_MEM = "128MB"
_NAMED = re.compile(r"%\((\w+)\)s")


class Statement:
    """The parts of a statement while it is put together. Parameters are renamed as they come, so that none meets a namesake."""

    def __init__(self, *, at, among: list[int] | None = None, is_telling: bool = False):
        """`among`: ask of these members alone. `is_telling`: keep what was found of those who do not meet a condition too."""
        self.at, self.among, self.is_telling = at, among, is_telling
        self.given: dict[str, object] = {}
        self._joins: list[str] = []
        self._known: dict[tuple, int] = {}

    def group(self, tree: dict, path: tuple[int, ...] = ()) -> str:
        """The tree as SQL that is true or false. `path`: the audiences it stands in. Raises Invalid where they go in circles."""
        asked = [self.node(node, path) for node in tree["conditions"]]
        if not asked:
            return "true"
        joined = f"({(' AND ' if tree['match'] == 'all' else ' OR ').join(asked)})"
        return f"NOT {joined}" if tree["match"] == "none" else joined

    def node(self, node: dict, path: tuple[int, ...] = ()) -> str:
        return self.group(node, path) if "conditions" in node else self.leaf(node, path)[0]

    def leaf(self, node: dict, path: tuple[int, ...] = ()) -> tuple[str, str]:
        """SQL of whether a condition holds, and of what was found."""
        question = question_of(node, self.at)
        if isinstance(question, Nested):
            inner = self.group(tree_of(question, path), (*path, question.audience_id))
            return (f"NOT {inner}" if question.is_absent else inner), "NULL"
        if isinstance(question, Own):
            return f"({self._put(question.test, question.given)})", self._put(question.found, question.given)
        alias = f"c{self._joined(question)}"
        if self.is_telling:
            is_met = f"COALESCE({alias}.is_met, false)"
            return (f"NOT {is_met}" if question.is_absent else is_met), f"{alias}.found"
        return f"{alias}.member_id IS {'' if question.is_absent else 'NOT '}NULL", "NULL"

    def _joined(self, rows) -> int:
        """The number of the join that asks these rows; the same question twice is one join."""
        key = (rows.source, rows.test, rows.found, repr(rows.given))
        if key not in self._known:
            self._known[key] = len(self._joins)
            number = len(self._joins)
            self._joins.append("")  # its place is taken before its parameters are named
            self._joins[number] = (
                f"LEFT JOIN ({self._put(*self._asked(rows))}) AS c{number} ON c{number}.member_id = m.id"
            )
        return self._known[key]

    def _asked(self, rows) -> tuple[str, dict]:
        source, given = rows.source, rows.given
        if self.among is not None:
            source, given = f"{source} AND {rows.member} = ANY(%(among)s)", given | {"among": self.among}
        select, grouped = f"SELECT {rows.member} AS member_id", "" if rows.is_single else " GROUP BY 1"
        if self.is_telling:
            return f"{select}, {rows.found} AS found, {rows.test or 'true'} AS is_met FROM {source}{grouped}", given
        if not rows.test:
            return f"{select} FROM {source}{grouped}", given
        return f"{select} FROM {source}" + (
            f" AND {rows.test}" if rows.is_single else f"{grouped} HAVING {rows.test}"
        ), given

    def _put(self, sql: str, given: dict) -> str:
        def renamed(match):
            name = f"p{len(self.given)}"
            self.given[name] = given[match[1]]
            return f"%({name})s"

        return _NAMED.sub(renamed, sql)

    def select(self, columns: str, where: str) -> tuple[str, dict]:
        """The whole statement over members, who are called m, with its parameters by name."""
        if self.among is not None:
            where = f"{self._put('m.id = ANY(%(among)s)', {'among': self.among})} AND {where}"
        joined = " ".join(self._joins)
        return f"SELECT {columns} FROM members_member m {joined} WHERE {where}", self.given  # noqa: S608 - ours; values are parameters


@contextmanager
def in_large():
    """Room to hash a million members, for the statements inside; a transaction of their own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEM])
        yield
        cursor.execute("SET LOCAL work_mem = DEFAULT")


def question_of(node: dict, at):
    return CONDITIONS[node["type"]].ask(at, **{key: value for key, value in node.items() if key != "type"})


def tree_of(question: Nested, path: tuple[int, ...]) -> dict:
    """The tree of another audience. Raises Invalid if it is gone, or stands within itself."""
    if question.audience_id in path:
        raise Invalid(_("Audiences may not ask for each other in a circle."))
    found = Audience.objects.filter(pk=question.audience_id).values_list("conditions", flat=True).first()
    if found is None:
        raise Invalid(_("The audience asked for is gone."))
    return {"match": found.get("match", "all"), "conditions": found.get("conditions", [])}


def members(tree: dict, *, at, among: list[int] | None = None, path: tuple[int, ...] = ()) -> tuple[str, dict]:
    """One SELECT of the ids of the active members a clean tree describes, with its parameters by name."""
    statement = Statement(at=at, among=among)
    where = statement.group(tree, path)
    return statement.select("m.id", f"m.status = 'active' AND {where}")


def named_statement(audience_id: int, *, at) -> tuple[str, dict]:
    """The ids of a saved audience's members as they would be drawn at this moment."""
    return members(tree_of(Nested(audience_id), ()), at=at, path=(audience_id,))


def positional(sql: str, given: dict) -> tuple[str, list]:
    """The same statement with its parameters in order, as expressions of the ORM want them."""
    order: list[object] = []

    def place(match):
        order.append(given[match[1]])
        return "%s"

    return _NAMED.sub(place, sql), order
