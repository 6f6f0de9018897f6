"""`manage.py import_purchases`: from a file to purchases, points and tiers."""

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.models import Transfer, Wallet
from members.models import Member
from members.operations import enrol
from sales.models import Category, Product, Purchase, PurchaseLine, Store
from tests.sales.files import NOW, line, write


@pytest.fixture
def member(committed_db):
    return enrol(at=NOW, source="test", external_id="m1")


MAPPING = '[read]\nmember_kind = "external"\n'


def run(path, **options):
    """Import a file whose member references are external ids; returns what the terminal shows."""
    mapping = path.parent / "mapping.toml"
    mapping.write_text(options.pop("mapping", MAPPING))
    out = StringIO()
    call_command("import_purchases", path, mapping=mapping, stdout=out, **options)
    return out.getvalue()


def told(path, **options) -> list[list[str]]:
    """The rows of the rejects file: row, field, reason."""
    rejects = path.parent / "rejects.csv"
    run(path, rejects=rejects, **options)
    return [row.strip('"').split('","')[:3] for row in rejects.read_text(encoding="utf-8-sig").splitlines()[1:]]


def balances():
    return list(Wallet.objects.order_by("id").values_list("member__identifiers__value_hash", "available", "version"))


def test_a_file_becomes_purchases_with_points_in_the_order_of_time(member, tmp_path):
    path = write(
        tmp_path,
        line(receipt="later", time="2017-03-02 10:00:00", member="m1", line_total="20.60"),
        line(receipt="first", time="2017-03-01 10:00:00", member="m1", line_total="10.50"),
        line(receipt="first", time="2017-03-01 10:00:00", member="m1", product="bread", name="Bread", category="Bakery", quantity="2", line_total="3.00"),
        line(receipt="nobody", time="2017-03-01 11:00:00", line_total="5.00"),
    )  # fmt: skip
    assert "3 purchases and 0 refunds recorded, 0 known before; 34 points earned" in run(path)
    assert list(Purchase.objects.order_by("id").values_list("client_key", "member", "total_minor", "currency", "store__code")) == [
        ("first", member.pk, 1350, "USD", "1"), ("nobody", None, 500, "USD", "1"), ("later", member.pk, 2060, "USD", "1"),
    ]  # fmt: skip
    assert list(Transfer.objects.order_by("version").values_list("version", "points", "available_after")) == [
        (1, 13, 13),
        (2, 21, 34),
    ]
    assert list(PurchaseLine.objects.filter(purchase__client_key="first").order_by("line_no").values_list("product__code", "quantity", "total_minor")) == [
        ("milk", 1, 1050), ("bread", 2, 300),
    ]  # fmt: skip
    milk = Product.objects.get(code="milk")
    assert (milk.name, milk.category.path, milk.category.parent.path) == (
        "Whole milk",
        "Grocery > Dairy > Milk",
        "Grocery > Dairy",
    )
    assert Category.objects.count() == 4
    assert Store.objects.get().time_zone == "America/New_York"


def test_a_file_in_any_order_becomes_the_same_purchases(member, tmp_path):
    """Lines of a receipt may stand apart, and receipts in any order: time decides, and within a receipt the row."""
    path = write(
        tmp_path,
        line(receipt="b", time="2017-03-02 10:00:00", member="m1", product="milk", line_total="2.00"),
        line(receipt="a", time="2017-03-01 10:00:00", member="m1", product="milk", line_total="1.00"),
        line(receipt="b", time="2017-03-02 10:00:00", member="m1", product="bread", line_total="3.00"),
        line(receipt="c", time="2017-03-01 10:00:00", member="m1", product="bread", line_total="4.50"),
        line(receipt="a", time="2017-03-01 10:00:00", member="m1", product="eggs", line_total="0.50"),
    )  # fmt: skip
    run(path)
    assert list(PurchaseLine.objects.order_by("purchase_id", "line_no").values_list("purchase__client_key", "line_no", "product__code", "total_minor")) == [
        ("a", 1, "milk", 100), ("a", 2, "eggs", 50), ("c", 1, "bread", 450), ("b", 1, "milk", 200), ("b", 2, "bread", 300),
    ]  # fmt: skip
    assert Wallet.objects.get().available == 11


