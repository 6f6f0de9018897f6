"""What a message brings along beside words: a voucher code, an invitation to a survey, and whether a member is in an audience.

A template only names them. Who may have one, and what is written into the values, is the caller's matter (campaigns.enclosing).
The audiences to choose from are known on a higher floor, which registers itself as `source_of_audiences`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from emails.authored import parts, pieces
from emails.fields import FLAG
from members.custom import codes_in

NEEDS = "needs"  # among the constants of a frozen e-mail; no template can name it

_audiences: list[Callable[[], list[tuple[str, str]]]] = []


def source_of_audiences(function: Callable) -> Callable:
    """Decorator: `function()` → [(key, name)] of the audiences a part of an e-mail may be for."""
    _audiences[:] = [function]
    return function


def audiences() -> list[tuple[str, str]]:
    return _audiences[0]() if _audiences else []


def surveys() -> list[tuple[str, str]]:
    """Surveys that are asked now; the key carries the kind, so that the numbers can be drawn without a query."""
    from care.models import Survey  # late: blocks are made before tables are known

    return [(f"{one.pk}:{one.kind}", one.name) for one in Survey.objects.filter(is_live=True)]


def pools() -> list[tuple[str, str]]:
    from loyalty.models import VoucherPool

    return [(str(one.pk), one.name) for one in VoucherPool.objects.filter(is_active=True, brought_from="")]


def flag(audience: str) -> str:
    """The field that says whether a member is in this audience."""
    return f"{FLAG}{audience}"


@dataclass(frozen=True)
class Needs:
    """What one template asks for, by id. Sets, because parts for different audiences may each name one."""

    audiences: frozenset[int] = frozenset()
    surveys: frozenset[int] = frozenset()
    pools: frozenset[int] = frozenset()
    own: frozenset[str] = frozenset()  # codes of fields of the shop's own

    def __bool__(self) -> bool:
        return bool(self.audiences or self.surveys or self.pools or self.own)

    def frozen(self) -> dict[str, list]:
        """As JSON; empty where nothing is needed."""
        return {name: sorted(ids) for name, ids in vars(self).items() if ids}

    @classmethod
    def thawed(cls, kept: dict[str, list]) -> "Needs":
        return cls(**{name: frozenset(ids) for name, ids in kept.items()})


def needs(template) -> Needs:
    """What this version of the template asks for."""
    found: dict[str, set[int]] = {"condition": set(), "survey": set(), "voucher": set()}
    names = {"condition": "audience", "survey": "survey", "voucher": "pool"}
    for part in parts(template.body):
        if part.kind in found:
            key = str(part.value.get(names[part.kind]) or "").partition(":")[0]
            found[part.kind] |= {int(key)} if key.isdecimal() else set()
    own = codes_in(*(piece.source for piece in pieces(template)))
    return Needs(frozenset(found["condition"]), frozenset(found["survey"]), frozenset(found["voucher"]), own)
