import io
import json

import numpy as np
import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet
from scipy import stats

from insights import files


def experiment(n=400, seed=4):
    rng = np.random.default_rng(seed)
    before = rng.gamma(2, 10, n)
    variant = np.where(np.arange(n) % 2 == 0, "A", "B")
    return {
        "user": [f"u{i}" for i in range(n)], "group": variant.tolist(), "before": before.round(4).tolist(),
        "revenue": (before + rng.gamma(2, 4, n) + 2.0 * (variant == "B")).round(4).tolist(),
        "visits": rng.integers(1, 9, n).tolist(),
    }  # fmt: skip


def written(tmp_path, columns, name="results.csv"):
    path = tmp_path / name
    if name.endswith(".parquet"):
        parquet.write_table(pa.table(columns), path)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def told(path, *metrics, **more):
    options = {"unit": "user", "variant": "group", "control": "A", "metric": metrics, **more}
    words = [f"--{name}={value}" for name, values in options.items() for value in listed(values)]
    out = io.StringIO()
    call_command("measure_experiment", str(path), *[word.removesuffix("=True") for word in words], stdout=out)
    return out.getvalue()


def listed(values):
    return [values] if isinstance(values, (str, bool)) else values


def test_a_file_is_measured_as_scipy_measures_it(tmp_path):
    columns = experiment()
    found = json.loads(told(written(tmp_path, columns), "revenue", json=True))
    revenue, group = np.array(columns["revenue"]), np.array(columns["group"])
    theirs = stats.ttest_ind(revenue[group == "B"], revenue[group == "A"], equal_var=False)
    [one] = found["comparisons"]
    interval = theirs.confidence_interval(0.95)
    assert one["found"]["p_value"] == pytest.approx(theirs.pvalue)
    assert (one["found"]["low"], one["found"]["high"]) == pytest.approx((interval.low, interval.high))
    assert [(arm["variant"], arm["n"], arm["total"]) for arm in found["arms"]] == [
        (name, 200, pytest.approx(revenue[group == name].sum())) for name in ("A", "B")
    ]
    assert found["split"]["verdict"] == "ok"


def test_the_same_rows_as_parquet_give_the_same_result(tmp_path):
    columns = experiment()
    as_csv = told(written(tmp_path, columns), "revenue", "revenue/visits", covariate=["before"], json=True)
    as_parquet = told(
        written(tmp_path, columns, "results.parquet"), "revenue", "revenue/visits", covariate=["before"], json=True
    )
    assert as_csv == as_parquet
    cuped = json.loads(as_csv)["comparisons"][0]
    assert cuped["found"]["variance_kept"] < 0.5
    assert cuped["plain"]["variance_kept"] == 1.0


def test_words_for_the_terminal_hold_every_figure(tmp_path):
    said = told(written(tmp_path, experiment()), "revenue", "visits", covariate=["revenue=before"])
    for words in (
        "400 units",
        "95 % interval",
        "adjusted",
        "CUPED",
        "Split: as planned",
        "by Holm",
        "visits: B against A",
    ):
        assert words in said


def test_a5_a_unit_in_two_variants_is_shown_and_left_out(tmp_path):
    columns = experiment(100)
    columns = {name: [*values, values[0]] for name, values in columns.items()}
    columns["group"][-1] = "B"
    said = told(written(tmp_path, columns), "revenue")
    assert "99 units in 101 rows" in said
    assert "1 units were in several variants and are left out: u0." in said


def test_a2_a_broken_split_blanks_the_verdict(tmp_path):
    columns = experiment()
    columns["group"] = ["A"] * 250 + ["B"] * 150
    said = told(written(tmp_path, columns), "revenue")
    assert "BROKEN: no verdict" in said
    assert "difference" not in said
    assert json.loads(told(written(tmp_path, columns), "revenue", json=True))["comparisons"] == []
    assert "difference" in told(written(tmp_path, columns), "revenue", share=["A=0.625", "B=0.375"])


def test_many_comparisons_are_corrected(tmp_path):
    path = written(tmp_path, experiment())
    found = {
        rule: json.loads(told(path, "revenue", "visits", "before", correction=rule, json=True))["comparisons"]
        for rule in ("holm", "bh", "none")
    }
    p = [one["found"]["p_value"] for one in found["none"]]
    assert [one["p_adjusted"] for one in found["none"]] == p
    assert [one["p_adjusted"] for one in found["bh"]] == pytest.approx(stats.false_discovery_control(p).tolist())
    assert max(one["p_adjusted"] for one in found["holm"]) >= max(p)


