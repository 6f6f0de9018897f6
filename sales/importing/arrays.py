"""A file of purchases read straight into arrays, for models that are judged on data that no database holds.

The columns are those of docs/formats.md, of which only `member` and `time` are needed here, and what a model asks for. Data that
know no dates give `order` instead, the number of the member's order: a step of it counts as `ORDER_DAYS` days. What was brought back is taken out: the receipt that a return names, or else the latest purchase of the product before it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from members.importing.files import File
from members.importing.problems import CannotImport
from sales.importing.mapping import Mapping, read_mapping

ORDER_DAYS = 7
PROBLEMS_MAX = 5  # told, beside their number
USEFUL = ("product", "quantity", "line_total", "unit_price", "refunds_receipt", "receipt", "category", "store")


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines that were taken and not brought back, in the order of the file: parallel arrays.

    `member` and `product` are places in `members` and `products`, the codes of the file; `store` numbers the stores, −1 for none;
    `day` counts from 1970-01-01 by the clock of the file; `total` is money in major units. `groups` numbers the category of each product, −1 for none.
    """

    member: np.ndarray
    product: np.ndarray
    day: np.ndarray
    total: np.ndarray
    store: np.ndarray
    members: np.ndarray
    products: np.ndarray
    groups: np.ndarray
    left_out: int
    problems: tuple[str, ...] = ()
    has_dates: bool = True


def read(path: Path, mapping_path: Path | None = None, *, needs: tuple[str, ...] = ("member", "time")) -> Lines:
    """Read CSV, gzipped CSV or Parquet. Raises CannotImport naming what is wrong with the file."""
    mapping = read_mapping(mapping_path)
    file = File(path, encoding=mapping.encoding, delimiter=mapping.delimiter)
    columns = _present(file, mapping, needs)
    problems: list[str] = []
    codes = {"member": _Codes(), "product": _Codes(), "store": _Codes()}
    parts, left_out, groups = [], 0, _Groups()
    for rows in file.batches(sorted({h for headings in columns.values() for h in headings}), problem=lambda _: None):
        part = _part(rows, columns, codes, mapping)
        _note_problems(problems, part, rows, columns)
        groups.note(part["product"], rows, columns)
        usable = (part["member"] >= 0) & (part["day"] > _NO_DAY)
        if "product" in needs:
            usable &= part["product"] >= 0
        left_out += int((~usable).sum())
        parts.append({name: value[usable] for name, value in part.items()})
    lines = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    if not parts or not len(lines["day"]):
        first = f" First: {problems[0]}" if problems else ""
        raise CannotImport(f"{path} holds no line with {', '.join(needs)}: nothing can be read from it.{first}")
    kept = _after_returns(lines)
    return Lines(
        *(lines[name][kept] for name in ("member", "product", "day", "total", "store")), np.array(codes["member"].texts),
        np.array(codes["product"].texts), groups.array(len(codes["product"].texts)), left_out, tuple(problems),
        "time" in columns,
    )  # fmt: skip


def _note_problems(problems: list[str], part: dict[str, np.ndarray], rows, columns) -> None:
    """The first rows that say something that cannot be read: which row, which field, what it says."""
    clock = "time" if "time" in columns else "order"
    cells = [(row, clock, columns[clock][0], "a date like 2017-11-30" if clock == "time" else "a whole number")
             for row in np.flatnonzero(part["day"] <= _NO_DAY)[:PROBLEMS_MAX].tolist()]  # fmt: skip
    unread = (
        np.isnan(_numbers(rows, columns, "quantity", np.nan)) if "quantity" in columns else np.zeros(len(rows), bool)
    )
    if unread.any():
        said = rows.text(columns["quantity"][0])[0]
        wrong = [row for row in np.flatnonzero(unread)[:1000].tolist() if said[row].as_py()]
        cells += [(row, "quantity", columns["quantity"][0], "a number") for row in wrong[:PROBLEMS_MAX]]
    for row, field, heading, wanted in sorted(cells)[: PROBLEMS_MAX - len(problems)]:
        said = rows.text(heading)[0][row].as_py()
        problems.append(f"row {int(rows.numbers[row])}, field {field} ({heading}): “{said[:40]}” is not {wanted}.")


_NO_DAY = -(10**6)


def _part(rows, columns, codes, mapping: Mapping) -> dict[str, np.ndarray]:
    part = {
        name: codes[name].of(rows.text(columns[name][0])[0]) if name in columns else np.full(len(rows), -1)
        for name in codes
    }
    part["day"] = _days(rows, columns["time"][0], mapping) if "time" in columns else _orders(rows, columns)
    quantity = _numbers(rows, columns, "quantity", 1.0)
    price = _numbers(rows, columns, "unit_price", 0.0) * quantity
    part["total"] = _numbers(rows, columns, "line_total", 0.0) if "line_total" in columns else price
    part["receipt"], refunds = (_texts(rows, columns, name) for name in ("receipt", "refunds_receipt"))
    is_back = (quantity < 0) | (refunds != "")
    part["refunds"] = refunds
    part["kind"] = (~is_back & ((quantity > 0) | (part["total"] > 0))).astype(np.int8) - is_back
    return part