def test_a_large_import_ends_with_statistics_of_what_it_filled(member, tmp_path, monkeypatch):
    """Autovacuum comes a minute later: until then the planner would take the tables for empty."""
    monkeypatch.setattr("loyalty.importing.RECEIPTS_WORTH_STATISTICS", 3)
    monkeypatch.setattr("sales.importing.loading.LINES_WORTH_STATISTICS", 3)
    run(write(tmp_path, *[line(receipt=f"r{n}", member="m1") for n in range(4)]))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples FROM pg_class WHERE relname IN ('sales_purchase', 'sales_purchaseline', 'loyalty_award', 'sales_store')"
            " ORDER BY relname"
        )
        assert cursor.fetchall() == [
            ("loyalty_award", 4),
            ("sales_purchase", 4),
            ("sales_purchaseline", 4),
            ("sales_store", 1),
        ]


def test_running_it_twice_changes_nothing(member, tmp_path):
    path = write(
        tmp_path,
        line(receipt="a", member="m1"),
        line(
            receipt="b", member="m1", quantity="-1", line_total="-2.99", refunds_receipt="a", time="2017-03-02 10:00:00"
        ),
    )
    run(path)
    before = (
        balances(),
        Purchase.objects.count(),
        PurchaseLine.objects.count(),
        Product.objects.count(),
        Transfer.objects.count(),
    )
    assert "0 purchases and 0 refunds recorded, 2 known before; 0 points earned, 0 taken back" in run(path)
    assert (
        balances(),
        Purchase.objects.count(),
        PurchaseLine.objects.count(),
        Product.objects.count(),
        Transfer.objects.count(),
    ) == before


def test_a_duplicate_receipt_with_another_body_is_rejected_and_the_stored_one_stays(member, tmp_path):
    run(write(tmp_path, line(receipt="a", member="m1", line_total="10.00")))
    before = balances()
    changed = write(
        tmp_path, line(receipt="a", member="m1", line_total="99.00"), line(receipt="b", member="m1", line_total="1.00")
    )
    assert told(changed) == [
        ["2", "receipt", "Receipt a is stored already, and says something else there; the stored one stays."]
    ]
    assert Purchase.objects.get(client_key="a").total_minor == 1000
    assert Purchase.objects.filter(client_key="b").exists()
    assert balances() != before


def test_a_receipt_with_one_bad_line_is_left_out_whole(member, tmp_path):
    path = write(
        tmp_path,
        line(receipt="bad", member="m1"),
        line(receipt="bad", member="m1", line_total="x"),
        line(receipt="good", member="m1"),
    )
    assert told(path) == [["3", "line_total", "x is not a decimal number."]]
    assert list(Purchase.objects.values_list("client_key", flat=True)) == ["good"]


@pytest.mark.parametrize(
    ("field", "other"),
    [("time", "2017-03-01 16:00:00"), ("store", "2"), ("member", ""), ("currency", "EUR")],
)
def test_a_receipt_whose_lines_disagree_is_rejected(member, tmp_path, field, other):
    path = write(
        tmp_path,
        line(receipt="a", member="m1"),
        line(receipt="a", **{"member": "m1"} | {field: other}),
        line(receipt="b"),
    )
    assert told(path) == [["3", field, "Receipt a says otherwise in its first line."]]
    assert list(Purchase.objects.values_list("client_key", flat=True)) == ["b"]


def test_an_unknown_member_is_rejected_unless_told_otherwise(member, tmp_path):
    path = write(
        tmp_path,
        line(receipt="a", member="m1"),
        line(receipt="b", member="stranger"),
        line(receipt="c", member="stranger"),
    )
    assert told(path) == [["3", "member", "No member has external stranger; all receipts that name it are left out."]]
    assert list(Purchase.objects.values_list("client_key", flat=True)) == ["a"]
    run(path, unknown_members="enrol")
    assert sorted(Purchase.objects.values_list("client_key", flat=True)) == ["a", "b", "c"]
    stranger = Member.objects.exclude(pk=member.pk).get()
    assert Purchase.objects.get(client_key="c").member == stranger
    assert stranger.joined_at == Purchase.objects.get(client_key="b").purchased_at


def test_unknown_members_may_stay_anonymous(member, tmp_path):
    run(write(tmp_path, line(receipt="b", member="stranger")), unknown_members="anonymous")
    assert list(Purchase.objects.values_list("client_key", "member")) == [("b", None)]
    assert Member.objects.count() == 1


def test_a_reference_that_cannot_be_one_is_told_in_words(committed_db, tmp_path):
    path = write(tmp_path, line(receipt="a", member="12"))
    [[row, field, reason]] = told(path, mapping='[read]\nmember_kind = "phone"\n', unknown_members="enrol")
    assert (row, field, reason[:32]) == ("2", "member", "This is not a phone number. Writ")
    assert Purchase.objects.count() == 0


