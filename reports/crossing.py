"""Any two dimensions crossed: purchases by store, tier, stage, channel, month, weekday or language. Totals come from the same statement."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members.models import Member
from reports import cuts, readings
from reports.asking import rows_of, zone_at
from reports.panels.tables import SMALL, Column, Table


@dataclass(frozen=True)
class Dimension:
    """One way to cut purchases: an expression that is text, empty where it is unknown."""

    label: str
    expression: str


DIMENSIONS = {
    "store": Dimension(gettext_lazy("Store"), "s.name"),
    "tier": Dimension(gettext_lazy("Tier now"), "coalesce(t.code, '')"),
    "channel": Dimension(gettext_lazy("Channel"), "coalesce(nullif(o.name, ''), o.code)"),
    "month": Dimension(gettext_lazy("Month"), "to_char(p.purchased_at AT TIME ZONE %(zone)s, 'YYYY-MM')"),
    "weekday": Dimension(gettext_lazy("Weekday"), "to_char(p.purchased_at AT TIME ZONE %(zone)s, 'ID')"),
    "stage": Dimension(gettext_lazy("Life-cycle stage now"), "coalesce(m.lifecycle_stage, '')"),
    "language": Dimension(gettext_lazy("Language"), "coalesce(m.language, '')"),
}
MEASURES = {
    "sales": (gettext_lazy("Sales less refunds"), "money"),
    "purchases": (gettext_lazy("Purchases"), "count"),
    "members": (gettext_lazy("Different members"), "count"),
    "mean": (gettext_lazy("Mean sale"), "money"),
}
MONTHS = (1, 3, 6, 12)
PEOPLE_SHOWN = 200
NAME_MOST = 110

_FROM = """
  FROM sales_purchase p
  JOIN sales_store s ON s.id = p.store_id JOIN sales_source o ON o.id = p.source_id
  LEFT JOIN members_member m ON m.id = p.member_id
  LEFT JOIN loyalty_wallet w ON w.member_id = p.member_id AND w.currency_id = 1 LEFT JOIN loyalty_tier t ON t.id = w.tier_id
 WHERE p.purchased_at > %(at)s - %(months)s * interval '1 month' AND p.purchased_at <= %(at)s