class _Codes:
    """Texts numbered in the order they appear; an empty one is −1."""

    def __init__(self):
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {"": -1}

    def of(self, column: pa.Array) -> np.ndarray:
        encoded = pc.dictionary_encode(column)
        numbers = np.array([self._number(text) for text in encoded.dictionary.to_pylist()], np.int64)
        return numbers[encoded.indices.to_numpy(zero_copy_only=False)]

    def _number(self, text: str) -> int:
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


class _Groups:
    """The category of each product, as the file names it first."""

    def __init__(self):
        self._codes, self._of = _Codes(), {}

    def note(self, product: np.ndarray, rows, columns):
        if "category" not in columns:
            return
        texts = [rows.text(heading)[0] for heading in columns["category"]]
        path = pc.binary_join_element_wise(*texts, " > ") if len(texts) > 1 else texts[0]
        numbers = self._codes.of(path)
        fresh, first = np.unique(product, return_index=True)
        for code, group in zip(fresh.tolist(), numbers[first].tolist(), strict=True):
            self._of.setdefault(code, group)

    def array(self, size: int) -> np.ndarray:
        found = np.full(size, -1, np.int64)
        for code, group in self._of.items():
            if code >= 0:
                found[code] = group
        return found


def _present(file: File, mapping: Mapping, needs: tuple[str, ...]) -> dict[str, list[str]]:
    found = {}
    ordered = mapping.heading("order")
    if "time" in needs and mapping.heading("time") not in file.headings and ordered in file.headings:
        found["order"] = [ordered]
        needs = tuple(name for name in needs if name != "time")
    for name in dict.fromkeys((*needs, *USEFUL)):
        heading = mapping.heading(name)
        own = [heading] if isinstance(heading, str) else list(heading)
        if all(part in file.headings for part in own):
            found[name] = own
        elif name in needs:
            raise CannotImport(
                f"Column {own[0]} ({name}) is missing; the file has: {', '.join(file.headings[:20])}. "
                "Add it, or name the right one under [columns] in a mapping (docs/formats.md)."
            )
    if "refunds_receipt" not in found:
        found.pop("receipt", None)  # only a return asks for it, and texts take time to read
    return found


def _days(rows, heading: str, mapping: Mapping) -> np.ndarray:
    """Days since 1970 of each row, as its own clock shows them."""
    raw = rows.raw(heading)
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        days = pc.cast(pc.cast(raw, pa.date32(), safe=False), pa.int32())
    else:
        text, _broken = rows.text(heading)
        if mapping.time_format:
            moment = pc.strptime(text, format=mapping.time_format, unit="s", error_is_null=True)
        else:
            date = pc.utf8_slice_codeunits(text, 0, 10)
            moment = pc.strptime(date, format="%Y-%m-%d", unit="s", error_is_null=True)
        days = pc.cast(pc.floor(pc.divide(pc.cast(pc.cast(moment, pa.int64()), pa.float64()), 86_400.0)), pa.int32())
    return pc.fill_null(days, _NO_DAY).to_numpy(zero_copy_only=False).astype(np.int64)


def _orders(rows, columns) -> np.ndarray:
    number = _numbers(rows, columns, "order", np.nan)
    known = np.isfinite(number) & (number >= 0) & (number < 10**5)
    return np.where(known, ORDER_DAYS * np.nan_to_num(number, posinf=0, neginf=0), _NO_DAY).astype(np.int64)


def _numbers(rows, columns, name: str, otherwise: float) -> np.ndarray:
    if name not in columns:
        return np.full(len(rows), otherwise)
    text, _ = rows.text(columns[name][0])
    is_number = pc.match_substring_regex(text, r"^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$")
    known = pc.if_else(is_number, text, pa.scalar(None, pa.string()))
    return pc.fill_null(pc.cast(known, pa.float64()), otherwise).to_numpy(zero_copy_only=False)


def _texts(rows, columns, name: str) -> np.ndarray:
    if name not in columns:
        return np.full(len(rows), "", object)
    return np.array(rows.text(columns[name][0])[0].to_pylist(), object)


def _after_returns(lines: dict[str, np.ndarray]) -> np.ndarray:
    """Which lines stay: taken, and not brought back later."""
    kept = lines["kind"] == 1
    back = np.flatnonzero(lines["kind"] == -1)
    if not len(back):
        return kept
    bought: dict[tuple, list[int]] = {}
    concerned = set(zip(lines["member"][back].tolist(), lines["product"][back].tolist(), strict=True))
    for row in np.flatnonzero(kept)[np.argsort(lines["day"][kept], kind="stable")].tolist():
        key = (int(lines["member"][row]), int(lines["product"][row]))
        if key in concerned:
            bought.setdefault(key, []).append(row)
    for row in back[np.argsort(lines["day"][back], kind="stable")].tolist():
        _take_back(lines, row, bought.get((int(lines["member"][row]), int(lines["product"][row])), []), kept)
    return kept


def _take_back(lines, row: int, candidates: list[int], kept: np.ndarray):
    """The purchase that a return undoes: the receipt it names, or the latest one before it."""
    named, day = lines["refunds"][row], lines["day"][row]
    fitting = [r for r in candidates if (lines["receipt"][r] == named if named else lines["day"][r] <= day)]
    if fitting:
        kept[fitting[-1]] = False
        candidates.remove(fitting[-1])
