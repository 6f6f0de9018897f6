"""A batch of a file's rows, checked and brought into the canonical form: whole columns at a time, bad rows told apart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from babel.numbers import get_currency_precision, list_currencies
from django.utils.translation import gettext as _

from members.importing.files import Rows
from members.importing.problems import Problem, shown
from sales.importing.mapping import ROUNDINGS, Mapping

DECIMAL = r"^[+-]?(\d{1,13}(\.\d{0,6}0*)?|\.\d{1,6}0*)$"
ISO_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?(Z|[+-]\d\d:?\d\d)?$"
ZONED = r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$"
RECEIPT_CHARACTERS_MAX = 100
LENGTHS_MAX = {"receipt": RECEIPT_CHARACTERS_MAX, "refunds_receipt": RECEIPT_CHARACTERS_MAX, "store": 40, "product": 60,
               "name": 300, "category": 400, "brand": 100, "tags": 400, "unit": 10, "member": 255}  # fmt: skip
LINE_COLUMNS = (
    "row", "receipt", "at", "member", "store", "product", "milli", "unit", "minor", "currency", "is_refund", "refunds_receipt",
)  # fmt: skip
PRODUCT_COLUMNS = ("product", "name", "category", "brand", "is_service", "tags")
EXACT = pa.decimal256(45, 12)
WHOLE = pa.decimal256(45, 0)
MINOR_MAX = 10**15


@dataclass
class Checked:
    """What a batch holds: good lines, the products they name, problems, and receipts that a bad row spoils."""

    lines: pa.Table
    products: pa.Table
    problems: list[Problem] = field(default_factory=list)
    spoiled_receipts: set[str] = field(default_factory=set)


class _Batch:
    """The columns under check, and the rows found bad so far."""

    def __init__(self, rows: Rows, mapping: Mapping, found: dict[str, list[str]]):
        self.rows, self.mapping, self.found = rows, mapping, found
        self.bad = np.zeros(len(rows), dtype=bool)
        self.problems: list[Problem] = []
        self.unreadable: dict[str, np.ndarray] = {}

    def text(self, name: str) -> pa.Array:
        """A column as text, with the mapping's default where the file has no such column or an empty cell."""
        default = self.mapping.defaults.get(name, "")
        if name not in self.found:
            return pa.array([default]).take(pa.array(np.zeros(len(self.rows), dtype=np.int64)))
        parts = []
        for heading in self.found[name]:
            column, broken = self.rows.text(heading)
            self.refuse(
                name, broken, lambda _i: _("The cell is not valid text."),
                _("Save the file as UTF-8 without NUL bytes, or set its encoding under [file] in the mapping."),
            )  # fmt: skip
            parts.append(column)
        column = parts[0] if len(parts) == 1 else _joined(parts)
        return pc.if_else(pc.equal(column, ""), default, column) if default else column

    def skip_blank_rows(self):
        """Rows without receipt, product and time are the empty lines that spreadsheets leave at the end: no problem."""
        columns = [self.rows.raw(self.found[name][0]) for name in ("receipt", "product", "time") if name in self.found]
        if not any(pa.types.is_binary(column.type) for column in columns):
            return
        blank = np.ones(len(self.rows), dtype=bool)
        for column in columns:
            blank &= _mask(pc.equal(pc.binary_length(column), 0))
        self.bad |= blank

    def refuse(self, name: str, mask, reason: Callable[[int], str], remedy: str):
        """Mark the rows of `mask` as bad, with a reason for each."""
        mask = mask if isinstance(mask, np.ndarray) else _mask(mask)
        heading = " + ".join(self.found.get(name, [name]))
        for i in np.flatnonzero(mask & ~self.bad):
            self.problems.append(Problem(int(self.rows.numbers[i]), heading, reason(i), remedy))
        self.bad |= mask


def _mask(column) -> np.ndarray:
    return pc.fill_null(column, False).to_numpy(zero_copy_only=False)


def _joined(parts: list[pa.Array]) -> pa.Array:
    """The levels of a category path, joined; empty levels are left out at the end."""
    path = pc.binary_join_element_wise(*parts, " > ")
    return pc.replace_substring_regex(path, pattern=r"( > )+$", replacement="")


def check(rows: Rows, mapping: Mapping, found: dict[str, list[str]], *, now: datetime) -> Checked:
    """Check a batch. `found` is `mapping.present(headings)`; nothing may have happened after `now`."""
    batch = _Batch(rows, mapping, found)
    batch.skip_blank_rows()
    texts = {name: _text(batch, name) for name in LENGTHS_MAX}
    currency = _currency(batch)
    at = _time(batch, now)
    milli, is_back = _quantity(batch, texts["category"])
    minor = _total(batch, currency, milli)
    is_refund = pc.or_(is_back, pc.not_equal(texts["refunds_receipt"], ""))
    _signs(batch, milli, minor, is_refund)
    units = _units(batch, texts)
    good = pa.array(~batch.bad)
    lines = pa.table(
        [
            pa.array(rows.numbers), texts["receipt"], pc.cast(at, pa.int64()), texts["member"], texts["store"], texts["product"], pc.abs(milli), units,
            pc.abs(minor), currency, is_refund, texts["refunds_receipt"],
        ],
        names=LINE_COLUMNS,
    ).filter(good)  # fmt: skip
    spoiled = set(texts["receipt"].filter(pa.array(batch.bad)).to_pylist()) - {""}
    return Checked(lines, _products(batch, texts, good), batch.problems, spoiled)