"""


class BadCrossing(ValueError):
    """The question names something that cannot be crossed."""


@dataclass(frozen=True)
class Question:
    """What is crossed: rows, columns, the measure in each cell, and how many months back."""

    rows: str = "store"
    columns: str = "month"
    measure: str = "sales"
    months: int = 3

    def __post_init__(self):
        if self.rows not in DIMENSIONS or self.columns not in DIMENSIONS or self.rows == self.columns:
            raise BadCrossing(_("Choose two different dimensions."))
        if self.measure not in MEASURES or self.months not in MONTHS:
            raise BadCrossing(_("There is no such figure or time."))


def asked(words) -> Question:
    """The question of an address; what is missing is as at the start."""
    months = words.get("months", "3")
    return Question(
        words.get("rows") or "store", words.get("columns") or "month", words.get("measure") or "sales",
        int(months) if months.isdigit() else 0,
    )  # fmt: skip


@dataclass(frozen=True)
class Crossed:
    """The figures: `cells[row, column]`, the sums of rows and columns and of all, each from the same purchases.

    `people` counts different members in each cell. Sales and purchases add up; different members do not, because one may
    stand in several cells.
    """

    question: Question
    at: datetime
    rows: list[str]
    columns: list[str]
    cells: dict[tuple[str | None, str | None], tuple]

    def value(self, row, column, *, sees_persons: bool):
        """The cell, or None where there is nothing, or where fewer than ten people may not be shown."""
        found = self.cells.get((row, column))
        return None if found is None or self.is_hidden(row, column, sees_persons=sees_persons) else found[0]

    def is_hidden(self, row, column, *, sees_persons: bool) -> bool:
        """Whether the cell is a small group, or the only one of its row or column whose neighbours would tell it."""
        if sees_persons or (row, column) not in self.cells:
            return False
        return (row, column) in self._hidden()

    def _hidden(self) -> frozenset:
        if not hasattr(self, "_kept_back"):
            object.__setattr__(self, "_kept_back", _kept_back(self))
        return self._kept_back


def _kept_back(crossed: Crossed) -> frozenset:
    """Small groups, and where a line of the table has just one of them, its smallest neighbour as well."""
    people = {key: held[1] for key, held in crossed.cells.items() if None not in key}
    small = {key for key, held in crossed.cells.items() if 0 < held[1] < SMALL}
    for place, names in ((0, crossed.rows), (1, crossed.columns)):
        for name in names:
            line = [key for key in people if key[place] == name]
            hidden = [key for key in line if key in small]
            others = [key for key in line if key not in small]
            if len(hidden) == 1 and others:
                small.add(min(others, key=people.__getitem__))
    return frozenset(small)


@dataclass(frozen=True)
class Sums:
    """What every measure is made of: sales less refunds and sales alone in minor units, receipts of sales, different members."""

    total_minor: int = 0
    sales: int = 0
    gross_minor: int = 0
    people: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Of other purchases. Different members are not added up: they may be the same."""
        return Sums(
            self.total_minor + other.total_minor, self.sales + other.sales, self.gross_minor + other.gross_minor, self.people
        )  # fmt: skip

    def figure(self, measure: str) -> int | None:
        """One measure; the mean rounded to a whole unit, half a unit up."""
        if measure == "mean":
            return (2 * self.gross_minor + self.sales) // (2 * self.sales) if self.sales else None
        return {"sales": self.total_minor, "purchases": self.sales, "members": self.people}[measure]


def cross(question: Question, *, at, begin=None) -> Crossed:
    """Cross the purchases of the last months, as of the moment at which these two dimensions were read last. `begin`: see readings.read."""
    a, b = sorted((question.rows, question.columns))
    answer = readings.read(_question(a, b, question.months), at=at, begin=begin)
    turned = a != question.rows
    cells = {}
    for a_value, b_value, *sums in answer.value:
        key = (b_value, a_value) if turned else (a_value, b_value)
        held = Sums(*sums)
        cells[key] = (held.figure(question.measure), held.people)
    rows, columns = ({key[place] for key in cells} - {None} for place in (0, 1))
    return Crossed(question, answer.at, sorted(rows), sorted(columns), cells)


def _question(a: str, b: str, months: int) -> readings.Question:
    return readings.Question(f"crossing:{a}:{b}:{months}", partial(_count, a, b, months))


def _named(rest: str) -> readings.Question | None:
    a, b, months = rest.split(":")
    known = a in DIMENSIONS and b in DIMENSIONS and months.isdigit() and int(months) in MONTHS
    return _question(a, b, int(months)) if known else None


readings.KINDS["crossing"] = _named


def _count(a: str, b: str, months: int, at) -> list[list]:
    """Every cell, the sums of rows and columns and of all as [a, b, *sums]; a sum has None for what it sums over. One statement."""
    cut_a, cut_b = (cuts.CUTS[name](at, months) for name in (a, b))
    given = {"at": at, "months": months} | cut_a.given | cut_b.given
    found: dict[tuple, Sums] = {(None, None): Sums()}
    people = {}
    for what, key_a, key_b, *sums in rows_of(cuts.statement(cut_a, cut_b), given):
        if what == "cell":
            word_a, word_b = cut_a.word(key_a), cut_b.word(key_b)
            for key in ((word_a, word_b), (word_a, None), (None, word_b), (None, None)):
                found[key] = found.get(key, Sums()) + Sums(*sums)
            people[word_a, word_b] = sums[3]
        else:
            people[cut_a.word(key_a) if what == "row" else None, cut_b.word(key_b) if what == "column" else None] = (
                sums[3]
            )
    return [[*key, one.total_minor, one.sales, one.gross_minor, people.get(key, 0)] for key, one in found.items()]