def test_the_wrong_kind_of_file_imports_nothing(member, tmp_path):
    path = write(tmp_path, *(line(receipt=str(n)) for n in range(3000)), name="p.csv.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CommandError, match="The file breaks off"):
        run(path)
    assert (Purchase.objects.count(), Store.objects.count(), Product.objects.count()) == (0, 0, 0)


# -- refunds -----------------------------------------------------------------------------------------------------------


def sold(**fields):
    return line(**{"receipt": "sale", "member": "m1", "quantity": "2", "line_total": "10.00"} | fields)


def returned(**fields):
    return line(
        **{"receipt": "back", "member": "m1", "time": "2017-03-02 10:00:00", "quantity": "-1", "line_total": "-5.00"}
        | fields
    )


def refund_lines():
    return list(
        PurchaseLine.objects.filter(purchase__kind=Purchase.Kind.REFUND)
        .order_by("pk").values_list("purchase__refunds__client_key", "refunds_line_no", "product__code", "quantity", "total_minor")
    )  # fmt: skip


def test_a_refund_names_its_receipt_and_takes_points_back(member, tmp_path):
    output = run(write(tmp_path, returned(refunds_receipt="sale"), sold(product="bread", line_total="1.00"), sold()))
    assert "1 purchases and 1 refunds recorded, 0 known before; 11 points earned, 5 taken back" in output
    assert refund_lines() == [("sale", 2, "milk", -1, -500)]
    assert Wallet.objects.get().available == 6


def test_a_refund_without_receipt_takes_from_the_members_latest_purchase(member, tmp_path):
    path = write(
        tmp_path,
        sold(receipt="older", time="2017-02-01 10:00:00"),
        sold(receipt="latest"),
        returned(quantity="-2", line_total="-10.00"),
        returned(receipt="back2", quantity="-1"),
    )
    run(path)
    assert refund_lines() == [("latest", 1, "milk", -2, -1000), ("older", 1, "milk", -1, -500)]
    assert "0 purchases and 0 refunds recorded, 4 known before" in run(path)


def test_a_sale_after_a_refund_is_posted_after_it(member, tmp_path):
    path = write(
        tmp_path,
        sold(),
        returned(refunds_receipt="sale"),
        sold(receipt="next", time="2017-03-03 10:00:00", line_total="7.00"),
    )
    run(path)
    assert list(Transfer.objects.order_by("version").values_list("reason", "available_after")) == [
        ("purchase", 10), ("refund", 5), ("purchase", 12),
    ]  # fmt: skip


def test_returned_and_bought_on_one_receipt_become_a_sale_and_a_refund(member, tmp_path):
    path = write(
        tmp_path, sold(), sold(receipt="mixed", time="2017-03-02 10:00:00", product="bread"), returned(receipt="mixed")
    )
    run(path)
    assert list(Purchase.objects.order_by("id").values_list("client_key", "kind", "total_minor")) == [
        ("sale", 1, 1000), ("mixed", 1, 1000), ("mixed:refund", 2, -500),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("refund", "reason"),
    [
        ({"refunds_receipt": "none"}, "Receipt none, which it takes back, is not known or comes later."),
        (
            {"refunds_receipt": "sale", "quantity": "-3"},
            "More of product milk is given back than is left of the purchase.",
        ),
        (
            {"refunds_receipt": "sale", "line_total": "-10.01"},
            "More of product milk is given back than is left of the purchase.",
        ),
        ({"refunds_receipt": "sale", "product": "caviar"}, "Product caviar was not part of the purchase."),
        ({"product": "caviar"}, "The member bought no product caviar that could be taken back."),
        ({"member": ""}, "The refund names neither a receipt nor a member."),
    ],
)
def test_a_refund_that_fits_no_purchase_is_rejected_and_moves_nothing(member, tmp_path, refund, reason):
    assert told(write(tmp_path, sold(), returned(**refund))) == [["3", "receipt", reason]]
    assert Wallet.objects.get().available == 10
    assert Purchase.objects.filter(kind=Purchase.Kind.REFUND).count() == 0


def test_two_imports_of_one_file_at_the_same_time_store_everything_once(member, tmp_path):
    path = write(tmp_path, *(line(receipt=str(n), member="m1", line_total="1.00") for n in range(50)))
    run(write(tmp_path, line(receipt="warm"), name="warm.csv"))
    gate = threading.Barrier(2)

    def race():
        gate.wait()
        call_command("import_purchases", path, mapping=tmp_path / "mapping.toml", verbosity=0)
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Purchase.objects.count() == 51
    assert list(Wallet.objects.values_list("available", "version")) == [(50, 50)]
