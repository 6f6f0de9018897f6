"""What a message brings along beside words: a voucher code, an invitation to a survey, and whether a member is in an audience.

A template only names them. Who may have one, and what is written into the values, is the caller's matter (campaigns.enclosing).
The audiences to choose from are known on a higher floor, which registers itself as `source_of_audiences`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wagtail import blocks

FLAG = "in_audience_"

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

    return [(str(one.pk), one.name) for one in VoucherPool.objects.filter(is_active=True)]


def flag(audience: str) -> str:
    """The field that says whether a member is in this audience."""
    return f"{FLAG}{audience}"


def is_flag(name: str) -> bool:
    return name.startswith(FLAG) and name[len(FLAG) :].isdecimal()


@dataclass(frozen=True)
class Needs:
    """What one template asks for, by id. Sets, because parts for different audiences may each name one."""

    audiences: frozenset[int] = frozenset()
    surveys: frozenset[int] = frozenset()
    pools: frozenset[int] = frozenset()

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(self.audiences | other.audiences, self.surveys | other.surveys, self.pools | other.pools)


def parts(stream, path: str = "body") -> Iterator[tuple[str, str, object]]:
    """Every block of a body, nested ones too, as (path, block type, value)."""
    for child in stream or ():
        here = f"{path}.{child.id}"
        yield here, child.block_type, child.value
        if isinstance(child.value, blocks.StructValue):
            for name, value in child.value.items():
                if isinstance(value, blocks.StreamValue):
                    yield from parts(value, f"{here}.{name}")


def needs(template) -> Needs:
    """What this version of the template asks for."""
    found: dict[str, set[int]] = {"condition": set(), "survey": set(), "voucher": set()}
    names = {"condition": "audience", "survey": "survey", "voucher": "pool"}
    for _path, kind, value in parts(template.body):
        if kind in found:
            key = str(value.get(names[kind]) or "").partition(":")[0]
            found[kind] |= {int(key)} if key.isdecimal() else set()
    return Needs(frozenset(found["condition"]), frozenset(found["survey"]), frozenset(found["voucher"]))