def test_several_metrics_are_named_between_commas_or_one_by_one(tmp_path):
    path = written(tmp_path, experiment())
    assert told(path, "revenue, visits") == told(path, "revenue", "visits")


def test_a_cap_reads_a_huge_basket_as_the_cap_in_both_arms(tmp_path):
    columns = experiment(40)
    columns["revenue"][0] = 1e9
    found = json.loads(told(written(tmp_path, columns), "revenue", cap=["revenue=100"], json=True))
    assert all(arm["mean"] <= 100 for arm in found["arms"])


@pytest.mark.parametrize(
    ("column", "row", "cell", "words"),
    [
        ("revenue", 3, "abc", "Row 5, field “revenue”: “abc” is no number."),
        ("revenue", 3, "", "Row 5, field “revenue”: is empty. Write 0 if nothing happened."),
        ("revenue", 0, "inf", "Row 2, field “revenue”: is not a finite number."),
        ("group", 7, "", "Row 9, field “group”: is empty."),
        ("user", 4, "u2", "Row 6, field “user”: “u2” stands here a second time."),
        ("group", 0, "", "Row 2, field “group”: is empty."),
    ],
)
def test_a_bad_cell_is_named_by_row_and_field(tmp_path, column, row, cell, words):
    columns = experiment(20)
    columns[column][row] = cell
    with pytest.raises(CommandError) as refused:
        told(written(tmp_path, columns), "revenue")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metric": ["profit"]}, "has no column “profit”; it has user, group"),
        ({"control": "Z"}, "No row has “Z” in the column “group”; there are A, B."),
        ({"variant": "before"}, "No row has “A”"),
        ({"share": ["A=0.5"]}, "exactly the variants of the file: A, B"),
        ({"share": ["A"]}, "name=number"),
        ({"cap": ["revenue=-3"]}, "above zero"),
        ({"metric": ["revenue/"]}, "is no metric"),
        ({"covariate": ["visits=before"]}, "belongs to no metric"),
        ({"covariate": ["before", "before"]}, "more covariates than metrics"),
    ],
)
def test_a_question_that_cannot_be_put_says_what_to_write(tmp_path, changes, words):
    with pytest.raises(CommandError) as refused:
        told(written(tmp_path, experiment(20)), *changes.pop("metric", ["revenue"]), **changes)
    assert words in str(refused.value)


def test_what_is_no_table_is_said(tmp_path):
    for name, content in (("a.csv", b"\x00\x01"), ("a.parquet", b"no"), ("b.csv", b"user,group,revenue\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CommandError):
            told(tmp_path / name, "revenue")
    with pytest.raises(CommandError, match="only the control"):
        told(written(tmp_path, {"user": ["a", "b"], "group": ["A", "A"], "revenue": [1, 2]}), "revenue")


def test_without_a_unit_every_row_is_one(tmp_path):
    columns = experiment(50)
    columns["user"] = ["same"] * 50
    assert "50 units in 50 rows" in told(written(tmp_path, columns), "revenue", unit="")
    question = files.asked(variant="group", control="A", metrics=["revenue"])
    assert question.numbers == ["revenue"]


SLEEP = {
    "1": [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    "2": [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
}


def test_a_published_file_comes_out_as_printed(tmp_path):
    """Student's sleep data (1908) as a file: R's t.test(extra ~ group, data = sleep) prints t = -1.8608, p = 0.07939, -3.3654832 to 0.2054832."""
    columns = {
        "user": [f"{group}-{n}" for group, hours in SLEEP.items() for n in range(len(hours))],
        "group": [f"drug {group}" for group, hours in SLEEP.items() for _hour in hours],
        "extra": [hour for hours in SLEEP.values() for hour in hours],
    }
    [one] = json.loads(told(written(tmp_path, columns), "extra", control="drug 1", json=True))["comparisons"]
    found = one["found"]
    assert found["p_value"] == pytest.approx(0.07939, abs=5e-6)
    assert (found["low"], found["high"]) == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)
    assert (found["mean_control"], found["mean_treated"]) == pytest.approx((0.75, 2.33))
