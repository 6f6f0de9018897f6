"""Audiences: a tree of conditions that becomes one SQL statement, and can say why a member is in or out.

A group is {"match": "all" | "any" | "none", "conditions": [...]} and may hold groups; a condition is {"type": code, ...its
fields}. “none” is true for who meets none of what is inside. An empty group is no restriction.
"""

from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from campaigns import compiling
from campaigns.conditions import CONDITIONS, Invalid, Nested
from campaigns.models import Audience
from members.models import Member

MATCHES = ("all", "any", "none")
DEPTH_MAX, CONDITIONS_MAX = 4, 40

COUNT_MS_MAX = 1_500
"""Longer than this the builder does not wait: it asks a sample instead."""
SAMPLE = 5_000
Z_95 = 1.96
QUERY_CANCELED = "57014"

__all__ = [
    "CONDITIONS", "Estimate", "Invalid", "Reason", "clean", "compile", "count", "counted", "explain", "leaves", "mentions",
    "sentences", "statement",
]  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """One line of “why”: the condition in words, whether the member meets it, what was found, what is inside a group.

    `count` is how many active members meet it, where members were counted instead of one asked about.
    """

    words: str
    is_met: bool
    inside: list["Reason"] = field(default_factory=list)
    found: str = ""
    count: int | None = None


@dataclass(frozen=True)
class Estimate:
    """How many members: counted to the last, or foretold from a sample with the ends of the 95 % interval."""

    count: int
    low: int
    high: int
    is_exact: bool


# -- checking ----------------------------------------------------------------------------------------------------------


def clean(tree: dict, *, audience: Audience | None = None) -> dict:
    """The tree with every parameter checked and in its own type. Raises Invalid, saying what to change.

    `audience` is the one whose tree it is to be: other audiences may be asked for, but none that asks for this one.
    """
    cleaned = _clean_group(tree or {"match": "all", "conditions": []}, depth=1)
    if len(list(leaves(cleaned))) > CONDITIONS_MAX:
        raise Invalid(_("An audience holds at most %(n)s conditions.") % {"n": CONDITIONS_MAX})
    if audience is not None and audience.pk and audience.kind == Audience.Kind.RULE:
        _refuse_circles(cleaned, audience.pk)
    return cleaned


def _clean_group(tree, depth):
    if depth > DEPTH_MAX:
        raise Invalid(_("Groups nest at most %(n)s deep.") % {"n": DEPTH_MAX})
    if (
        not isinstance(tree, dict)
        or tree.get("match", "all") not in MATCHES
        or not isinstance(tree.get("conditions", []), list)
    ):
        raise Invalid(_("A group says “all”, “any” or “none” and lists its conditions."))
    nodes = [_clean_node(node, depth) for node in tree.get("conditions", [])]
    return {"match": tree.get("match", "all"), "conditions": nodes}


def _clean_node(node, depth):
    if isinstance(node, dict) and "conditions" in node:
        return _clean_group(node, depth + 1)
    code = node.get("type") if isinstance(node, dict) else None
    if code not in CONDITIONS:
        raise Invalid(_("There is no condition “%(code)s”.") % {"code": code})
    return {"type": code, **CONDITIONS[code].clean(node)}


def leaves(group):
    """Every condition of a tree, whatever groups it stands in."""
    for node in group.get("conditions", []):
        if "conditions" in node:
            yield from leaves(node)
        else:
            yield node


def mentions(tree: dict) -> set[int]:
    """The ids of the audiences a tree asks for: as a condition, or as those whom others are like."""
    return {int(leaf["audience"]) for leaf in leaves(tree or {}) if str(leaf.get("audience", "")).isdigit()}


def _refuse_circles(tree, own: int):
    asked, seen = mentions(tree), set()
    while asked - seen:
        if own in asked:
            raise Invalid(_("Audiences may not ask for each other in a circle."))
        seen |= asked
        rules = Audience.objects.filter(pk__in=asked, kind=Audience.Kind.RULE).values_list("conditions", flat=True)
        asked = set().union(*(mentions(conditions) for conditions in rules))


# -- asking ------------------------------------------------------------------------------------------------------------


def statement(tree: dict, *, at, among: list[int] | None = None) -> tuple[str, dict]:
    """One SELECT of member ids, with its parameters by name. `among`: only of these members, at their cost. Raises Invalid."""
    return compiling.members(clean(tree), at=at, among=among)


def compile(tree: dict, *, at, among: list[int] | None = None):  # noqa: A001 - it is what it does: a tree becomes a statement
    """The active members the tree describes at this moment, as a QuerySet that is one SQL statement. Raises Invalid."""
    sql, given = compiling.positional(*statement(tree, at=at, among=among))
    return Member.objects.active().filter(pk__in=RawSQL(sql, given))  # noqa: S611 - its values are parameters


def count(tree: dict, *, at) -> int:
    """How many active members the tree describes, counted to the last. Raises Invalid."""
    asked = compiling.Statement(at=at)
    sql, given = asked.select("count(*)", f"m.status = 'active' AND {asked.group(clean(tree))}")
    with compiling.in_large(), connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchone()[0]


