"""The result of a what-if as a page shows it: pairs with their change, a matrix of tiers, members by name."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from loyalty.sentences import money
from members import queries as members
from members.models import Member


@dataclass(frozen=True)
class Pair:
    """A figure as it was and as it would be, in words, and the change with its sign; `percent` of what was, or empty."""

    label: str
    was: str
    would: str
    change: str
    percent: str


@dataclass(frozen=True)
class Moved:
    """A member whose points would differ. `public_id` is None for one who has been erased."""

    name: str
    card: str
    public_id: object
    was: int
    would: int

    @property
    def change(self) -> int:
        return self.would - self.was


def of(result: dict, *, tiers: dict[str, str]) -> dict:
    """Everything the page needs from a stored result."""
    points, labels = result["points"], _labels()
    figures = [_pair(labels[name], *points[name]) for name in labels]
    if result["money"]:
        currency = result["worth"]["currency"]
        figures[:0] = [
            _pair(_("Cost of points earned"), *result["money"]["cost_minor"], currency=currency),
            _pair(_("Liability at the end"), *result["money"]["liability_minor"], currency=currency),
        ]
    codes = result["tiers"]["codes"]
    names = [tiers.get(code, code) for code in codes]
    rows = result["tiers"]["matrix"]
    people = result["members"]
    who = _members([row[0] for row in (*people["best"], *people["worst"])])
    top = max([max(was, would) for _month, was, would in result["months"]], default=0) or 1
    return {
        "figures": figures,
        "has_money": bool(result["money"]),
        "months": [
            {"month": month, "was": was, "would": would, "was_share": 100 * max(was, 0) // top, "would_share": 100 * max(would, 0) // top}
            for month, was, would in result["months"]
        ],
        "tiers": {
            "names": names, "up": result["tiers"]["up"], "down": result["tiers"]["down"],
            "rows": [(name, [(n, row_no == n_no) for n_no, n in enumerate(row)]) for row_no, (name, row) in enumerate(zip(names, rows, strict=True))],
        },
        "members": people | {"best": [_moved(row, who) for row in people["best"]], "worst": [_moved(row, who) for row in people["worst"]]},
        "replayed": result["replayed"],
    }  # fmt: skip


def _labels() -> dict[str, str]:
    return {
        "earned": _("Points earned, less those taken back"),
        "redeemed": _("Points spent"),
        "expired": _("Points expired"),
        "outstanding": _("Points outstanding at the end"),
        "debt": _("Points owed at the end"),
    }


def _pair(label: str, was: int, would: int, *, currency: str = "") -> Pair:
    def said(n: int) -> str:
        return money(n, currency) if currency else f"{n:,}"

    change = would - was
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    percent = f"{sign}{abs(change) / was:.1%}" if was > 0 else ""
    return Pair(label, said(was), said(would), f"{sign}{said(abs(change))}", percent)


def _members(ids: list[int]) -> dict:
    found = Member.objects.active().filter(pk__in=ids).prefetch_related("identifiers")
    return {member.pk: members.masked(member) for member in found}


def _moved(row: list, who: dict) -> Moved:
    member_id, was, would = row
    shown = who.get(member_id)
    return Moved(
        shown.name if shown else "", shown.card if shown else "", shown.public_id if shown else None, was, would
    )
