"""From a tree of conditions to one SQL statement: a join for every question asked of other tables, and one WHERE over them.

Each such question is a subquery that names a member at most once, joined to the left of members; whether a row was found is its
answer, never unknown. Questions of one source are answered in one pass over it, each by a column. So groups may nest and negate at will, and the planner is free to hash, to merge, or to probe for a few
(docs/decisions/0175-every-question-is-a-join.md). Tables are named here and in campaigns/conditions/ as the database knows them.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns.conditions import CONDITIONS, Invalid, Nested, Own, Rows
from campaigns.conditions.asking import ONLY
from campaigns.models import Audience

WORK_MEM = "256MB"
_NAMED = re.compile(r"%\((\w+)\)s")


# Whose rows a member's own are: those of a record that was merged into another, and of who merged into that one, are the other's.
_MERGED = """
WITH RECURSIVE absorbed (own, whose) AS (
     SELECT id, merged_into_id FROM members_member WHERE merged_into_id IS NOT NULL
      UNION ALL
     SELECT a.own, m.merged_into_id FROM absorbed a JOIN members_member m ON m.id = a.whose AND m.merged_into_id IS NOT NULL),
merged (own, whose) AS (SELECT own, whose FROM absorbed UNION SELECT whose, whose FROM absorbed) """


@dataclass
class Pass:
    """One reading of a source, for all questions that it can answer together; `whole` is the first of them."""

    whole: Rows
    asked: list[Rows] = field(default_factory=list)

    @property
    def since(self) -> datetime | None:
        begins = [rows.span[0] for rows in self.asked]
        return None if None in begins else min(begins)

    @property
    def until(self) -> datetime:
        return max(rows.span[1] for rows in self.asked)

    def where(self) -> tuple[str, dict]:
        """The rows that matter to any of the questions, as SQL and its parameters."""
        since = "p.purchased_at > %(first)s AND " if self.since else ""
        return f"{since}p.purchased_at <= %(last)s", {"first": self.since, "last": self.until}

    def only(self, rows: Rows) -> str:
        """Those rows of the pass that one of its questions means."""
        since, until = rows.span
        parts = [
            rows.only, "p.purchased_at > %(since)s" if since != self.since else "",
            "p.purchased_at <= %(until)s" if until != self.until else "",
        ]  # fmt: skip
        said = " AND ".join(part for part in parts if part)
        return f"FILTER (WHERE {said})" if said else ""


class Statement:
    """The parts of a statement while it is put together. Parameters are renamed as they come, so that none meets a namesake."""

    def __init__(self, *, at, among: list[int] | None = None, is_telling: bool = False):
        """`among`: ask of these members alone. `is_telling`: keep what was found of those who do not meet a condition too."""
        self.at, self.among, self.is_telling = at, among, is_telling
        self.given: dict[str, object] = {}
        self._passes: list[Pass] = []
        self._known: dict[tuple, tuple[int, int]] = {}
        self._asks_merged = False

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
        number, place = self._asked(question)
        isnt = "NOT " if question.is_absent else ""
        if self.is_telling or question.span:
            return f"c{number}.is_met{place} IS {isnt}TRUE", f"c{number}.found{place}"
        return f"c{number}.member_id IS {'' if question.is_absent else 'NOT '}NULL", "NULL"

    def _asked(self, rows: Rows) -> tuple[int, int]:
        """The pass that answers these rows, and their place in it; the same question twice is asked once."""
        key = (rows.source, rows.test, rows.found, rows.only, rows.span, repr(rows.given))
        if key not in self._known:
            number = next(
                (n for n, one in enumerate(self._passes) if rows.span and one.whole.source == rows.source), None
            )
            if number is None:
                number = len(self._passes)
                self._passes.append(Pass(rows))
            self._known[key] = (number, len(self._passes[number].asked))
            self._passes[number].asked.append(rows)
        return self._known[key]

    def _join(self, number: int, one: Pass) -> str:
        inner = self._together(one) if one.whole.span else self._alone(one.whole)
        return f"LEFT JOIN ({inner}) AS c{number} ON c{number}.member_id = m.id"

    def _together(self, one: Pass) -> str:
        """All questions of a pass as columns; kept are members who meet any, or everybody if what was found is to be told."""

        def put(text: str, rows: Rows) -> str:
            return self._put(text.replace(ONLY, one.only(rows)), rows.given)

        tests = [put(rows.test, rows) for rows in one.asked]
        columns = [f"{test} AS is_met{place}" for place, test in enumerate(tests)]
        if self.is_telling:
            columns += [f"{put(rows.found, rows)} AS found{place}" for place, rows in enumerate(one.asked)]
        return self._grouped(one.whole, columns, [] if self.is_telling else [f"({' OR '.join(tests)})"], one.where())

    def _alone(self, rows: Rows) -> str:
        test, found = self._put(rows.test, rows.given), self._put(rows.found, rows.given)
        if self.is_telling:
            return self._grouped(rows, [f"{found} AS found0", f"{test or 'true'} AS is_met0"], [])
        return self._grouped(rows, [], [test] if test else [])

    def _grouped(self, rows: Rows, columns: list[str], having: list[str], more: tuple[str, dict] = ("", {})) -> str:
        """A SELECT of members with columns, of those of whom `having` is true. Who is two records merged into one is asked apart, by
        index, for they are few: what is asked of everybody shall not pay for them.
        """
        tables, _where, where = rows.source.partition(" WHERE ")
        given = rows.given | more[1] | {"among": self.among}
        where = " AND ".join(part for part in (where, more[0]) if part) or "true"

        def select(tables: str, where: str, member: str, having: list[str]) -> str:
            said = self._put(f"{tables} WHERE {where}", given)
            few = f" AND {member} = ANY({self._put('%(among)s', given)})" if self.among is not None else ""
            if rows.is_single:
                few, grouped = " AND ".join([few, *having]) if having else few, ""
            else:
                grouped = " GROUP BY 1" + (f" HAVING {' AND '.join(having)}" if having else "")
            return f"SELECT {', '.join([f'{member} AS member_id', *columns])} FROM {said}{few}{grouped}"  # noqa: S608 - ours

        if not rows.is_merged:
            return select(tables, where, rows.member, having)
        self._asks_merged = True
        apart = [*having, f"{rows.member} NOT IN (SELECT whose FROM merged)"]  # noqa: S608 - ours
        both = select(f"{tables} JOIN merged ON merged.own = {rows.member}", where, "merged.whose", having)
        return f"{select(tables, where, rows.member, apart)} UNION ALL {both}"

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
        joined = " ".join(self._join(number, one) for number, one in enumerate(self._passes))
        merged = _MERGED if self._asks_merged else ""
        return f"{merged}SELECT {columns} FROM members_member m {joined} WHERE {where}", self.given  # noqa: S608 - ours; values are parameters


@contextmanager
def in_large():
    """Room for a million members, for the statements inside; a transaction of their own.

    Grouped by sorting, mostly in the order of an index: a hash of a million groups misses the processor's cache with every row,
    which PostgreSQL's costs do not know (docs/decisions/0325-one-pass-over-purchases.md).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true), set_config('enable_hashagg', 'off', true)", [WORK_MEM])
        yield
        cursor.execute("SET LOCAL work_mem = DEFAULT")
        cursor.execute("SET LOCAL enable_hashagg = DEFAULT")


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