def words_of(dimension: str, value: str | None) -> str:
    """A value of a dimension as a reader knows it."""
    if value is None:
        return _("Total")
    if dimension == "weekday":
        names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
        return names[int(value) - 1]
    if dimension == "stage":
        return str(dict(Member.LifecycleStage.choices).get(value, value)) or _("not a member")
    return value or _("none")


def as_table(crossed: Crossed, *, sees_persons: bool) -> Table:
    """The crossing as a table for export: one line per cell that has a figure, then the grand total."""
    question = crossed.question
    label, unit = MEASURES[question.measure]
    columns = (
        Column(question.rows, DIMENSIONS[question.rows].label, "text"), Column(question.columns, DIMENSIONS[question.columns].label, "text"),
        Column(question.measure, label, unit), Column("people", _("Different members")),
    )  # fmt: skip
    rows = []
    for row in crossed.rows:
        for column in crossed.columns:
            if (row, column) in crossed.cells:
                hidden = crossed.is_hidden(row, column, sees_persons=sees_persons)
                held = (None, None) if hidden else crossed.cells[row, column]
                rows.append((words_of(question.rows, row), words_of(question.columns, column), *held))
    whole = crossed.cells.get((None, None), (0, 0))
    return Table(columns, tuple(rows), crossed.at, total=(_("Total"), "", *whole))


def people(question: Question, *, row: str | None, column: str | None, at, begin=None) -> list[tuple]:
    """The members behind one cell: public id, purchases, spend, last purchase, how many in all; who spent most first, at most 200."""
    asked = _people_question(question.rows, question.columns, question.months, row, column)
    if _named_people(asked.name.partition(":")[2]) is None:
        begin = None  # a worker could not tell from its digest what was asked
    found = readings.read(asked, at=at, begin=begin).value
    there = (
        Member.objects.active().filter(public_id__in=[line[0] for line in found]).values_list("public_id", flat=True)
    )
    still = {str(public_id) for public_id in there}  # who was erased since is not in an answer that was kept
    return [
        (public_id, purchases, minor, datetime.fromisoformat(last), n)
        for public_id, purchases, minor, last, n in found if public_id in still
    ]  # fmt: skip


def _people_question(*said) -> readings.Question:
    """Named by all that was asked, or by its digest where that is too long for a name."""
    asked = json.dumps(said, ensure_ascii=False)
    name = asked if len(asked) <= NAME_MOST else hashlib.sha256(asked.encode()).hexdigest()
    return readings.Question(f"people:{name}", partial(_people, said))


def _named_people(rest: str) -> readings.Question | None:
    try:
        rows, columns, months, row, column = json.loads(rest)
    except ValueError:  # a digest
        return None
    known = rows in DIMENSIONS and columns in DIMENSIONS and months in MONTHS
    return _people_question(rows, columns, months, row, column) if known else None


readings.KINDS["people"] = _named_people


def _people(said: tuple, at) -> list[list]:
    rows, columns, months, row, column = said
    a, b = (DIMENSIONS[name].expression for name in (rows, columns))
    narrowed = "".join(
        f" AND {expression} = %({name})s"
        for expression, name, value in ((a, "row", row), (b, "column", column))
        if value is not None
    )
    statement = f"""
        SELECT m.public_id, count(*) FILTER (WHERE p.kind = 1), sum(p.total_minor)::bigint, max(p.purchased_at), count(*) OVER ()
        {_FROM}{narrowed} AND m.status = 'active' GROUP BY m.id ORDER BY 3 DESC, m.id LIMIT {PEOPLE_SHOWN}
    """
    return [
        [str(public_id), purchases, minor, last.isoformat(), n]
        for public_id, purchases, minor, last, n in rows_of(
            statement, zone_at(at, months=months, row=row, column=column)
        )
    ]
