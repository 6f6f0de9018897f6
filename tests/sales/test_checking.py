"""Rows of a file, checked and brought into the canonical form."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.importing.problems import CannotImport
from sales.importing.mapping import Mapping, QuantityRule
from tests.sales.files import DEFAULTS, HEADING, line, lines, problems, read, write

MICROSECONDS = 1_000_000


def test_a_canonical_line_is_read_exactly(tmp_path):
    path = write(tmp_path, line(member="2900000000018", quantity="0.250", unit="kg", line_total="1.295"))
    assert lines(path) == [
        {
            "row": 2, "receipt": "r1", "at": 1488380400 * MICROSECONDS, "member": "2900000000018", "store": "1", "product": "milk",
            "milli": 250, "unit": "kg", "minor": 130, "currency": "USD", "is_refund": False, "refunds_receipt": "",
        }
    ]  # fmt: skip
    assert read(path)[0][0].products.to_pylist() == [
        {
            "product": "milk",
            "name": "Whole milk",
            "category": "Grocery > Dairy > Milk",
            "brand": "",
            "is_service": False,
            "tags": "",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"currency": "XYZ"}, "currency", "Currency XYZ is not known."),
        ({"line_total": "-2.99"}, "line_total", "The total is negative, and the line is no refund."),
        ({"quantity": "-1"}, "line_total", "The quantity is negative and the total positive."),
        ({"time": "2018-01-02 00:00:00"}, "time", "2018-01-02 00:00:00 lies in the future."),
        ({"time": "yesterday"}, "time", "yesterday is not a date and time."),
        ({"time": "2017-02-31 10:00:00"}, "time", "2017-02-31 10:00:00 is not a date and time."),
        ({"time": ""}, "time", " is not a date and time."),
        ({"line_total": "2.9.9"}, "line_total", "2.9.9 is not a decimal number."),
        ({"line_total": "$2.99"}, "line_total", "$2.99 is not a decimal number."),
        ({"line_total": ""}, "line_total", "An empty cell is not a decimal number."),
        ({"line_total": "NaN"}, "line_total", "NaN is not a decimal number."),
        ({"quantity": "1e3"}, "quantity", "1e3 is not a decimal number."),
        ({"line_total": "99999999999999999999"}, "line_total", "99999999999999999999 is not a decimal number."),
        ({"receipt": ""}, "receipt", "The cell is empty."),
        ({"store": " "}, "store", "The cell is empty."),
        ({"product": ""}, "product", "The cell is empty."),
        ({"receipt": "r" * 101}, "receipt", f"{'r' * 39}… is longer than 100 characters."),
    ],
)
def test_a_bad_row_is_told_with_its_field_and_reason_and_its_receipt_is_spoilt(tmp_path, fields, field, reason):
    path = write(tmp_path, line(receipt="good"), line(**{"receipt": "bad"} | fields), line(receipt="also good"))
    [checked], found = read(path)
    assert [(one.row, one.field, one.reason) for one in found] == [(3, field, reason)]
    assert all(one.remedy for one in found)
    assert checked.lines["receipt"].to_pylist() == ["good", "also good"]
    assert checked.spoiled_receipts == {fields.get("receipt", "bad")} - {""}


@pytest.mark.parametrize("broken", [b"\xff\xfemilk", b"mi\x00lk"])
def test_a_cell_that_is_not_text_spoils_its_row_only(tmp_path, broken):
    path = write(tmp_path, line(receipt="good"), line(receipt="bad", product="@").encode().replace(b"@", broken))
    assert [row["receipt"] for row in lines(path)] == ["good"]
    assert problems(path) == [(3, "product", "The cell is not valid text.")]


def test_rows_with_missing_or_extra_cells_are_told_and_the_numbers_of_later_rows_stay_right(tmp_path):
    path = write(
        tmp_path,
        line(receipt="a"),
        "just,three,cells",
        "",
        line(receipt="b", currency="??"),
        line() + ",more",
        line(receipt="c"),
    )
    assert problems(path) == [
        (3, "(row)", "3 cells where the heading has 12."),
        (6, "(row)", "13 cells where the heading has 12."),
        (5, "currency", "Currency ?? is not known."),
    ]
    assert [(row["row"], row["receipt"]) for row in lines(path)] == [(2, "a"), (7, "c")]


def test_zero_quantity_and_zero_value_are_allowed(tmp_path):
    path = write(
        tmp_path, line(quantity="0", line_total="1.00"), line(line_total="0"), line(quantity="0", line_total="0.00")
    )
    assert [(row["milli"], row["minor"]) for row in lines(path)] == [(0, 100), (1000, 0), (0, 0)]
    assert problems(path) == []


def test_refunds_are_told_by_a_negative_quantity_or_by_the_receipt_they_name(tmp_path):
    path = write(
        tmp_path,
        line(quantity="-2", line_total="-5.98"),
        line(quantity="2", line_total="5.98", refunds_receipt="r0"),
        line(quantity="-1", line_total="0"),
    )
    assert [(row["is_refund"], row["milli"], row["minor"], row["refunds_receipt"]) for row in lines(path)] == [
        (True, 2000, 598, ""), (True, 2000, 598, "r0"), (True, 1000, 0, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2017-03-01 10:00:00", 1488380400),
        ("2017-03-01T10:00", 1488380400),
        ("2017-03-01T15:00:00Z", 1488380400),
        ("2017-03-01T16:00:00+01:00", 1488380400),
        ("2017-03-01", 1488344400),
        ("2017-03-12 02:30:00", 1489302000),  # within the hour that never came: the moment the clocks went on
        ("2017-11-05 01:30:00", 1509859800),  # an hour that came twice is the first
    ],
)
def test_times_without_a_zone_are_in_the_zone_of_the_mapping(tmp_path, time, seconds):
    mapping = Mapping(defaults=DEFAULTS, time_zone="America/New_York")
    assert [row["at"] // MICROSECONDS for row in lines(write(tmp_path, line(time=time)), mapping)] == [seconds]


def test_another_time_format_is_named_by_the_mapping(tmp_path):
    mapping = Mapping(defaults=DEFAULTS, time_format="%d.%m.%Y %H:%M")
    path = write(tmp_path, line(time="01.03.2017 15:00"), line(time="2017-03-01 15:00"))
    assert [row["at"] // MICROSECONDS for row in lines(path, mapping)] == [1488380400]
    assert problems(path, mapping) == [(3, "time", "2017-03-01 15:00 is not a date and time.")]


@pytest.mark.parametrize(("rounding", "minor"), [("half_up", 125), ("half_even", 124), ("down", 124)])
def test_minor_units_are_rounded_by_the_rule_of_the_mapping(tmp_path, rounding, minor):
    path = write(tmp_path, line(line_total="1.245"))
    assert [row["minor"] for row in lines(path, Mapping(defaults=DEFAULTS, rounding=rounding))] == [minor]


def test_a_mapping_may_refuse_to_round(tmp_path):
    path = write(tmp_path, line(line_total="1.245"), line(line_total="1.2400"))
    mapping = Mapping(defaults=DEFAULTS, rounding="refuse")
    assert problems(path, mapping) == [(2, "line_total", "1.245 is not a whole number of minor units.")]
    assert [row["minor"] for row in lines(path, mapping)] == [124]


def test_minor_units_are_those_of_the_currency(tmp_path):
    path = write(tmp_path, *(line(currency=code, line_total="12.5") for code in ("USD", "JPY", "kwd")))
    assert [(row["currency"], row["minor"]) for row in lines(path)] == [("USD", 1250), ("JPY", 13), ("KWD", 12500)]


def test_a_unit_price_is_multiplied_by_the_quantity(tmp_path):
    heading = HEADING.replace("line_total", "unit_price")
    path = write(tmp_path, line(quantity="0.333", line_total="2.99"), line(line_total="-1"), heading=heading)
    assert [row["minor"] for row in lines(path)] == [100]
    assert problems(path) == [(3, "unit_price", "The price is negative.")]


def test_a_mapping_names_columns_defaults_services_and_divided_quantities(tmp_path):
    path = write(
        tmp_path,
        "7,2017-03-01T15:00:00Z,fuel,FUEL,PUMP,REGULAR,13265,31.84",
        "7,2017-03-01T15:00:00Z,carwash,SERVICE,,,1,9.00",
        "7,2017-03-01T15:00:00Z,deposit,FUELTANK,,,1,1.00",
        heading="basket,when,sku,department,category,type,units,value",
    )
    mapping = Mapping(
        columns={
            "receipt": "basket", "time": "when", "product": "sku", "category": ["department", "category", "type"],
            "quantity": "units", "line_total": "value",
        },
        defaults={"currency": "USD", "store": "42"},
        service_products=frozenset({"deposit"}),
        service_categories=("SERVICE",),
        quantities=(QuantityRule("FUEL", 1000, "gal"),),
    )  # fmt: skip
    assert [(row["store"], row["product"], row["milli"], row["unit"]) for row in lines(path, mapping)] == [
        ("42", "fuel", 13265, "gal"), ("42", "carwash", 1000, ""), ("42", "deposit", 1000, ""),
    ]  # fmt: skip
    products = {row["product"]: row for row in read(path, mapping)[0][0].products.to_pylist()}
    assert {code: (row["category"], row["is_service"]) for code, row in products.items()} == {
        "fuel": ("FUEL > PUMP > REGULAR", False), "carwash": ("SERVICE", True), "deposit": ("FUELTANK", True),
    }  # fmt: skip


@given(st.decimals("-999999999", "999999999", places=4), st.decimals(0, 99999, places=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_money_is_what_exact_decimals_say(tmp_path, total, quantity):
    total = abs(total)
    path = write(tmp_path, line(line_total=f"{total:f}", quantity=f"{quantity:f}"))
    [row] = lines(path)
    cents = (total * 100).quantize(Decimal(1), ROUND_HALF_UP)
    assert (row["minor"], row["milli"]) == (int(cents), int(quantity * 1000))


@given(st.decimals(0, 9999, places=4), st.decimals(0, 9999, places=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_price_times_a_quantity_is_what_exact_decimals_say(tmp_path, price, quantity):
    heading = HEADING.replace("line_total", "unit_price")
    path = write(tmp_path, line(line_total=f"{price:f}", quantity=f"{quantity:f}"), heading=heading)
    assert [row["minor"] for row in lines(path)] == [int((price * quantity * 100).quantize(Decimal(1), ROUND_HALF_UP))]


def test_parquet_says_the_same_as_csv(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "receipt": [77, 77], "time": pa.array([1488380400, 1488380400], pa.timestamp("s")), "store": [1, 1],
            "product": pa.array(["milk", "milk"]).dictionary_encode(), "quantity": [1, 2], "line_total": [2.99, 0.1 + 0.2],
            "member": [None, "9"], "currency": ["USD", None],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "purchases.parquet")
    rows = lines(tmp_path / "purchases.parquet")
    assert [(r["row"], r["receipt"], r["at"], r["member"], r["milli"], r["minor"], r["currency"]) for r in rows] == [
        (1, "77", 1488380400 * MICROSECONDS, "", 1000, 299, "USD"), (2, "77", 1488380400 * MICROSECONDS, "9", 2000, 30, "USD"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            Mapping(defaults=DEFAULTS, columns={"receipt": "Bon"}),
            "Column Bon (receipt) is missing; the file has: receipt, time",
        ),
        (
            Mapping(defaults=DEFAULTS, columns={"unit_price": "quantity"}),
            "Exactly one of the columns line_total and unit_price",
        ),
    ],
)
def test_a_missing_column_is_named_with_what_the_file_has(tmp_path, mapping, sentence):
    with pytest.raises(CannotImport) as told:
        read(write(tmp_path, line()), mapping)
    assert sentence in str(told.value)