def _text(batch: _Batch, name: str) -> pa.Array:
    column = batch.text(name)
    if name in ("receipt", "store", "product"):
        batch.refuse(
            name,
            pc.equal(column, ""),
            lambda _i: _("The cell is empty."),
            _("Every line needs a receipt, a store and a product."),
        )
    limit = LENGTHS_MAX[name]
    too_long = pc.greater(pc.utf8_length(column), limit)
    batch.refuse(
        name, too_long, lambda i: _("%(value)s is longer than %(limit)s characters.") % {"value": shown(column[i].as_py()), "limit": limit},
        _("Shorten it, or check that the right column is named."),
    )  # fmt: skip
    return column


def _currency(batch: _Batch) -> pa.Array:
    column = pc.utf8_upper(batch.text("currency"))
    known = pa.array(sorted(list_currencies()))
    batch.refuse(
        "currency", pc.invert(pc.is_in(column, value_set=known)),
        lambda i: _("Currency %(code)s is not known.") % {"code": shown(column[i].as_py())},
        _("Use an ISO 4217 code such as USD."),
    )  # fmt: skip
    return column


# -- time --------------------------------------------------------------------------------------------------------------


def _time(batch: _Batch, now: datetime) -> pa.Array:
    heading = batch.found["time"][0]
    raw = batch.rows.raw(heading)
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        at, show = _parquet_time(raw, batch.mapping), lambda i: str(raw[i].as_py())
    else:
        text = batch.text("time")
        at, show = _read_time(text, batch.mapping), lambda i: text[i].as_py()
    batch.refuse(
        "time", pc.is_null(at), lambda i: _("%(value)s is not a date and time.") % {"value": shown(show(i))},
        _("Write it like 2026-03-31 15:04:05, or set time_format under [read] in the mapping."),
    )  # fmt: skip
    batch.refuse(
        "time", pc.greater(at, pa.scalar(now, at.type)), lambda i: _("%(value)s lies in the future.") % {"value": shown(show(i))},
        _("Check the clock of the till and the time_zone under [read] in the mapping."),
    )  # fmt: skip
    return at


def _parquet_time(raw: pa.Array, mapping: Mapping) -> pa.Array:
    if pa.types.is_timestamp(raw.type) and raw.type.tz:
        return pc.cast(raw, pa.timestamp("us", "UTC"), safe=False)
    return _in_zone(pc.cast(raw, pa.timestamp("us"), safe=False), mapping.time_zone)


def _in_zone(naive: pa.Array, zone: str) -> pa.Array:
    """Clock times of a zone as instants: an hour that comes twice is the first; within one that never comes, its end."""
    aware = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")
    return pc.cast(aware, pa.timestamp("us", "UTC"))


def _read_time(text: pa.Array, mapping: Mapping) -> pa.Array:
    if mapping.time_format:
        naive = pc.strptime(text, format=mapping.time_format, unit="us", error_is_null=True)
        return _in_zone(naive, mapping.time_zone)
    shaped = pc.match_substring_regex(text, ISO_TIME)
    zoned = pc.and_(shaped, pc.match_substring_regex(text, ZONED))
    nothing = pa.scalar(None, pa.string())
    aware = _cast_time(pc.if_else(zoned, text, nothing), pa.timestamp("us", "UTC"))
    naive = _cast_time(pc.if_else(pc.and_not(shaped, zoned), text, nothing), pa.timestamp("us"))
    return pc.coalesce(aware, _in_zone(naive, mapping.time_zone))


def _cast_time(text: pa.Array, to: pa.DataType) -> pa.Array:
    try:
        return pc.cast(text, to)
    except pa.ArrowInvalid:  # somebody's 31 February: look at each
        return pa.array([_one_time(value) for value in text.to_pylist()], pa.timestamp("us", "UTC")).cast(to)


def _one_time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


# -- quantities and money ----------------------------------------------------------------------------------------------


def _decimal(batch: _Batch, name: str) -> pa.Array:
    """A column of decimal numbers, exact; rows that hold none are refused and read as zero."""
    text = batch.text(name)
    is_number = pc.match_substring_regex(text, DECIMAL)
    batch.refuse(
        name, pc.invert(is_number), lambda i: _("%(value)s is not a decimal number.") % {"value": shown(text[i].as_py()) or _("An empty cell")},
        _("Write it like 1234.56: a point before the decimals, no thousands separator, no currency sign."),
    )  # fmt: skip
    return pc.cast(pc.if_else(is_number, text, "0"), EXACT)


