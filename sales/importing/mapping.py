"""What a file's columns mean: the canonical format, or what a mapping file says instead. See docs/formats.md."""

import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import list_currencies
from django.conf import settings
from django.utils.translation import gettext as _

from members.importing.problems import CannotImport

REQUIRED = ("receipt", "time", "store", "product", "quantity")
OPTIONAL = (
    "member",
    "name",
    "category",
    "brand",
    "tags",
    "unit",
    "line_total",
    "unit_price",
    "currency",
    "refunds_receipt",
)
MEMBER_KINDS = ("card", "external", "phone", "email")
ROUNDINGS = {
    "half_up": "half_towards_infinity",
    "half_even": "half_to_even",
    "down": "towards_zero",
    "refuse": None,
}
SECTIONS = {
    "file": {"encoding", "delimiter"},
    "columns": {*REQUIRED, *OPTIONAL},
    "defaults": {"store", "currency", "unit", "quantity", "category"},
    "read": {"time_zone", "time_format", "member_kind", "rounding", "store_time_zone", "country"},
    "services": {"products", "categories"},
    "quantity": {"category", "divisor", "unit"},
}


@dataclass(frozen=True)
class QuantityRule:
    """Quantities of products under this category are divided, and given a unit: thousandths of a gallon, say."""

    category: str
    divisor: int
    unit: str = ""


@dataclass(frozen=True)
class Mapping:
    """How to read a file of purchases. Without a mapping file, everything here is the canonical format."""

    columns: AnyMapping[str, str | list[str]] = field(default_factory=dict)
    defaults: AnyMapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    time_zone: str = "UTC"
    time_format: str = ""
    member_kind: str = "card"
    country: str = "US"
    rounding: str = "half_up"
    store_time_zone: str = "America/New_York"
    service_products: frozenset[str] = frozenset()
    service_categories: tuple[str, ...] = ()
    quantities: tuple[QuantityRule, ...] = ()

    def heading(self, name: str) -> str | list[str]:
        """The column, or columns, of the file that hold `name`."""
        return self.columns.get(name, name)

    def present(self, headings: list[str]) -> dict[str, list[str]]:
        """Which of our columns the file has, and from which of its own. Raises CannotImport for what is missing."""
        found = {}
        for name in (*REQUIRED, *OPTIONAL):
            heading = self.heading(name)
            own = [heading] if isinstance(heading, str) else list(heading)
            missing = [part for part in own if part not in headings]
            if not missing:
                found[name] = own
            elif name in self.columns or (name in REQUIRED and name not in self.defaults):
                raise CannotImport(_missing(name, missing[0], headings))
        if ("line_total" in found) == ("unit_price" in found):
            raise CannotImport(
                _(
                    "Exactly one of the columns line_total and unit_price is needed. Name it under [columns] in a mapping (docs/formats.md)."
                )
            )
        return found


def _missing(name: str, heading: str, headings: list[str]) -> str:
    return _(
        "Column %(heading)s (%(name)s) is missing; the file has: %(headings)s. Add it, or name the right one under [columns] in a mapping."
    ) % {"heading": heading, "name": name, "headings": ", ".join(headings[:20])}


def read_mapping(path: Path | None) -> Mapping:
    """The mapping a TOML file describes. Raises CannotImport naming what is wrong in it."""
    if path is None:
        return Mapping(defaults={"currency": settings.CURRENCY})
    try:
        said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise CannotImport(
            _("The mapping %(path)s cannot be read: %(error)s") % {"path": path, "error": error}
        ) from error
    _check_names(said)
    read, file, services = said.get("read", {}), said.get("file", {}), said.get("services", {})
    mapping = Mapping(
        columns=said.get("columns", {}),
        defaults={"currency": settings.CURRENCY}
        | {name: str(value) for name, value in said.get("defaults", {}).items()},
        service_products=frozenset(str(code) for code in services.get("products", ())),
        service_categories=tuple(services.get("categories", ())),
        quantities=tuple(_quantity_rule(rule) for rule in said.get("quantity", ())),
        **file,
        **read,
    )
    _check_values(mapping)
    return mapping


def _check_names(said: dict):
    for section, content in said.items():
        if section not in SECTIONS:
            raise CannotImport(
                _("The mapping has no section [%(name)s]; there are: %(known)s.")
                % {"name": section, "known": ", ".join(SECTIONS)}
            )
        for part in content if isinstance(content, list) else [content]:
            for name in part:
                if name not in SECTIONS[section]:
                    known = ", ".join(sorted(SECTIONS[section]))
                    raise CannotImport(
                        _("[%(section)s] in the mapping knows no %(name)s; it knows: %(known)s.")
                        % {"section": section, "name": name, "known": known}
                    )


def _quantity_rule(rule: dict) -> QuantityRule:
    divisor = rule.get("divisor", 1)
    if not isinstance(divisor, int) or divisor < 1 or "category" not in rule:
        raise CannotImport(_("Each [[quantity]] in the mapping needs a category and a whole divisor of at least 1."))
    return QuantityRule(rule["category"], divisor, rule.get("unit", ""))


def _check_values(mapping: Mapping):
    for zone in (mapping.time_zone, mapping.store_time_zone):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CannotImport(
                _("Time zone %(zone)s is not known. Write it like America/New_York.") % {"zone": zone}
            ) from error
    if mapping.member_kind not in MEMBER_KINDS:
        raise CannotImport(_("member_kind must be one of: %(kinds)s.") % {"kinds": ", ".join(MEMBER_KINDS)})
    if mapping.rounding not in ROUNDINGS:
        raise CannotImport(_("rounding must be one of: %(rules)s.") % {"rules": ", ".join(ROUNDINGS)})
    if mapping.defaults["currency"] not in list_currencies():
        raise CannotImport(
            _("Currency %(code)s is not known. Use an ISO 4217 code such as USD.")
            % {"code": mapping.defaults["currency"]}
        )
