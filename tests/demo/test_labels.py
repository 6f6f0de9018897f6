import re
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from demo import dressing, labels
from sales.models import Category
from sales.operations import ensure_categories

ICONS = Path(labels.__file__).parent.parent / "recommender" / "static" / "recommender" / "icons"
TYPES = [label for label in labels.read() if label.path.count(" > ") == 2]


@pytest.fixture(scope="module")
def lines_by_path():
    """Receipt lines of the year by path of the product type."""
    folder = dressing.data_folder()
    columns = ["department", "product_category", "product_type"]
    products = pq.read_table(folder / "products.parquet", columns=["product_id", *columns])
    bought = pq.read_table(folder / "transactions.parquet", columns=["product_id"]).join(products, "product_id")
    bought = bought.filter(pc.and_(pc.is_valid(bought["product_type"]), pc.is_valid(bought["product_category"])))
    path = pc.binary_join_element_wise(*(bought[column] for column in columns), " > ")
    return {row["values"]: row["counts"] for row in pc.value_counts(path).to_pylist()}


def test_every_label_names_a_type_of_the_source_exactly(lines_by_path):
    assert [label.path for label in TYPES if label.path not in lines_by_path] == []
    assert len({label.path for label in TYPES}) == len(TYPES)


def test_the_commonest_types_have_a_reviewed_name(lines_by_path):
    by_lines = sorted(lines_by_path, key=lines_by_path.get, reverse=True)
    unnamed = [path for path in by_lines[:420] if path not in {label.path for label in TYPES}]
    assert unnamed == []


def test_names_are_plain_english_and_chinese():
    for label in labels.read():
        assert re.fullmatch(r"[A-Z0-9][\w ,'’–()éÀ-ÿ-]*", label.name_en), label
        assert re.search(r"[\u4e00-\u9fff]", label.name_zh), label
        assert not re.search(r"[A-Z]{4,}|/|&", label.name_en), f"{label}: still the source's label"
        assert len(label.name_en) <= 46, label
        assert label.name_en[1:] == label.name_en[1:].strip()


def test_two_types_read_the_same_only_where_the_source_cuts_their_difference_off():
    english = Counter(label.name_en for label in TYPES)
    chinese = Counter(label.name_zh for label in TYPES)
    assert {name for name, n in english.items() if n > 1} == {
        "Premium frozen single meals",
        "Regular unleaded gasoline",
    }
    assert {name for name, n in chinese.items() if n > 1} == {"优质冷冻单人餐", "普通无铅汽油"}


def test_every_icon_is_drawn_twice_in_one_style():
    named = {label.icon for label in labels.read()}
    drawn = {file.stem for file in ICONS.glob("*.svg")}
    assert named <= drawn
    assert drawn == {file.stem for file in ICONS.glob("*.png")}
    for file in ICONS.glob("*.svg"):
        svg = file.read_text()
        assert 'viewBox="0 0 24 24"' in svg
        assert 'stroke="currentColor"' in svg
        assert "<text" not in svg


def test_labels_are_applied_to_the_categories_that_are_known(db):
    ensure_categories(
        ["GROCERY > FLUID MILK PRODUCTS > FLUID MILK WHITE ONLY", "GROCERY > NOT IN THE TABLE > NOR THIS"]
    )
    assert labels.apply() == 1
    assert labels.apply() == 1
    milk = Category.objects.get(raw_name="FLUID MILK WHITE ONLY")
    assert (milk.name_en, milk.name_zh, milk.icon) == ("Milk", "牛奶", "milk")
    assert Category.objects.get(path="GROCERY").name_en == "Grocery"
    assert Category.objects.get(raw_name="NOR THIS").name_en == ""