def _whole(value: pa.Array, rounding: str) -> pa.Array:
    rounded = pc.round(value, ndigits=0, round_mode=rounding)
    small = pc.less_equal(pc.abs(rounded), pa.scalar(Decimal(MINOR_MAX), EXACT))
    return pc.cast(pc.cast(pc.if_else(small, rounded, pa.scalar(None, rounded.type)), WHOLE, safe=False), pa.int64())


def _times(value: pa.Array, factor: int | pa.Array) -> pa.Array:
    if isinstance(factor, int):
        factor = pa.scalar(Decimal(factor), pa.decimal256(16, 0))
    return pc.cast(pc.multiply(value, factor), EXACT, safe=False)


def _quantity(batch: _Batch, categories: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Quantities in thousandths, and which of them are negative."""
    value = _decimal(batch, "quantity")
    milli = _times(value, 1000)
    for rule in batch.mapping.quantities:
        divided = pc.cast(pc.divide(milli, pa.scalar(Decimal(rule.divisor), pa.decimal256(10, 0))), EXACT, safe=False)
        milli = pc.if_else(_under(categories, rule.category), divided, milli)
    milli = _whole(milli, "half_towards_infinity")
    batch.refuse(
        "quantity",
        pc.is_null(milli),
        lambda _i: _("The number is too large."),
        _("Check the column, and the divisor in the mapping."),
    )
    milli = pc.fill_null(milli, 0)
    return milli, pc.less(milli, 0)


def _total(batch: _Batch, currency: pa.Array, milli: pa.Array) -> pa.Array:
    """Line totals in minor units, by the mapping's rounding rule."""
    if "line_total" in batch.found:
        name, value = "line_total", _decimal(batch, "line_total")
    else:
        name, price = "unit_price", _decimal(batch, "unit_price")
        batch.refuse(
            name,
            pc.less(price, pa.scalar(Decimal(0), EXACT)),
            lambda _i: _("The price is negative."),
            _NEGATIVE_REMEDY(),
        )
        thousandfold = pc.multiply(pc.cast(price, pa.decimal256(20, 6)), pc.cast(milli, pa.decimal256(20, 0)))
        value = pc.cast(pc.multiply(thousandfold, pa.scalar(Decimal("0.001"), pa.decimal256(3, 3))), EXACT)
    minor = pc.cast(pa.nulls(len(batch.rows)), EXACT)
    for code in pc.unique(currency).to_pylist():
        scale = 10 ** (get_currency_precision(code) if code in list_currencies() else 2)
        minor = pc.if_else(pc.equal(currency, code), _times(value, scale), minor)
    rounding = ROUNDINGS[batch.mapping.rounding]
    if rounding is None:
        broken = pc.not_equal(minor, pc.round(minor, ndigits=0))
        batch.refuse(
            name, broken, lambda i: _("%(value)s is not a whole number of minor units.") % {"value": f"{value[i].as_py():f}".rstrip("0")},
            _("Round it, or set rounding under [read] in the mapping to half_up, half_even or down."),
        )  # fmt: skip
    whole = _whole(minor, rounding or "half_towards_infinity")
    batch.refuse(
        name, pc.is_null(whole), lambda _i: _("The number is too large."), _("Check that the right column is named.")
    )
    return pc.fill_null(whole, 0)


def _NEGATIVE_REMEDY() -> str:  # noqa: N802
    return _(
        "A refund has a negative quantity or names its receipt in refunds_receipt; a discount belongs into its line's total."
    )


def _signs(batch: _Batch, milli: pa.Array, minor: pa.Array, is_refund: pa.Array):
    batch.refuse(
        "line_total", pc.and_(pc.less(minor, 0), pc.invert(is_refund)), lambda _i: _("The total is negative, and the line is no refund."), _NEGATIVE_REMEDY(),
    )  # fmt: skip
    batch.refuse(
        "line_total", pc.and_(pc.less(milli, 0), pc.greater(minor, 0)), lambda _i: _("The quantity is negative and the total positive."),
        _("Give both of a refund the same sign."),
    )  # fmt: skip


# -- products ----------------------------------------------------------------------------------------------------------


def _under(categories: pa.Array, prefix: str) -> pa.Array:
    """Which paths are this category or lie under it."""
    return pc.or_(pc.equal(categories, prefix), pc.starts_with(categories, f"{prefix} > "))


def _units(batch: _Batch, texts: dict[str, pa.Array]) -> pa.Array:
    units = texts["unit"]
    for rule in batch.mapping.quantities:
        if rule.unit:
            units = pc.if_else(_under(texts["category"], rule.category), rule.unit, units)
    return units


def _products(batch: _Batch, texts: dict[str, pa.Array], good: pa.Array) -> pa.Table:
    codes = pa.array(sorted(batch.mapping.service_products), pa.string())
    service = pc.is_in(texts["product"], value_set=codes)
    for prefix in batch.mapping.service_categories:
        service = pc.or_(service, _under(texts["category"], prefix))
    table = pa.table(
        [texts["product"], texts["name"], texts["category"], texts["brand"], service, texts["tags"]],
        names=PRODUCT_COLUMNS,
    )
    return table.filter(good).group_by(PRODUCT_COLUMNS).aggregate([])
