import gzip
import json

import pytest
from django.core.management import CommandError, call_command

from members.importing.problems import CannotImport
from recommender import files, scoreboard
from sales.importing import arrays
from tests.recommender import planted

HEAD = "receipt,time,store,product,quantity,line_total,member"


def written(path, rows, head=HEAD):
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def triples(seen):
    return [
        (int(seen.member_ids[m]), int(seen.item_ids[i]), int(d))
        for m, i, d in zip(seen.member, seen.item, seen.day, strict=True)
    ]


def test_a_file_is_read_with_and_without_what_is_not_needed(tmp_path):
    rows = [
        "1,1970-01-03 10:00:00,s,milk,1,2.00,ann",
        "1,1970-01-03 10:00:00,s,rye,0,0.00,ann",
        "2,1970-01-05,s,milk,1,1,ben",
    ]
    read = files.read(written(tmp_path / "a.csv", [*rows, "3,1970-01-06,s,milk,1,1,"]))
    assert triples(read.seen) == [(0, 0, 2), (1, 0, 4)]
    assert (read.left_out, read.groups.tolist()) == (1, [-1, -1])
    bare = written(tmp_path / "b.csv", ["1970-01-03,milk,ann", "1970-01-05,milk,ben"], head="time,product,member")
    assert triples(files.read(bare).seen) == [(0, 0, 2), (1, 0, 4)]
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(bare.read_bytes()))
    assert triples(files.read(packed).seen) == [(0, 0, 2), (1, 0, 4)]


def test_what_was_brought_back_is_not_read(tmp_path):
    rows = [
        "1,1970-01-02,s,milk,1,2.00,ann,", "2,1970-01-04,s,milk,1,2.00,ann,", "3,1970-01-06,s,milk,-1,-2.00,ann,1",
        "4,1970-01-04,s,rye,1,2.00,ann,", "5,1970-01-05,s,rye,-1,-2.00,ann,", "6,1970-01-07,s,rye,-1,-2.00,ben,",
    ]  # fmt: skip
    read = files.read(written(tmp_path / "a.csv", rows, head=f"{HEAD},refunds_receipt"))
    assert triples(read.seen) == [(0, 0, 3)]


def test_a_price_for_one_makes_the_total(tmp_path):
    path = written(tmp_path / "a.csv", ["1970-01-02,3,1.50,ann"], head="time,quantity,unit_price,member")
    assert arrays.read(path).total.tolist() == [4.5]


def test_a_file_without_what_is_needed_is_refused_in_words(tmp_path):
    with pytest.raises(CannotImport, match=r"Column member \(member\) is missing; the file has: time, product"):
        files.read(written(tmp_path / "a.csv", [], head="time,product"))
    with pytest.raises(CannotImport, match="nothing can be read"):
        files.read(written(tmp_path / "b.csv", [",,"], head="time,product,member"))


def test_the_last_basket_of_each_member_is_what_is_asked_about():
    seen = planted.shop(members=20, weeks=12).seen
    question = scoreboard.ask(seen, protocol="last-basket")
    assert question.horizon_days == 0
    assert (question.seen.trips[question.members] >= 1).all()
    assert question.seen.trips.sum() + len(question.members) == seen.trips.sum()
    assert (question.after.last_days[question.members] > question.seen.last_days[question.members]).all()


def test_the_command_judges_a_file_without_a_database(tmp_path, capsys, short_lessons):
    """Every ranker, both lengths, intervals, and ours beside the best rival, on the screen and as JSON."""
    seen = planted.shop(members=40, weeks=16).seen
    start = seen.day.min()
    rows = [f"2024-{1 + (d - start) // 28:02}-{1 + (d - start) % 28:02},p{i},m{m}" for m, i, d in triples(seen)]
    path, output = written(tmp_path / "a.csv", rows, head="time,product,member"), tmp_path / "out.json"
    call_command("evaluate_recommender", input=path, protocol="last-basket", k="5,10", output=output)
    told = capsys.readouterr().out
    names = {
        "popular", "personal_top", "personal_then_popular", "tifuknn", "upcf", "item_to_item", "ease", "implicit_als", "bpr",
        "following", "two_stage", "two_stage_logistic",
    }  # fmt: skip
    answer = json.loads(output.read_text())
    assert {one["ranker"] for one in answer["results"]} == names
    assert {(one["part"], one["k"]) for one in answer["results"]} == {
        (p, k) for p in ("all", "repeat", "explore", "new") for k in (5, 10)
    }
    for one in answer["results"]:
        assert one["recall"]["low"] <= one["recall"]["mean"] <= one["recall"]["high"]
    assert "95 % interval from a paired bootstrap" in told
    assert len(answer["against_the_best_rival"]) == 12
    with pytest.raises(CommandError, match="write lengths of lists such as 10,20"):
        call_command("evaluate_recommender", input=path, k="0")
    with pytest.raises(CommandError, match="both before and after the split"):
        call_command("evaluate_recommender", input=path, weeks=100)


def test_a_cell_that_cannot_be_read_is_told_with_its_row_and_field(tmp_path):
    file = tmp_path / "purchases.csv"
    file.write_text("member,time,product,quantity\na,2020-01-01,milk,1\na,31.02.2020,rye,1\nb,2020-01-02,milk,two\n")
    assert files.read(file).problems == (
        "row 3, field time (time): “31.02.2020” is not a date like 2017-11-30.",
        "row 4, field quantity (quantity): “two” is not a number.",
    )
    file.write_text("member,time,product\na,yesterday,milk\n")
    with pytest.raises(CannotImport, match="row 2, field time"):
        files.read(file)


def test_orders_stand_in_for_dates_where_there_are_none(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("member,order,product\na,1,milk\na,2,milk\na,2,rye\nb,1,rye\n")
    read = files.read(file)
    assert not read.has_dates
    assert read.seen.trips.tolist() == [2, 1]
    assert read.seen.nth_last(0).item.tolist() == [0, 1, 1]
    with pytest.raises(CommandError, match="last-basket"):
        call_command("evaluate_recommender", input=file, protocol="time-split")