def counted(tree: dict, *, at) -> tuple[Estimate, Reason]:
    """How many members, and the tree in words with the number at each line. Raises Invalid.

    Exact within a second and a half; else from a sample of members, with Wilson's interval. Nothing here is the drawing that a
    send takes: that is made anew at its own moment.
    """
    cleaned = clean(tree)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(COUNT_MS_MAX)])
            numbers, reason = _numbers(cleaned, at, None)
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as stopped:
        if getattr(stopped.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        return _foretold(cleaned, at)
    return Estimate(numbers[0], numbers[0], numbers[0], is_exact=True), reason(numbers, 1)


def _foretold(cleaned, at) -> tuple[Estimate, Reason]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM members_member WHERE status = 'active'")
        active = cursor.fetchone()[0]
        percent = min(100.0, 100 * SAMPLE / max(active, 1))
        cursor.execute(
            "SELECT id FROM members_member TABLESAMPLE BERNOULLI (%s) REPEATABLE (1) WHERE status = 'active'", [percent]
        )
        sample = [row[0] for row in cursor.fetchall()]
    numbers, reason = _numbers(cleaned, at, sample)
    scale = active / max(len(sample), 1)
    low, high = wilson(numbers[0], len(sample))
    estimate = Estimate(round(numbers[0] * scale), int(low * active), int(high * active + 1), is_exact=False)
    return estimate, reason(numbers, scale)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's formula: it stays inside 0 … 1 and is honest when nobody was hit."""
    if not n:
        return 0.0, 1.0
    share, z2 = hits / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _numbers(cleaned, at, among):
    """One statement that counts the whole and every line of it, and what makes the tree in words of those numbers."""
    asked = compiling.Statement(at=at, among=among)
    columns: list[str] = []
    tell = _counting(asked, cleaned, columns)
    sql, given = asked.select(", ".join(columns), "m.status = 'active'")
    with compiling.in_large(), connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchone(), tell


def _counting(asked, node, columns):
    place = len(columns)
    columns.append("")
    inside = [_counting(asked, inner, columns) for inner in node.get("conditions", [])]
    columns[place] = f"count(*) FILTER (WHERE {asked.node(node)})"
    words = group_words(node["match"], bool(inside)) if "conditions" in node else _words(node)
    return lambda numbers, scale: Reason(
        words, is_met=False, inside=[tell(numbers, scale) for tell in inside], count=round(numbers[place] * scale)
    )


# -- saying it ---------------------------------------------------------------------------------------------------------


def sentences(tree: dict) -> Reason:
    """The tree in words; `is_met` means nothing here."""
    return _told(clean(tree))


def _told(node) -> Reason:
    if "conditions" not in node:
        return Reason(_words(node), is_met=False)
    inside = [_told(inner) for inner in node["conditions"]]
    return Reason(group_words(node["match"], bool(inside)), is_met=False, inside=inside)


def _words(leaf) -> str:
    return CONDITIONS[leaf["type"]].words(**{key: value for key, value in leaf.items() if key != "type"})


def explain(tree: dict, member_id: int, *, at) -> Reason:
    """Why this member is in or out, condition by condition, with what was found. One statement, whatever the tree holds."""
    asked = compiling.Statement(at=at, among=[member_id], is_telling=True)
    columns: list[str] = ["m.status"]
    tell = _telling(asked, clean(tree), columns, ())
    sql, given = asked.select(", ".join(columns), "true")
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        row = cursor.fetchone()
    if row is None:
        raise Member.DoesNotExist
    whole = tell(row)
    if row[0] != Member.Status.ACTIVE:
        return Reason(_("Is an active member"), is_met=False, inside=[whole])
    return whole


def _telling(asked, node, columns, path):
    """Add the columns that answer a node, and give what makes a Reason of them."""
    if "conditions" in node:
        inside = [_telling(asked, inner, columns, path) for inner in node["conditions"]]
        return lambda row: _of_group(node["match"], [tell(row) for tell in inside])
    condition, words = CONDITIONS[node["type"]], _words(node)
    question = compiling.question_of(node, asked.at)
    if isinstance(question, Nested):
        tree = compiling.tree_of(question, path)
        told = _telling(asked, tree, columns, (*path, question.audience_id))
        return lambda row: _of_nested(words, told(row), question.is_absent)
    place = len(columns)
    columns.extend(asked.leaf(node, path))
    return lambda row: Reason(words, bool(row[place]), found=condition.tell(row[place + 1]))


def _of_nested(words, inner: Reason, is_absent: bool) -> Reason:
    return Reason(words, inner.is_met != is_absent, [inner])


def _of_group(match, inside: list[Reason]) -> Reason:
    answers = [reason.is_met for reason in inside]
    is_met = {"all": all(answers), "any": any(answers) or not answers, "none": not any(answers)}[match]
    return Reason(group_words(match, bool(answers)), is_met, inside)


def group_words(match: str, has_conditions: bool) -> str:
    if not has_conditions:
        return _("Every active member")
    return {"all": _("All of these hold"), "any": _("At least one of these holds"), "none": _("None of these holds")}[
        match
    ]
