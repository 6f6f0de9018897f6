"""Files as a whole: what breaks off, what is no file of rows, and what a mapping may say."""

import gzip
import random

import pytest

from members.importing.problems import CannotImport, Problem, Rejects, safe_cell
from sales.importing.mapping import QuantityRule, read_mapping
from tests.sales.files import HEADING, line, lines, problems, read, write


def refused(path, mapping=None) -> str:
    with pytest.raises(CannotImport) as told:
        read(path, mapping)
    return str(told.value)


def test_gzip_is_read_like_plain_csv(tmp_path):
    rows = [line(receipt="a"), line(receipt="b")]
    assert lines(write(tmp_path, *rows, name="p.csv.gz")) == lines(write(tmp_path, *rows))


def test_a_truncated_gzip_is_refused_whole(tmp_path):
    dice = random.Random(7)
    path = write(tmp_path, *(line(receipt=str(dice.random())) for _ in range(5000)), name="p.csv.gz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(path).startswith("The file breaks off: its compressed end is missing or damaged.")


def test_a_damaged_gzip_is_refused_whole(tmp_path):
    path = tmp_path / "p.csv.gz"
    path.write_bytes(gzip.compress(HEADING.encode())[:12] + b"\0\xff" * 50)
    assert "Nothing was imported" in refused(path) or "nothing was imported" in refused(path)


@pytest.mark.parametrize("body", [b"", b"\n", b"  \n\n"])
def test_an_empty_file_is_told(tmp_path, body):
    path = tmp_path / "p.csv"
    path.write_bytes(body)
    assert refused(path).endswith("is empty. Export it again and check that it holds a heading and rows.")


def test_a_heading_without_rows_is_no_error(tmp_path):
    assert lines(write(tmp_path)) == []


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert refused(tmp_path / "none.csv").endswith("none.csv cannot be opened: No such file or directory.")


def test_a_missing_column_is_told(tmp_path):
    path = write(tmp_path, line(), heading=HEADING.replace("store", "shop"))
    assert refused(path).startswith("Column store (store) is missing; the file has: receipt, time, member, shop")


def test_a_repeated_column_is_told(tmp_path):
    path = write(tmp_path, line(), heading=HEADING.replace("unit", "name"))
    assert refused(path) == "Column name appears twice in the heading. Rename or remove one of them."


def test_utf16_is_recognised_and_read_when_the_mapping_says_so(tmp_path):
    from sales.importing.mapping import Mapping

    path = tmp_path / "p.csv"
    path.write_bytes(f"{HEADING}\n{line()}\n".encode("utf-16"))
    assert refused(path).startswith("This file is UTF-16.")
    assert [row["receipt"] for row in lines(path, Mapping(defaults={"currency": "USD"}, encoding="utf-16"))] == ["r1"]


def test_other_encodings_and_delimiters_are_named_by_the_mapping(tmp_path):
    from sales.importing.mapping import Mapping

    mapping = Mapping(defaults={"currency": "USD"}, encoding="gb18030", delimiter=";")
    path = tmp_path / "p.csv"
    path.write_bytes(f"{HEADING}\n{line(name='全脂牛奶')}\n".replace(",", ";").encode("gb18030"))
    assert read(path, mapping)[0][0].products["name"].to_pylist() == ["全脂牛奶"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(f"\ufeff{HEADING}\n{line()}\n".encode())
    assert [row["receipt"] for row in lines(path)] == ["r1"]


def test_quoted_commas_and_line_breaks_belong_to_their_cell(tmp_path):
    path = write(tmp_path, line(name='"Milk, whole\nfresh"'), line(receipt="r2", currency="?"))
    assert read(path)[0][0].products["name"].to_pylist() == ["Milk, whole\nfresh"]
    assert problems(path) == [(3, "currency", "Currency ? is not known.")]


def test_a_quotation_mark_never_closed_is_refused_without_reading_it_all(tmp_path):
    path = write(tmp_path, line(name='"Milk'), "x" * 20_000_000)
    assert refused(path).startswith("A row is longer than 8 MB: a quotation mark is probably not closed.")


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 100)
    assert refused(path).startswith("The Parquet file is damaged")


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "-5.20", -5, "@SUM(A1)", '=HYPERLINK("x")', "|cmd", "%0A", "＝1+1", "\t=1", "\r=1", "\n=1", " =1"],
)  # fmt: skip
def test_no_cell_of_a_rejects_file_is_a_formula(cell):
    assert safe_cell(cell).startswith("'")
    assert "\n" not in safe_cell(cell)


def test_harmless_cells_stay_as_they_are():
    assert [safe_cell(cell) for cell in ("milk", "ok;=1", 12, "")] == ["milk", "ok;=1", "12", ""]


def test_every_problem_is_in_the_rejects_file_and_the_first_ten_on_the_terminal(tmp_path):
    path = tmp_path / "rejects.csv"
    with Rejects(path) as told:
        told.add(*(Problem(row, "member", "=nobody", "Import them.") for row in range(2, 14)))
        summary = told.summary()
    written = path.read_text(encoding="utf-8-sig").splitlines()
    assert written[:2] == ['"row","field","reason","remedy"', '''"2","member","'=nobody","Import them."''']
    assert len(written) == 13
    assert summary[0] == "row 2, member: =nobody Import them."
    assert summary[-1] == f"… and 2 more, all in {path}."
    assert len(summary) == 11


MAPPING = """
[columns]
receipt = "basket"
category = ["department", "type"]
[defaults]
currency = "EUR"
store = 7
[read]
time_zone = "Europe/Berlin"
member_kind = "external"
rounding = "refuse"
[file]
delimiter = ";"
[services]
products = [4711]
categories = ["DEPOSIT"]
[[quantity]]
category = "FUEL"
divisor = 1000
unit = "gal"
"""


def test_a_mapping_file_says_everything_a_file_may_need(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(MAPPING)
    mapping = read_mapping(path)
    assert (mapping.columns["receipt"], mapping.defaults, mapping.time_zone) == (
        "basket",
        {"currency": "EUR", "store": "7"},
        "Europe/Berlin",
    )
    assert (mapping.member_kind, mapping.rounding, mapping.delimiter) == ("external", "refuse", ";")
    assert (mapping.service_products, mapping.service_categories) == ({"4711"}, ("DEPOSIT",))
    assert mapping.quantities == (QuantityRule("FUEL", 1000, "gal"),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("columns = ", "The mapping"),
        ("[colums]\nreceipt = 'x'", "The mapping has no section [colums]; there are: file, columns"),
        ("[columns]\nreciept = 'x'", "[columns] in the mapping knows no reciept; it knows: brand, category"),
        ("[read]\ntime_zone = 'Mars/Olympus'", "Time zone Mars/Olympus is not known. Write it like America/New_York."),
        ("[read]\nmember_kind = 'name'", "member_kind must be one of: card, external, phone, email."),
        ("[read]\nrounding = 'up'", "rounding must be one of: half_up, half_even, down, refuse."),
        ("[defaults]\ncurrency = 'DOLLAR'", "Currency DOLLAR is not known. Use an ISO 4217 code such as USD."),
        (
            "[[quantity]]\ncategory = 'FUEL'\ndivisor = 0",
            "Each [[quantity]] in the mapping needs a category and a whole divisor",
        ),
    ],
)
def test_a_mistake_in_a_mapping_is_named(tmp_path, text, sentence):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(CannotImport) as told:
        read_mapping(path)
    assert str(told.value).startswith(sentence)
